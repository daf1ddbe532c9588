package bundle

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/seal"
	"motcua/crypto/wire"
	"motcua/replication"
	"motcua/replication/replicationtest"
	"motcua/replication/spool"
)

// basket is a sink that keeps what it gets.
type basket struct {
	index    Index
	edition  []byte
	receipts []record.Record
	parcels  map[digest.Digest][][]byte
	refuse   digest.Digest
	pass     replication.Name
	some     []int // chunks asked for; nil: all
}

func (b *basket) Index(i Index) error {
	b.index = i
	return nil
}

func (b *basket) Edition(_ context.Context, e []byte) error {
	b.edition = e
	return nil
}

func (b *basket) Receipt(_ context.Context, r record.Record) error {
	if _, err := replication.ReadReceipt(r); err != nil {
		return err
	}
	b.receipts = append(b.receipts, r)
	return nil
}

func (b *basket) Parcel(_ context.Context, p replication.Parcel, chunk func(int) ([]byte, error)) error {
	if p.Manifest.To == b.pass {
		return ErrPassed
	}
	if p.ID() == b.refuse {
		return &replication.NotNow{Obstacle: replication.WrongHouse}
	}
	var got [][]byte
	for i := range p.Manifest.Chunks {
		if b.some != nil && !slices.Contains(b.some, i) {
			continue
		}
		c, err := chunk(i)
		if err != nil {
			return err
		}
		if !p.Manifest.Fits(i, c) {
			return errors.New("a chunk is not what was signed")
		}
		got = append(got, c)
	}
	if b.parcels == nil {
		b.parcels = map[digest.Digest][][]byte{}
	}
	b.parcels[p.ID()] = got
	return nil
}

// contents makes two parcels (of one and of three chunks), a receipt and an edition.
func contents(t testing.TB) Contents {
	t.Helper()
	s, err := spool.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	to, err := seal.GeneratePrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	c := Contents{
		From: "H32.1", Created: time.Date(2026, 11, 24, 9, 5, 0, 0, time.UTC), Chunk: s.Chunk,
		Edition: []byte("the edition"), EditionNumber: 12,
	}
	for i, n := range []int{20, 2*replication.ChunkSize + 50} {
		d := spool.Draft{From: "H32.1", To: replication.Name(fmt.Sprint("H32.", i+2)), Created: c.Created, Expires: c.Created}
		p, err := s.Pack(d, replicationtest.Key(t, "sender"), to.Public(), bytes.Repeat([]byte("Nguyen "), n/7), nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Parcels = append(c.Parcels, p)
	}
	in := replicationtest.Parcel(t, replicationtest.Key(t, "other"), "H32.9", "H32.1", c.Created)
	r, _ := replicationtest.Receipt(t, in, replicationtest.Key(t, "sender"))
	c.Receipts = append(c.Receipts, r)
	return c
}

// TestABundleOfANewerVersionIsNotCalledDamaged: nobody is sent for another stick where an upgrade is what is needed.
func TestABundleOfANewerVersionIsNotCalledDamaged(t *testing.T) {
	for what, parts := range map[string]map[kind]any{
		"a key of the index": {kindIndex: map[uint64]any{1: "H32.1", 2: []string{}, 3: 1, 4: 0, 5: 0, 7: true}},
		"a key of a record":  {kindIndex: Index{From: "H32.1"}, kindReceipt: map[uint64]any{1: []byte{1}, 2: make([]byte, 32), 3: []byte{2}, 5: 1, 9: true}},
	} {
		b := bytes.NewBufferString(magic + version + "\n")
		for k := kindIndex; k <= kindReceipt; k++ {
			if parts[k] == nil {
				continue
			}
			raw, err := wire.Marshal(parts[k])
			if err == nil {
				err = writeSection(b, k, raw)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Read(t.Context(), b, &basket{}); !errors.Is(err, ErrNewer) || errors.Is(err, ErrDamaged) {
			t.Errorf("%s to come: %v", what, err)
		}
	}
}

// TestAParcelOfANewerVersionIsPassedOver: it is reported for what it is, and the parcels beside it are taken.
func TestAParcelOfANewerVersionIsPassedOver(t *testing.T) {
	c := contents(t)
	b := bytes.NewBufferString(magic + version + "\n")
	section := func(k kind, v any) {
		raw, err := wire.Marshal(v)
		if err == nil {
			err = writeSection(b, k, raw)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	tooNew := record.Record{Body: []byte{0xa1, 1, 2}, Size: 1}
	section(kindIndex, Index{From: "H32.1"})
	section(kindParcel, tooNew)
	for range 3 {
		section(kindChunk, make([]byte, 100))
	}
	p := c.Parcels[1]
	section(kindParcel, p.Record)
	if err := writeChunks(b, c, p); err != nil {
		t.Fatal(err)
	}
	stray := bytes.NewBuffer(bytes.Clone(b.Bytes()))
	writeSection(b, kindEnd, nil)
	s := &basket{}
	rep, err := Read(t.Context(), b, s)
	if err != nil || !rep.Complete || rep.Parcels != 1 || len(s.parcels[p.ID()]) != len(p.Manifest.Chunks) {
		t.Errorf("%+v, %v", rep, err)
	}
	if len(rep.Faults) != 1 || rep.Faults[0].Parcel != tooNew.ID() || !errors.Is(rep.Faults[0].Err, replication.ErrTooNew) {
		t.Errorf("faults %+v", rep.Faults)
	}
	writeSection(stray, kindChunk, make([]byte, 100))
	if _, err := Read(t.Context(), stray, &basket{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("a chunk too many of a parcel that is known: %v", err)
	}
}

// TestMoreThanABundleHoldsIsShared: a bundle for every office is written however many receipts they may want, and none of them
// goes without.
func TestMoreThanABundleHoldsIsShared(t *testing.T) {
	const offices, most = 12, 100
	var c Contents
	for i := range offices {
		in := replicationtest.Parcel(t, replicationtest.Key(t, "other"), replication.Name(fmt.Sprint("H32.", i)), "H32.1", time.Unix(1, 0))
		r, _ := replicationtest.Receipt(t, in, replicationtest.Key(t, "sender"))
		for n := range 100 {
			if i == 0 && n >= 3 {
				break // an office that wants few
			}
			r.Index = uint32(n)
			c.Receipts = append(c.Receipts, r)
		}
	}
	by := map[replication.Name]int{}
	for _, r := range c.fit(most).Receipts {
		if n := addressee(r); int(r.Index) != by[n] {
			t.Errorf("%s gets receipt %d, and not its first", n, r.Index)
		}
		by[addressee(r)]++
	}
	for i := range offices {
		n, want := replication.Name(fmt.Sprint("H32.", i)), most/offices
		if i == 0 {
			want = 3
		}
		if by[n] != want {
			t.Errorf("%s gets %d receipts, want %d", n, by[n], want)
		}
	}
	if got := c.fit(len(c.Receipts)); len(got.Receipts) != len(c.Receipts) {
		t.Errorf("of as many as there is room for, %d are kept", len(got.Receipts))
	}
}

func written(t testing.TB, c Contents) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	c := contents(t)
	file := written(t, c)
	if bytes.Contains(file, []byte("Nguyen")) {
		t.Error("content is readable in the file")
	}
	if n, err := c.Size(); err != nil || n != int64(len(file)) {
		t.Errorf("said to be %d bytes, %v; they are %d", n, err, len(file))
	}
	var got basket
	report, err := Read(t.Context(), bytes.NewReader(file), &got)
	if err != nil || !report.Complete || report.Parcels != 2 || report.Receipts != 1 || !report.Edition || len(report.Faults) != 0 {
		t.Fatalf("report %+v, %v", report, err)
	}
	want := Index{From: "H32.1", To: []replication.Name{"H32.2", "H32.3", "H32.9"}, Created: c.Created.Unix(), Parcels: 2, Receipts: 1, Edition: 12}
	if fmt.Sprint(got.index) != fmt.Sprint(want) {
		t.Errorf("index %+v, want %+v", got.index, want)
	}
	if n := len(got.parcels[c.Parcels[1].ID()]); n != 3 || string(got.edition) != "the edition" {
		t.Errorf("%d chunks, edition %q", n, got.edition)
	}
}

func TestReaderAsksOnlyForWhatItLacks(t *testing.T) {
	c := contents(t)
	got := basket{some: []int{2}, refuse: c.Parcels[0].ID()}
	report, err := Read(t.Context(), bytes.NewReader(written(t, c)), &got)
	if err != nil || !report.Complete || report.Parcels != 1 || len(got.parcels[c.Parcels[1].ID()]) != 1 {
		t.Errorf("report %+v, %v", report, err)
	}
	other, err := Read(t.Context(), bytes.NewReader(written(t, c)), &basket{pass: "H32.3"})
	if err != nil || other.Passed != 1 || other.Parcels != 1 || len(other.Faults) != 0 {
		t.Errorf("one passed over: %+v, %v", other, err)
	}
	if len(report.Faults) != 1 || report.Faults[0].Parcel != c.Parcels[0].ID() {
		t.Errorf("faults %v: the one refused is reported, and the others are taken", report.Faults)
	}
}

// Cut anywhere, the file says that it is cut, and what came whole before is kept.
func TestCutOffFile(t *testing.T) {
	c := contents(t)
	file := written(t, c)
	last := 0
	for n := 0; n < len(file); n += 1 + n/9 {
		var got basket
		report, err := Read(t.Context(), bytes.NewReader(file[:n]), &got)
		want := ErrTruncated
		if n < len(magic+version) {
			want = ErrNotBundle
		}
		if !errors.Is(err, want) || report.Complete {
			t.Fatalf("cut at %d of %d: %+v, %v", n, len(file), report, err)
		}
		if whole := report.Receipts + report.Parcels; whole < last {
			t.Errorf("cut at %d: %d parts taken, fewer than before", n, whole)
		} else {
			last = whole
		}
	}
	if last != 2 {
		t.Errorf("cut within the last parcel: %d parts taken, want 2", last)
	}
}

func TestFilesThatAreNoGoodBundles(t *testing.T) {
	section := func(k kind, v any) string {
		b, err := wire.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		writeSection(&out, k, b)
		return out.String()
	}
	head := magic + version + "\n"
	index := section(kindIndex, Index{From: "H32.1"})
	for name, c := range map[string]struct {
		file string
		want error
	}{
		"empty":                {"", ErrNotBundle},
		"a photograph":         {"\xff\xd8\xff\xe0 and so on and so forth, without any newline", ErrNotBundle},
		"a newer version":      {magic + "2\n", ErrNewer},
		"a newer section":      {head + index + "\x63\x00\x00\x00\x00", ErrNewer},
		"no index":             {head + "\x06\x00\x00\x00\x00", ErrDamaged},
		"two indexes":          {head + index + index, ErrDamaged},
		"a chunk of nothing":   {head + index + "\x05\x00\x00\x00\x01x", ErrDamaged},
		"a huge section":       {head + index + "\x04\xff\xff\xff\xff", ErrDamaged},
		"a parcel of garbage":  {head + index + section(kindParcel, record.Record{Body: []byte("garbage"), Size: 1}), ErrDamaged},
		"a record of garbage":  {head + index + section(kindReceipt, "garbage"), ErrDamaged},
		"an index of nobody":   {head + section(kindIndex, Index{}), ErrDamaged},
		"no end":               {head + index, ErrTruncated},
		"parcel without chunk": {head + index + section(kindParcel, contents(t).Parcels[0].Record) + "\x06\x00\x00\x00\x00", ErrDamaged},
	} {
		if _, err := Read(t.Context(), strings.NewReader(c.file), &basket{}); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

// A bundle, byte by byte.
func TestGoldenBundle(t *testing.T) {
	r := record.Record{Body: []byte{1}, Signer: digest.Of(nil), Signature: []byte{2}, Size: 1}
	body, err := wire.Marshal(replication.Receipt{Version: 1, From: "B", To: "A", Outcome: replication.Delivered})
	if err != nil {
		t.Fatal(err)
	}
	r.Body = body
	file := written(t, Contents{From: "B", Created: time.Unix(1000, 0), Receipts: []record.Record{r}, Edition: []byte{9}, EditionNumber: 3})
	want := hex.EncodeToString([]byte("MOTCUA BUNDLE 1\n")) +
		"01" + "00000012" + "a6" + "016142" + "02816141" + "031903e8" + "0400" + "0501" + "0603" + // index
		"02" + "00000001" + "09" + // edition
		"03" + "0000005c" + "a4" + "015830" + hex.EncodeToString(body) + "025820" + digest.Of(nil).String() + "034102" + "0501" + // receipt
		"06" + "00000000" // end
	if got := hex.EncodeToString(file); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestCreateLeavesAWholeFileOrNone(t *testing.T) {
	c := contents(t)
	dir := t.TempDir()
	first, err := Create(dir, c)
	if err != nil || filepath.Base(first) != "motcua-H32.1-20261124-0905.bundle" {
		t.Fatalf("got %s, %v", first, err)
	}
	second, err := Create(dir, c)
	if err != nil || second == first {
		t.Errorf("the second in the same minute: %s, %v", second, err)
	}
	f, err := os.Open(first)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if report, err := Read(t.Context(), f, &basket{}); err != nil || !report.Complete {
		t.Errorf("%+v, %v", report, err)
	}
	broken := c
	broken.Chunk = func(digest.Digest, int) ([]byte, error) { return nil, errors.New("no such chunk") }
	if _, err := Create(dir, broken); err == nil {
		t.Error("wrote a bundle without chunks")
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("%d files are left, want the two bundles", len(left))
	}
	if _, err := Create(filepath.Join(dir, "missing"), c); err == nil || !strings.Contains(err.Error(), "pulled out") {
		t.Errorf("into no folder: %v", err)
	}
	for err, word := range map[error]string{syscall.EROFS: "unlock", syscall.ENOSPC: "full", syscall.EACCES: "unlock"} {
		if got := medium(dir, &os.PathError{Op: "open", Path: dir, Err: err}); !strings.Contains(got.Error(), word) {
			t.Errorf("%v: %v", err, got)
		}
	}
}

// FuzzRead feeds whole files, which anybody may leave on a stick.
func FuzzRead(f *testing.F) {
	c := contents(f)
	c.Parcels = c.Parcels[:1]
	f.Add(written(f, c))
	f.Add([]byte(magic + "2\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		var got basket
		report, err := Read(t.Context(), bytes.NewReader(file), &got)
		if (err == nil) != report.Complete {
			t.Errorf("complete %t, %v", report.Complete, err)
		}
		known := errors.Is(err, ErrNotBundle) || errors.Is(err, ErrNewer) || errors.Is(err, ErrTruncated) || errors.Is(err, ErrDamaged)
		if err != nil && !known {
			t.Errorf("%v", err)
		}
		if report.Receipts != len(got.receipts) || report.Parcels < len(got.parcels) {
			t.Errorf("report %+v, got %d receipts and %d parcels", report, len(got.receipts), len(got.parcels))
		}
	})
}
