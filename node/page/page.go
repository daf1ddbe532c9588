// Package page is what people see: one typed struct and one template for each page of the citizen's portal and of the
// officer's desk, one style sheet, no script.
//
// A page holds plain data, ready to show. Who may see it, where the data comes from and where a form is sent are the
// business of package web; the addresses below a language ("/vi") that templates link to are listed in package web.
//
// It promises, and its tests hold for every page of [Samples] in both languages: well-formed HTML with one h1 and
// unique ids, a label for every control, no inline style or script, a title that begins with "Lỗi:" or "Error:" while
// something on the form is wrong, every value typed kept, at most 50 KB with the style sheet.
//
// Rendering is all or nothing: a template that fails writes no byte.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"time"

	"motcua/node/text"
)

//go:embed tmpl/*.html
var templates embed.FS

//go:embed style.css
var css []byte

//go:embed mark.svg
var mark []byte

// Site says whose page it is: the header and its links differ.
type Site uint8

// The sites.
const (
	Portal Site = iota // citizens
	Desk               // officers
)

// Frame is what surrounds every page.
type Frame struct {
	Lang text.Lang
	Site Site
	// Path is the address below the language with its query, "/track"; the other language is offered at the same path.
	// Empty offers its home page: an answer to a POST has no address of its own.
	Path     string
	Province string // "tỉnh Khánh Hòa"
	Office   Office
	Fresh    Fresh
	User     string // who is signed in, "" for nobody
	Admin    bool   // an admin of the office is signed in
	Now      time.Time
	Notice   string // what the act before has done, said once
	CSS      string // address of the style sheet, [Style.Path]
}

// Office is the office whose node serves the page.
type Office struct {
	Code, Name, Place     string // Place is short: "xã Vĩnh Lương"
	Phone, Address, Hours string
}

// Fresh is how far this node is with the rest of the province.
type Fresh struct {
	Synced  time.Time // last word from the directory; zero for never
	Waiting int       // dossiers whose parcels are not acknowledged yet
	Cut     bool      // no peer can be reached
	Alone   bool      // peers can be reached, but no server of the directory
	Since   time.Time // when the line was lost, if known
}

// Page is one of the pages of this package.
type Page interface {
	file() string // template, without .html
	title(text.Lang) string
}

// Set is every template in every language, parsed. It is safe for concurrent use.
type Set struct {
	byLang map[text.Lang]map[string]*template.Template
}

// New parses the templates.
func New() (*Set, error) {
	s := &Set{map[text.Lang]map[string]*template.Template{}}
	for _, l := range text.Langs() {
		set, err := parse(l)
		if err != nil {
			return nil, fmt.Errorf("parse pages in %s: %w", l, err)
		}
		s.byLang[l] = set
	}
	return s, nil
}

// parse reads layout and parts, then each page onto a copy of them.
func parse(l text.Lang) (map[string]*template.Template, error) {
	base, err := template.New("layout").Funcs(funcs(l)).ParseFS(templates, "tmpl/_*.html")
	if err != nil {
		return nil, err
	}
	entries, err := templates.ReadDir("tmpl")
	if err != nil {
		return nil, err
	}
	set := map[string]*template.Template{}
	for _, e := range entries {
		if e.Name()[0] == '_' {
			continue
		}
		t, err := base.Clone()
		if err != nil {
			return nil, err
		}
		if t, err = t.ParseFS(templates, "tmpl/"+e.Name()); err != nil {
			return nil, err
		}
		set[e.Name()] = t
	}
	return set, nil
}

// view is what a template sees as its dot.
type view struct {
	Frame
	P      Page
	Title  string
	Faults []Problem
}

// Render writes a page. Nothing is written when it fails.
func (s *Set) Render(w io.Writer, f Frame, p Page) error {
	t := s.byLang[f.Lang][p.file()+".html"]
	if t == nil {
		return fmt.Errorf("render page %s in %q: no such template or language", p.file(), f.Lang)
	}
	v := view{Frame: f, P: p, Title: p.title(f.Lang)}
	if form, ok := p.(interface{ faults() []Problem }); ok {
		v.Faults = form.faults()
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout", v); err != nil {
		return fmt.Errorf("render page %s: %w", p.file(), err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// Style is the style sheet with an address that changes whenever its bytes do, so that it can be kept for ever.
type Style struct {
	Path  string
	Bytes []byte
}

// CSS returns the style sheet.
func CSS() Style {
	sum := sha256.Sum256(css)
	return Style{"/static/motcua-" + hex.EncodeToString(sum[:6]) + ".css", css}
}

// Mark returns the sign of the service as an SVG image, also the favicon.
func Mark() []byte { return mark }

// Wrong tells whether something on the page's form is wrong.
func Wrong(p Page) bool {
	form, ok := p.(interface{ faults() []Problem })
	return ok && len(form.faults()) > 0
}
