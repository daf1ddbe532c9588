package page

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"motcua/node/text"
)

// render returns the HTML of every sample by name.
func render(t testing.TB) map[string]string {
	t.Helper()
	set, err := New()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, s := range Samples() {
		var b bytes.Buffer
		if err := set.Render(&b, s.Frame, s.Page); err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		if out[s.Name] != "" {
			t.Fatalf("two samples are named %s", s.Name)
		}
		out[s.Name] = b.String()
	}
	return out
}

// TestSamplesKeepThePromise checks what the package promises of every page.
func TestSamplesKeepThePromise(t *testing.T) {
	pages := render(t)
	for name, src := range pages {
		for _, fault := range inspect(src) {
			t.Errorf("%s: %s", name, fault)
		}
		if !strings.Contains(src, `<html lang="`+name[:2]+`">`) {
			t.Errorf("%s: wrong lang", name)
		}
		if n := len(src) + len(css); n > 50<<10 {
			t.Errorf("%s: %d bytes with the style sheet, at most 50 KB", name, n)
		}
	}
	if len(pages) < 2*40 {
		t.Errorf("only %d samples", len(pages))
	}
}

// TestInspectFindsFaults sees each check of inspect fail once.
func TestInspectFindsFaults(t *testing.T) {
	const head = `<!doctype html><html lang="vi"><head><title>a</title></head><body>`
	for want, body := range map[string]string{
		"closes":           `<h1>a</h1><div></p></div>`,
		"h1":               `<h1>a</h1><h1>b</h1>`,
		"id":               `<h1 id="a">a</h1><p id="a">b</p>`,
		"style":            `<h1 style="color:red">a</h1>`,
		"script":           `<h1>a</h1><script>1</script>`,
		"handler":          `<h1 onclick="x()">a</h1>`,
		"label":            `<h1>a</h1><input name="q" id="q">`,
		"points to no id":  `<h1>a</h1><a href="#nowhere">b</a>`,
		"aria-describedby": `<h1>a</h1><p aria-describedby="nowhere">b</p>`,
		"post without":     `<h1>a</h1><form method="post" action="/x"></form>`,
		"escaped twice":    `<h1>a &amp;amp; b</h1>`,
		"⟦":                `<h1>⟦home.title⟧</h1>`,
		"error title":      `<h1>a</h1><div class="errors"></div>`,
		"unfilled":         `<h1>%!s(MISSING)</h1>`,
	} {
		if got := strings.Join(inspect(head+body+`</body></html>`), "\n"); !strings.Contains(got, want) {
			t.Errorf("%s: found only %q", want, got)
		}
	}
	if got := strings.Join(inspect(head+"<h1>a</h1>"), ""); !strings.Contains(got, "not closed") {
		t.Errorf("not closed: found only %q", got)
	}
}

var handler = regexp.MustCompile(`^on[a-z]+$`)

// inspection is what has been seen of a page while reading it.
type inspection struct {
	faults   []string
	open     []string
	ids      map[string]bool
	labels   map[string]bool
	refs     map[string]string // ids pointed to, and by what
	controls map[string]string // names by id
	h1       int
}

func (in *inspection) fault(format string, a ...any) {
	in.faults = append(in.faults, fmt.Sprintf(format, a...))
}

// inspect returns what is wrong with a page.
func inspect(src string) []string {
	in := &inspection{ids: map[string]bool{}, labels: map[string]bool{}, refs: map[string]string{}, controls: map[string]string{}}
	z := html.NewTokenizer(strings.NewReader(src))
	for tt := z.Next(); tt != html.ErrorToken; tt = z.Next() {
		tok := z.Token()
		switch tt {
		case html.StartTagToken, html.SelfClosingTagToken:
			in.start(tok, tt == html.SelfClosingTagToken)
		case html.EndTagToken:
			if len(in.open) == 0 || in.open[len(in.open)-1] != tok.Data {
				in.fault("</%s> closes %v", tok.Data, in.open)
				return in.faults
			}
			in.open = in.open[:len(in.open)-1]
		}
	}
	in.end()
	return append(in.faults, inspectText(src)...)
}

var void = map[string]bool{"meta": true, "link": true, "input": true, "br": true, "img": true, "hr": true}

func (in *inspection) start(tok html.Token, closed bool) {
	attr := map[string]string{}
	for _, a := range tok.Attr {
		attr[a.Key] = a.Val
		if a.Key == "style" {
			in.fault("inline style on %s", tok.Data)
		}
		if handler.MatchString(a.Key) {
			in.fault("handler %s on %s", a.Key, tok.Data)
		}
		if a.Key == "aria-describedby" || a.Key == "aria-labelledby" {
			for _, id := range strings.Fields(a.Val) {
				in.refs[id] = a.Key
			}
		}
	}
	if id, ok := attr["id"]; ok && (in.ids[id] || id == "") {
		in.fault("id %q is repeated or empty", id)
	}
	in.ids[attr["id"]] = true
	in.element(tok.Data, attr)
	if !closed && !void[tok.Data] {
		in.open = append(in.open, tok.Data)
	}
}

func (in *inspection) element(name string, attr map[string]string) {
	switch name {
	case "h1":
		in.h1++
	case "script":
		if attr["src"] != Script().Path { // the one of this package, and nothing inside a page
			in.fault("script element")
		}
	case "style":
		in.fault("style element")
	case "label":
		in.labels[attr["for"]] = true
	case "input", "select", "textarea":
		if attr["type"] != "hidden" {
			in.controls[attr["id"]] = attr["name"]
		}
	case "a":
		if strings.HasPrefix(attr["href"], "#") {
			in.refs[attr["href"][1:]] = "link"
		}
	}
}

func (in *inspection) end() {
	if len(in.open) > 0 {
		in.fault("not closed: %v", in.open)
	}
	if in.h1 != 1 {
		in.fault("%d h1", in.h1)
	}
	for id, name := range in.controls {
		if id == "" || !in.labels[id] {
			in.fault("control %q has no label", name)
		}
	}
	for id, from := range in.refs {
		if !in.ids[id] {
			in.fault("%s points to no id %q", from, id)
		}
	}
}

var postForm = regexp.MustCompile(`(?s)<form[^>]*method="post"[^>]*>.*?</form>`)

// inspectText checks what needs no tree.
func inspectText(src string) (faults []string) {
	for _, bad := range []string{"⟦", "%!", "&amp;amp;", "ZgotmplZ", "<nil>", "/0001"} {
		if strings.Contains(src, bad) {
			faults = append(faults, map[string]string{"%!": "unfilled message", "&amp;amp;": "escaped twice"}[bad]+" "+bad)
		}
	}
	for _, f := range postForm.FindAllString(src, -1) {
		if !strings.Contains(f, `name="once"`) && !strings.Contains(f, "/sign-out") {
			faults = append(faults, "post without once: "+f)
		}
	}
	wrong := strings.Contains(src, `class="errors"`)
	if wrong != (strings.Contains(src, "<title>Lỗi: ") || strings.Contains(src, "<title>Error: ")) {
		faults = append(faults, "error title and error summary do not go together")
	}
	return faults
}

// TestStyleIsSmall holds the weight of the style sheet.
func TestStyleIsSmall(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.Copy(w, bytes.NewReader(css)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	if b.Len() > 15<<10 {
		t.Errorf("style sheet is %d bytes gzipped, at most 15 KB", b.Len())
	}
}

// TestRenderIsAllOrNothing: a page that cannot be rendered writes no byte.
func TestRenderIsAllOrNothing(t *testing.T) {
	set, err := New()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := set.Render(&b, Frame{Lang: "fr"}, Home{}); err == nil || b.Len() > 0 {
		t.Errorf("unknown language: error %v, %d bytes written", err, b.Len())
	}
	if err := set.Render(&b, Frame{Lang: text.VI}, broken{}); err == nil || b.Len() > 0 {
		t.Errorf("template without its field: error %v, %d bytes written", err, b.Len())
	}
}

// broken asks for a template whose fields it does not have.
type broken struct{}

func (broken) file() string           { return "search" }
func (broken) title(text.Lang) string { return "" }

// TestTypedValuesStayHarmless: what people type comes back as text, never as markup.
func TestTypedValuesStayHarmless(t *testing.T) {
	src := render(t)["vi-search-none"]
	if strings.Contains(src, "xyz <b>&") || !strings.Contains(src, "xyz &lt;b&gt;&amp;") {
		t.Error("a query is not escaped")
	}
}
