//go:build !linux

package disk

import "os"

// SyncData is f.Sync for a file whose size stays.
func SyncData(f *os.File) error { return f.Sync() }
