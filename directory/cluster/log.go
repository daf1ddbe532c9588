package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/hashicorp/go-hclog"
)

// raftLog passes Raft's own log on. That a peer cannot be reached is its daily bread and goes to debug; errors that have
// no peer are about this server and are warnings.
type raftLog struct {
	hclog.Logger
	log *slog.Logger
}

func newRaftLog(l *slog.Logger) hclog.Logger { return &raftLog{hclog.NewNullLogger(), l} }

// Log implements hclog.Logger.
func (l *raftLog) Log(level hclog.Level, msg string, args ...any) {
	to := slog.LevelDebug
	if level >= hclog.Error && !aboutPeer(args) && !strings.Contains(msg, "incoming command") {
		to = slog.LevelWarn
	}
	if !l.log.Enabled(context.Background(), to) {
		return
	}
	l.log.Log(context.Background(), to, "raft", "message", strings.TrimSpace(msg+" "+fmt.Sprintln(args...)))
}

// aboutPeer tells whether a message has to do with another server or with the lack of a leader.
func aboutPeer(args []any) bool {
	for i := 0; i+1 < len(args); i += 2 {
		switch args[i] {
		case "peer", "target", "remote-address", "server-id", "leader-address", "leader-id", "address", "local-addr":
			return true
		}
	}
	return false
}

// Debug implements hclog.Logger.
func (l *raftLog) Debug(msg string, args ...any) { l.Log(hclog.Debug, msg, args...) }

// Info implements hclog.Logger.
func (l *raftLog) Info(msg string, args ...any) { l.Log(hclog.Info, msg, args...) }

// Warn implements hclog.Logger.
func (l *raftLog) Warn(msg string, args ...any) { l.Log(hclog.Warn, msg, args...) }

// Error implements hclog.Logger.
func (l *raftLog) Error(msg string, args ...any) { l.Log(hclog.Error, msg, args...) }

// With implements hclog.Logger.
func (l *raftLog) With(...any) hclog.Logger { return l }

// Named implements hclog.Logger.
func (l *raftLog) Named(string) hclog.Logger { return l }

// ResetNamed implements hclog.Logger.
func (l *raftLog) ResetNamed(string) hclog.Logger { return l }

// badgerLog passes on Badger's warnings and errors.
type badgerLog struct{ log *slog.Logger }

func (l *badgerLog) Errorf(f string, a ...any) {
	l.log.Error("database", "message", strings.TrimSpace(fmt.Sprintf(f, a...)))
}

func (l *badgerLog) Warningf(f string, a ...any) {
	l.log.Warn("database", "message", strings.TrimSpace(fmt.Sprintf(f, a...)))
}
func (l *badgerLog) Infof(string, ...any)  {}
func (l *badgerLog) Debugf(string, ...any) {}
