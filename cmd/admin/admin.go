// Package admin lets the tools of an office talk to its running server. A data folder belongs to one process, so a
// tool never opens it: it asks the server over a unix socket in that folder, which only its owner may open.
//
// It carries HTTP and JSON; what may be asked is the server's own business.
package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// socketName is the name of the socket in the data folder.
const socketName = "admin.sock"

// maxSocketPath is what the kernel takes in an address (sun_path less its final zero).
const maxSocketPath = 107

// maxAnswer bounds what a tool reads of a JSON answer.
const maxAnswer = 32 << 20

func socketPath(dir string) (string, error) {
	path := filepath.Join(dir, socketName)
	if len(path) > maxSocketPath {
		return "", fmt.Errorf("admin socket %s: the path has %d bytes, a socket takes %d; choose a shorter data folder", path, len(path), maxSocketPath)
	}
	return path, nil
}

// Serve answers requests on the data folder's socket until ctx ends. The caller owns the folder (holds its lock), so
// a socket found there was left by a crash and is replaced.
func Serve(ctx context.Context, dir string, h http.Handler) error {
	path, err := socketPath(dir)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("admin socket: %w", err)
	}
	l, err := net.Listen("unix", path) // the folder is 0700 already
	if err != nil {
		return fmt.Errorf("admin socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return errors.Join(fmt.Errorf("admin socket: %w", err), l.Close())
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	done := context.AfterFunc(ctx, func() { srv.Close() })
	defer done()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin socket: %w", err)
	}
	return nil
}

// Client asks the server of one data folder.
type Client struct {
	dir  string
	http *http.Client
}

// NewClient returns a client of the server of dir. It does not connect yet.
func NewClient(dir string) (*Client, error) {
	path, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &Client{dir, &http.Client{Transport: &http.Transport{DialContext: dial}}}, nil
}

// ErrNotRunning is returned when nothing answers in the data folder.
var ErrNotRunning = errors.New("no server is running there")

// Get asks path and decodes the JSON answer into out (nil: none wanted).
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.call(ctx, http.MethodGet, path, "", nil, out)
}

// Post sends in as JSON and decodes the answer into out. Either may be nil.
func (c *Client) Post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("ask %s: %w", path, err)
	}
	return c.call(ctx, http.MethodPost, path, "application/json", bytes.NewReader(body), out)
}

// Send sends bytes as they are and decodes the JSON answer into out.
func (c *Client) Send(ctx context.Context, path string, body io.Reader, out any) error {
	return c.call(ctx, http.MethodPost, path, "application/octet-stream", body, out)
}

func (c *Client) call(ctx context.Context, method, path, mediaType string, body io.Reader, out any) error {
	resp, _, err := c.Stream(ctx, method, path, mediaType, body)
	if err != nil {
		return err
	}
	defer resp.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("ask %s: read the answer: %w", path, err)
	}
	return nil
}

// Stream sends a body and returns the answer's body as it is, to be closed, and its size in bytes, -1 where that is not known.
func (c *Client) Stream(ctx context.Context, method, path, mediaType string, body io.Reader) (answer io.ReadCloser, size int64, err error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://admin"+path, body)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Content-Type", mediaType)
	resp, err := c.http.Do(req)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
			return nil, 0, fmt.Errorf("folder %s: %w; start it first, or name its data folder with --data", c.dir, ErrNotRunning)
		}
		return nil, 0, fmt.Errorf("ask the server of %s: %w", c.dir, err)
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return nil, 0, errors.New(strings.TrimSpace(string(text)))
	}
	return resp.Body, resp.ContentLength, nil
}
