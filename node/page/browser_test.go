package page

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// tools returns Chromium and the source of axe-core. Where CI is set their absence is a failure; elsewhere the test is
// skipped and says how to get them.
func tools(t *testing.T) (chromium, axe string) {
	t.Helper()
	missing := func(what, how string) {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing: %s", what, how)
		}
		t.Skipf("PAGES NOT CHECKED IN A BROWSER: %s is missing: %s", what, how)
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			chromium = p
			break
		}
	}
	if chromium == "" {
		missing("Chromium", "install it and put it in PATH")
	}
	b, err := os.ReadFile(os.Getenv("MOTCUA_AXE"))
	if err != nil {
		missing("axe-core", "set MOTCUA_AXE to the path of axe.min.js")
	}
	return chromium, string(b)
}

// browser starts Chromium, talking to nobody but the loopback.
func browser(t *testing.T, chromium string) context.Context {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-networking", true), chromedp.DisableGPU)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// serve answers /NAME with a sample and the address of the style sheet with it.
func serve(t *testing.T, pages map[string]string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == CSS().Path {
			w.Header().Set("Content-Type", "text/css; charset=utf-8")
			w.Write(css)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(pages[strings.TrimPrefix(r.URL.Path, "/")]))
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// violation is what axe answers.
type violation struct {
	ID, Help string
	Nodes    []struct {
		HTML           string
		FailureSummary string
	}
}

const runAxe = `axe.run(document, {resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
	.then(r => JSON.stringify(r.violations.map(v => ({ID: v.id, Help: v.help, Nodes: v.nodes.map(n => ({HTML: n.html, FailureSummary: n.failureSummary}))}))))`

// TestPagesInABrowser runs axe on every sample at 360 pixels and finds what is wider than 320: 400 % zoom. With
// MOTCUA_SHOTS set to a folder it keeps a picture of every page, phone and desktop.
func TestPagesInABrowser(t *testing.T) {
	chromium, axe := tools(t)
	pages := render(t)
	base, ctx := serve(t, pages), browser(t, chromium)
	names := make([]string, 0, len(pages))
	for n := range pages {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, name := range names {
		if only := os.Getenv("MOTCUA_SHOT"); !strings.Contains(name, only) {
			continue
		}
		report(t, name, violations(t, ctx, base+"/"+name, axe))
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(320, 800)); err != nil {
			t.Fatal(err)
		}
		wide, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth`))
		if err != nil || wide > 320 {
			t.Errorf("%s: %d pixels wide at 320, error %v", name, wide, err)
		}
		shoot(t, ctx, name)
	}
}

// violations opens a page on a phone and asks axe.
func violations(t *testing.T, ctx context.Context, url, axe string) string {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(360, 800), chromedp.Navigate(url), chromedp.Evaluate[chromedp.Void](axe+";0")); err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[string](runAxe, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return found
}

func report(t *testing.T, name, found string) {
	t.Helper()
	var all []violation
	if err := json.Unmarshal([]byte(found), &all); err != nil {
		t.Fatalf("%s: axe answered %q: %v", name, found, err)
	}
	for _, v := range all {
		for _, n := range v.Nodes {
			t.Errorf("%s: %s (%s): %s\n%s", name, v.ID, v.Help, n.HTML, n.FailureSummary)
		}
	}
}

// shoot keeps two pictures of the page that is open.
func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv("MOTCUA_SHOTS")
	if dir == "" {
		return
	}
	for _, v := range []struct {
		name string
		wide int64
	}{{"phone", 360}, {"desktop", 1280}} {
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(v.wide, 800)); err != nil {
			t.Fatal(err)
		}
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(90))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+"-"+v.name+".jpg"), png, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAxeSeesFaults sees the browser check fail once.
func TestAxeSeesFaults(t *testing.T) {
	chromium, axe := tools(t)
	base, ctx := serve(t, map[string]string{"bad": `<html><head><title>x</title></head><body><img src="x"><input></body></html>`}), browser(t, chromium)
	found := violations(t, ctx, base+"/bad", axe)
	for _, rule := range []string{"image-alt", "html-has-lang", "label"} {
		if !strings.Contains(found, `"`+rule+`"`) {
			t.Errorf("axe did not find %s in %s", rule, found)
		}
	}
}
