package cluster

import "github.com/hashicorp/raft-wal/types"

// OnFiles gives a server other files for its log.
func OnFiles(c Config, f types.VFS) Config {
	c.files = f
	return c
}

// AskAlone has a server ask another as one of the first version must be asked.
func AskAlone(c *Cluster, name string) { c.sessions.askAlone(name) }
