package state

import (
	"fmt"
	"strings"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/edition"
)

// What the tables leave free in the body of an edition, in bytes. Without an edition no revocation reaches a node: the last of the
// room is for those, for addresses and for the servers.
const (
	roomForKeys   = 256 << 10 // enrolments and new keys end here
	roomForTables = 1 << 20   // publications, offices and calendars end here already
	// bodyFrame is what a body has beside its rows and members: numbers, digests, the name of the province.
	bodyFrame = 4 << 10
)

// publicPrefixes are those of the rows of which a body consists: see build.
var publicPrefixes = [...]string{"level/", "office/", "node/", "revoked/", "field/", "procedure/", "withdrawn/"}

// EditionSize is how many bytes the next edition will have at most: its rows lie in it as they lie in the tables. More than
// edition.MaxBody are never signed.
func EditionSize(r Reader) (size int, err error) {
	size = bodyFrame
	for _, prefix := range publicPrefixes {
		err := r.Scan(prefix, func(_ string, b []byte) error {
			size += len(b)
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	calendar, err := r.Get("calendar")
	if err != nil {
		return 0, err
	}
	at, err := StandingOf(r)
	if err != nil {
		return 0, err
	}
	members, err := wire.Marshal(at.Members)
	return size + len(calendar) + len(members), err
}

// FitsEdition refuses a publication, all parts of it together, that editions have no room for.
func FitsEdition(r Reader, c *command.Publish) error {
	return fits(r, c.Kind().String(), roomForTables, publishedRows(c)...)
}

// fits refuses rows that make the next edition larger than leaves so much room. Servers of the first upgrade level did not, and all
// must decide alike.
func fits(r Reader, op string, room int, rows ...row) error {
	growth, err := growthBy(r, rows)
	if err != nil || growth <= 0 {
		return err
	}
	size, err := EditionSize(r)
	if err != nil || size+growth <= edition.MaxBody-room {
		return err
	}
	level, err := Level(r)
	if err != nil || level < 2 {
		return err
	}
	return directory.Errorf(op, directory.Exhausted,
		"the public tables have %s of the %s MiB that an edition holds, and this adds %s: shorten forms and texts of new versions, or name fewer; nothing was changed",
		mebibytes(size), mebibytes(edition.MaxBody-room), mebibytes(growth))
}

func mebibytes(n int) string {
	return strings.TrimSuffix(fmt.Sprintf("%.2f", float64(n)/(1<<20)), ".00")
}

// growthBy is by how many bytes rows are longer than those in their places.
func growthBy(r Reader, rows []row) (growth int, err error) {
	for _, w := range rows {
		b, err := wire.Marshal(w.value)
		if err != nil {
			return 0, fmt.Errorf("row %s: %w", w.key, err)
		}
		old, err := r.Get(w.key)
		if err != nil {
			return 0, err
		}
		growth += len(b) - len(old)
	}
	return growth, nil
}
