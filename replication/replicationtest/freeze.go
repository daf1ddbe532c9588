package replicationtest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Freeze copies a folder as it is at this instant, with the modes of its files. Files that are mostly empty, as the
// database lays them out ahead, stay so.
func Freeze(from, to string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		dst := filepath.Join(to, path[len(from):])
		switch {
		case d.IsDir():
			return os.MkdirAll(dst, info.Mode().Perm())
		case !info.Mode().IsRegular():
			return nil
		}
		return freezeFile(path, dst, info)
	})
}

func freezeFile(from, to string, info os.FileInfo) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm())
	if err != nil {
		return err
	}
	return errors.Join(sparse(out, in), out.Truncate(info.Size()), out.Close())
}

// sparse copies what is not zero, each block to its place.
func sparse(out *os.File, in io.Reader) error {
	block, zero := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := int64(0); ; at += int64(len(block)) {
		n, err := io.ReadFull(in, block)
		if n > 0 && !bytes.Equal(block[:n], zero[:n]) {
			if _, err := out.WriteAt(block[:n], at); err != nil {
				return err
			}
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return nil
		default:
			return err
		}
	}
}
