package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"motcua/cmd/bench"
)

// https is an upload by HTTPS over some TCP.
type https struct {
	name string
	open func(*bench.Wire) (tcp, error)
}

// tcp are two places with a simulated line between them. One listens and the other dials, once.
type tcp interface {
	listen() (net.Listener, error)
	dial(ctx context.Context) (net.Conn, error)
	Close()
}

// kernelTCP is that of the kernel, which has SACK, RACK and the congestion control of that name.
type kernelTCP struct {
	kernelLine
	congestion string
}

func (h https) carrier() bench.Carrier {
	return bench.Carrier{Name: "HTTPS, TCP " + h.name, Send: h.send}
}

// send uploads size zeros over a connection that is open already, as that of the others is.
func (h https) send(ctx context.Context, w *bench.Wire, size int, limit time.Duration) (int, time.Duration, error) {
	line, err := h.open(w)
	if err != nil {
		return 0, 0, err
	}
	defer line.Close()
	var at sink
	stop, err := serve(line, &at)
	if err != nil {
		return 0, 0, err
	}
	defer stop()
	client := uploader(line)
	defer client.CloseIdleConnections()
	if err := post(ctx, client, 1); err != nil {
		return 0, 0, fmt.Errorf("open the connection: %w", err)
	}
	return at.measure(ctx, size, limit, func(ctx context.Context) error { return post(ctx, client, size) })
}

// serve takes uploads at the far end.
func serve(line tcp, at http.Handler) (stop func(), err error) {
	cert, err := selfSigned()
	if err != nil {
		return nil, err
	}
	l, err := line.listen()
	if err != nil {
		return nil, err
	}
	s := &http.Server{Handler: at, ErrorLog: log.New(io.Discard, "", 0), TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}}
	go s.ServeTLS(l, "", "")
	return func() { s.Close() }, nil
}

// uploader connects by the line, which may lose many packets before.
func uploader(line tcp) *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
		defer cancel()
		return line.dial(ctx)
	}
	// The certificate was made for this measurement; what matters is the work of TLS.
	return &http.Client{Transport: &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
}

func (k kernelTCP) listen() (l net.Listener, err error) {
	err = k.to.do(func() (err error) {
		lc := net.ListenConfig{Control: k.control}
		l, err = lc.Listen(context.Background(), "tcp4", toAddr+":443")
		return err
	})
	return l, err
}

func (k kernelTCP) dial(ctx context.Context) (c net.Conn, err error) {
	err = k.from.do(func() (err error) {
		d := net.Dialer{Control: k.control}
		c, err = d.DialContext(ctx, "tcp4", toAddr+":443")
		return err
	})
	return c, err
}

// control chooses the congestion control of a socket.
func (k kernelTCP) control(_, _ string, c syscall.RawConn) error {
	var set error
	err := c.Control(func(fd uintptr) {
		set = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, k.congestion)
	})
	if set != nil {
		set = fmt.Errorf("the kernel's TCP has no congestion control %s: %w", k.congestion, set)
	}
	return errors.Join(err, set)
}

// zeros is a body of so many bytes. TLS hides that they are alike.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func post(ctx context.Context, client *http.Client, size int) error {
	body := io.LimitReader(zeros{}, int64(size))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+toAddr+"/", body)
	if err != nil {
		return err
	}
	r.ContentLength = int64(size)
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// sink counts what arrives.
type sink struct{ arrived, last atomic.Int64 }

func (s *sink) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Body.Read(buf)
		if n > 0 {
			s.arrived.Add(int64(n))
			s.last.Store(time.Now().UnixNano())
		}
		if err != nil {
			return
		}
	}
}

// measure tells how many of the bytes that send sends have arrived after what time, at the limit at the latest.
func (s *sink) measure(ctx context.Context, size int, limit time.Duration, send func(context.Context) error) (int, time.Duration, error) {
	s.arrived.Store(0)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	err := send(ctx)
	arrived, took := int(s.arrived.Load()), time.Since(began)
	switch {
	case arrived == size:
		return arrived, time.Unix(0, s.last.Load()).Sub(began), nil
	case ctx.Err() != nil: // it had its time
		return arrived, took, nil
	default:
		return arrived, took, fmt.Errorf("%d of %d bytes arrived: %w", arrived, size, err)
	}
}

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
