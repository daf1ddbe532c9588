package recovery

import (
	"fmt"
	"io"
)

// MaxShares is how many shares a secret is split into at most.
const MaxShares = 50

// split makes n shares of a secret, any k of which give it back; share i is that at x = i+1. Every byte is the constant term of a
// polynomial of degree k-1 of its own, over GF(2⁸).
func split(secret []byte, n, k int, random io.Reader) ([][]byte, error) {
	if k < 2 || n < k || n > MaxShares {
		return nil, fmt.Errorf("split into %d shares of which %d open: want at least 2, and at most %d shares", n, k, MaxShares)
	}
	coefficients := make([]byte, len(secret)*(k-1))
	if _, err := io.ReadFull(random, coefficients); err != nil {
		return nil, err
	}
	out := make([][]byte, n)
	for i := range out {
		out[i] = make([]byte, len(secret))
		for b := range secret {
			y := byte(0)
			for _, c := range coefficients[b*(k-1) : (b+1)*(k-1)] { // Horner's scheme, the highest term first
				y = multiply(y, byte(i+1)) ^ c
			}
			out[i][b] = multiply(y, byte(i+1)) ^ secret[b]
		}
	}
	return out, nil
}

// combine is the value at 0 of the polynomials through the points: the secret, if there are enough of them. The xs differ, and
// none is 0.
func combine(xs []byte, ys [][]byte) []byte {
	out := make([]byte, len(ys[0]))
	for i, x := range xs {
		weight := byte(1)
		for j, other := range xs {
			if i != j {
				weight = multiply(weight, multiply(other, invert(other^x)))
			}
		}
		for b := range out {
			out[b] ^= multiply(weight, ys[i][b])
		}
	}
	return out
}

// multiply in GF(2⁸) modulo x⁸+x⁴+x³+x+1 (FIPS 197, section 4.2), in the same steps whatever the bytes are.
func multiply(a, b byte) byte {
	p := byte(0)
	for range 8 {
		p ^= a & -(b & 1)
		a = a<<1 ^ 0x1b&-(a>>7)
		b >>= 1
	}
	return p
}

// invert returns a²⁵⁴, which is 1/a.
func invert(a byte) byte {
	out := byte(1)
	for range 7 {
		a = multiply(a, a)
		out = multiply(out, a)
	}
	return out
}
