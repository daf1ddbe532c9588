package main

import (
	"context"
	"os"
	"testing"
	"time"

	"motcua/cmd/bench"
)

// needKernelLine skips where the machine has no such devices: the measurement leaves these peers out there, too, and says so.
func needKernelLine(t *testing.T, name string) {
	if name == "gvisor" {
		return
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil || os.Getuid() != 0 {
		t.Skip("needs root and /dev/net/tun")
	}
}

// TestPeersCrossTheLine: what is uploaded arrives whole, no faster than the line lets it, and all of it by the line.
func TestPeersCrossTheLine(t *testing.T) {
	for _, name := range []string{"cubic", "bbr", "gvisor", "rsync"} {
		t.Run(name, func(t *testing.T) {
			needKernelLine(t, name)
			c, err := carrier(name)
			if err != nil {
				t.Fatal(err)
			}
			const rate, size = 4e6, 128 << 10
			w := bench.NewWire(bench.LineSpec{Rate: rate, RTT: 20 * time.Millisecond, Loss: 0.01}, 1)
			defer w.Close()
			arrived, took, err := c.Send(context.Background(), w, size, time.Minute)
			if err != nil || arrived != size {
				t.Fatalf("%d of %d bytes arrived: %v", arrived, size, err)
			}
			if least := time.Duration(float64(size) * 8 / rate * float64(time.Second)); took < least {
				t.Errorf("%d bytes took %v: they did not cross the line, which takes %v", size, took, least)
			}
			if there, back := w.Bytes(0), w.Bytes(1); there < size || back == 0 {
				t.Errorf("%d bytes went there and %d back", there, back)
			}
		})
	}
}

// TestAPeerHasItsTime: what has arrived at the limit is its figure.
func TestAPeerHasItsTime(t *testing.T) {
	for _, name := range []string{"cubic", "gvisor", "rsync"} {
		t.Run(name, func(t *testing.T) {
			needKernelLine(t, name)
			c, err := carrier(name)
			if err != nil {
				t.Fatal(err)
			}
			w := bench.NewWire(bench.LineSpec{Rate: 8e6, RTT: 20 * time.Millisecond}, 1)
			defer w.Close()
			arrived, took, err := c.Send(context.Background(), w, 64<<20, 2*time.Second)
			if err != nil || arrived == 0 || arrived >= 64<<20 || took < 2*time.Second {
				t.Errorf("%d bytes in %v, %v", arrived, took, err)
			}
		})
	}
}
