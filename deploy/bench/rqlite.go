package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"motcua/cmd/bench"
)

// rqlite is three rqlite servers with their defaults. Its log is on the disk before it answers.
type rqlite struct {
	trio
	urls  []string
	http  *http.Client
	leads atomic.Int32 // index of the server that led when it was last asked
}

func buildRqlite(ctx context.Context, bin string) (bench.Opener, error) {
	dir, err := fetchRqlite(ctx)
	if err != nil {
		return nil, err
	}
	exe, err := buildIn(ctx, dir, bin, "rqlited", "./cmd/rqlited")
	return func(ctx context.Context, dir string) (bench.Target, error) { return openRqlite(ctx, exe, dir) }, err
}

func openRqlite(ctx context.Context, exe, dir string) (bench.Target, error) {
	q := &rqlite{trio: trio{exe: exe, dir: dir}, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	if err := q.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open rqlite: %w", err), q.Close())
	}
	return q, nil
}

func (q *rqlite) open(ctx context.Context) error {
	addrs, err := freeAddrs(6)
	if err != nil {
		return err
	}
	for i := range 3 {
		name := fmt.Sprintf("r%d", i)
		args := []string{"-node-id", name, "-http-addr", addrs[i], "-raft-addr", addrs[3+i]}
		if i > 0 {
			args = append(args, "-join", addrs[3])
		}
		q.add(name, append(args, q.dir+"/"+name)...)
		q.urls = append(q.urls, "http://"+addrs[i])
	}
	for i := range 3 {
		if err := q.start(i); err != nil {
			return err
		}
		if err := await(ctx, "rqlite is ready", q.ready(i)); err != nil {
			return err
		}
	}
	if _, err := q.leader(ctx); err != nil {
		return err
	}
	if err := q.post(ctx, "/db/execute", []any{"CREATE TABLE track (code TEXT PRIMARY KEY, row TEXT)"}); err != nil {
		return err
	}
	return q.preload(ctx)
}

// preload writes every record that is going to be read.
func (q *rqlite) preload(ctx context.Context) error {
	for c := range bench.Connections {
		for key := 0; key < bench.Keys; key += 500 {
			var rows []any
			for k := key; k < key+500; k++ {
				rows = append(rows, insert(etcdKey(c, k), uint64(k)))
			}
			if err := q.post(ctx, "/db/execute?transaction", rows); err != nil {
				return err
			}
		}
	}
	return nil
}

func insert(key string, n uint64) []any {
	return []any{"INSERT OR REPLACE INTO track VALUES (?, ?)", key, value(n)}
}

func (q *rqlite) ready(i int) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := q.get(ctx, q.urls[i]+"/readyz")
		return err
	}
}

func (q *rqlite) get(ctx context.Context, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return q.do(r)
}

func (q *rqlite) do(r *http.Request) ([]byte, error) {
	r.Header.Set("Content-Type", "application/json")
	a, err := q.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err == nil && (a.StatusCode != http.StatusOK || bytes.Contains(b, []byte(`"error"`))) {
		err = fmt.Errorf("rqlite: %s %s", a.Status, last(b, 300))
	}
	return b, err
}

// post asks the server that led when it was last looked for.
func (q *rqlite) post(ctx context.Context, path string, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, q.urls[q.leads.Load()]+path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	_, err = q.do(r)
	return err
}

// Name implements bench.Target.
func (q *rqlite) Name() string { return "rqlite" }

// Write implements bench.Target.
func (q *rqlite) Write(ctx context.Context, client int, n uint64) error {
	return q.post(ctx, "/db/execute", []any{insert(etcdKey(client, bench.Key(client, n)), n)})
}

// Single implements bench.Target.
func (q *rqlite) Single(ctx context.Context, client int, n uint64) error {
	return q.Write(ctx, client, n)
}

// WriteSoon implements bench.Target: the next server is asked when one does not answer soon.
func (q *rqlite) WriteSoon(ctx context.Context, client int, n uint64) error {
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	err := q.Write(ctx, client, n)
	if err != nil {
		q.leads.Store((q.leads.Load() + 1) % 3)
	}
	return err
}

// Read implements bench.Target.
func (q *rqlite) Read(ctx context.Context, client int, n uint64) error {
	key := etcdKey(client, bench.Key(client, n))
	return q.post(ctx, "/db/query?level=linearizable", []any{[]any{"SELECT row FROM track WHERE code = ?", key}})
}

// leader finds the server that leads.
func (q *rqlite) leader(ctx context.Context) (i int, err error) {
	err = await(ctx, "rqlite has a leader", func(ctx context.Context) error {
		for n := range q.urls {
			b, err := q.get(ctx, q.urls[n]+"/status")
			var s struct {
				Store struct {
					Leader struct {
						NodeID string `json:"node_id"`
					}
				}
			}
			if err != nil || json.Unmarshal(b, &s) != nil {
				continue
			}
			if i = slices.Index([]string{"r0", "r1", "r2"}, s.Store.Leader.NodeID); i >= 0 {
				q.leads.Store(int32(i))
				return nil
			}
		}
		return errNoLeader
	})
	return i, err
}

// KillLeader implements bench.Target.
func (q *rqlite) KillLeader(ctx context.Context) (time.Time, error) {
	i, err := q.leader(ctx)
	if err != nil {
		return time.Time{}, err
	}
	at := time.Now()
	return at, q.kill(i)
}

// Revive implements bench.Target.
func (q *rqlite) Revive(ctx context.Context) error {
	if err := q.start(q.killed); err != nil {
		return err
	}
	if err := await(ctx, "rqlite is ready again", q.ready(q.killed)); err != nil {
		return err
	}
	_, err := q.leader(ctx)
	return err
}

// Close implements bench.Target.
func (q *rqlite) Close() error {
	q.http.CloseIdleConnections()
	return q.close()
}
