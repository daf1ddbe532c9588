package web

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"motcua/directory"
	"motcua/node/office"
)

var (
	secretText = regexp.MustCompile(`\b([A-Z2-7]{4} ){7}[A-Z2-7]{4}\b`)
	codeText   = regexp.MustCompile(`\b[0-9A-Z]{4}(-[0-9A-Z]{4}){3}\b`)
)

// admin makes the office's admin, who also works at the desk.
func (p *province) admin(login string, c directory.OfficeCode) {
	p.staff(login, c)
	a := p.accounts[login]
	a.Grants = append(a.Grants, directory.Grant{Office: c, Role: directory.Admin})
	p.accounts[login] = a
}

func (p *province) later(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

// code is what an authenticator shows, some steps from now.
func (p *province) code(secret string, ahead int) string {
	p.t.Helper()
	code, err := totp.GenerateCode(strings.ReplaceAll(secret, " ", ""), p.clock().Add(time.Duration(ahead)*30*time.Second))
	must(p.t, err)
	return code
}

// background runs what the node does by itself until the test ends, and returns once it knows its staff.
func (n *node) background(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); n.Background(ctx) }()
	t.Cleanup(func() { stop(); <-done })
}

// enrol adds an authenticator at the page that says so, and returns its secret and the recovery codes.
func (n *node) enrol(b *browser) (secret string, codes []string) {
	b.get("/vi/desk/account/factors/totp").sees("Thêm ứng dụng xác thực")
	secret = secretText.FindString(b.text())
	b.fill("/factors/totp", "code", "000000", "label", "").says("Mã không đúng", "Đặt tên để nhận ra thiết bị")
	b.fill("/factors/totp", "code", n.p.code(secret, 0), "label", "Điện thoại của tôi").sees("chỉ hiện một lần")
	return secret, codeText.FindAllString(b.text(), -1)
}

// TestTheAdminLooksAfterStaff: roles by field and step, delegations, a code for a new password, disabling and enabling, through the
// pages; and nobody else gets there.
func TestTheAdminLooksAfterStaff(t *testing.T) {
	p := newProvince(t)
	p.admin("quan.tri", commune)
	p.staff("hoa", commune)
	p.staff("lan", commune)
	n := p.nodes[commune]
	hoa, lan := n.officer(t, "hoa"), n.officer(t, "lan")
	for _, at := range []string{"/vi/desk/staff", "/vi/desk/staff/id-lan", "/vi/desk/staff/id-lan/grant", "/vi/desk/staff/reset"} {
		if hoa.get(at); hoa.status != http.StatusForbidden {
			t.Errorf("%s: %d for who is no admin", at, hoa.status)
		}
	}
	b := n.officer(t, "quan.tri")
	b.link("/desk/staff").sees("Cán bộ hoa", "Cán bộ lan", "Chưa có")
	b.link("id-lan").sees("Người ký duyệt; mọi lĩnh vực", "Giao vai trò", "Khóa tài khoản")
	if b.get("/vi/desk/staff/id-lan/delegate"); strings.Contains(b.text(), "Người ký duyệt") {
		t.Error("an admin says who signs for a signatory")
	}
	b.get("/vi/desk/staff/id-lan")
	b.link("/grant").fill("/grant", "role", "", "reason", "").says("Nhập số văn bản hoặc lý do")
	b.fill("/grant", "role", "specialist", "field", fieldOf(t, p), "step", "check", "from", "1/12/2026", "until", "31/12/2026", "reason", "QĐ 5").
		sees("Đã giao vai trò", "bước: thẩm định; từ 01/12/2026; đến hết 31/12/2026")
	b.link("ungrant?n=0").sees("Thu hồi vai trò").fill("/ungrant", "reason", "đổi việc").sees("Đã thu hồi vai trò")
	b.link("/delegate").fill("/delegate", "to", "id-hoa", "grant", "0", "from", "25/11/2026", "until", "20/11/2026", "reason", "QĐ 6").says("Ngày kết thúc")
	b.fill("/delegate", "to", "id-hoa", "grant", "1", "from", "25/11/2026", "until", "30/11/2026", "reason", "QĐ 6").sees("Đã ủy quyền", "theo QĐ 6")
	hoa.get("/vi/desk/account").sees("Được ủy quyền", "Cán bộ lan")
	lan.get("/vi/desk/account").sees("Đang ủy quyền cho", "Cán bộ hoa").link("/end").fill("/end", "reason", "đã về").sees("Đã chấm dứt ủy quyền")
	if hoa.get("/vi/desk/account"); strings.Contains(hoa.text(), "Được ủy quyền") {
		t.Error("a delegation goes on after its end")
	}
	b.get("/vi/desk/staff/id-lan").link("/reset").fill("/reset").sees("Mã đặt lại mật khẩu", "Cán bộ lan", "26/11/2026")
	code, again := codeText.FindString(b.text()), b.path
	if b.get(again); strings.Contains(b.text(), code) {
		t.Error("the code is shown twice")
	}
	out := n.browser(t).get("/vi/desk/reset")
	out.fill("/reset", "login", "lan", "code", "AAAA-BBBB-CCCC-DDDD", "new", "mật khẩu mới 1", "again", "mật khẩu mới 2").says("không giống nhau")
	out.fill("/reset", "login", "lan", "code", strings.ToLower(code), "new", "mật khẩu mới 1", "again", "mật khẩu mới 1").sees("Đã đặt mật khẩu mới")
	out.fill("/desk/sign-in", "login", "lan", "password", "mật khẩu mới 1").sees("Hôm nay")
	b.get("/vi/desk/staff/id-lan").link("/disable").fill("/disable", "reason", "Nghỉ hưu").sees("Đã khóa tài khoản", "Nghỉ hưu")
	if out.get("/vi/desk"); !strings.Contains(out.path, "/sign-in") {
		t.Errorf("a disabled account goes on at %s", out.path)
	}
	out.fill("/desk/sign-in", "login", "lan", "password", "mật khẩu mới 1").says("Tài khoản này đã bị khóa")
	out.fill("/desk/sign-in", "login", "lan", "password", "sai mật khẩu").says("Tên đăng nhập hoặc mật khẩu không đúng")
	b.get("/vi/desk/staff/id-lan").link("/enable").fill("/enable", "reason", "nhầm").sees("Đã mở lại tài khoản")
	p.later(office.AccountFresh + time.Minute)
	if b.get("/vi/desk/staff/id-lan/disable"); !strings.Contains(b.path, "/sign-in") {
		t.Errorf("after a while nothing is asked again: %s", b.path)
	}
}

// TestChangesOfAccountsAskAgain: after a while, whoever wants to change an account says again who they are.
func TestChangesOfAccountsAskAgain(t *testing.T) {
	p := newProvince(t)
	p.admin("quan.tri", commune)
	p.staff("lan", commune)
	b := p.nodes[commune].officer(t, "quan.tri")
	at := []string{"account/factors/add", "account/factors/totp", "account/factors/key", "account/factors/f/remove", "account/recovery", "account/delegate", "account/delegations/d/end", "staff/reset", "staff/id-lan/delegations/d/end", "hand-over/order"}
	for _, act := range []string{"grant", "delegate", "disable", "enable", "reset"} {
		at = append(at, "staff/id-lan/"+act)
	}
	for _, path := range at {
		if b.get("/vi/desk/" + path); strings.Contains(b.path, "/sign-in") {
			t.Errorf("%s asks again at once", path)
		}
	}
	p.later(office.AccountFresh + time.Minute)
	for _, path := range at {
		if b.get("/vi/desk/" + path); !strings.Contains(b.path, "/sign-in") {
			t.Errorf("%s is open after a while: %d at %s", path, b.status, b.path)
		}
	}
	p.later(office.FormGrace)
	for _, path := range at[1:] {
		if b.send(formSeen{action: "/vi/desk/" + path, post: true, values: url.Values{}}, "", nil); !strings.Contains(b.path, "/sign-in") {
			t.Errorf("%s is done after a while: %d at %s", path, b.status, b.path)
		}
	}
	b.get("/vi/desk/account").sees("Thông tin của tôi")
}

// TestTheOwnerIsToldOfACode: at the next sign-in, and on the page of the account for a month, with who issued it and whether it was
// used.
func TestTheOwnerIsToldOfACode(t *testing.T) {
	p := newProvince(t)
	p.admin("quan.tri", commune)
	n := p.nodes[commune]
	n.registered(t, "hai")
	admin := n.officer(t, "quan.tri")
	admin.get("/vi/desk/staff/reset").fill("/reset", "login", "hai").sees("Mã đặt lại mật khẩu")
	code := codeText.FindString(admin.text())
	b := n.browser(t).get("/vi/sign-in").fill("/sign-in", "login", "hai", "password", password).sees("Gần đây có mã đặt lại mật khẩu")
	if b.get("/vi/dossiers"); strings.Contains(b.text(), "Gần đây có mã") {
		t.Error("told on every page")
	}
	b.get("/vi/account").sees("Có mã đặt lại mật khẩu được cấp", "Nơi cấp: ", "Mã chưa được dùng", "Nếu ông/bà không yêu cầu")
	n.browser(t).get("/vi/reset").fill("/reset", "login", "hai", "code", code, "new", "mật khẩu mới 1", "again", "mật khẩu mới 1").sees("Đã đặt mật khẩu mới")
	b = n.browser(t).get("/vi/sign-in").fill("/sign-in", "login", "hai", "password", "mật khẩu mới 1").sees("Gần đây có mã đặt lại mật khẩu")
	b.get("/en/account").sees("a new password was set with it")
	p.later(31 * 24 * time.Hour)
	b = n.browser(t).get("/vi/sign-in").fill("/sign-in", "login", "hai", "password", "mật khẩu mới 1").get("/vi/account").sees("Thông tin của tôi")
	if strings.Contains(b.text(), "Mã được cấp lúc") {
		t.Error("told for ever")
	}
}

func fieldOf(t *testing.T, p *province) string {
	t.Helper()
	return p.Fields("")[0].ID
}

// TestFirstPasswordAndFactor: who must choose a password, and then must have a second factor, can do nothing else before; then
// the session is as good as any.
func TestFirstPasswordAndFactor(t *testing.T) {
	p := newProvince(t)
	p.staff("hoa", commune)
	a := p.accounts["hoa"]
	a.MustChange = true
	p.accounts["hoa"] = a
	p.policy = directory.FactorPolicy{Needs: []directory.FactorNeed{{Role: directory.Signatory, From: "2026-11-25"}}}
	n := p.nodes[commune]
	n.background(t)
	b := n.browser(t).get("/vi/desk").fill("/desk/sign-in", "login", "hoa", "password", password).sees("mật khẩu tạm")
	for _, at := range []string{"/vi/desk", "/vi/desk/list", "/vi/desk/account", "/vi/desk/account/factors/add", "/vi/desk/account/delegate"} {
		if b.get(at); b.path != "/vi/desk/account/password" {
			t.Errorf("%s opens %s", at, b.path)
		}
	}
	b.fill("/password", "old", "sai", "new", "mật khẩu mới 1", "again", "mật khẩu mới 1").says("Mật khẩu hiện tại không đúng")
	b.fill("/password", "old", password, "new", password, "again", password).says("phải khác")
	b.fill("/password", "old", password, "new", "mật khẩu mới 1", "again", "mật khẩu mới 1").sees("bắt buộc có xác thực bước hai từ ngày 25/11/2026")
	for _, at := range []string{"/vi/desk", "/vi/desk/account", "/vi/desk/account/password", "/vi/desk/staff"} {
		if b.get(at); b.path != "/vi/desk/account/factors/add" {
			t.Errorf("%s opens %s", at, b.path)
		}
	}
	secret, _ := n.enrol(b)
	b.get("/vi/desk").sees("Hôm nay")
	fresh := n.browser(t).get("/vi/desk").fill("/desk/sign-in", "login", "hoa", "password", "mật khẩu mới 1").sees("Xác thực bước hai")
	fresh.fill("/confirm", "code", p.code(secret, 1)).sees("Hôm nay")
}

// TestDecidingAsksAgain: a signatory shows the second factor again after a while, before the form of a decision and when it is
// sent very late; other work goes on.
func TestDecidingAsksAgain(t *testing.T) {
	p := newProvince(t)
	p.staff("hoa", commune)
	n := p.nodes[commune]
	b := n.officer(t, "hoa")
	secret, codes := n.enrol(b)
	const at = "/vi/desk/dossiers/0000000000000000000000000000000000000000000000000000000000000001/decide"
	asked := func() bool { return b.get(at).path != at }
	if asked() {
		t.Errorf("just shown, asked again: %s", b.path)
	}
	p.later(office.SignFresh + time.Minute)
	if b.get("/vi/desk/list").sees("Hồ sơ"); !asked() {
		t.Error("not asked again")
	}
	b.says("Xác nhận lại")
	b.fill("/confirm", "code", p.code(secret, 0))
	if b.path != at {
		t.Errorf("it goes on to %s", b.path)
	}
	p.later(office.SignFresh + time.Minute)
	b.get(at).fill("/confirm", "code", codes[0])
	if b.path != at {
		t.Errorf("with a recovery code it goes on to %s", b.path)
	}
	if b.get("/vi/desk/account"); !strings.Contains(b.text(), "Còn 9 mã khôi phục") {
		t.Error("the recovery code is not used up")
	}
}

// TestSignedInElsewhere: one's sign-ins are listed and ended, one or all; a changed password ends the others; wrong tries are told.
func TestSignedInElsewhere(t *testing.T) {
	p := newProvince(t)
	n := p.nodes[commune]
	one := n.registered(t, "hai")
	p.later(time.Second)
	two := n.browser(t).get("/vi/sign-in").fill("/sign-in", "login", "hai", "password", "sai mật khẩu này").says("không đúng")
	two.fill("/sign-in", "login", "hai", "password", password).sees("có người đã nhập sai mật khẩu")
	two.get("/vi/dossiers")
	if strings.Contains(two.text(), "nhập sai") {
		t.Error("told twice")
	}
	one.get("/vi/account").sees("Nguyễn Văn Hải", "nơi đang dùng")
	for _, f := range one.forms {
		if f.values.Get("id") != "" {
			one.send(f, "", nil).sees("Đã đăng xuất nơi đó")
		}
	}
	if two.get("/vi/account"); !strings.Contains(two.path, "/sign-in") {
		t.Errorf("the other goes on at %s", two.path)
	}
	two.fill("/sign-in", "login", "hai", "password", password).sees("Tài khoản")
	p.later(time.Second)
	one.get("/vi/account/password").fill("/password", "old", password, "new", "mật khẩu mới 1", "again", "mật khẩu mới 1").sees("Đã đổi mật khẩu")
	if two.get("/vi/account"); !strings.Contains(two.path, "/sign-in") {
		t.Errorf("the other outlives the password at %s", two.path)
	}
	one.get("/vi/account/profile").fill("/profile", "phone", "12", "email", "x").says("Nhập số điện thoại", "Nhập địa chỉ thư điện tử")
	one.fill("/profile", "phone", "+84 905 999 888", "email", "Hai@Vidu.VN", "address", "Vĩnh Lương").sees("Đã lưu thông tin", "0905999888", "hai@vidu.vn")
	one.get("/vi/account/history").sees("Giao vai trò: Người ký duyệt", "Sửa thông tin: số điện thoại", "phiên bản phần mềm mới hơn")
	p.setLine(commune, false)
	one.get("/vi/account/profile").fill("/profile", "phone", "0905111222").says("cần liên lạc với máy chủ của tỉnh")
	p.setLine(commune, true)
	for _, f := range one.get("/vi/account").forms {
		if strings.HasSuffix(f.action, "/sign-ins") && f.values.Get("id") == "" {
			one.send(f, "", nil).sees("Đã đăng xuất mọi nơi")
		}
	}
}

// TestATakenLoginIsChosenAnew: an account made with the line cut whose login turned out to be taken gets another login, and is then
// good everywhere.
func TestATakenLoginIsChosenAnew(t *testing.T) {
	p := newProvince(t)
	n := p.nodes[commune]
	p.setLine(commune, false)
	b := n.registered(t, "hai")
	p.nodes[island].registered(t, "hai")
	p.setLine(commune, true)
	n.background(t)
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(b.get("/vi/account").text(), "Tên đăng nhập đã có người dùng"); {
		if time.Now().After(deadline) {
			t.Fatalf("never told: %s", b.text())
		}
	}
	b.link("/account/login").fill("/login", "login", "hai").says("đã có người dùng")
	b.fill("/login", "login", "hai.vinhluong").sees("Đã đổi tên đăng nhập", "hai.vinhluong")
	p.nodes[district].browser(t).get("/vi/sign-in").fill("/sign-in", "login", "hai.vinhluong", "password", password).sees("Hồ sơ của tôi")
	n.browser(t).get("/vi/sign-in").fill("/sign-in", "login", "hai.vinhluong", "password", password).sees("Hồ sơ của tôi")
}

// TestScriptsRunOnTheKeyPagesAlone: every other page forbids all scripts, and the two allow the one of this server.
func TestScriptsRunOnTheKeyPagesAlone(t *testing.T) {
	p := newProvince(t)
	p.staff("hoa", commune)
	n := p.nodes[commune]
	b := n.officer(t, "hoa")
	for _, at := range []string{"/vi/desk", "/vi/desk/account", "/vi/desk/account/factors/add", "/vi/desk/account/factors/totp"} {
		if csp := b.get(at).header.Get("Content-Security-Policy"); strings.Contains(csp, "script-src") || !strings.Contains(csp, "default-src 'none'") {
			t.Errorf("%s: %s", at, csp)
		}
	}
	b.get("/vi/desk/account/factors/add").sees("cần địa chỉ có tên miền")
	b.base = strings.Replace(b.base, "127.0.0.1", "localhost", 1)
	b.get("/vi/desk").fill("/desk/sign-in", "login", "hoa", "password", password)
	b.get("/vi/desk/account/factors/key").sees("Thêm khóa bảo mật")
	if csp := b.header.Get("Content-Security-Policy"); !strings.HasSuffix(csp, "; script-src 'self'") {
		t.Errorf("the page of the key: %s", csp)
	}
	b.fill("/factors/key", "label", "Khóa", "answer", "{}").says("Khóa bảo mật chưa được chấp nhận")
	b.fill("/factors/key", "label", "", "answer", "{}").says("Đặt tên")
}

// TestLogsNameNobody: whatever people do with their accounts, no log of the node holds anything of them.
func TestLogsNameNobody(t *testing.T) {
	p := newProvince(t)
	p.admin("quan.tri", commune)
	p.staff("hoa.tran", commune)
	n := p.nodes[commune]
	n.background(t)
	hoa := n.officer(t, "hoa.tran")
	secret, codes := n.enrol(hoa)
	b := n.officer(t, "quan.tri")
	b.get("/vi/desk/staff/id-hoa.tran/disable").fill("/disable", "reason", "Nghỉ hưu trước tuổi")
	b.get("/vi/desk/staff/id-hoa.tran/enable").fill("/enable", "reason", "nhầm")
	b.get("/vi/desk/staff/id-hoa.tran/reset").fill("/reset")
	reset := codeText.FindString(b.text())
	hai := n.registered(t, "hai.nguyen")
	hai.get("/vi/account/profile").fill("/profile", "phone", "0905999888", "email", "hai@vidu.vn", "address", "Thôn Văn Đăng")
	n.browser(t).get("/vi/sign-in").fill("/sign-in", "login", "hai.nguyen", "password", "sai mật khẩu này")
	p.setLine(commune, false)
	hai.get("/vi/account/profile").fill("/profile", "phone", "0905111222")
	hai.get("/vi/account/password").fill("/password", "old", password, "new", "mật khẩu mới 1", "again", "mật khẩu mới 1")
	n.browser(t).get("/vi/reset").fill("/reset", "login", "hai.nguyen", "code", reset, "new", "mật khẩu mới 1", "again", "mật khẩu mới 1")
	for _, planted := range []string{
		"hoa.tran ", "login=", "hai.nguyen", "Nguyễn Văn Hải", "Cán bộ", "0905", "056185000123", "vidu.vn", "Văn Đăng", password, "mật khẩu mới", "sai mật khẩu", "Nghỉ hưu",
		strings.ReplaceAll(secret, " ", ""), codes[0], reset, "argon2", "127.0.0.1",
	} {
		if planted != "" && strings.Contains(p.log.String(), planted) {
			t.Errorf("a log holds %q:\n%s", planted, p.log.String())
		}
	}
}
