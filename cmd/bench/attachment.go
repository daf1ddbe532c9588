package bench

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"motcua/crypto/digest"
	"motcua/replication"
)

// The size of the attachment whose memory is measured: what a parcel may hold, less its head.
const (
	attachmentBytes int64 = replication.MaxChunks*replication.ChunkSize - 1<<20
	attachmentShort int64 = 128 << 20
)

// large sends one attachment and tells its rate, and how much more memory than before either end took meanwhile.
func (e *parcelEnd) large(ctx context.Context, size int64, receiver int, emit func(Measure) error) error {
	file, err := blank(size)
	if err != nil {
		return err
	}
	watched := []int{os.Getpid(), receiver}
	before, err := residents(watched)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	begin := time.Now()
	go func() { done <- e.carry(ctx, file) }()
	peak := before
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		select {
		case err := <-done:
			tick.Stop()
			if err != nil {
				return err
			}
			mib := float64(size) / (1 << 20)
			name := fmt.Sprintf("attachment of %.0f MiB", mib)
			return errors.Join(
				emit(Measure{Name: name, Unit: "MiB/s", Value: round(mib / time.Since(begin).Seconds())}),
				emit(Measure{Name: name + ", more memory of the sender", Unit: "MiB", Value: round(peak[0] - before[0])}.atMost(64)),
				emit(Measure{Name: name + ", more memory of the receiver", Unit: "MiB", Value: round(peak[1] - before[1])}.atMost(64)),
			)
		case <-tick.C:
			now, err := residents(watched)
			if err != nil {
				return err
			}
			for i := range peak {
				peak[i] = max(peak[i], now[i])
			}
		}
	}
}

// residents is how much memory each of two processes takes, in MiB.
func residents(pids []int) (out [2]float64, err error) {
	for i, pid := range pids {
		m, err := memoryOf(pid)
		if err != nil {
			return out, err
		}
		out[i] = m.resident
	}
	return out, nil
}

// blank is a file of zeros.
func blank(size int64) (replication.File, error) {
	h := sha256.New()
	if _, err := io.CopyN(h, zeros{}, size); err != nil {
		return replication.File{}, err
	}
	return replication.File{Digest: digest.Digest(h.Sum(nil)), Size: size, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeros{}, size)), nil
	}}, nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// keep stores a file for good.
func (e *parcelEnd) keep(ctx context.Context, f replication.File) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	return errors.Join(e.blobs.PutSealed(ctx, r, f.Digest, f.Size), r.Close())
}
