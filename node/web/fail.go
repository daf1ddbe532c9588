package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"

	"motcua/directory"
	"motcua/node/blob"
	"motcua/node/dossier"
	"motcua/node/page"
	"motcua/node/store"
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

// fail shows an error. A fault of ours is logged under a reference that the page names; the log holds the pattern of the
// address, never the address.
func (c *call) fail(err error) {
	if errors.Is(err, context.Canceled) {
		return // nobody is there to see it
	}
	code := status(err)
	ref := ""
	if code == http.StatusInternalServerError {
		var b [4]byte
		rand.Read(b[:])
		ref = hex.EncodeToString(b[:])
		c.log.Error("request failed", "ref", ref, "route", c.r.Pattern, "err", err)
	}
	rule, forbidden := errors.AsType[*dossier.Rule](err)
	if !forbidden {
		c.trouble(code, ref)
		return
	}
	p := page.NewTrouble(c.l, code)
	p.What = c.in(rule.Message)
	c.showTrouble(code, p)
}

func (c *call) trouble(code int, ref string) {
	p := page.NewTrouble(c.l, code)
	p.Ref = ref
	c.showTrouble(code, p)
}

func (c *call) showTrouble(code int, p page.Trouble) {
	if c.door == page.Desk {
		p.Link.URL = c.base() + "/desk"
	}
	c.path = "/"
	if err := c.showAs(code, p); err != nil {
		c.log.Error("page of errors not shown", "err", err)
		http.Error(c.w, http.StatusText(code), code)
	}
}
