package line

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
)

// A sealed packet: mark, tag (7 bytes: which line and direction), number (4 bytes, the low ones), ciphertext with its 16 bytes
// of authentication. The head is authenticated too. Numbers start at 0 and end at 1<<32, well before which a line is replaced.
const (
	tagSize  = 7
	headSize = 1 + tagSize + 4
	// Overhead is what sealing adds to a packet.
	Overhead = headSize + 16
	// Secret is the length of the key material of one direction.
	Secret = tagSize + 1 + 16 + 12
)

// maxPackets bounds the packets under one key, far below what AES-GCM allows at random and well within 4 bytes.
const maxPackets = Reserved

// Reserved is the first of the numbers that no packet of a line has: they are left to whoever seals something else under the same keys.
const Reserved = 1<<32 - 1<<20

// ErrForged: a packet was not sealed by the peer.
var ErrForged = errors.New("packet does not open")

// Tag tells to which line, and in which direction, a packet belongs.
type Tag [tagSize]byte

// Keys seal the packets of one direction of a line, or open them. They hold no state.
type Keys struct {
	tag  Tag
	mark byte
	aead cipher.AEAD
	iv   [12]byte
}

// NewKeys makes keys from [Secret] bytes that only the two ends know, and that both derive anew for every line. The mark is the first
// byte of every packet.
func NewKeys(mark byte, secret []byte) (*Keys, error) {
	if len(secret) != Secret {
		return nil, fmt.Errorf("line: secret of %d bytes, want %d", len(secret), Secret)
	}
	k := &Keys{mark: mark}
	copy(k.tag[:], secret)
	block, err := aes.NewCipher(secret[tagSize+1:][:16])
	if err != nil {
		return nil, err
	}
	if k.aead, err = cipher.NewGCM(block); err != nil {
		return nil, err
	}
	copy(k.iv[:], secret[tagSize+1+16:])
	return k, nil
}

// Tag is that of the keys' packets.
func (k *Keys) Tag() Tag { return k.tag }

// TagOf reads the tag of a sealed packet; false if it is too short to be one.
func TagOf(packet []byte) (t Tag, ok bool) {
	if len(packet) <= Overhead {
		return t, false
	}
	copy(t[:], packet[1:])
	return t, true
}

func (k *Keys) nonce(number uint32) [12]byte {
	n := k.iv
	binary.BigEndian.PutUint32(n[8:], binary.BigEndian.Uint32(n[8:])^number)
	return n
}

// Seal appends the sealed packet to b. A number is used once.
func (k *Keys) Seal(b []byte, number uint32, packet []byte) []byte {
	start := len(b)
	b = append(b, k.mark)
	b = append(b, k.tag[:]...)
	b = binary.BigEndian.AppendUint32(b, number)
	n := k.nonce(number)
	return k.aead.Seal(b, n[:], packet, b[start:start+headSize])
}

// Open opens a sealed packet in place.
func (k *Keys) Open(sealed []byte) (number uint32, packet []byte, err error) {
	if len(sealed) <= Overhead || sealed[0] != k.mark || Tag(sealed[1:1+tagSize]) != k.tag {
		return 0, nil, ErrForged
	}
	number = binary.BigEndian.Uint32(sealed[1+tagSize:])
	n := k.nonce(number)
	packet, err = k.aead.Open(sealed[headSize:headSize], n[:], sealed[headSize:], sealed[:headSize])
	if err != nil {
		return 0, nil, ErrForged
	}
	return number, packet, nil
}
