package state

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"motcua/crypto/wire"
	"motcua/directory"
)

// OpenTracks counts the accepted dossiers of one root office that one office holds and that are due on one day.
type OpenTracks struct {
	Root   directory.OfficeCode `json:"root"`
	Holder directory.OfficeCode `json:"holder"`
	Due    directory.Date       `json:"due"`
	Count  int                  `json:"count"`
}

// CountOpen counts the dossiers that are accepted and in none of the states given, which are those that end one: a table of counts,
// by office and due date, that says nothing of a person. With a root office it counts those of that office alone. It reads every track:
// some seconds for two million. It ends with the context.
func CountOpen(ctx context.Context, r Reader, ended []string, root directory.OfficeCode) ([]OpenTracks, error) {
	prefix := "track/"
	if root != "" {
		prefix += string(root) + "-" // with which the codes begin that it gives
	}
	over := map[string]bool{}
	for _, s := range ended {
		over[s] = true
	}
	type holding struct {
		root, holder directory.OfficeCode
		day          int64
	}
	counts, seen := map[holding]int{}, 0
	err := r.Scan(prefix, func(key string, b []byte) error {
		var v directory.Track
		if err := wire.UnmarshalKept(b, &v); err != nil {
			return fmt.Errorf("row %s: %w", key, err)
		}
		if v.Root != "" && v.Due > 0 && !over[v.State] {
			counts[holding{v.Root, v.Holder, (v.Due + 7*60*60) / (24 * 60 * 60)}]++
		}
		if seen++; seen%4096 == 0 {
			return ctx.Err()
		}
		return nil
	})
	var out []OpenTracks
	for h, n := range counts {
		due := directory.DateOf(time.Unix(h.day*24*60*60, 0))
		out = append(out, OpenTracks{h.root, h.holder, due, n})
	}
	slices.SortFunc(out, func(a, b OpenTracks) int {
		return cmp.Or(cmp.Compare(a.Root, b.Root), cmp.Compare(a.Holder, b.Holder), cmp.Compare(a.Due, b.Due))
	})
	return out, err
}
