package guardian

import (
	"bufio"
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
	"motcua/crypto/record"
	"motcua/crypto/seal"
	"motcua/crypto/wire"
	"motcua/replication/guardian"
)

// chunkSize is the plain size of the chunks of a segment's file.
const chunkSize = 64 << 10

// segmentKey makes the key of one segment.
func segmentKey(stream seal.Key, salt [16]byte, number uint64) (k seal.Key, err error) {
	b, err := hkdf.Key(sha256.New, stream[:], salt[:], fmt.Sprintf("motcua backup segment v1\n%d", number), seal.KeySize)
	if err != nil {
		return k, err
	}
	return seal.Key(b), nil
}

// begin makes a new stream, sealed to the province's key and to this node's.
func (s *Streamer) begin(st *state) error {
	key, sealing, ok := s.cfg.Key.Now()
	if !ok {
		return ErrNoKey
	}
	id := s.cfg.Ring.Now()
	v := guardian.Start{Version: 1, Office: s.cfg.Self, Made: s.cfg.Now().Unix(), Recovery: sealing.ID()}
	rand.Read(v.Stream[:])
	data := seal.NewKey()
	var err error
	if v.Province, err = seal.SealKey(sealing, guardian.Purpose, data); err != nil {
		return err
	}
	if v.Own, err = seal.SealKey(id.Seal.Public(), guardian.Purpose, data); err != nil {
		return err
	}
	r, err := sign(id.Sign, guardian.StartLabel, v)
	if err != nil {
		return err
	}
	*st = state{
		Version: 1, Guardian: st.Guardian, Start: &r, Key: data, Recovery: sealing.ID(), Signer: id.Sign.Public().ID(), Head: v.Head(r.ID()),
	}
	s.log.Info("backup begins", "guardian", st.Guardian, "key", key.Number)
	return st.save(s.cfg.Dir)
}

func sign(k *record.Key, label string, v any) (record.Record, error) {
	b, err := wire.Marshal(v)
	if err != nil {
		return record.Record{}, err
	}
	return record.SignOne(k, label, b)
}

// cut makes the next segment of what was written since the last, false if there is nothing.
func (s *Streamer) cut(ctx context.Context, st *state) (bool, error) {
	seg := guardian.Segment{Version: 1, Office: s.cfg.Self, Stream: st.Head.Stream, Number: st.Head.Number + 1, Prev: st.Head.ID, Made: s.cfg.Now().Unix()}
	rand.Read(seg.Salt[:])
	key, err := segmentKey(st.Key, seg.Salt, seg.Number)
	if err != nil {
		return false, err
	}
	until, rows, err := s.write(ctx, key, &seg, st.Until)
	if err != nil || rows == 0 {
		return false, err
	}
	r, err := sign(s.cfg.Ring.Now().Sign, guardian.SegmentLabel, seg)
	if err != nil {
		return false, err
	}
	st.Next, st.NextFile, st.NextTo = &r, guardian.File{Name: seg.File, Size: seg.Size, Segment: true}, until
	// A crash before this leaves a file that the next cut writes over.
	return true, st.save(s.cfg.Dir)
}

// write writes the sealed rows into the segment's file, durably.
func (s *Streamer) write(ctx context.Context, key seal.Key, seg *guardian.Segment, since uint64) (until uint64, rows int, err error) {
	if err := disk.Room(s.cfg.Dir, reserve, nil); err != nil {
		return 0, 0, err
	}
	f, err := os.OpenFile(filepath.Join(s.cfg.Dir, segmentFile), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, 0, disk.Full(err)
	}
	defer f.Close()
	sum, out := sha256.New(), bufio.NewWriterSize(f, 1<<20)
	plain, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		var err error
		until, rows, err = s.cfg.Store.Dump(ctx, in, since)
		in.CloseWithError(err)
		done <- err
	}()
	_, sealErr := seal.NewCipher(key).Encrypt(plain, chunkSize, func(c []byte) error {
		sum.Write(c)
		seg.Size += int64(len(c))
		_, err := out.Write(c)
		return err
	})
	plain.CloseWithError(sealErr)
	if err := errors.Join(sealErr, <-done, out.Flush(), f.Sync()); err != nil {
		return 0, 0, disk.Full(err)
	}
	seg.File = digest.Digest(sum.Sum(nil))
	return until, rows, disk.SyncDir(s.cfg.Dir)
}
