package web

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// BehindProxy believes what a reverse proxy on this machine says of a request: the last address of X-Forwarded-For is where it
// comes from, and with X-Forwarded-Proto "https" it came encrypted. What other machines say of themselves is not believed.
func BehindProxy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if local(r.RemoteAddr) {
			r = forwarded(r)
		}
		next.ServeHTTP(w, r)
	})
}

// local tells whether an address is this machine's own.
func local(address string) bool {
	a, err := netip.ParseAddrPort(address)
	return err == nil && a.Addr().Unmap().IsLoopback()
}

// forwarded is the request as the proxy got it.
func forwarded(r *http.Request) *http.Request {
	out := r.WithContext(r.Context())
	if a, err := netip.ParseAddr(last(r.Header, "X-Forwarded-For")); err == nil {
		out.RemoteAddr = net.JoinHostPort(a.String(), "0")
	}
	if strings.EqualFold(last(r.Header, "X-Forwarded-Proto"), "https") {
		out.TLS = new(tls.ConnectionState)
	}
	return out
}

// last is the last value of a list in a header: the one that the proxy has added, whatever the browser sent before.
func last(h http.Header, name string) string {
	all := h.Values(name)
	if len(all) == 0 {
		return ""
	}
	list := strings.Split(all[len(all)-1], ",")
	return strings.TrimSpace(list[len(list)-1])
}
