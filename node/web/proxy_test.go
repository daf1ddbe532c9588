package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestWhatAProxyIsBelieved: the address and the encryption that a proxy on this machine adds; nothing that a browser or
// another machine says of itself.
func TestWhatAProxyIsBelieved(t *testing.T) {
	for _, c := range []struct {
		what, peer, from, proto, address string
		secure                           bool
	}{
		{"a proxy", "127.0.0.1:5000", "203.0.113.7", "https", "203.0.113.7", true},
		{"a proxy of IPv6", "[::1]:5000", "2001:db8::7", "https", "2001:db8::7", true},
		{"a browser that made up an address", "127.0.0.1:5000", "10.9.9.9, 203.0.113.7", "http", "203.0.113.7", false},
		{"another machine", "203.0.113.9:5000", "10.9.9.9", "https", "203.0.113.9", false},
		{"a proxy that says nothing", "127.0.0.1:5000", "", "", "127.0.0.1", false},
		{"a proxy that says nonsense", "127.0.0.1:5000", "unknown", "HTTPS", "127.0.0.1", true},
	} {
		r := httptest.NewRequest(http.MethodGet, "/vi/", nil)
		r.RemoteAddr = c.peer
		if c.from != "" {
			r.Header.Set("X-Forwarded-For", c.from)
			r.Header.Set("X-Forwarded-Proto", c.proto)
		}
		BehindProxy(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if got := (&call{r: r}).address(); got != c.address || (r.TLS != nil) != c.secure {
				t.Errorf("%s: address %s, encrypted %v", c.what, got, r.TLS != nil)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
	}
}

// proxy is a reverse proxy's way to a node: it adds where each request comes from, and notes the cookies that are set.
type proxy struct {
	from    string
	cookies []*http.Cookie
}

func (p *proxy) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", p.from)
	r.Header.Set("X-Forwarded-Proto", "https")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		p.cookies = append(p.cookies, res.Cookies()...)
	}
	return res, err
}

// TestBehindAProxy: one guesser does not slow down everybody behind the proxy, and cookies keep to encrypted lines.
func TestBehindAProxy(t *testing.T) {
	p := newProvince(t)
	n := p.nodes[commune]
	n.registered(t, "hai")
	h, err := NewWith(n.Office, n, p)
	must(t, err)
	srv := httptest.NewServer(BehindProxy(h))
	defer srv.Close()
	signIn := func(from, guess string) (*browser, *proxy) {
		way := &proxy{from: from}
		b := &browser{t: t, base: srv.URL, client: &http.Client{Transport: way}}
		return b.get("/vi/sign-in").fill("/sign-in", "login", "hai", "password", guess), way
	}
	for range 5 {
		b, _ := signIn("203.0.113.7", "sai mật khẩu này")
		b.says("không đúng")
	}
	slow, _ := signIn("203.0.113.7", password)
	slow.says("Quá nhiều lần thử")
	_, way := signIn("203.0.113.8", password)
	if len(way.cookies) != 2 || !strings.HasPrefix(way.cookies[1].Value, "failures.") || way.cookies[0].Value == "" || !way.cookies[0].Secure {
		t.Errorf("from another address: %v", way.cookies)
	}
}

// TestQuestionsComeAtAPace: who asks for one code after the other is slowed, before the directory is asked, and nobody else.
func TestQuestionsComeAtAPace(t *testing.T) {
	p := newProvince(t)
	h, err := NewWith(p.nodes[commune].Office, p.nodes[commune], p)
	must(t, err)
	srv := httptest.NewServer(BehindProxy(h))
	defer srv.Close()
	ask := func(from string, i int) *browser {
		b := &browser{t: t, base: srv.URL, client: &http.Client{Transport: &proxy{from: from}}}
		return b.get("/vi/track").fill("/track", "code", fmt.Sprintf("H32.22327-261124-%04d", i), "last", "0000")
	}
	i := 0
	for i = 1; i < 100; i++ {
		if strings.Contains(ask("203.0.113.7", i).text(), "Quá nhiều lần thử") {
			break
		}
	}
	if i < 20 || i == 100 {
		t.Errorf("slowed at question %d", i)
	}
	ask("203.0.113.8", 1).says("Không có hồ sơ nào khớp")
}
