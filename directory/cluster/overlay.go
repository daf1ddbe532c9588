package cluster

import (
	"slices"
	"strings"

	"motcua/directory/state"
)

// overlay is the tables with the changes of entries that are just being applied and that nobody sees yet.
type overlay struct {
	under  state.Reader
	writes map[string][]byte // nil: deleted
	size   int               // bytes of the writes that must fit one transaction
	bulk   bool              // there are writes of another kind
}

var _ state.Store = (*overlay)(nil)

func newOverlay(under state.Reader) *overlay {
	return &overlay{under: under, writes: map[string][]byte{}}
}

// Get implements state.Reader.
func (o *overlay) Get(key string) ([]byte, error) {
	if v, ok := o.writes[key]; ok {
		return v, nil
	}
	return o.under.Get(key)
}

// Set implements state.Store.
func (o *overlay) Set(key string, value []byte) {
	if value == nil {
		value = []byte{}
	}
	o.put(key, value)
}

// Delete implements state.Store.
func (o *overlay) Delete(key string) { o.put(key, nil) }

func (o *overlay) put(key string, value []byte) {
	o.writes[key] = value
	if strings.HasPrefix(key, state.BulkPrefix) {
		o.bulk = true
	} else {
		o.size += len(key) + len(value) + rowCost
	}
}

// Scan implements state.Reader: the rows below with those above laid over them.
func (o *overlay) Scan(prefix string, f func(key string, value []byte) error) error {
	above := o.keys(prefix)
	emit := func(key string) error {
		if v := o.writes[key]; v != nil {
			return f(key, v)
		}
		return nil
	}
	err := o.under.Scan(prefix, func(key string, value []byte) error {
		for len(above) > 0 && above[0] < key {
			if err := emit(above[0]); err != nil {
				return err
			}
			above = above[1:]
		}
		if len(above) > 0 && above[0] == key {
			above = above[1:]
			return emit(key)
		}
		return f(key, value)
	})
	for _, key := range above {
		if err != nil {
			return err
		}
		err = emit(key)
	}
	return err
}

func (o *overlay) keys(prefix string) []string {
	var out []string
	for k := range o.writes {
		if strings.HasPrefix(k, prefix) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}
