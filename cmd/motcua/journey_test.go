package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"motcua/cmd/province"
)

// The offices of the journey: filed at a fourth, decided at the district, followed from a third.
const (
	portal   = "vinh-luong"
	commune  = "dien-an"
	district = "dien-khanh"
	third    = "loc-tho"
)

var (
	submissionCode = regexp.MustCompile(`\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b`)
	dossierCode    = regexp.MustCompile(`\bH32\.22693-\d{6}-\d{4}\b`)
)

// journey is the main job as people do it, at the pages of a running province.
type journey struct {
	t       *testing.T
	demo    *province.Demo
	pdf     string
	citizen *browser
	desk    *browser // of the commune
	special *browser
	upper   *browser // of the district
	shots   bool     // keep and judge a picture of every page
}

// TestTheMainJobInABrowser is the journey: in Vietnamese, with scripts off, across four offices; once with the line
// up, once with the commune cut off between accept and forward, once by stick.
func TestTheMainJobInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT TESTED in short mode: the browser journey")
	}
	b := newBrowser(t)
	j := &journey{t: t, demo: startProvince(t, ""), pdf: writePDF(t), shots: true}
	j.citizen, j.desk, j.special, j.upper = b.person(), b.person(), b.person(), b.person()
	j.register()
	j.staffSignIn()

	first := j.file()
	j.track(first, "Đã nộp, chờ tiếp nhận")
	code := j.accept(first)
	j.finishStep(code)
	j.forward(code)
	j.decide(code)
	j.handOver(code)
	j.follow(code)

	j.shots = false // the same pages again
	second := j.file()
	code = j.accept(second)
	j.finishStep(code)
	j.order("cut", commune)
	j.forward(code)
	j.waits(code)
	j.order("heal", commune)
	j.decide(code)
	j.handOver(code)

	third := j.file()
	code = j.accept(third)
	j.finishStep(code)
	j.order("cut", commune)
	j.forward(code)
	j.carry(commune, district)
	j.decide(code)
	j.carry(district, commune)
	j.handOver(code)
	j.order("heal", commune)
}

func (j *journey) url(slug, path string) string {
	j.t.Helper()
	for _, o := range j.demo.Plan.Offices {
		if o.Slug == slug {
			return o.Portal() + path
		}
	}
	j.t.Fatalf("no office %s in the demo", slug)
	return ""
}

func (j *journey) password(login string) string {
	j.t.Helper()
	for _, a := range j.demo.Accounts {
		if a.Login == login {
			return a.Password
		}
	}
	j.t.Fatalf("no account %s in the demo", login)
	return ""
}

func (j *journey) shot(b *browser, name string) {
	if j.shots {
		b.shot(name)
	}
}

func (j *journey) order(verb, office string) {
	j.t.Helper()
	if _, err := j.demo.Order(j.t.Context(), verb, office); err != nil {
		j.t.Fatalf("demo %s %s: %v", verb, office, err)
	}
}

// again reloads a page until it says the phrase: what comes from another office takes a moment.
func (j *journey) again(b *browser, url, phrase string) {
	j.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		b.open(url)
		if strings.Contains(strings.ToLower(b.text()), strings.ToLower(phrase)) {
			return
		}
		if time.Now().After(deadline) {
			j.t.Fatalf("%s never says %q; it says:\n%s", url, phrase, b.text())
		}
		<-time.After(200 * time.Millisecond)
	}
}

const citizenPassword = "mưa Nha Trang tháng mười một"

// register makes an account at the portal, after one attempt with mistakes.
func (j *journey) register() {
	b := j.citizen
	b.open(j.url(portal, "/vi/"))
	b.sees("Cần làm việc gì?")
	j.shot(b, "01-home")
	b.open(j.url(portal, "/vi/register"))
	b.fill("Họ và tên", "Lê Thị Hường")
	b.fill("Số định danh", "05618500012")
	b.fill("Số điện thoại", "0905111222")
	b.fill("Tên đăng nhập", "huong.dienan")
	b.fill("Mật khẩu", "ngắn")
	b.press("Tạo tài khoản")
	b.sees("Có nội dung cần sửa", "12 chữ số", "ít nhất 10 ký tự")
	if title := b.eval("document.title"); !strings.HasPrefix(title, "Lỗi:") {
		j.t.Errorf("the title of an invalid page is %q", title)
	}
	j.shot(b, "02-register-invalid")
	b.fill("Số định danh", "056185000123")
	b.fill("Mật khẩu", citizenPassword)
	b.press("Tạo tài khoản")
	b.sees("Lê Thị Hường")
}

func (j *journey) staffSignIn() {
	for _, who := range []struct {
		b           *browser
		slug, login string
	}{{j.desk, commune, "mc.dien-an"}, {j.special, commune, "cv.dien-an"}, {j.upper, district, "cv.dien-khanh"}} {
		who.b.open(j.url(who.slug, "/vi/desk"))
		who.b.fill("Tên đăng nhập", who.login)
		who.b.fill("Mật khẩu", "sai mật khẩu rồi")
		who.b.press("Đăng nhập")
		who.b.sees("Tên đăng nhập hoặc mật khẩu không đúng")
		who.b.fill("Tên đăng nhập", who.login)
		who.b.fill("Mật khẩu", j.password(who.login))
		who.b.press("Đăng nhập")
		who.b.sees("Hôm nay")
	}
	j.shot(j.desk, "20-today-empty")
}

// file searches, fills the form, attaches a paper, checks and submits, all at the portal of another office.
func (j *journey) file() (code string) {
	b := j.citizen
	b.open(j.url(portal, "/vi/"))
	b.fill("Cần làm việc gì?", "mai tang")
	b.press("Tìm")
	b.sees("Hỗ trợ chi phí mai táng cho đối tượng bảo trợ xã hội")
	j.shot(b, "03-search")
	b.press("Hỗ trợ chi phí mai táng cho đối tượng bảo trợ xã hội")
	b.sees("5 ngày làm việc", "Giấy chứng tử", "Nghị định 20/2021")
	j.shot(b, "04-procedure")
	b.press("Nộp hồ sơ")
	b.fill("Tên xã, phường", "dien an")
	b.press("Lọc danh sách")
	b.choose("Ủy ban nhân dân xã Diên An")
	j.shot(b, "05-office")
	b.press("Tiếp tục")
	b.sees("Các phần cần hoàn thành", "Chưa làm")
	j.shot(b, "06-tasks")
	j.answer(b)
	j.papers(b)
	b.press("Tiếp tục")
	b.sees("Kiểm tra trước khi nộp", "Lê Văn Thành", "giay-chung-tu.pdf")
	j.shot(b, "09-check")
	b.press("Nộp hồ sơ")
	b.sees("Đã nộp hồ sơ", "Mã nộp hồ sơ")
	code = submissionCode.FindString(b.text())
	if code == "" {
		j.t.Fatalf("no submission code on the confirmation:\n%s", b.text())
	}
	j.shot(b, "10-confirmation")
	b.press("Biên nhận nộp hồ sơ")
	b.sees(code, "Biên nhận")
	j.shot(b, "11-receipt")
	return code
}

func (j *journey) answer(b *browser) {
	b.press("Tờ khai")
	b.fill("Họ và tên người chết", "Lê Văn Thành")
	b.press("Lưu và tiếp tục")
	b.sees("Có nội dung cần sửa")
	j.shot(b, "07-form-invalid")
	b.fill("Ngày chết", "15/11/2026")
	b.choose("Trợ cấp xã hội hằng tháng")
	b.choose("Con")
	b.choose("Tôi cam đoan")
	b.press("Lưu và tiếp tục")
}

// papers attaches a file of a wrong type first, then the right one.
func (j *journey) papers(b *browser) {
	if strings.Contains(b.text(), "Các phần cần hoàn thành") {
		b.press("Giấy tờ kèm theo")
	}
	wrong := filepath.Join(j.t.TempDir(), "chuong-trinh.exe")
	if err := os.WriteFile(wrong, []byte("MZ\x90\x00 no paper"), 0o600); err != nil {
		j.t.Fatal(err)
	}
	label := "Chọn tệp – Giấy chứng tử"
	b.attach(label, wrong)
	b.press("Tải tệp lên – Giấy chứng tử")
	b.sees("Không nhận loại tệp này")
	b.attach(label, j.pdf)
	b.press("Tải tệp lên – Giấy chứng tử")
	b.sees("giay-chung-tu.pdf")
	j.shot(b, "08-papers")
}

// track looks a code up at a third node, not signed in.
func (j *journey) track(code, state string) {
	b := j.citizen.person()
	b.open(j.url(third, "/vi/track"))
	b.fill("Mã hồ sơ", code)
	b.fill("Bốn số cuối", "9999")
	b.press("Tra cứu")
	b.sees("Không có hồ sơ nào khớp")
	deadline := time.Now().Add(30 * time.Second)
	for {
		b.open(j.url(third, "/vi/track"))
		b.fill("Mã hồ sơ", code)
		b.fill("Bốn số cuối", "1222")
		b.press("Tra cứu")
		if strings.Contains(b.text(), state) || time.Now().After(deadline) {
			break
		}
	}
	b.sees(code, state)
	j.shot(b, "12-tracked")
}

// accept accepts a submission at the commune's desk and returns the dossier code.
func (j *journey) accept(submission string) (code string) {
	b := j.desk
	j.again(b, j.url(commune, "/vi/desk"), submission)
	j.shot(b, "21-today")
	b.press(submission)
	b.sees("Lê Thị Hường", "Lê Văn Thành")
	j.shot(b, "22-submission")
	b.press("Tiếp nhận và cấp mã hồ sơ")
	code = dossierCode.FindString(b.text())
	if code == "" {
		j.t.Fatalf("no dossier code after acceptance:\n%s", b.text())
	}
	j.shot(b, "23-accepted")
	b.press("Giấy tiếp nhận và hẹn trả kết quả")
	b.sees(code, "Giấy tiếp nhận hồ sơ và hẹn trả kết quả")
	j.shot(b, "24-slip")
	return code
}

func (j *journey) finishStep(code string) {
	b := j.special
	j.again(b, j.url(commune, "/vi/desk"), code)
	b.press(code)
	b.press("Hoàn thành bước")
	b.fill("Ghi chú", "Đã đối chiếu với sổ hộ tịch.")
	j.shot(b, "25-step")
	b.press("Ghi nhận hoàn thành")
	b.sees(code, "Chuyển đến cơ quan khác")
}

func (j *journey) forward(code string) {
	b := j.special
	b.press("Chuyển đến cơ quan khác")
	b.sees("huyện Diên Khánh")
	j.shot(b, "26-forward")
	b.press("Chuyển hồ sơ")
	b.sees(code, "Chờ cơ quan khác")
	j.shot(b, "27-forwarded")
}

// waits sees that the forwarded dossier waits in the outbox while the line is cut, and that both sides go on working.
func (j *journey) waits(code string) {
	b := j.special
	b.open(j.url(commune, "/vi/desk/outbox"))
	b.sees("huyện Diên Khánh", "Yêu cầu phối hợp", code)
	b.shot("28-outbox-cut")
	j.upper.open(j.url(district, "/vi/desk"))
	j.upper.sees("Hôm nay")
	if strings.Contains(j.upper.text(), code) {
		j.t.Fatalf("%s crossed a line that is cut", code)
	}
}

// decide receives the request at the district, decides it with a result and reports back.
func (j *journey) decide(code string) {
	b := j.upper
	j.again(b, j.url(district, "/vi/desk"), code)
	j.shot(b, "30-district-today")
	b.press(code)
	b.sees("Lê Thị Hường", "giay-chung-tu.pdf")
	b.press("Nhận yêu cầu")
	b.press("Nhận xử lý")
	b.press("Quyết định")
	b.choose("Phê duyệt")
	b.attach("Tệp kết quả", j.pdf)
	j.shot(b, "31-decide")
	b.press("Ký và ghi nhận")
	b.press("Báo kết quả về")
	b.press("Gửi kết quả")
	b.sees(code, "Đã báo kết quả")
	j.shot(b, "32-reported")
}

func (j *journey) handOver(code string) {
	b := j.desk
	j.again(b, j.url(commune, "/vi/desk/list?view=return"), code)
	b.press(code)
	b.press("Trả kết quả")
	b.choose("Tại Bộ phận Một cửa")
	j.shot(b, "40-return")
	b.press("Ghi nhận đã trả")
	b.sees(code, "Đã trả kết quả")
	j.shot(b, "41-returned")
	if n := strings.Count(b.text(), "Nhận kết quả từ cơ quan phối hợp"); n != 1 {
		j.t.Errorf("the report of %s was taken in %d times", code, n)
	}
}

// follow is the citizen at a third node with the same account, where nobody had signed in before.
func (j *journey) follow(code string) {
	b := j.citizen.person()
	b.open(j.url(third, "/vi/sign-in"))
	b.fill("Tên đăng nhập", "huong.dienan")
	b.fill("Mật khẩu", citizenPassword)
	b.press("Đăng nhập")
	j.again(b, j.url(third, "/vi/dossiers"), code)
	j.shot(b, "50-mine")
	b.open(j.url(third, "/vi/dossiers/"+code))
	b.sees(code, "Đã trả kết quả", "Kiểm tra hồ sơ, xác nhận đề nghị hỗ trợ", "Thẩm định, quyết định hỗ trợ", "huyện Diên Khánh")
	j.shot(b, "51-dossier")
	got := b.download("giay-chung-tu.pdf", "Kết quả giải quyết")
	want, err := os.ReadFile(j.pdf)
	if err != nil {
		j.t.Fatal(err)
	}
	if got != string(want) {
		j.t.Errorf("the result downloads as %d bytes, not the %d that were attached", len(got), len(want))
	}
	b.open(strings.Replace(j.url(third, "/vi/dossiers/"+code), "/vi/", "/en/", 1))
	b.sees(code, "Result returned")
	j.shot(b, "52-dossier-en")
}

// carry takes what waits at one office to another on a stick, twice: the second time must change nothing.
func (j *journey) carry(from, to string) {
	j.t.Helper()
	stick := j.t.TempDir()
	for _, step := range []struct {
		line []string
		says string
	}{
		{[]string{"bundle", "write", "--data", j.demo.Folder(from), stick}, "1 parcels"},
		{nil, ""},
		{[]string{"bundle", "read", "--data", j.demo.Folder(to), stick}, "1 parcels"},
		{[]string{"bundle", "read", "--data", j.demo.Folder(to), stick}, "0 parcels"},
	} {
		if step.line == nil {
			protect(j.t, stick)
			continue
		}
		code, out, errs := typed(j.t, step.line...)
		if code != 0 || !strings.Contains(out, step.says) {
			j.t.Fatalf("motcua %s: exit %d, want exit 0 and %q\n%s%s", strings.Join(step.line, " "), code, step.says, out, errs)
		}
	}
	if code, _, errs := typed(j.t, "bundle", "read", "--data", j.demo.Folder(third), stick); code != 1 || !strings.Contains(errs, "nothing in it is for this office") {
		j.t.Errorf("the stick at an office it is not for: exit %d, %s", code, errs)
	}
	if code, _, errs := typed(j.t, "bundle", "write", "--data", j.demo.Folder(from), "--to", "H32.999", stick); code != 1 || !strings.Contains(errs, "no office H32.999") {
		j.t.Errorf("a stick for an office there is not: exit %d, %s", code, errs)
	}
}

// writePDF makes the smallest file that is a PDF with a page.
func writePDF(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "giay-chung-tu.pdf")
	body := "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n" +
		"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
