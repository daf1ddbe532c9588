package bench

import (
	"context"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/client"
	"motcua/directory/khanhhoa"
	"motcua/directory/replica"
	"motcua/directory/server"
	"motcua/replication"
	"motcua/replication/link"
)

// node is an enrolled office's connection to the directory, shared by its clients as in an office.
type node struct {
	office directory.OfficeCode
	link   *link.Link
	client *client.Client
	sure   *client.Client // its questions are linearizable
}

// communes are the first offices of the province that have five-digit codes.
func communes(n int) (out []directory.OfficeCode) {
	for _, o := range khanhhoa.Offices() {
		if len(o.Code) == len("H32.22327") && len(out) < n {
			out = append(out, o.Code)
		}
	}
	return out
}

// nobody knows no one, as a machine before its enrolment.
type nobody struct{}

// Resolve implements replication.Resolver.
func (nobody) Resolve(replication.Name) (p replication.Peer, err error) {
	return p, replication.ErrUnknown
}

// Identify implements replication.Resolver.
func (nobody) Identify(digest.Digest) (p replication.Peer, err error) {
	return p, replication.ErrUnknown
}

// enrol makes an office's node with a token, for real.
func (f *fleet) enrol(ctx context.Context, office directory.OfficeCode) (*node, error) {
	var answer server.TokenAnswer
	if err := f.servers[0].tool.Post(ctx, "/token", server.TokenRequest{Office: office, Hours: 1}, &answer); err != nil {
		return nil, err
	}
	token, err := directory.ParseToken(answer.Token)
	if err != nil {
		return nil, err
	}
	id, err := identity.Generate()
	if err != nil {
		return nil, err
	}
	welcome, err := apply(ctx, id, token)
	if err != nil {
		return nil, err
	}
	r, err := replica.Open(filepath.Join(f.dir, string(office)), welcome.Genesis)
	if err == nil {
		err = r.Install(welcome.Edition)
	}
	if err != nil {
		return nil, err
	}
	l, err := openLink(office, id, r)
	if err != nil {
		return nil, err
	}
	c := client.New(l, r)
	return &node{office, l, c, c.With(client.Linearizable)}, nil
}

// apply enrols an identity from a socket of its own.
func apply(ctx context.Context, id *identity.Private, t directory.Token) (client.Welcome, error) {
	l, err := openLink(t.Office, id, nobody{})
	if err != nil {
		return client.Welcome{}, err
	}
	defer l.Close()
	addr := l.Addr().String()
	return client.Enrol(ctx, l, t, client.Applicant{Identity: id, Addr: addr, Portal: "http://" + addr})
}

func openLink(office directory.OfficeCode, id *identity.Private, r replication.Resolver) (*link.Link, error) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return link.New(link.Config{Name: replication.Name(office), Identity: id, Resolver: r, Conn: conn})
}

// at is the node whose clients the client is among.
func (f *fleet) at(client int) *node { return f.nodes[client%len(f.nodes)] }

// Name implements Target.
func (f *fleet) Name() string { return "motcua" }

// Write implements Target: an office reports where one of its dossiers is. What it reports at the same time goes together.
func (f *fleet) Write(ctx context.Context, client int, n uint64) error {
	at := f.at(client)
	return at.client.Report(ctx, []directory.Track{at.track(Key(client, n), n)})
}

// Single implements Target: an office tells how many dossiers it has in progress, which is a change of its own.
func (f *fleet) Single(ctx context.Context, client int, n uint64) error {
	var counts []directory.OpenCount
	for i := range uint32(ValueSize / 24) {
		counts = append(counts, directory.OpenCount{Procedure: fmt.Sprintf("1.%06d", i), Version: 1, Open: uint32(n)%1000 + i + 1})
	}
	return f.at(client).client.ReportOpen(ctx, counts)
}

// WriteSoon implements Target: the client looks for a living server by itself.
func (f *fleet) WriteSoon(ctx context.Context, client int, n uint64) error {
	return f.Write(ctx, client, n)
}

// Read implements Target: an office looks a dossier up and wants to see whatever anybody was told before.
func (f *fleet) Read(ctx context.Context, client int, n uint64) error {
	at := f.at(client)
	t, err := at.sure.Lookup(ctx, at.code(Key(client, n)))
	if err == nil && t.Root != at.office {
		err = fmt.Errorf("the directory answered with the dossier of %s", t.Root)
	}
	return err
}

// code is the dossier code of a key.
func (n *node) code(key int) string { return fmt.Sprintf("%s-261124-%06d", n.office, key) }

// track is a report of ValueSize bytes.
func (n *node) track(key int, times uint64) directory.Track {
	code := n.code(key)
	return directory.Track{
		Code: code, Alias: fmt.Sprintf("N%s-SUBMITTED-%06d", strings.ReplaceAll(string(n.office), ".", ""), key), Root: n.office, Holder: n.office,
		State: "processing", Due: 1_796_000_000, AsOf: time.Now().UnixMilli(), Applicant: applicant(n.office, key),
		Checks: []digest.Digest{check(code, times), check(code, times+1), check(code, times+2), check(code, times+3)},
	}
}

// check is what one of four digits gives.
func check(code string, n uint64) digest.Digest {
	return directory.TrackCheck(code, fmt.Sprintf("%04d", n%10000))
}

// applicant is one of the accounts that hand in at an office.
func applicant(office directory.OfficeCode, key int) directory.AccountID {
	b := binary.BigEndian.AppendUint64([]byte(office), uint64(key))
	sum := digest.Of(b)
	return directory.AccountID(strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10])))
}

// preload reports every dossier that is going to be looked up.
func (f *fleet) preload(ctx context.Context) error {
	batches := Keys / directory.MaxTrackBatch
	return each(len(f.nodes)*batches, connections, func(i int) error {
		n := f.nodes[i%len(f.nodes)]
		var tracks []directory.Track
		for key := range directory.MaxTrackBatch {
			tracks = append(tracks, n.track(i/len(f.nodes)*directory.MaxTrackBatch+key, 0))
		}
		return n.client.Report(ctx, tracks)
	})
}
