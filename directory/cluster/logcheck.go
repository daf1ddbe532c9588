package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/hashicorp/raft-wal/types"
)

// What a file of Raft's log is made of, as raft-wal 0.4 writes it: a header, then frames of eight bytes and what they
// announce, padded to eight. A frame that ends a batch holds the checksum of all since the one before.
const (
	fileHead   = 32
	frameHead  = 8
	frameEntry = 1
	frameIndex = 2
	frameEnd   = 3
)

// maxScan bounds the search for batches behind a damaged one.
const maxScan = 64

// errDamaged: the log has lost something in its middle.
var errDamaged = errors.New("the log is damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checkLog reads a file of the log through. A last batch that is cut short or altered was being written when the power
// went: nobody was told that it is durable, and raft-wal drops it. Damage with a whole batch behind it is of another kind,
// and raft-wal would drop that batch too. The error then wraps errDamaged.
func checkLog(b []byte, sealed bool) error {
	good, at := 0, fileHead
	for {
		end, size := frame(b, at)
		switch {
		case size == 0 && (sealed && (at != good || !blank(b, at))):
			return damage(at)
		case size == 0:
			return checkRest(b, good, at)
		case end && crc32.Checksum(b[good:at], castagnoli) != sumAt(b, at):
			if sealed {
				return damage(good)
			}
			return checkRest(b, good, at)
		case end:
			good = at + frameHead
		}
		at += size
	}
}

func damage(at int) error { return fmt.Errorf("%w at byte %d", errDamaged, at) }

// frame returns the size of the frame at a place, 0 if there is none, and whether it ends a batch.
func frame(b []byte, at int) (end bool, size int) {
	if at+frameHead > len(b) || b[at+1]|b[at+2]|b[at+3] != 0 {
		return false, 0
	}
	switch b[at] {
	case frameEntry, frameIndex:
		n := int(binary.LittleEndian.Uint32(b[at+4:]))
		size = frameHead + (n+frameHead-1)/frameHead*frameHead
		if size > len(b)-at {
			return false, 0
		}
		return false, size
	case frameEnd:
		return true, frameHead
	}
	return false, 0
}

func sumAt(b []byte, at int) uint32 { return binary.LittleEndian.Uint32(b[at+4:]) }

func blank(b []byte, at int) bool {
	return at+frameHead > len(b) || binary.LittleEndian.Uint64(b[at:]) == 0
}

// checkRest looks for a whole batch behind a place where reading stopped: between any two frames that look like ends of
// batches, the second with the checksum of what is between them.
func checkRest(b []byte, good, at int) error {
	ends := looksLikeEnds(b, good)
	for i, from := range ends {
		if i == maxScan {
			break
		}
		sum, done := uint32(0), from+frameHead
		for _, to := range ends[i+1:] {
			if to == done {
				continue // an empty batch is none
			}
			sum = crc32.Update(sum, castagnoli, b[done:to])
			done = to
			if sum == sumAt(b, to) {
				return damage(at)
			}
		}
	}
	return nil
}

func looksLikeEnds(b []byte, from int) (ends []int) {
	for at := from - from%frameHead; at+frameHead <= len(b); at += frameHead {
		if b[at] == frameEnd && b[at+1]|b[at+2]|b[at+3] == 0 {
			ends = append(ends, at)
		}
	}
	return ends
}

// checkSegment reads one file of the log through.
func checkSegment(f types.VFS, dir, name string, sealed bool) error {
	r, err := f.OpenReader(dir, name)
	if err != nil {
		return err
	}
	defer r.Close()
	b, err := io.ReadAll(io.NewSectionReader(r, 0, maxSegment))
	if err != nil {
		return err
	}
	if err := checkLog(b, sealed); err != nil {
		return fmt.Errorf("%s: %w: this server's disk has lost what the server had acknowledged: set its data folder aside and let it join anew", name, err)
	}
	return nil
}

// maxSegment bounds a file of the log in bytes: one ends with the batch that fills it.
const maxSegment = segmentSize + int64(maxAppend)*(maxAsk+frameHead)
