package line

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// The frames of a packet, one behind the other to its end. Numbers are varints (encoding/binary). Append only.
const (
	framePadding = 0 // to the end of the packet
	framePing    = 1 // asks for an acknowledgement
	frameAck     = 2 // largest number, delay in units of ackUnit, count, then per range from the largest down: length-1, gap-1 to the next
	frameCredit  = 3 // stream, offset up to which the peer may write
	frameData    = 4 // stream, offset, length, bytes
	frameEnd     = 5 // the same, and the stream ends behind them
	frameReset   = 6 // stream: no more will come
	frameStop    = 7 // stream: no more is wanted
)

// ackUnit is the unit of the delay of an acknowledgement.
const ackUnit = 100 * time.Microsecond

// maxAckDelay bounds it; one so long says nothing of the way there and back.
const maxAckDelay = time.Minute

// maxRanges bounds the ranges of an acknowledgement.
const maxRanges = 64

// ErrMalformed is wrapped by every error about a packet that opened and makes no sense: the peer is broken.
var ErrMalformed = errors.New("malformed packet")

// frame is any of the frames; which fields count is told by kind.
type frame struct {
	kind   byte
	stream uint64
	offset uint64
	data   []byte
	delay  time.Duration
	acked  []span // from the largest down
}

func appendAck(b []byte, got spans, delay time.Duration) []byte {
	n := min(len(got), maxRanges)
	b = append(b, frameAck)
	b = binary.AppendUvarint(b, got[len(got)-1].hi-1)
	b = binary.AppendUvarint(b, uint64(min(max(delay, 0), maxAckDelay)/ackUnit))
	b = binary.AppendUvarint(b, uint64(n))
	for i := range n {
		v := got[len(got)-1-i]
		b = binary.AppendUvarint(b, v.hi-v.lo-1)
		if i < n-1 {
			b = binary.AppendUvarint(b, v.lo-got[len(got)-2-i].hi-1)
		}
	}
	return b
}

func appendNumbers(b []byte, kind byte, numbers ...uint64) []byte {
	b = append(b, kind)
	for _, n := range numbers {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

// dataRoom is the most that the head of a data frame takes.
func dataRoom(stream, offset uint64) int {
	return 1 + uvarintLen(stream) + uvarintLen(offset) + 2
}

func uvarintLen(n uint64) int {
	return len(binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen64), n))
}

// reader reads the frames of a packet. After an error it returns zeros.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.b, r.bad = nil, true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// frames calls f for each frame of a packet. Data is part of the packet.
func frames(packet []byte, f func(frame) error) error {
	r := &reader{b: packet}
	for len(r.b) > 0 {
		v := frame{kind: r.b[0]}
		r.b = r.b[1:]
		switch v.kind {
		case framePadding:
			return nil
		case framePing:
		case frameAck:
			r.ack(&v)
		case frameCredit:
			v.stream, v.offset = r.number(), r.number()
		case frameData, frameEnd:
			v.stream, v.offset = r.number(), r.number()
			v.data = r.bytes(r.number())
		case frameReset, frameStop:
			v.stream = r.number()
		default:
			return fmt.Errorf("frame of kind %d, which a newer version may know: %w", v.kind, ErrMalformed)
		}
		if r.bad || v.stream > maxNumber || v.offset > maxNumber {
			return fmt.Errorf("frame of kind %d is cut off or out of bounds: %w", v.kind, ErrMalformed)
		}
		if err := f(v); err != nil {
			return err
		}
	}
	return nil
}

// maxNumber bounds streams and offsets, so that sums do not overflow.
const maxNumber = 1 << 60

func (r *reader) ack(v *frame) {
	largest, delay, n := r.number(), r.number(), r.number()
	if largest > maxNumber || delay > uint64(maxAckDelay/ackUnit) || n == 0 || n > maxRanges {
		r.b, r.bad = nil, true
		return
	}
	v.delay = time.Duration(delay) * ackUnit
	hi := largest + 1
	for i := range n {
		length := r.number() + 1
		if r.bad || length == 0 || length > hi {
			r.b, r.bad = nil, true
			return
		}
		v.acked = append(v.acked, span{hi - length, hi})
		if i < n-1 {
			gap := r.number() + 1
			if r.bad || gap == 0 || gap > hi-length {
				r.b, r.bad = nil, true
				return
			}
			hi -= length + gap
		}
	}
}
