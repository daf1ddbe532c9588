package cluster

import (
	"errors"

	"github.com/hashicorp/raft-wal/types"
)

// OnFiles gives a server other files for its log.
func OnFiles(c Config, f types.VFS) Config {
	c.files = f
	return c
}

// AskAlone has a server ask another as one of the first version must be asked.
func AskAlone(c *Cluster, name string) { c.sessions.askAlone(name) }

// RecoverUpTo is Recover cut off by a crash after some of its durable steps. It tells how many there are.
func RecoverUpTo(dir, self string, draw DrawUp, steps int) (of int, err error) {
	o, err := openOffline(dir, nil)
	if err != nil {
		return 0, err
	}
	if err := o.replay(); err != nil {
		return 0, errors.Join(err, o.close())
	}
	all, err := o.steps(self, draw)
	for i := 0; i < min(steps, len(all)) && err == nil; i++ {
		err = all[i]()
	}
	return len(all), errors.Join(err, o.close())
}
