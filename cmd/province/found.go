package province

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"motcua/cmd/admin"
	"motcua/cmd/ceremony"
	"motcua/crypto/identity"
	"motcua/crypto/recovery"
	"motcua/directory"
	"motcua/directory/khanhhoa"
	"motcua/directory/server"
	node "motcua/node/server"
	"motcua/node/session"
)

// Login is an account made at the founding.
type Login struct {
	Login, Password, Who string
}

// founder makes a province out of nothing, by the steps that province IT takes.
type founder struct {
	demo   *Demo
	logins []Login
}

// directory makes the servers' identities and the genesis they share.
func (f *founder) directory() error {
	p := f.demo.Plan
	members := make([]directory.Member, len(p.Servers))
	for i, s := range p.Servers {
		dir := f.demo.folder(s.Name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			return fmt.Errorf("found the directory: %w", err)
		}
		id, err := identity.Generate()
		if err != nil {
			return fmt.Errorf("found the directory: %w", err)
		}
		if err := id.Save(filepath.Join(dir, "identity.pem")); err != nil {
			return fmt.Errorf("found the directory: %w", err)
		}
		members[i] = directory.Member{Name: s.Name, Identity: id.Public(), Addr: s.Addr}
	}
	g, err := server.Found(directory.Text{VI: "tỉnh Khánh Hòa", EN: "Khánh Hòa Province"}, "H32", members, time.Now())
	if err != nil {
		return err
	}
	if g.Recovery, err = f.recovery(); err != nil {
		return fmt.Errorf("found the directory: %w", err)
	}
	b, err := g.Bytes()
	if err != nil {
		return fmt.Errorf("found the directory: %w", err)
	}
	return os.WriteFile(f.demo.genesisPath(), b, 0o600)
}

// The key for backups of a demo: any two of three shares open a backup.
const (
	demoShares    = 3
	demoThreshold = 2
	demoRemark    = "CHỈ ĐỂ DÙNG THỬ, không bảo vệ gì. DEMO ONLY, it protects nothing."
)

// recovery makes the directory's recovery key and, signed by it, the key for backups, so that offices stream theirs. Both stay in the
// demo's folder, which no province would allow. It returns the public half of the first.
func (f *founder) recovery() ([]byte, error) {
	key, secret, err := server.NewRecoveryKey()
	if err != nil {
		return nil, err
	}
	r, shares, err := recovery.NewKey(1, demoShares, demoThreshold, time.Now(), key)
	if err != nil {
		return nil, err
	}
	if err := ceremony.Write(f.demo.RecoveryFolder(), demoRemark, r, shares); err != nil {
		return nil, err
	}
	return key.Public().Bytes(), os.WriteFile(filepath.Join(f.demo.RecoveryFolder(), "genesis.recovery"), secret, 0o600)
}

// backupKey tells every server of the directory of the key for backups; the nodes learn of it from them.
func (f *founder) backupKey(ctx context.Context) error {
	b, err := os.ReadFile(filepath.Join(f.demo.RecoveryFolder(), ceremony.KeyFile))
	if err != nil {
		return err
	}
	return each(f.demo.serverNames(), func(name string) error {
		tool, err := admin.NewClient(f.demo.folder(name))
		if err != nil {
			return err
		}
		return tool.Post(ctx, "/backup-key", server.BackupKeyRequest{Record: b}, nil)
	})
}

// province publishes the tables, enrols every office and makes the accounts, all at the running directory.
func (f *founder) province(ctx context.Context) error {
	tool, err := admin.NewClient(f.demo.folder(f.demo.Plan.Servers[0].Name))
	if err != nil {
		return err
	}
	if err := tool.Post(ctx, "/publish", Tables(), nil); err != nil {
		return fmt.Errorf("publish the province's tables: %w", err)
	}
	if err := f.backupKey(ctx); err != nil {
		return fmt.Errorf("publish the key for backups: %w", err)
	}
	accounts, err := f.accounts(ctx)
	if err != nil {
		return err
	}
	if err := each(accounts, func(q server.AccountRequest) error { return tool.Post(ctx, "/account", q, nil) }); err != nil {
		return fmt.Errorf("make accounts: %w", err)
	}
	return each(f.demo.Plan.Offices, func(o OfficePlan) error { return f.enrol(ctx, tool, o) })
}

// Tables are the embedded public tables of the province.
func Tables() server.Publication {
	calendar := khanhhoa.Calendar()
	return server.Publication{
		Levels: khanhhoa.Levels(), Offices: khanhhoa.Offices(), Fields: khanhhoa.Fields(), Calendar: &calendar, Procedures: khanhhoa.Procedures(),
	}
}

// enrol makes one office's node with a token, as `motcua node enrol` does.
func (f *founder) enrol(ctx context.Context, tool *admin.Client, o OfficePlan) error {
	var t server.TokenAnswer
	if err := tool.Post(ctx, "/token", server.TokenRequest{Office: o.Code, Hours: 1}, &t); err != nil {
		return fmt.Errorf("token for %s: %w", o.Code, err)
	}
	token, err := directory.ParseToken(t.Token)
	if err != nil {
		return err
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	return node.Enrol(ctx, node.Enrolment{Dir: f.demo.folder(string(o.Code)), Conn: conn, Token: token, Addr: o.Addr, Portal: o.Portal()})
}

// demoRoles are the two people of every demo office.
var demoRoles = []struct {
	prefix, who string
	roles       []directory.Role
}{
	{"mc.", "một cửa (desk officer)", []directory.Role{directory.DeskOfficer}},
	{"cv.", "chuyên viên, ký duyệt (specialist, signatory)", []directory.Role{directory.Specialist, directory.Signatory}},
}

// accounts makes two accounts for every office and one citizen, each with a random password.
func (f *founder) accounts(ctx context.Context) ([]server.AccountRequest, error) {
	var out []server.AccountRequest
	for _, o := range f.demo.Plan.Offices {
		for i, r := range demoRoles {
			a := directory.Account{
				ID: NewAccountID(), Login: r.prefix + o.Slug, Kind: directory.Staff, Name: demoName(len(out)),
			}
			for _, role := range r.roles {
				a.Grants = append(a.Grants, directory.Grant{Office: o.Code, Role: role})
			}
			out = append(out, server.AccountRequest{Account: a})
			f.logins = append(f.logins, Login{Login: a.Login, Who: o.Name + ", " + demoRoles[i].who})
		}
	}
	out = append(out, server.AccountRequest{Account: directory.Account{
		ID: NewAccountID(), Login: "congdan", Kind: directory.Citizen, Name: "Trần Thị Bích Ngọc",
		Identity: "056190000123", Phone: "0905000123", Address: "Thôn An Ninh, xã Diên An",
	}})
	f.logins = append(f.logins, Login{Login: "congdan", Who: "người dân (citizen), or register your own"})
	passwords := session.NewPasswords(2)
	index := make([]int, len(out))
	for i := range index {
		index[i] = i
	}
	return out, each(index, func(i int) (err error) {
		f.logins[i].Password = NewPassword()
		out[i].Verifier, err = passwords.Hash(ctx, f.logins[i].Password)
		return err
	})
}

var passwordText = base32.NewEncoding("abcdefghijkmnpqrstuvwxyz23456789").WithPadding(base32.NoPadding)

// NewPassword makes a random password of 60 bits in letters and digits that are told apart on paper.
func NewPassword() string {
	b := make([]byte, 8)
	rand.Read(b)
	s := passwordText.EncodeToString(b)[:12]
	return s[:4] + "-" + s[4:8] + "-" + s[8:]
}

// NewAccountID makes a random account id of 80 bits.
func NewAccountID() directory.AccountID {
	b := make([]byte, 10)
	rand.Read(b)
	return directory.AccountID(strings.ToLower(base32.StdEncoding.EncodeToString(b)))
}

// demoName gives the people of the demo names, so that pages look as they do in life.
func demoName(i int) string {
	family := []string{"Nguyễn", "Trần", "Lê", "Phạm", "Võ", "Đặng", "Bùi"}
	given := []string{"Thị Hoa", "Văn Nam", "Thị Thanh Hằng", "Quốc Bảo", "Minh Tuấn", "Thị Ngọc Ánh", "Đình Phúc", "Thu Thủy"}
	return family[i%len(family)] + " " + given[i%len(given)]
}
