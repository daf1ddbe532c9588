package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
	"motcua/directory"
	"motcua/node/blob"
	"motcua/node/dossier"
	"motcua/node/office"
	"motcua/node/page"
	"motcua/node/store"
	"motcua/replication/spool"
)

var (
	errNotFound  = directory.Errorf("open page", directory.NotFound, "no such page")
	errMalformed = directory.Errorf("read form", directory.Invalid, "the form is incomplete or malformed")
)

func notFound(*call) error { return errNotFound }

// status is the HTTP status of an error.
func status(err error) int {
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig), errors.Is(err, blob.ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, store.ErrHeadMoved):
		return http.StatusConflict
	case errors.Is(err, disk.ErrFull), errors.Is(err, spool.ErrNoRoom):
		return http.StatusInsufficientStorage
	}
	if _, ok := errors.AsType[*dossier.Rule](err); ok {
		return http.StatusConflict
	}
	switch directory.CodeOf(err) {
	case directory.Invalid:
		return http.StatusBadRequest
	case directory.NotFound:
		return http.StatusNotFound
	case directory.Conflict:
		return http.StatusConflict
	case directory.Denied:
		return http.StatusForbidden
	case directory.NoLeader:
		return http.StatusServiceUnavailable
	case directory.Exhausted:
		return http.StatusTooManyRequests
	}
	return http.StatusInternalServerError
}

// stop is an answer that has a page of its own: what stands in the way, and its status.
type stop struct {
	code int
	page page.Trouble
}

func (s *stop) Error() string { return s.page.Heading }

// fail shows an error. A fault of ours is logged under a reference that the page names; the log holds the pattern of the
// address, never the address.
func (c *call) fail(err error) {
	if errors.Is(err, context.Canceled) {
		return // nobody is there to see it
	}
	if s, ok := errors.AsType[*stop](err); ok {
		c.showTrouble(s.code, s.page)
		return
	}
	if f, ok := errors.AsType[*office.NotMine](err); ok {
		c.showTrouble(http.StatusForbidden, page.OtherField(c.l, c.fieldName(f.Field)))
		return
	}
	code := status(err)
	ref := ""
	switch code {
	case http.StatusInternalServerError:
		var b [4]byte
		rand.Read(b[:])
		ref = hex.EncodeToString(b[:])
		c.log.Error("request failed", "ref", ref, "route", c.r.Pattern, "err", err)
	case http.StatusInsufficientStorage:
		c.log.Error("request failed for want of room", "route", c.r.Pattern, "err", err)
	}
	if rule, ok := errors.AsType[*dossier.Rule](err); ok {
		c.showTrouble(code, page.BrokenRule(c.l, c.in(rule.Message)))
		return
	}
	c.trouble(code, ref)
}

func (c *call) trouble(code int, ref string) {
	p := page.NewTrouble(c.l, code)
	p.Ref = ref
	c.showTrouble(code, p)
}

func (c *call) showTrouble(code int, p page.Trouble) {
	if home := c.base() + "/"; c.door == page.Desk && p.Link.URL == home {
		p.Link.URL = c.base() + "/desk"
		if at := c.subject(); at != "" && code == http.StatusConflict {
			p.Link = page.Link{URL: c.base() + at, Label: c.l.T("problem.dossier")}
		}
	}
	c.path = "/"
	if err := c.showAs(code, p); err != nil {
		c.log.Error("page of errors not shown", "err", err)
		http.Error(c.w, http.StatusText(code), code)
	}
}

// subject is the address of the dossier or submission that a page of the desk is about, "" for none.
func (c *call) subject() string {
	if chain, err := digest.Parse(c.r.PathValue("chain")); err == nil {
		return "/desk/dossiers/" + chain.String()
	}
	if code := c.r.PathValue("code"); code != "" {
		return "/desk/submissions/" + url.PathEscape(code)
	}
	return ""
}
