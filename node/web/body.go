package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"

	"motcua/node/office"
)

// newOnce makes the token of a form.
func newOnce() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// maxOnce bounds a token that comes back.
const maxOnce = 64

// post reads the values of a form without files. It fails where the token is missing.
func (c *call) post() (url.Values, error) {
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxForm)
	if err := c.r.ParseForm(); err != nil {
		var tooBig *http.MaxBytesError
		if errors.As(err, &tooBig) {
			return nil, err
		}
		return nil, errMalformed
	}
	return c.r.PostForm, checkOnce(c.r.PostForm)
}

func checkOnce(v url.Values) error {
	if n := len(v.Get("once")); n == 0 || n > maxOnce {
		return errMalformed
	}
	return nil
}

// typed returns what was typed in one line: NFC, without spaces around, at most n characters.
func typed(v url.Values, name string, n int) string {
	s := []rune(strings.TrimSpace(norm.NFC.String(strings.ToValidUTF8(v.Get(name), ""))))
	return string(s[:min(len(s), n)])
}

// maxField bounds a field of a form with a file, in bytes.
const maxField = 64 << 10

// upload reads a form with a file, up to the file: fields come first, the file last. The file is nil where none was chosen;
// who stores it bounds it, and must do so before the call ends.
func (c *call) upload() (url.Values, *office.Upload, error) {
	parts, err := c.r.MultipartReader()
	if err != nil {
		return nil, nil, errMalformed
	}
	v := url.Values{}
	for range 20 { // no form has more fields
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return v, nil, checkOnce(v)
		}
		if err != nil {
			return nil, nil, errMalformed
		}
		if part.FormName() == "file" {
			return v, chosen(part), checkOnce(v)
		}
		b, err := io.ReadAll(io.LimitReader(part, maxField+1))
		if err != nil || len(b) > maxField {
			return nil, nil, errMalformed
		}
		v.Add(part.FormName(), string(b))
	}
	return nil, nil, errMalformed
}

func chosen(p *multipart.Part) *office.Upload {
	if p.FileName() == "" {
		return nil
	}
	return &office.Upload{Name: norm.NFC.String(p.FileName()), Body: p}
}

// maxDrain bounds what is read and thrown away, in bytes.
const maxDrain = 128 << 20

// drain reads what is left of a file that was not taken: a browser that still sends would show a broken line, not the page
// that says what is wrong.
func (c *call) drain() { io.Copy(io.Discard, io.LimitReader(c.r.Body, maxDrain)) }

// repeats remembers the answers of acts that have no durable identity of their own (a draft begun, a file added), for
// a while and within bounds: a repeat over a bad line comes within minutes.
type repeats struct {
	mu      sync.Mutex
	answers map[string]string
	order   []string
	running map[string]chan struct{} // closed when the act has ended
}

const maxRepeats = 4096

func newRepeats() *repeats {
	return &repeats{answers: map[string]string{}, running: map[string]chan struct{}{}}
}

// once does an act and remembers its answer. A repeat that comes while it is being done waits, and one that comes later is
// given the same answer; an act that failed is done again.
func (r *repeats) once(ctx context.Context, key string, act func() (string, error)) (string, error) {
	for {
		r.mu.Lock()
		a, known := r.answers[key]
		ended, running := r.running[key]
		if !known && !running {
			ended = make(chan struct{})
			r.running[key] = ended
		}
		r.mu.Unlock()
		switch {
		case known:
			return a, nil
		case !running:
			return r.do(key, ended, act)
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

func (r *repeats) do(key string, ended chan struct{}, act func() (string, error)) (a string, err error) {
	defer func() {
		r.mu.Lock()
		delete(r.running, key)
		r.mu.Unlock()
		close(ended)
	}()
	if a, err = act(); err == nil {
		r.put(key, a)
	}
	return a, err
}

// get returns the answer that was given, false if none was.
func (r *repeats) get(key string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.answers[key]
	return a, ok
}

// take is get, and forgets the answer.
func (r *repeats) take(key string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.answers[key]
	delete(r.answers, key)
	r.order = slices.DeleteFunc(r.order, func(k string) bool { return k == key })
	return a, ok
}

func (r *repeats) put(key, answer string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.answers[key]; !ok {
		r.order = append(r.order, key)
	}
	r.answers[key] = answer
	for len(r.order) > maxRepeats {
		delete(r.answers, r.order[0])
		r.order = r.order[1:]
	}
}
