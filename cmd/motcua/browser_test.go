package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// A browser drives a real Chromium the way a person does: by what the page says, never by ids or classes, and with
// scripts switched off.
type browser struct {
	t     *testing.T
	ctx   context.Context
	shots string // folder for screenshots
	axe   string // source of axe-core
	n     int
}

// newBrowser starts Chromium, or skips the test loudly (fails it in the gate) when there is none.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	exe := lookChromium()
	axe, err := os.ReadFile(os.Getenv("MOTCUA_AXE"))
	switch {
	case exe == "" && os.Getenv("CI") != "":
		t.Fatal("no Chromium: the gate must install it (see .ci/run)")
	case exe == "":
		t.Skip("NOT TESTED: the browser journey needs Chromium (apt-get install chromium); every other test ran")
	case err != nil && os.Getenv("CI") != "":
		t.Fatalf("no axe-core in MOTCUA_AXE: the gate must install it (see .ci/run): %v", err)
	}
	shots, err := filepath.Abs("../../screenshots")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(shots, 0o755); err != nil {
		t.Fatal(err)
	}
	o := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	o = append(o, chromedp.ExecPath(exe), chromedp.NoSandbox, chromedp.Flag("disable-quic", true), chromedp.UserDataDir(t.TempDir()))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), o...)
	t.Cleanup(cancel)
	b := &browser{t: t, shots: shots, axe: string(axe)}
	return b.tab(ctx)
}

func lookChromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			return p
		}
	}
	return ""
}

// person returns a browser with cookies of its own: another person at another machine.
func (b *browser) person() *browser {
	return b.tab(b.ctx, chromedp.WithNewBrowserContext())
}

func (b *browser) tab(parent context.Context, o ...chromedp.ContextOption) *browser {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(parent, o...)
	b.t.Cleanup(cancel)
	next := &browser{t: b.t, ctx: ctx, shots: b.shots, axe: b.axe}
	if err := chromedp.Do(ctx); err != nil { // the browser lives as long as the context of its first action
		b.t.Fatalf("start Chromium: %v", err)
	}
	next.do("switch scripts off", chromedp.Steps(
		chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error { return scripts(ctx, false) }),
		chromedp.EmulateViewport(1280, 900)))
	return next
}

func scripts(ctx context.Context, on bool) error {
	_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
	return err
}

// stepTimeout bounds one thing a person does.
const stepTimeout = 20 * time.Second

func (b *browser) do(what string, a chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	if err := chromedp.Do(ctx, a); err != nil {
		b.t.Fatalf("%s: %v\non %s:\n%s", what, err, b.eval("location.href"), b.text())
	}
}

func (b *browser) eval(js string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	s, err := chromedp.Run(ctx, chromedp.Evaluate[string](js))
	if err != nil {
		b.t.Fatalf("evaluate: %v", err)
	}
	return s
}

// text is what a person can read on the page.
func (b *browser) text() string {
	b.t.Helper()
	return b.eval("document.body ? document.body.innerText : ''")
}

func (b *browser) open(url string) {
	b.t.Helper()
	b.do("open "+url, chromedp.Navigate(url))
}

// sees fails unless the page says every phrase.
func (b *browser) sees(phrases ...string) {
	b.t.Helper()
	text := b.text()
	for _, p := range phrases {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(p)) {
			b.t.Fatalf("the page %s does not say %q; it says:\n%s", b.eval("location.href"), p, text)
		}
	}
}

// mark finds the one visible element that a person would mean, marks it and returns a selector for it.
func (b *browser) mark(what, finder string, args ...string) chromedp.CSS {
	b.t.Helper()
	b.n++
	quoted := make([]string, len(args))
	for i, a := range args {
		j, _ := json.Marshal(a)
		quoted[i] = string(j)
	}
	js := fmt.Sprintf(`(() => { const norm = s => (s||'').normalize('NFC').replace(/\s+/g,' ').trim().toLowerCase();
		const el = (%s)(norm, %s); if (!el) return 'no'; el.setAttribute('data-test-mark', '%d'); return 'ok'; })()`,
		finder, strings.Join(quoted, ","), b.n)
	if b.eval(js) != "ok" {
		b.t.Fatalf("no %s on %s; it says:\n%s", what, b.eval("location.href"), b.text())
	}
	return chromedp.CSS(fmt.Sprintf(`[data-test-mark="%d"]`, b.n))
}

const byLabel = `(norm, label) => { const want = norm(label); const ls = [...document.querySelectorAll('label')];
	const l = ls.find(l => norm(l.innerText) === want) || ls.find(l => norm(l.innerText).startsWith(want)) || ls.find(l => norm(l.innerText).includes(want));
	return l && l.control; }`

// byWords prefers what stands in the page's main part, and buttons to links.
const byWords = `(norm, words) => { const want = norm(words), says = e => norm(e.innerText || e.value);
	const all = q => [...document.querySelectorAll(q)].filter(e => e.offsetParent !== null);
	const es = [...all('main button'), ...all('main a, main summary'), ...all('button, a')];
	return es.find(e => says(e) === want) || es.find(e => says(e).startsWith(want)) || es.find(e => says(e).includes(want)); }`

// fill types into the field of a label, replacing what is there.
func (b *browser) fill(label, value string) {
	b.t.Helper()
	sel := b.mark("field labelled "+label, byLabel, label)
	b.setValue(sel, "")
	b.do("fill "+label, chromedp.SendKeys(sel, value))
}

func (b *browser) setValue(sel chromedp.CSS, value string) {
	b.t.Helper()
	quoted, _ := json.Marshal(value)
	b.eval(fmt.Sprintf(`document.querySelector('%s').value = %s`, sel, quoted))
}

// choose clicks the radio button or checkbox of a label until it is chosen: a click can fall beside it while the page still
// scrolls.
func (b *browser) choose(label string) {
	b.t.Helper()
	for range 5 {
		sel := b.mark("choice labelled "+label, byLabel, label)
		b.do("choose "+label, chromedp.Click(sel))
		if b.eval(fmt.Sprintf(`String(document.querySelector('%s').checked)`, sel)) == "true" {
			return
		}
	}
	b.t.Fatalf("%s cannot be chosen on %s", label, b.eval("location.href"))
}

// attach picks a file for the field of a label.
func (b *browser) attach(label, path string) {
	b.t.Helper()
	sel := b.mark("file field labelled "+label, byLabel, label)
	b.do("attach "+label, chromedp.SetUploadFiles(sel, []string{path}))
}

// press clicks the button or link with these words and waits for the page it leads to.
func (b *browser) press(words string) {
	b.t.Helper()
	sel := b.mark("button or link "+words, byWords, words)
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(sel)); err != nil {
		b.t.Fatalf("press %s: %v\nthe page says:\n%s", words, err, b.text())
	}
}

// download fetches a link of the section with a heading, with the person's cookies, and returns the bytes.
func (b *browser) download(words, section string) string {
	b.t.Helper()
	sel := b.mark("link "+words+" under "+section, `(norm, words, section) => {
		const h = [...document.querySelectorAll('h2')].find(h => norm(h.innerText) === norm(section));
		return h && [...h.parentElement.querySelectorAll('a')].find(a => norm(a.innerText).includes(norm(words))); }`, words, section)
	req, err := http.NewRequestWithContext(b.ctx, http.MethodGet, b.eval(fmt.Sprintf(`document.querySelector('%s').href`, sel)), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	jar, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range jar.Cookies {
		req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatalf("download %s: %v", words, err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.t.Fatalf("download %s: %s, %v", words, resp.Status, err)
	}
	return string(got)
}

// shot judges the page as it stands: axe finds nothing, it weighs little, and a picture of it is kept at the widths of
// a desktop and of a small phone.
func (b *browser) shot(name string) {
	b.t.Helper()
	for _, v := range []struct {
		suffix        string
		width, height int64
	}{{"desktop", 1280, 900}, {"phone", 360, 800}} {
		b.do("resize", chromedp.EmulateViewport(v.width, v.height))
		if wide := b.eval("String(document.documentElement.scrollWidth)"); v.width == 360 && wide != "360" {
			b.t.Errorf("%s: the page is %s px wide on a phone of 360", name, wide)
		}
		b.picture(filepath.Join(b.shots, name+"-"+v.suffix+".png"))
		b.accessible(name + " on a " + v.suffix)
	}
	b.do("resize", chromedp.EmulateViewport(1280, 900))
}

func (b *browser) picture(path string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatalf("screenshot: %v", err)
	}
	if err := os.WriteFile(path, png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// accessible runs axe with the rules of WCAG 2.0 to 2.2, A and AA.
func (b *browser) accessible(where string) {
	b.t.Helper()
	if b.axe == "" {
		return // newBrowser has seen to it that the gate never comes here
	}
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	if err := scripts(ctx, true); err != nil {
		b.t.Fatal(err)
	}
	defer scripts(ctx, false)
	run := b.axe + `; axe.run({runOnly:['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa']}).then(r =>
		r.violations.map(v => v.id + ': ' + v.help + ' ' + v.nodes.map(n => n.html).join(' | ')).join('\n'))`
	found, err := chromedp.Run(ctx, chromedp.Evaluate[string](run, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("axe: %v", err)
	}
	if found != "" {
		b.t.Errorf("%s: axe found:\n%s", where, found)
	}
}
