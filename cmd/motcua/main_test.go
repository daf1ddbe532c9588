package main

import (
	"net"
	"os"
	"strconv"
	"testing"

	"motcua/cmd/province"
)

// asProgram makes the test binary be the program, so that the servers that tests start are this very code, race detector
// included.
const asProgram = "MOTCUA_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// startProvince runs a demo of real processes on free ports, and stops it after the test.
func startProvince(t *testing.T, dir string) *province.Demo {
	t.Helper()
	t.Setenv(asProgram, "1")
	t.Setenv("TMPDIR", shortTemp(t)) // the notice of this demo is no business of one that a person runs
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d, err := province.Start(t.Context(), province.Options{Dir: dir, Port: freePorts(t), Exe: exe})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// shortTemp is a temporary folder whose path is short enough for sockets.
func shortTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// freePorts finds the first of a run of ports that are free in UDP and TCP.
func freePorts(t *testing.T) int {
	t.Helper()
	const run = 40
	for base := 20000 + os.Getpid()%1000*run%20000; base < 60000; base += run {
		if portsFree(base, run) {
			return base
		}
	}
	t.Fatal("no run of free ports")
	return 0
}

func portsFree(base, n int) bool {
	for p := base; p < base+n; p++ {
		addr := "127.0.0.1:" + strconv.Itoa(p)
		u, err := net.ListenPacket("udp", addr)
		if err != nil {
			return false
		}
		u.Close()
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

func itoa(n int) string { return strconv.Itoa(n) }
