package link

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestLinkAndPagesOnOnePort: what comes by TCP in clear are pages, what comes over TLS is the link.
func TestLinkAndPagesOnOnePort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		forLink, forPages := Split(w.net.ListenTCP(addrB))
		pages := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "trang "+r.URL.Path) })}
		go pages.Serve(forPages)
		a := w.open("A", addrA, true)
		w.openBoth(w.net.Listen(addrB), forLink, "B", addrB, true)
		w.net.BlockUDP(addrB, true)
		over(t, a, "B", false, 3*time.Second)
		browser := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			return w.net.DialTCP(addrC)(ctx, addr)
		}}}
		defer browser.CloseIdleConnections()
		r, err := browser.Get("http://" + addrB + "/vi/desk")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if b, err := io.ReadAll(r.Body); string(b) != "trang /vi/desk" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
		pages.Close() // the link goes on
		over(t, a, "B", false, 3*time.Second)
	})
}

// TestWhoSaysNothingIsHungUpOn: within the time, and beyond the number at once.
func TestWhoSaysNothingIsHungUpOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		forLink, pages := Split(w.net.ListenTCP(addrB))
		ended := make(chan time.Duration)
		began := time.Now()
		for range maxUnspokenFrom + 1 {
			c, err := w.net.DialTCP(addrA)(t.Context(), addrB)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				c.Read(make([]byte, 1))
				ended <- time.Since(began)
			}()
		}
		early := 0
		for range maxUnspokenFrom + 1 {
			switch d := <-ended; {
			case d < time.Second:
				early++
			case d > firstByteTime+time.Second:
				t.Errorf("after %v", d)
			}
		}
		if early != 1 {
			t.Errorf("%d were hung up on at once, want 1", early)
		}
		pages.Close()
		if _, err := pages.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a part that is closed: %v", err)
		}
		forLink.Close()
		synctest.Wait()
		if _, err := w.net.DialTCP(addrA)(t.Context(), addrB); err == nil {
			t.Error("the port is not closed with both parts")
		}
	})
}
