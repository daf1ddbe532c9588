package web

import (
	"net/http"
	"slices"
	"strings"

	"motcua/crypto/digest"
)

// What an act has done is said on the page that its redirect leads to, once: in a cookie that no link can set, bound to the
// address of that page. An address alone makes no page say that something was done.

// notices are the words after a redirect.
var notices = []string{
	"step", "forward", "receive", "decide", "report", "return", "accept", "refuse", "welcome", "in_store", "sign_out", "drop", "saved", "attached", "detached",
	"profile", "login", "password", "reset", "factor_add", "factor_gone", "ended", "ended_all", "delegated", "undelegated", "granted", "ungranted",
	"disabled", "enabled", "failures", "recovery", "code_issued", "retry", "keep", "hand_over",
}

const (
	noticeCookie = "motcua-done"
	noticeLife   = 60 // seconds: of a redirect over a slow line
)

func noticeFor(uri, done string) string { return done + "." + digest.Of([]byte(uri)).Short() }

// tell has the next page at an address say what was done; nothing to say takes the notice back.
func (c *call) tell(uri, done string) {
	k := &http.Cookie{Name: noticeCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: c.r.TLS != nil}
	if done != "" {
		k.Value, k.MaxAge = noticeFor(uri, done), noticeLife
	}
	http.SetCookie(c.w, k)
}

// done is what the act before has done, "" where none led here.
func (c *call) done() string {
	k, err := c.r.Cookie(noticeCookie)
	if err != nil {
		return ""
	}
	done, _, _ := strings.Cut(k.Value, ".")
	if !slices.Contains(notices, done) || k.Value != noticeFor(c.r.URL.RequestURI(), done) {
		return ""
	}
	return done
}

// seeDone is see for an act that is done. The path is below the language.
func (c *call) seeDone(path, done string) error {
	if done != "" {
		c.tell(c.base()+path, done)
	}
	return c.see(path)
}
