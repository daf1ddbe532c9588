package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"motcua/directory"
)

var (
	secretText   = regexp.MustCompile(`\b([A-Z2-7]{4} ){7}[A-Z2-7]{4}\b`)
	recoveryText = regexp.MustCompile(`\b[0-9A-Z]{4}(-[0-9A-Z]{4}){3}\b`)
)

// TestAccountsInABrowser is what an officer meets of accounts: a second factor by phone, by recovery code and by security key, a
// delegation to a colleague, the history; with scripts off but where the key is.
func TestAccountsInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT TESTED in short mode: the accounts in a browser")
	}
	b := newBrowser(t)
	j := &journey{t: t, demo: startProvince(t, ""), shots: true}
	officer, colleague := b.person(), b.person()
	j.enter(officer, "cv.dien-an")
	officer.sees("Hôm nay")
	secret := j.addPhone(officer)
	codes := j.byPhone(officer, secret)
	j.byRecovery(officer, codes)
	j.byKey(officer)
	j.enter(colleague, "mc.dien-an")
	j.delegate(officer, colleague)
	j.again(officer, j.local("/vi/desk/account/history"), "Dùng một mã khôi phục")
	officer.sees("Thêm cách xác thực: Điện thoại", "Thêm cách xác thực: Khóa bảo mật", "Dùng một mã khôi phục", "Ủy quyền giữa ông/bà và Nguyễn Đình Phúc: Người ký duyệt")
	j.shot(officer, "64-account-history")
}

// local is an address of the commune's node by the name of the machine: a security key takes no number for a name.
func (j *journey) local(path string) string {
	return strings.Replace(j.url(commune, path), "127.0.0.1", "localhost", 1)
}

// enter signs in at the commune's desk with the password.
func (j *journey) enter(b *browser, login string) {
	b.open(j.local("/vi/desk"))
	b.fill("Tên đăng nhập", login)
	b.fill("Mật khẩu", j.password(login))
	b.press("Đăng nhập")
}

// addPhone adds an authenticator, after a wrong code, and returns its secret.
func (j *journey) addPhone(b *browser) (secret string) {
	b.open(j.local("/vi/desk/account"))
	j.shot(b, "60-account")
	b.press("Thêm cách xác thực")
	b.press("Dùng điện thoại")
	secret = strings.ReplaceAll(secretText.FindString(b.text()), " ", "")
	j.shot(b, "61-add-phone")
	b.fill("Mã xác thực", "000000")
	b.press("Hoàn tất")
	b.sees("Mã không đúng")
	b.fill("Mã xác thực", j.code(secret, 0))
	b.press("Hoàn tất")
	return secret
}

// code is what an authenticator shows, some steps from now.
func (j *journey) code(secret string, ahead int) string {
	j.t.Helper()
	code, err := totp.GenerateCode(secret, time.Now().Add(time.Duration(ahead)*30*time.Second))
	if err != nil {
		j.t.Fatal(err)
	}
	return code
}

// byPhone signs out and in again with a code, and returns the recovery codes that were shown before.
func (j *journey) byPhone(b *browser, secret string) (recovery []string) {
	b.sees("Mã khôi phục", "chỉ hiện một lần")
	recovery = recoveryText.FindAllString(b.text(), -1)
	j.shot(b, "62-recovery-codes")
	used := b.eval("location.href")
	b.press("Tôi đã cất các mã")
	b.open(used)
	if strings.Contains(b.text(), recovery[0]) {
		j.t.Error("recovery codes are shown twice")
	}
	b.press("Đăng xuất")
	j.enter(b, "cv.dien-an")
	b.sees("Xác thực bước hai")
	b.open(j.local("/vi/desk/list"))
	b.sees("Xác thực bước hai") // nothing else opens
	b.fill("Mã xác thực", "123456")
	b.press("Tiếp tục")
	b.sees("Mã không đúng hoặc đã dùng rồi")
	code := j.code(secret, 1)
	b.fill("Mã xác thực", code)
	b.press("Tiếp tục")
	b.sees("Hồ sơ")
	b.press("Đăng xuất")
	j.enter(b, "cv.dien-an")
	b.fill("Mã xác thực", code)
	b.press("Tiếp tục")
	b.sees("Mã không đúng hoặc đã dùng rồi")
	return recovery
}

// byRecovery goes on with a recovery code, which is good once, and then with another.
func (j *journey) byRecovery(b *browser, codes []string) {
	b.fill("Mã xác thực", strings.ToLower(strings.ReplaceAll(codes[0], "-", " ")))
	b.press("Tiếp tục")
	b.sees("Đã dùng một mã khôi phục")
	b.open(j.local("/vi/desk/account"))
	b.sees("Còn 9 mã khôi phục")
	b.press("Đăng xuất")
	j.enter(b, "cv.dien-an")
	b.fill("Mã xác thực", codes[0])
	b.press("Tiếp tục")
	b.sees("Mã không đúng hoặc đã dùng rồi")
	b.fill("Mã xác thực", codes[1])
	b.press("Tiếp tục")
}

// byKey adds a security key and signs in with it.
func (j *journey) byKey(b *browser) {
	b.open(j.local("/vi/desk/account/factors/add"))
	j.plugIn(b)
	b.press("Dùng khóa bảo mật")
	b.press("Thêm khóa")
	b.sees("Đã thêm cách xác thực bước hai", "Khóa bảo mật")
	b.press("Đăng xuất")
	j.enter(b, "cv.dien-an")
	b.press("Dùng khóa bảo mật")
	b.sees("Hôm nay")
}

// plugIn gives the browser a security key, and lets it run scripts.
func (j *journey) plugIn(b *browser) {
	j.t.Helper()
	b.do("plug in a security key", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		if err := scripts(ctx, true); err != nil {
			return err
		}
		if _, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return err
		}
		_, err := chromedp.Call(ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportUsb, AutomaticPresenceSimulation: true,
		}})
		return err
	}))
}

// delegate lets the signatory delegate to a colleague, who sees it.
func (j *journey) delegate(b, colleague *browser) {
	b.open(j.local("/vi/desk/account"))
	b.press("Ủy quyền ký thay, làm thay")
	b.press("Ủy quyền")
	b.sees("Chọn người", "Nhập ngày dạng")
	b.eval(fmt.Sprintf(`(() => { document.querySelector('%s').selectedIndex = 1; return ''; })()`, b.mark("list of people", byLabel, "Ủy quyền cho")))
	b.choose("Người ký duyệt")
	today := directory.DateOf(time.Now()).Time()
	b.fill("Từ ngày", today.Format("02/01/2006"))
	b.fill("Đến hết ngày", today.AddDate(0, 0, 7).Format("02/01/2006"))
	b.fill("Số văn bản ủy quyền", "QĐ 12/QĐ-UBND")
	j.shot(b, "63-delegate")
	b.press("Ủy quyền")
	b.sees("Đã ủy quyền", "QĐ 12/QĐ-UBND")
	j.again(colleague, j.local("/vi/desk/account"), "theo QĐ 12/QĐ-UBND")
	colleague.sees("Được ủy quyền", "Người ký duyệt")
}
