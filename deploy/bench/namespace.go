package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"motcua/cmd/bench"
)

// namespace is a network of its own, with one device that this process is the other end of. Sockets that are opened, and programs
// that are started, in its calls are in it. It ends when the last of them is closed, and its device with it.
type namespace struct {
	calls  chan func()
	device *os.File // an IP packet a read and a write
}

// mtu of the devices, as on the lines that QUIC is measured on.
const mtu = 1500

// newNamespace has the address and a route to the one other. It needs root and /dev/net/tun.
func newNamespace(addr string) (*namespace, error) {
	n := &namespace{calls: make(chan func())}
	entered := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		entered <- err
		for f := range n.calls {
			f()
		}
	}()
	if err := <-entered; err != nil {
		close(n.calls)
		return nil, fmt.Errorf("make a network namespace: %w; run as root", err)
	}
	if err := n.do(func() error { return n.open(addr) }); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// do calls f in the namespace.
func (n *namespace) do(f func() error) error {
	done := make(chan error)
	n.calls <- func() { done <- f() }
	return <-done
}

func (n *namespace) open(addr string) error {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("open /dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq("line")
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	n.device = os.NewFile(uintptr(fd), "/dev/net/tun") // only now is there something to wait for
	if err != nil {
		return fmt.Errorf("make a network device: %w", err)
	}
	for _, words := range []string{"addr add " + addr + "/24 dev line", fmt.Sprintf("link set line mtu %d up", mtu), "link set lo up"} {
		if out, err := exec.Command("ip", strings.Fields(words)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", words, err, out)
		}
	}
	return nil
}

// Close ends the namespace.
func (n *namespace) Close() {
	close(n.calls)
	if n.device != nil {
		n.device.Close()
	}
}

// feed has what the namespace sends cross the line in a direction, to the other. It returns when the namespace is closed.
func (n *namespace) feed(w *bench.Wire, direction int, to *namespace) {
	buf := make([]byte, 2*mtu)
	for {
		size, err := n.device.Read(buf)
		if err != nil {
			return
		}
		b := append([]byte(nil), buf[:size]...)
		w.Send(direction, size, func() { to.device.Write(b) })
	}
}

// fromAddr and toAddr are the two ends of a kernel line.
const fromAddr, toAddr = "10.99.0.1", "10.99.0.2"

// kernelLine is two namespaces with a simulated line between them: the kernel's TCP over the same line as QUIC.
type kernelLine struct{ from, to *namespace }

// newKernelLine puts the ends of the line into namespaces. Close it.
func newKernelLine(w *bench.Wire) (l kernelLine, err error) {
	if l.from, err = newNamespace(fromAddr); err != nil {
		return l, err
	}
	if l.to, err = newNamespace(toAddr); err != nil {
		l.from.Close()
		return l, err
	}
	go l.from.feed(w, 0, l.to)
	go l.to.feed(w, 1, l.from)
	return l, nil
}

func (l kernelLine) Close() {
	l.from.Close()
	l.to.Close()
}
