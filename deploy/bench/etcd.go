package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"motcua/cmd/bench"
)

// etcd is three etcd servers as the published module builds them, with the defaults but for the log.
type etcd struct {
	trio
	urls    []string
	clients []*clientv3.Client
}

func buildEtcd(ctx context.Context, bin string) (bench.Opener, error) {
	exe, err := buildIn(ctx, ".", bin, "etcd", "go.etcd.io/etcd/server/v3")
	return func(ctx context.Context, dir string) (bench.Target, error) { return openEtcd(ctx, exe, dir) }, err
}

func openEtcd(ctx context.Context, exe, dir string) (bench.Target, error) {
	e := &etcd{trio: trio{exe: exe, dir: dir}}
	if err := e.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open etcd: %w", err), e.Close())
	}
	return e, nil
}

func (e *etcd) open(ctx context.Context) error {
	addrs, err := freeAddrs(6)
	if err != nil {
		return err
	}
	var cluster []string
	for i := range 3 {
		cluster = append(cluster, fmt.Sprintf("e%d=http://%s", i, addrs[3+i]))
		e.urls = append(e.urls, "http://"+addrs[i])
	}
	for i := range 3 {
		name, peer := fmt.Sprintf("e%d", i), "http://"+addrs[3+i]
		e.add(name, "--name", name, "--data-dir", e.dir+"/"+name, "--log-level", "error",
			"--listen-client-urls", e.urls[i], "--advertise-client-urls", e.urls[i],
			"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
			"--initial-cluster", strings.Join(cluster, ","), "--initial-cluster-state", "new")
		if err := e.start(i); err != nil {
			return err
		}
	}
	for range bench.Connections {
		c, err := clientv3.New(clientv3.Config{Endpoints: e.urls, DialTimeout: 5 * time.Second, Logger: zap.NewNop()})
		if err != nil {
			return err
		}
		e.clients = append(e.clients, c)
	}
	if err := await(ctx, "etcd has a leader", func(ctx context.Context) error { return e.put(ctx, 0, 0) }); err != nil {
		return err
	}
	return e.preload(ctx)
}

// preload writes every record that is going to be read.
func (e *etcd) preload(ctx context.Context) error {
	var work sync.WaitGroup
	failed := make(chan error, bench.Connections)
	for c := range bench.Connections {
		work.Go(func() {
			for key := 0; key < bench.Keys; key += 100 {
				var ops []clientv3.Op
				for k := key; k < key+100; k++ {
					ops = append(ops, clientv3.OpPut(etcdKey(c, k), value(uint64(k))))
				}
				if _, err := e.clients[c].Txn(ctx).Then(ops...).Commit(); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	work.Wait()
	close(failed)
	return <-failed
}

func etcdKey(client, key int) string {
	return fmt.Sprintf("track/%02d-261124-%06d", client%bench.Connections, key)
}

// value is a record that, with its key, has the size of a write.
func value(n uint64) string {
	s := fmt.Sprintf("%020d", n)
	return s + strings.Repeat("x", bench.ValueSize-len(s)-len(etcdKey(0, 0)))
}

// Name implements bench.Target.
func (e *etcd) Name() string { return "etcd" }

func (e *etcd) put(ctx context.Context, client, key int) error {
	_, err := e.clients[client%bench.Connections].Put(ctx, etcdKey(client, key), value(uint64(key)))
	return err
}

// Write implements bench.Target.
func (e *etcd) Write(ctx context.Context, client int, n uint64) error {
	return e.put(ctx, client, bench.Key(client, n))
}

// Single implements bench.Target.
func (e *etcd) Single(ctx context.Context, client int, n uint64) error {
	return e.Write(ctx, client, n)
}

// WriteSoon implements bench.Target: etcd's client waits for a dead server, so a write is given up and put again.
func (e *etcd) WriteSoon(ctx context.Context, client int, n uint64) error {
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	return e.Write(ctx, client, n)
}

// Read implements bench.Target: etcd's reads are linearizable unless asked otherwise.
func (e *etcd) Read(ctx context.Context, client int, n uint64) error {
	r, err := e.clients[client%bench.Connections].Get(ctx, etcdKey(client, bench.Key(client, n)))
	if err == nil && len(r.Kvs) != 1 {
		err = errors.New("etcd does not have the record")
	}
	return err
}

// leader finds the server that leads.
func (e *etcd) leader(ctx context.Context) (i int, err error) {
	err = await(ctx, "etcd has a leader", func(ctx context.Context) error {
		for i = range e.urls {
			if r, err := e.clients[0].Status(ctx, e.urls[i]); err == nil && r.Leader == r.Header.MemberId {
				return nil
			}
		}
		return errNoLeader
	})
	return i, err
}

// KillLeader implements bench.Target.
func (e *etcd) KillLeader(ctx context.Context) (time.Time, error) {
	i, err := e.leader(ctx)
	if err != nil {
		return time.Time{}, err
	}
	at := time.Now()
	return at, e.kill(i)
}

// Revive implements bench.Target.
func (e *etcd) Revive(ctx context.Context) error {
	if err := e.start(e.killed); err != nil {
		return err
	}
	return await(ctx, "etcd catches up", func(ctx context.Context) error {
		i, err := e.leader(ctx)
		if err != nil {
			return err
		}
		ahead, err := e.clients[0].Status(ctx, e.urls[i])
		if err != nil {
			return err
		}
		r, err := e.clients[0].Status(ctx, e.urls[e.killed])
		if err == nil && (r.Leader == 0 || r.RaftAppliedIndex < ahead.RaftAppliedIndex) {
			err = errors.New("it is behind")
		}
		return err
	})
}

// Close implements bench.Target.
func (e *etcd) Close() error {
	var errs []error
	for _, c := range e.clients {
		errs = append(errs, c.Close())
	}
	return errors.Join(append(errs, e.close())...)
}
