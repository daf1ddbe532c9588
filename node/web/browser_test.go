package web

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// browser is a person with a browser that runs no script: it follows links and fills in the forms that pages show.
type browser struct {
	t      *testing.T
	base   string
	client *http.Client
	path   string // of the page shown
	status int
	header http.Header
	body   string
	forms  []formSeen
	links  []string
}

// formSeen is a form of the page shown.
type formSeen struct {
	action    string
	post      bool
	multipart bool
	values    url.Values
	file      string // name of the file control
}

func (n *node) browser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &browser{t: t, base: n.url, client: &http.Client{Jar: jar}}
}

// at is the same browser at another node: cookies know hosts, not ports, so the session goes along.
func (b *browser) at(n *node) *browser {
	return &browser{t: b.t, base: n.url, client: b.client}
}

func (b *browser) do(r *http.Request) *browser {
	b.t.Helper()
	res, err := b.client.Do(r)
	must(b.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(b.t, err)
	b.path, b.status, b.header, b.body = res.Request.URL.RequestURI(), res.StatusCode, res.Header, string(body)
	b.forms, b.links = nil, nil
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		b.read()
	}
	return b
}

func (b *browser) get(path string) *browser {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.base+path, nil)
	must(b.t, err)
	return b.do(r)
}

// read collects forms and links.
func (b *browser) read() {
	z := html.NewTokenizer(strings.NewReader(b.body))
	var area string
	for tt := z.Next(); tt != html.ErrorToken; tt = z.Next() {
		tok := z.Token()
		attr := map[string]string{}
		for _, a := range tok.Attr {
			attr[a.Key] = a.Val
		}
		_, checked := attr["checked"]
		_, selected := attr["selected"]
		switch {
		case tt == html.TextToken && area != "":
			b.last().values.Set(area, tok.Data)
			area = ""
		case tt != html.StartTagToken:
			area = ""
		case tok.Data == "a":
			b.links = append(b.links, attr["href"])
		case tok.Data == "form":
			b.forms = append(b.forms, formSeen{attr["action"], attr["method"] == "post", attr["enctype"] == "multipart/form-data", url.Values{}, ""})
		case tok.Data == "textarea":
			area = attr["name"]
			b.last().values.Set(area, "")
		case tok.Data == "select":
			b.last().values.Set(attr["name"], "")
			b.last().file = "select " + attr["name"]
		case tok.Data == "option" && selected:
			b.last().values.Set(strings.TrimPrefix(b.last().file, "select "), attr["value"])
		case tok.Data == "input" && attr["type"] == "file":
			b.last().file = attr["name"]
		case tok.Data == "input" && (checked || attr["type"] != "radio" && attr["type"] != "checkbox"):
			b.last().values.Set(attr["name"], attr["value"])
		}
	}
}

func (b *browser) last() *formSeen { return &b.forms[len(b.forms)-1] }

// form finds the POST form whose action ends so.
func (b *browser) form(action string) formSeen {
	b.t.Helper()
	for _, f := range b.forms {
		if f.post && strings.HasSuffix(f.action, action) {
			return f
		}
	}
	b.t.Fatalf("%s (%d) has no form %s: %s", b.path, b.status, action, b.text())
	return formSeen{}
}

// fill sends a form with some values typed.
func (b *browser) fill(action string, typed ...string) *browser {
	b.t.Helper()
	return b.send(b.form(action), "", nil, typed...)
}

// attach sends a form with a file.
func (b *browser) attach(f formSeen, name string, file []byte, typed ...string) *browser {
	b.t.Helper()
	return b.send(f, name, file, typed...)
}

func (b *browser) send(f formSeen, name string, file []byte, typed ...string) *browser {
	b.t.Helper()
	for i := 0; i+1 < len(typed); i += 2 {
		f.values.Set(typed[i], typed[i+1])
	}
	kind, body := "application/x-www-form-urlencoded", []byte(f.values.Encode())
	if f.multipart {
		var buf bytes.Buffer
		w := multipart.NewWriter(&buf)
		for k, vs := range f.values {
			must(b.t, w.WriteField(k, vs[0]))
		}
		part, err := w.CreateFormFile("file", name)
		must(b.t, err)
		_, err = part.Write(file)
		must(b.t, err, w.Close())
		kind, body = w.FormDataContentType(), buf.Bytes()
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.base+f.action, bytes.NewReader(body))
	must(b.t, err)
	r.Header.Set("Content-Type", kind)
	return b.do(r)
}

// sees fails unless the page says all of it, with the status 200.
func (b *browser) sees(words ...string) *browser {
	b.t.Helper()
	if b.status != http.StatusOK {
		b.t.Fatalf("%s: status %d: %s", b.path, b.status, b.text())
	}
	return b.says(words...)
}

func (b *browser) says(words ...string) *browser {
	b.t.Helper()
	for _, w := range words {
		if !strings.Contains(b.text(), w) {
			b.t.Fatalf("%s (%d) does not say %q: %s", b.path, b.status, w, b.text())
		}
	}
	return b
}

// text is what the page says, without marks.
func (b *browser) text() string {
	var out []string
	z := html.NewTokenizer(strings.NewReader(b.body))
	for tt := z.Next(); tt != html.ErrorToken; tt = z.Next() {
		if tt == html.TextToken {
			out = append(out, strings.Fields(html.UnescapeString(string(z.Text())))...)
		}
	}
	return strings.Join(out, " ")
}

// link follows the first link whose address contains part.
func (b *browser) link(part string) *browser {
	b.t.Helper()
	for _, l := range b.links {
		if strings.Contains(l, part) {
			return b.get(l)
		}
	}
	b.t.Fatalf("%s has no link to %s: %v", b.path, part, b.links)
	return b
}
