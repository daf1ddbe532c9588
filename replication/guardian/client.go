package guardian

import (
	"context"
	"fmt"
	"io"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/replication"
	"motcua/replication/link"
)

// Session is a conversation with a guardian. It is not safe for concurrent use; after an error close it.
type Session struct {
	s    *link.Stream
	stop func() bool
}

// Dial begins a conversation. The context ends it.
func Dial(ctx context.Context, l *link.Link, name replication.Name) (*Session, error) {
	s, err := l.BeginBulk(ctx, name, Protocol)
	if err != nil {
		return nil, err
	}
	return &Session{s, context.AfterFunc(ctx, s.Cancel)}, nil
}

// Close ends the conversation.
func (c *Session) Close() error {
	c.stop()
	c.s.Cancel()
	return c.s.Close()
}

func (c *Session) ask(q Request) (r Reply, err error) {
	c.s.SetStall(stallTime)
	if err := c.s.Send(q); err != nil {
		return r, err
	}
	return c.reply()
}

func (c *Session) reply() (r Reply, err error) {
	c.s.SetStall(commitTime)
	if err := c.s.Receive(&r, maxMessage); err != nil {
		return r, err
	}
	if r.No != "" {
		return r, &Denied{r.No}
	}
	return r, nil
}

// Heads returns where our streams stand, newest first, and the guardian's key for backups; ours is handed over.
func (c *Session) Heads(key *record.Record) ([]Head, *record.Record, error) {
	r, err := c.ask(Request{Heads: true, Key: key})
	return r.Heads, r.Key, err
}

// Start begins a stream.
func (c *Session) Start(r record.Record) error {
	_, err := c.ask(Request{Start: &r})
	return err
}

// Append adds a segment, whose file the guardian has.
func (c *Session) Append(r record.Record) error {
	_, err := c.ask(Request{Append: &r})
	return err
}

// Missing returns which of at most MaxNames files the guardian has not.
func (c *Session) Missing(names []digest.Digest) ([]digest.Digest, error) {
	if len(names) == 0 {
		return nil, nil
	}
	r, err := c.ask(Request{Missing: names})
	return r.Missing, err
}

// Put hands over a file, from where it broke off. Body is closed.
func (c *Session) Put(f File, body io.ReadSeekCloser) error {
	defer body.Close()
	r, err := c.ask(Request{Put: &f})
	if err != nil || r.Have {
		return err
	}
	if r.From < 0 || r.From > f.Size {
		return fmt.Errorf("guardian has %d bytes of %d: %w", r.From, f.Size, ErrMalformed)
	}
	if _, err := body.Seek(r.From, io.SeekStart); err != nil {
		return err
	}
	c.s.SetStall(stallTime)
	if _, err := io.CopyN(c.s, body, f.Size-r.From); err != nil {
		return err
	}
	_, err = c.reply()
	return err
}

// Read returns some records of a stream from a place on, at least one.
func (c *Session) Read(p Place) ([]record.Record, error) {
	r, err := c.ask(Request{Read: &p})
	if err == nil && len(r.Records) == 0 {
		err = ErrMalformed
	}
	return r.Records, err
}

// Files returns at most MaxNames files after a name, in order; fewer are the last.
func (c *Session) Files(after digest.Digest) ([]File, error) {
	r, err := c.ask(Request{Files: &after})
	return r.Files, err
}

// Get writes the bytes of a file from an offset on. It does not check that they are the ones that the name says.
func (c *Session) Get(f File, from int64, w io.Writer) error {
	r, err := c.ask(Request{Get: &Range{f.Name, from, f.Segment}})
	if err == nil && (r.Size != f.Size || from > f.Size) {
		err = fmt.Errorf("file of %d bytes, not %d: %w", r.Size, f.Size, ErrMalformed)
	}
	if err != nil {
		return err
	}
	c.s.SetStall(stallTime)
	_, err = io.CopyN(w, c.s, f.Size-from)
	return err
}
