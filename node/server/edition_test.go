package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// shelf is an edition at hand whose bytes say nothing.
type shelf []byte

func (shelf) Number() uint64           { return 2 }
func (s shelf) BytesFor(uint64) []byte { return s }

// piece and pieceTime are those of a line of 256 kbit/s.
const (
	piece     = 32 << 10
	pieceTime = time.Second
)

// distant is a link in a simulated network.
func distant(t *testing.T, net *replicationtest.Network, book *replicationtest.Book, name replication.Name, addr string, key byte) *link.Link {
	t.Helper()
	id := directorytest.Identity(key)
	book.Add(name, addr, id.Public())
	l, err := link.New(link.Config{Name: name, Identity: id, Resolver: book, Conn: net.Listen(addr)})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestASlowLineTakesAnEdition: the edition of a whole province takes minutes to come over a slow line, and comes. A peer that
// stands still is given up.
func TestASlowLineTakesAnEdition(t *testing.T) {
	big := bytes.Repeat([]byte("thủ tục "), 800_000)
	synctest.Test(t, func(t *testing.T) {
		net, book := replicationtest.NewNetwork(), replicationtest.NewBook()
		asking, answering := distant(t, net, book, "H32.1", "10.0.0.1:7400", 100), distant(t, net, book, "H32.2", "10.0.0.2:7400", 110)
		defer answering.Close()
		defer asking.Close()
		stuck := 0
		answering.Handle(editionProtocol, link.Known, func(_ context.Context, _ link.Caller, s *link.Stream) {
			var q editionQuestion
			s.Receive(&q, maxQuestion)
			dribble(t, s, editionAnswer{Edition: big}, stuck)
		})
		start := time.Now()
		got, err := receiveEdition(t.Context(), asking, "H32.2", editionQuestion{Have: 1})
		if err != nil || !bytes.Equal(got, big) || time.Since(start) < 2*time.Minute {
			t.Errorf("%d bytes after %v, error %v", len(got), time.Since(start), err)
		}
		stuck, start = 5, time.Now()
		if got, err := receiveEdition(t.Context(), asking, "H32.2", editionQuestion{Have: 1}); err == nil || time.Since(start) > 2*time.Minute {
			t.Errorf("a peer that stands still: %d bytes after %v, error %v", len(got), time.Since(start), err)
		}
	})
}

// dribble sends a message at the pace of a slow line; it stands still after some pieces, unless that is 0.
func dribble(t *testing.T, s *link.Stream, v any, still int) {
	b, err := wire.Marshal(v)
	if err != nil {
		t.Error(err)
	}
	b = append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
	for i := 0; len(b) > 0; i++ {
		if still > 0 && i == still {
			time.Sleep(10 * time.Minute)
		}
		n, err := s.Write(b[:min(piece, len(b))])
		if err != nil {
			return
		}
		b = b[n:]
		time.Sleep(pieceTime)
	}
}

// TestASlowLineIsGivenAnEdition is the same seen from the node that has the edition.
func TestASlowLineIsGivenAnEdition(t *testing.T) {
	big := shelf(bytes.Repeat([]byte("thủ tục "), 800_000))
	synctest.Test(t, func(t *testing.T) {
		net, book := replicationtest.NewNetwork(), replicationtest.NewBook()
		asking, answering := distant(t, net, book, "H32.1", "10.0.0.1:7400", 100), distant(t, net, book, "H32.2", "10.0.0.2:7400", 110)
		defer answering.Close()
		defer asking.Close()
		answering.Handle(editionProtocol, link.Known, func(ctx context.Context, _ link.Caller, s *link.Stream) {
			if err := sendEdition(ctx, s, big); err != nil {
				t.Errorf("not sent: %v", err)
			}
		})
		s, err := asking.Dial(t.Context(), "H32.2", editionProtocol)
		if err != nil || s.Send(editionQuestion{Have: 1}) != nil {
			t.Fatal(err)
		}
		total, buf := 0, make([]byte, piece)
		for err == nil {
			var n int
			n, err = io.ReadFull(s, buf)
			total += n
			time.Sleep(pieceTime)
		}
		if total < len(big) {
			t.Errorf("%d bytes of %d: %v", total, len(big), err)
		}
		s.Close()
	})
}

// TestAPlaceIsToldAtAPace: what the directory says wrongly is told at once, again when telling failed, and at most once a
// minute however often somebody says the contrary.
func TestAPlaceIsToldAtAPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
		defer stop()
		said, start := []time.Duration{}, time.Now()
		moved := make(chan struct{})
		close(moved)
		flapping := func() (bool, <-chan struct{}) { return true, moved }
		keepTold(ctx, flapping, func(context.Context) error {
			said = append(said, time.Since(start))
			if len(said) < 3 {
				return errors.New("no line")
			}
			return nil
		}, slog.New(slog.DiscardHandler))
		if len(said) < 5 || said[0] != 0 || said[1] > announcePause || len(said) > 13 {
			t.Errorf("told %d times, first at %v", len(said), said[:min(5, len(said))])
		}
		for i := 3; i < len(said); i++ {
			if said[i]-said[i-1] < announcePause {
				t.Fatalf("told at %v and %v", said[i-1], said[i])
			}
		}
	})
}

// TestTheDirectoryIsTriedAtAPace: while it is out of reach it is tried ever less often, at once when one of its servers is seen,
// and at the first pace again after it has answered.
func TestTheDirectoryIsTriedAtAPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		tries, answers := make(chan time.Duration, 100), make(chan bool, 1)
		start, sighted := time.Now(), make(chan struct{}, 1)
		go keepTrying(ctx, func(context.Context) error {
			tries <- time.Since(start)
			select {
			case <-answers:
				return nil
			default:
				return errors.New("no line")
			}
		}, sighted, slog.New(slog.DiscardHandler))
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if n := len(tries); n < 30 || n > 45 {
			t.Fatalf("tried %d times in half an hour", n)
		}
		for last := <-tries; len(tries) > 0; {
			at := <-tries
			if pause := at - last; pause > longestRetry || last == 0 && pause > editionRetry {
				t.Errorf("after %v a pause of %v", last, pause)
			}
			last = at
		}
		now := time.Since(start)
		answers <- true
		sighted <- struct{}{}
		synctest.Wait()
		if len(tries) != 2 || <-tries != now || <-tries != now {
			t.Fatalf("seen at %v, and not tried then", now)
		}
		time.Sleep(editionRetry)
		synctest.Wait()
		if len(tries) != 1 {
			t.Errorf("after an answer it was tried %d times in %v", len(tries), editionRetry)
		}
	})
}

// TestForksAreKept: two editions of one number, and one that does not go on from the one at hand, are evidence. Both sides of
// each are kept as they are, and it is said aloud; an edition that goes on from the one before leaves nothing.
func TestForksAreKept(t *testing.T) {
	var log bytes.Buffer
	n := offline(t, time.Now())
	n.log = slog.New(slog.NewTextHandler(&log, nil))
	one := n.replica.Bytes()
	first, err := openEdition(one)
	if err != nil {
		t.Fatal(err)
	}
	two := signedEdition(t, 2, func(e *edition.Edition) { e.Prev = first.body })
	if newer, err := n.take(two); err != nil || !newer || n.forks() != 0 || log.Len() != 0 {
		t.Fatalf("a good edition: %v %v, %d forks: %s", newer, err, n.forks(), &log)
	}
	if newer, err := n.take(one); err != nil || newer || n.forks() != 0 {
		t.Errorf("an old edition: %v %v, %d forks", newer, err, n.forks())
	}
	split := signedEdition(t, 2, func(e *edition.Edition) { e.Prefix = "H33" })
	for range 2 { // said twice, kept once
		if newer, err := n.take(split); !errors.Is(err, edition.ErrFork) || newer {
			t.Errorf("another edition of the same number: %v %v", newer, err)
		}
	}
	kept(t, n, two, split)
	three := signedEdition(t, 3, func(e *edition.Edition) { e.Prev = digest.Of(split) })
	if newer, err := n.take(three); err != nil || !newer {
		t.Errorf("an edition that goes on from another: %v %v", newer, err)
	}
	kept(t, n, two, split, three)
	if c := strings.Count(log.String(), "level=ERROR"); c != 3 || n.replica.Number() != 3 {
		t.Errorf("said %d times at edition %d: %s", c, n.replica.Number(), &log)
	}
}

// kept fails unless the node holds these editions as evidence, and no others.
func kept(t *testing.T, n *Server, want ...[]byte) {
	t.Helper()
	if n.forks() != len(want) {
		t.Errorf("%d editions are kept, want %d", n.forks(), len(want))
	}
	for _, b := range want {
		path, err := n.keepEvidence(b) // finds it
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
	}
}

// TestEvidenceIsBounded: a directory gone mad does not fill the disk.
func TestEvidenceIsBounded(t *testing.T) {
	n := offline(t, time.Now())
	n.log = slog.New(slog.DiscardHandler)
	for i := range maxForks + 5 {
		n.take(signedEdition(t, 1, func(e *edition.Edition) { e.Cut += int64(i + 1); e.Prefix = directory.OfficeCode("H33") }))
	}
	if n.forks() != maxForks {
		t.Errorf("%d editions are kept", n.forks())
	}
}
