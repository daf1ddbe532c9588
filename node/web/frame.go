package web

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"time"

	"motcua/directory"
	"motcua/node/office"
	"motcua/node/page"
	"motcua/node/text"
)

// base is the address below which this call's language lies.
func (c *call) base() string { return "/" + string(c.l) }

// in says a phrase of the tables in the reader's language.
func (c *call) in(t directory.Text) string { return t.In(string(c.l)) }

func (c *call) date() directory.Date { return directory.DateOf(c.now()) }

// frame is what surrounds the page.
func (c *call) frame() page.Frame {
	f := page.Frame{
		Lang: c.l, Site: c.door, Path: c.other(), Province: c.in(c.tables.Genesis().Province), User: c.user, Admin: c.admin, Now: c.now(), CSS: c.style.Path,
		Office: c.thisOffice(),
	}
	if done := c.done(); done != "" {
		f.Notice = c.l.T("notice." + done)
		c.tell("", "")
	}
	up, _ := c.node.Reach()
	f.Fresh.Cut = !c.node.Line() || up == 0
	f.Fresh.Alone = !f.Fresh.Cut && !c.node.DirectoryInReach()
	if strip, err := c.office.Strip(); err == nil {
		f.Fresh.Synced, f.Fresh.Waiting = strip.Contact, strip.Waiting
	} else {
		c.log.Error("freshness unknown", "err", err)
	}
	return f
}

// other is the address of this page below a language.
func (c *call) other() string {
	if c.path != "" {
		return c.path
	}
	u := c.r.URL
	path := strings.TrimPrefix(u.EscapedPath(), c.base())
	if !strings.HasPrefix(path, "/") {
		return "/"
	}
	if u.RawQuery != "" && c.r.Method == http.MethodGet {
		path += "?" + u.RawQuery
	}
	return path
}

func (c *call) thisOffice() page.Office {
	out := page.Office{Code: string(c.office.Code), Name: string(c.office.Code), Place: string(c.office.Code)}
	if days, ok := c.tables.Calendar(); ok {
		out.Hours = c.l.Hours(days.Sessions)
	}
	o, ok := c.tables.Office(c.office.Code)
	if !ok {
		return out
	}
	out.Name, out.Phone, out.Address = c.in(o.NameOn(c.date())), o.Phone, c.in(o.Address)
	out.Place = out.Name
	if o.Place.VI != "" {
		out.Place = c.in(o.PlaceOn(c.date()))
	}
	return out
}

// show renders a page with status 200, or 422 where something on its form is wrong.
func (c *call) show(p page.Page) error { return c.showAs(c.code, p) }

func (c *call) showAs(status int, p page.Page) error {
	var b bytes.Buffer
	if err := c.pages.Render(&b, c.frame(), p); err != nil {
		return err
	}
	if status == 0 {
		status = http.StatusOK
		if page.Wrong(p) {
			status = http.StatusUnprocessableEntity
		}
	}
	h := c.w.Header()
	if page.Scripted(p) {
		h.Set("Content-Security-Policy", scripted)
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", string(c.l))
	body := b.Bytes()
	h.Set("Vary", "Accept-Encoding")
	if zips(c.r) {
		body = zipped(body)
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	c.w.Write(body)
	return nil
}

// zips tells whether the browser takes gzip: over a slow line a page is then a third of its size.
func zips(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" && strings.ReplaceAll(q, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b) // a buffer takes everything
	w.Close()
	return out.Bytes()
}

// see answers a POST: go and look there. The path is below the language.
func (c *call) see(path string) error {
	http.Redirect(c.w, c.r, c.base()+path, http.StatusSeeOther)
	return nil
}

// name says an office.
func (c *call) name(r office.Ref) string { return c.in(r.Name) }

// due is a due date with its explanation, nil for none.
func (c *call) due(at time.Time, lines []string, open bool) *page.Due {
	if at.IsZero() {
		return nil
	}
	return &page.Due{At: at, Lines: lines, Late: open && c.now().After(at)}
}

func tag(l text.Lang, key string, tone text.Tone) page.Tag {
	return page.Tag{Label: l.T(key), Tone: tone}
}
