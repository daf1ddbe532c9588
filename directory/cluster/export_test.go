package cluster

import "github.com/hashicorp/raft-wal/types"

// OnFiles gives a server other files for its log.
func OnFiles(c Config, f types.VFS) Config {
	c.files = f
	return c
}
