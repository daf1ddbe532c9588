package recovery

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"

	"motcua/crypto/digest"
	"motcua/crypto/seal"
)

// Share is one official's part of the key.
type Share struct {
	Key       [8]byte // the first bytes of the ID of the key that seals
	Shares    uint8   // that there are
	Threshold uint8   // that open together
	X         uint8   // the number of this one, from 1
	Y         []byte
}

// ErrShare is wrapped by errors about shares: mistyped, of different keys, or too few.
var ErrShare = errors.New("share does not fit")

// A share in writing is version ‖ key ‖ shares ‖ threshold ‖ x ‖ y ‖ checksum, in letters and digits that are not taken for one another.
const (
	shareVersion = 1
	shareHead    = 1 + 8 + 3
	shareCheck   = 4
	secretSize   = 32
	shareSize    = shareHead + secretSize + shareCheck
	groupSize    = 5 // characters between hyphens
)

var letters = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// misread maps characters to what they are taken for, and drops those between groups.
var misread = strings.NewReplacer("O", "0", "I", "1", "L", "1", "-", "", " ", "", "\t", "", "\r", "", "\n", "")

// String is the share as it is written on paper.
func (s Share) String() string {
	b := append([]byte{shareVersion}, s.Key[:]...)
	b = append(append(b, s.Shares, s.Threshold, s.X), s.Y...)
	sum := sha256.Sum256(b)
	text := letters.EncodeToString(append(b, sum[:shareCheck]...))
	return strings.Join(slices.Collect(groups(text)), "-")
}

func groups(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for len(s) > 0 && yield(s[:min(groupSize, len(s))]) {
			s = s[min(groupSize, len(s)):]
		}
	}
}

// ParseShare reads what String writes, as a person types it: case, spaces and hyphens do not matter, nor O for 0, I or L for 1.
// Lines that begin with # are passed over.
func ParseShare(text string) (Share, error) {
	var code strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			code.WriteString(line)
		}
	}
	b, err := letters.DecodeString(misread.Replace(strings.ToUpper(code.String())))
	if err != nil || len(b) == 0 {
		return Share{}, fmt.Errorf("%w: it has a character that is in no share, or none at all", ErrShare)
	}
	if b[0] != shareVersion && len(b) == shareSize {
		return Share{}, fmt.Errorf("%w: it is of format %d, this version reads format %d; upgrade", ErrShare, b[0], shareVersion)
	}
	sum := sha256.Sum256(b[:max(0, len(b)-shareCheck)])
	if len(b) != shareSize || !bytes.Equal(sum[:shareCheck], b[len(b)-shareCheck:]) {
		return Share{}, fmt.Errorf("%w: it is mistyped; compare it with the paper", ErrShare)
	}
	s := Share{Key: [8]byte(b[1:9]), Shares: b[9], Threshold: b[10], X: b[11], Y: b[shareHead : shareHead+secretSize]}
	if s.X == 0 || s.X > s.Shares || s.Threshold < 2 || s.Threshold > s.Shares {
		return Share{}, fmt.Errorf("%w: number %d of %d, of which %d open", ErrShare, s.X, s.Shares, s.Threshold)
	}
	return s, nil
}

// generate makes a key and its shares.
func generate(n, k int) (*seal.PublicKey, []Share, error) {
	private, err := seal.GeneratePrivateKey()
	if err != nil {
		return nil, nil, err
	}
	secret, err := private.Bytes()
	if err != nil {
		return nil, nil, err
	}
	ys, err := split(secret, n, k, rand.Reader)
	clear(secret)
	if err != nil {
		return nil, nil, err
	}
	out := make([]Share, n)
	for i, y := range ys {
		out[i] = Share{Key: short(private.Public().ID()), Shares: uint8(n), Threshold: uint8(k), X: uint8(i + 1), Y: y}
	}
	return private.Public(), out, nil
}

func short(d digest.Digest) [8]byte { return [8]byte(d[:8]) }

// Combine gives the key back. A share given twice counts once.
func Combine(shares []Share) (*seal.PrivateKey, error) {
	var xs []byte
	var ys [][]byte
	for _, s := range shares {
		if first := shares[0]; s.Key != first.Key || s.Threshold != first.Threshold || s.Shares != first.Shares {
			return nil, fmt.Errorf("%w: number %d is of the key %x, number %d of %x", ErrShare, s.X, s.Key, first.X, first.Key)
		}
		if i := bytes.IndexByte(xs, s.X); i >= 0 {
			if !bytes.Equal(ys[i], s.Y) {
				return nil, fmt.Errorf("%w: two different shares have the number %d", ErrShare, s.X)
			}
			continue
		}
		xs, ys = append(xs, s.X), append(ys, s.Y)
	}
	if len(xs) == 0 || len(xs) < int(shares[0].Threshold) {
		return nil, fmt.Errorf("%w: %d different ones are here; bring more officials", ErrShare, len(xs))
	}
	private, err := seal.ParsePrivateKey(combine(xs, ys))
	if err != nil {
		return nil, err
	}
	if short(private.Public().ID()) != shares[0].Key {
		return nil, fmt.Errorf("%w: together they do not make the key %x: one of them was altered; try other officials", ErrShare, shares[0].Key)
	}
	return private, nil
}
