// Package seal encrypts to named recipients. A fresh data key encrypts the bytes in authenticated chunks; the data
// key is sealed to each recipient with HPKE (RFC 9180) over X-Wing.
//
// # Chunks
//
// Bytes are cut into chunks of one plain size, all full but the last, each under AES-256-GCM with the nonce
// "counter ‖ last": a chunk cannot be moved, dropped, repeated or cut off without being noticed (the STREAM
// construction, Hoang, Reyhanitabar, Rogaway and Vizár 2015). A key encrypts one sequence of chunks and no more: make a
// fresh one each time.
// Chunks can be opened in any order, and each ciphertext can be named by its own hash.
//
// # What it does not do
//
// It does not sign: who sealed something is told by the record that carries it. It does not hide lengths.
package seal

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Overhead is how many bytes a chunk grows by.
const Overhead = 16

// Cipher seals and opens the chunks of one data key.
type Cipher struct{ gcm cipher.AEAD }

// NewCipher makes the cipher of k.
func NewCipher(k Key) *Cipher {
	b, err := aes.NewCipher(k[:])
	if err != nil {
		panic(err) // the size of a Key is right by its type
	}
	g, err := cipher.NewGCM(b)
	if err != nil {
		panic(err)
	}
	return &Cipher{g}
}

func nonce(index uint64, last bool) []byte {
	n := make([]byte, 12)
	binary.BigEndian.PutUint64(n[3:11], index)
	if last {
		n[11] = 1
	}
	return n
}

// Seal encrypts chunk number index.
func (c *Cipher) Seal(index uint64, last bool, plain []byte) []byte {
	return c.gcm.Seal(nil, nonce(index, last), plain, nil)
}

// Open decrypts chunk number index. The error is ErrOpen.
func (c *Cipher) Open(index uint64, last bool, sealed []byte) ([]byte, error) {
	b, err := c.gcm.Open(nil, nonce(index, last), sealed, nil)
	if err != nil {
		return nil, ErrOpen
	}
	return b, nil
}

// Encrypt reads r to its end and calls put with each sealed chunk, in order; size is the plain size of a chunk. An
// empty r makes one empty chunk. It returns the number of plain bytes.
func (c *Cipher) Encrypt(r io.Reader, size int, put func(sealed []byte) error) (int64, error) {
	br := bufio.NewReaderSize(r, size+1)
	buf := make([]byte, size)
	total := int64(0)
	for i := uint64(0); ; i++ {
		n, err := io.ReadFull(br, buf)
		if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
			return total, fmt.Errorf("read what is to be sealed: %w", err)
		}
		_, peek := br.Peek(1)
		if peek != nil && peek != io.EOF {
			return total, fmt.Errorf("read what is to be sealed: %w", peek)
		}
		last := peek == io.EOF
		total += int64(n)
		if err := put(c.Seal(i, last, buf[:n])); err != nil {
			return total, err
		}
		if last {
			return total, nil
		}
	}
}

// Decrypter reads the plain bytes of consecutive sealed chunks of the plain size from r. It fails with ErrOpen at the
// first altered, missing or surplus byte, and never yields a byte it has not authenticated. The end of the plain
// bytes is reported only after the last chunk has been seen.
func (c *Cipher) Decrypter(r io.Reader, size int) io.Reader {
	return &decrypter{c: c, r: bufio.NewReaderSize(r, size+Overhead+1), buf: make([]byte, size+Overhead)}
}

type decrypter struct {
	c     *Cipher
	r     *bufio.Reader
	buf   []byte
	plain []byte
	index uint64
	done  bool
	err   error
}

func (d *decrypter) Read(p []byte) (int, error) {
	for len(d.plain) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		d.next()
	}
	n := copy(p, d.plain)
	d.plain = d.plain[n:]
	return n, nil
}

func (d *decrypter) next() {
	if d.done {
		d.err = io.EOF
		return
	}
	n, err := io.ReadFull(d.r, d.buf)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		if err == io.EOF {
			err = ErrOpen
		}
		d.err = err
		return
	}
	_, peek := d.r.Peek(1)
	if peek != nil && peek != io.EOF {
		d.err = peek
		return
	}
	d.done = peek == io.EOF
	d.plain, d.err = d.c.Open(d.index, d.done, d.buf[:n])
	if d.index > 0 && len(d.plain) == 0 && d.err == nil {
		d.err = ErrOpen // an empty chunk stands for an empty whole only: one plain text has one chunking
	}
	d.index++
}
