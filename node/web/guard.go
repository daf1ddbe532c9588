package web

import (
	"net/http"
	"strconv"
	"strings"

	"motcua/node/page"
	"motcua/node/text"
)

// policy lets a page take its style sheet and nothing else, run nothing, and send forms only back here.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// scripted is the policy of the few pages that ask a security key: they may run the one script of this server's own.
const scripted = policy + "; script-src 'self'"

// guard sets the headers of every answer and stops requests that another site makes a browser send.
func (s *site) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.newCall(w, r, langOf(r), page.Portal).trouble(http.StatusForbidden, "")
	}))
	inner := cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		inner.ServeHTTP(w, r)
	})
}

func langOf(r *http.Request) text.Lang {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if l, ok := text.ParseLang(first); ok {
		return l
	}
	return text.VI
}

func cutPattern(p string) (method, path string, ok bool) { return strings.Cut(p, " ") }

func (s *site) newCall(w http.ResponseWriter, r *http.Request, l text.Lang, door page.Site) *call {
	return &call{site: s, w: w, r: r, l: l, door: door}
}

// maxForm bounds the body of a form without files, in bytes: the answers of a form, encoded for the wire.
const maxForm = 512 << 10

// handle runs a handler and shows what went wrong.
func (s *site) handle(l text.Lang, door page.Site, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := s.newCall(w, r, l, door)
		w.Header().Set("Cache-Control", "no-store")
		if err := h(c); err != nil {
			c.fail(err)
		}
	})
}

// serveKept serves bytes whose address changes with them, so that they may be kept for ever.
func serveKept(s page.Style, mediaType string) http.HandlerFunc {
	small := zipped(s.Bytes)
	return func(w http.ResponseWriter, r *http.Request) {
		body, h := s.Bytes, w.Header()
		h.Set("Content-Type", mediaType)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("Vary", "Accept-Encoding")
		if zips(r) {
			body = small
			h.Set("Content-Encoding", "gzip")
		}
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body)
	}
}

func serveMark(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	w.Write(page.Mark())
}
