package web

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"motcua/node/blob"
)

var pdf = append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte("một cửa "), 2000)...)

// registered is somebody new, signed in.
func (n *node) registered(t *testing.T, login string) *browser {
	b := n.browser(t).get("/vi/register")
	b.fill("/register", "name", "Nguyễn Văn Hải", "identity", "056185000123", "phone", "0905 123 456", "login", login, "password", password)
	return b.sees("Đã tạo tài khoản")
}

func (n *node) officer(t *testing.T, login string) *browser {
	b := n.browser(t).get("/vi/desk")
	return b.fill("/desk/sign-in", "login", login, "password", password).sees("Hôm nay")
}

const funeral = "1.001731" // commune, then district, then commune

// TestJourney is the main job through the pages alone: filed at an island, accepted in a commune, decided at the district
// with the commune cut off for a while, returned, and the result downloaded at a third node.
func TestJourney(t *testing.T) {
	p := newProvince(t)
	p.staff("xa", commune)
	p.staff("huyen", district)
	hai := p.nodes[island].registered(t, "hai.nguyen")
	code := file(t, hai, "Vĩnh Hòa")
	p.carry()

	xa, huyen := p.nodes[commune].officer(t, "xa"), p.nodes[district].officer(t, "huyen")
	xa.get("/vi/desk").sees("Nguyễn Văn Hải", code).link("/desk/submissions/").sees("Nguyễn Văn Hải", "0905123456", "Tiếp nhận")
	xa.link("/desk/files/")
	if !bytes.Equal([]byte(xa.body), pdf) || !strings.HasPrefix(xa.header.Get("Content-Disposition"), "attachment;") {
		t.Fatalf("the desk reads another file: %d, %v", len(xa.body), xa.header)
	}
	xa.get("/vi/desk/submissions/"+code).fill("/accept").sees("H32.22327-261125-0001", "In giấy tiếp nhận")
	dossier := xa.path
	xa.link("/desk/slips/").sees("Giấy tiếp nhận hồ sơ và hẹn trả kết quả", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "09 giờ 00 phút, ngày 25/11/2026")
	p.carry()
	xa.get(dossier).link("/step").fill("/step", "note", "Đã đối chiếu bản chính").sees("Đã ghi nhận bước xử lý", "Đã đối chiếu bản chính")

	crossToDistrict(t, p, xa, huyen)

	xa.get(dossier).sees("quyết định.pdf").link("/return").fill("/return", "method", "electronic").sees("Đã ghi nhận trả kết quả", "Không còn việc gì")
	p.carry()
	third := hai.at(p.nodes[district]).get("/vi/dossiers").sees("H32.22327-261125-0001", "Đã trả kết quả").link("/dossiers/H32")
	third.sees("Đã đối chiếu bản chính", "quyết định.pdf", "Phê duyệt", "Tiếp nhận lúc 25/11/2026").link("/files/")
	if !bytes.Equal([]byte(third.body), pdf) {
		t.Fatalf("the result is another: %d bytes, %d", len(third.body), third.status)
	}
	stranger := p.nodes[island].browser(t).get("/vi/track")
	stranger.fill("/track", "code", code, "last", "3456").sees("Đã trả kết quả", "H32.22327-261125-0001")
	if strings.Contains(stranger.body, "Nguyễn") {
		t.Error("tracking names the applicant")
	}
	stranger.get("/vi/track").fill("/track", "code", code, "last", "0000").says("Không có hồ sơ nào khớp")
}

// crossToDistrict forwards the dossier shown while the commune is cut off, and has the district decide it once the line is back.
func crossToDistrict(t *testing.T, p *province, xa, huyen *browser) {
	t.Helper()
	p.setLine(commune, false)
	xa.link("/forward").fill("/forward", "note", "Kính chuyển").sees("Đã chuyển hồ sơ", "gián đoạn", "Đang chờ gửi")
	if p.carry() != 0 {
		t.Fatal("a parcel crossed a cut line")
	}
	xa.get("/vi/desk/outbox").sees("Yêu cầu phối hợp", "Gián đoạn", "Lưu ra USB").fill("/retry").sees("Đang gửi lại")
	if xa.get("/vi/desk/outbox/stick"); !strings.HasPrefix(xa.body, "MOTCUA BUNDLE") {
		t.Errorf("saved onto a stick: %.40s", xa.body)
	}
	p.setLine(commune, true)
	p.carry()

	huyen.get("/vi/desk").sees("H32.22327-261125-0001").link("/desk/dossiers/").link("/receive").fill("/receive").sees("Đã nhận yêu cầu")
	huyen.link("/decide")
	huyen.attach(huyen.form("/decide"), "x.pdf", nil).says("Chọn quyết định")
	huyen.attach(huyen.form("/decide"), "", nil, "outcome", "approved").says("Đính kèm kết quả")
	huyen.attach(huyen.form("/decide"), "quyết định.pdf", pdf, "outcome", "approved").sees("Đã ghi nhận quyết định", "quyết định.pdf")
	huyen.link("/report").fill("/report").sees("Đã báo kết quả")
	p.carry()
}

// file goes from the first page to the confirmation and returns the submission code.
func file(t *testing.T, b *browser, place string) string {
	t.Helper()
	b.get("/vi/search?q=mai+tang").sees("mai táng").link("/procedures/"+funeral).sees("Thời hạn", "Nộp hồ sơ").link("/start")
	b.sees("Chọn cơ quan giải quyết")
	b.fill("/start", "office", "").says("Chọn cơ quan giải quyết", "Có nội dung cần sửa")
	if place == "Vĩnh Hòa" {
		b.get(strings.Split(b.path, "?")[0] + "?q=vinh+hoa")
	}
	b.fill("/start", "office", "H32.22327").sees("Các phần cần hoàn thành")
	b.link("/form").sees("Tờ khai")
	b.fill("/form").says("Có nội dung cần sửa")
	b.mend().sees("Đã lưu", "Giấy tờ kèm theo")
	b.attach(b.forms[uploadForm(b)], "trang.html", []byte("<html><script>")).says("Không nhận loại tệp này")
	b.attach(b.forms[uploadForm(b)], "to khai.pdf", pdf).sees("Đã lưu tệp", "to khai.pdf")
	b.link("/check").sees("Kiểm tra trước khi nộp", "Nguyễn Văn Hải", "to khai.pdf")
	b.fill("/submit").sees("Đã nộp hồ sơ")
	code := regexp.MustCompile(`[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}`).FindString(b.text())
	b.link("/receipt").sees("Biên nhận nộp hồ sơ", code)
	return code
}

// mend answers the questions of the form shown, with the first option of each choice.
func (b *browser) mend() *browser {
	b.t.Helper()
	f := b.form("/form")
	var typed []string
	for name := range f.values {
		if name != "once" {
			typed = append(typed, name, "056185000123")
		}
	}
	for _, m := range dates.FindAllStringSubmatch(b.body, -1) {
		typed = append(typed, m[1], "27/07/1968")
	}
	for name, first := range firstOptions(b.body) {
		typed = append(typed, name, first)
	}
	return b.fill("/form", typed...)
}

var (
	dates   = regexp.MustCompile(`name="([^"]*)" type="text" value="[^"]*" class="w-s" maxlength="10"`)
	radio   = regexp.MustCompile(`<input type="(?:radio|checkbox)" id="[^"]*" name="([^"]*)" value="([^"]*)"`)
	choices = regexp.MustCompile(`(?s)<select id="[^"]*" name="([^"]*)".*?<option value="([^"]+)"`)
)

func firstOptions(body string) map[string]string {
	out := map[string]string{}
	for _, m := range append(radio.FindAllStringSubmatch(body, -1), choices.FindAllStringSubmatch(body, -1)...) {
		if out[m[1]] == "" {
			out[m[1]] = m[2]
		}
	}
	return out
}

func uploadForm(b *browser) int {
	b.t.Helper()
	for i, f := range b.forms {
		if f.multipart {
			return i
		}
	}
	b.t.Fatalf("%s takes no file: %s", b.path, b.text())
	return 0
}

// TestRepeats: a POST sent twice over a bad line has one effect and one answer.
func TestRepeats(t *testing.T) {
	p := newProvince(t)
	p.staff("xa", commune)
	b := p.nodes[commune].browser(t).get("/vi/register")
	f := b.form("/register")
	typed := []string{"name", "Nguyễn Văn Hải", "identity", "056185000123", "phone", "0905123456", "login", "hai", "password", password}
	b.send(f, "", nil, typed...).sees("Đã tạo tài khoản")
	b.send(f, "", nil, typed...).sees("Đã tạo tài khoản")
	b.send(f, "", nil, append(typed, "password", "mật khẩu của người khác")...).says("đã có người dùng")

	start := b.get("/vi/procedures/" + funeral + "/start").form("/start")
	first := b.send(start, "", nil, "office", "H32.22327").sees().path
	if again := b.send(start, "", nil, "office", "H32.22327").path; again != first {
		t.Errorf("two drafts: %s and %s", first, again)
	}
	b.get(first + "/papers")
	up := b.forms[uploadForm(b)]
	b.attach(up, "a.pdf", pdf)
	if b.attach(up, "a.pdf", pdf); strings.Count(b.body, "/papers/remove") != 1 {
		t.Errorf("the same file is kept %d times", strings.Count(b.body, "/papers/remove"))
	}
	b.get(first + "/form").mend().sees("Đã lưu")
	sub := b.get(first + "/check").form("/submit")
	code := b.send(sub, "", nil).sees("Đã nộp hồ sơ").path
	if again := b.send(sub, "", nil).path; again != code {
		t.Errorf("submitted as %s and %s", code, again)
	}
	xa := p.nodes[commune].officer(t, "xa")
	accept := xa.get(strings.Replace(code, "/vi/", "/vi/desk/", 1)).form("/accept")
	at := xa.send(accept, "", nil).sees("-261125-0001").path
	if again := xa.send(accept, "", nil).path; again != at {
		t.Errorf("accepted at %s and %s", at, again)
	}
	step := xa.get(strings.Split(at, "?")[0] + "/step").form("/step")
	xa.send(step, "", nil).sees("Đã ghi nhận bước")
	xa.send(step, "", nil).sees("Đã ghi nhận bước")
}

// TestDoors: who may see and do what, and what a browser is told.
func TestDoors(t *testing.T) {
	p := newProvince(t)
	p.staff("xa", commune)
	hai := p.nodes[commune].registered(t, "hai")
	code := file(t, hai, "")
	p.carry()

	stranger := p.nodes[commune].browser(t)
	for _, path := range []string{"/vi/dossiers", "/vi/dossiers/" + code, "/vi/submissions/" + code} {
		if stranger.get(path); !strings.HasPrefix(stranger.path, "/vi/sign-in?next=") {
			t.Errorf("%s shows a stranger %s", path, stranger.path)
		}
	}
	for _, b := range []*browser{stranger, hai} {
		if b.get("/vi/desk/submissions/" + code); !strings.HasPrefix(b.path, "/vi/desk/sign-in") {
			t.Errorf("the desk is open: %s", b.path)
		}
	}
	other := p.nodes[commune].registered(t, "binh")
	for _, path := range []string{"/vi/dossiers/" + code, "/vi/submissions/" + code, "/vi/dossiers/" + code + "/files/" + strings.Repeat("ab", 32)} {
		if other.get(path); other.status != http.StatusNotFound {
			t.Errorf("%s shows somebody else's dossier: %d", path, other.status)
		}
	}
	xa := p.nodes[commune].officer(t, "xa")
	if !strings.HasPrefix(xa.at(p.nodes[district]).get("/vi/desk").path, "/vi/desk/sign-in") {
		t.Error("the desk of another office is open to this one's staff")
	}
	wrong := p.nodes[district].browser(t).get("/vi/desk")
	wrong.fill("/desk/sign-in", "login", "xa", "password", password).says("chưa được giao vai trò nào tại cơ quan này")
	wrong.get("/vi/desk").fill("/desk/sign-in", "login", "xa", "password", "mật khẩu sai rồi").says("không đúng")
	wrong.get("/vi/desk").fill("/desk/sign-in", "login", "hai", "password", password).says("tài khoản của người dân")
	wrong.get("/vi/sign-in").fill("/sign-in", "login", "xa", "password", password).says("tài khoản cán bộ")
	wrong.get("/vi/sign-in").fill("/sign-in", "login", "xa", "password", "mật khẩu sai rồi").says("không đúng")
	wrong.get("/vi/sign-in?next=//evil.example/").fill("/sign-in", "login", "hai", "password", password)
	if !strings.HasPrefix(wrong.path, "/vi/dossiers") {
		t.Errorf("signing in leads to %s", wrong.path)
	}
}

// TestGuessing: wrong passwords slow the guesser down and nobody else.
func TestGuessing(t *testing.T) {
	p := newProvince(t)
	n := p.nodes[commune]
	n.registered(t, "hai")
	b := n.browser(t).get("/en/sign-in")
	for range 5 {
		b.fill("/sign-in", "login", "hai", "password", "wrong").says("not right")
	}
	b.fill("/sign-in", "login", "hai", "password", password).says("Too many attempts")
	b.fill("/sign-in", "login", "binh", "password", "wrong").says("not right")
}

// TestBadInput: each has its status and a page that says what to do.
func TestBadInput(t *testing.T) {
	p := newProvince(t)
	n := p.nodes[commune]
	b := n.registered(t, "hai")
	for path, want := range map[string]int{
		"/vi/nothing": 404, "/fr/": 404, "/vi/procedures/9.999999": 404, "/vi/drafts/none": 404, "/vi/dossiers/garbage": 404,
		"/en/dossiers/H32.22327-261125-0099": 404, "/en/desk/nothing": 404, "/vi/search?from=-5": 200, "/vi/search?from=99999&q=%ff": 200,
	} {
		if b.get(path); b.status != want || !strings.Contains(b.body, "<h1>") {
			t.Errorf("%s: %d, want %d", path, b.status, want)
		}
	}
	start := b.get("/vi/procedures/" + funeral + "/start").form("/start")
	start.values.Del("once")
	if b.send(start, "", nil, "office", "H32.22327"); b.status != 400 {
		t.Errorf("a form without its token: %d", b.status)
	}
	start.values.Set("once", "x")
	b.send(start, "", nil, "office", "H32.22327").sees().link("/papers")
	big := append([]byte("%PDF-1.7\n"), make([]byte, 32<<20)...)
	b.attach(b.forms[uploadForm(b)], "a.pdf", big).says("lớn hơn")
	b.get("/vi/register")
	b.fill("/register", "name", strings.Repeat("x", maxForm))
	if b.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of %d bytes: %d", maxForm, b.status)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.url+"/vi/sign-out", nil)
	must(t, err)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if b.do(r); b.status != http.StatusForbidden || b.get("/vi/dossiers").path != "/vi/dossiers" {
		t.Errorf("another site may sign people out: %d", b.status)
	}
}

// TestHeaders: every answer bounds what a browser may do with it.
func TestHeaders(t *testing.T) {
	b := newProvince(t).nodes[commune].browser(t)
	for _, path := range []string{"/vi/", "/en/search?q=x", "/vi/none", "/favicon.svg"} {
		b.get(path)
		if b.header.Get("Content-Security-Policy") != policy || b.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, b.header)
		}
	}
	if b.get("/vi/"); b.header.Get("Cache-Control") != "no-store" {
		t.Error("a page may be kept by a cache")
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.base+"/vi/", nil)
	must(t, err)
	r.Header.Set("Accept-Encoding", "br, gzip;q=0")
	if plain := b.do(r); plain.header.Get("Content-Encoding") != "" || plain.status != 200 {
		t.Errorf("gzip for a browser that refuses it: %v", plain.header)
	}
	r.Header.Set("Accept-Encoding", "br, gzip")
	if small := b.do(r); small.header.Get("Content-Encoding") != "gzip" || len(small.body) > 14<<10 {
		t.Errorf("the first page weighs %d bytes, %v", len(small.body), small.header)
	}
	b.get("/vi/")
	style := regexp.MustCompile(`/static/motcua-[0-9a-f]+\.css`).FindString(b.body)
	if b.get(style); b.status != 200 || !strings.Contains(b.header.Get("Cache-Control"), "immutable") {
		t.Errorf("style sheet %s: %d %v", style, b.status, b.header)
	}
}

func TestDisposition(t *testing.T) {
	for name, want := range map[string]string{
		"a.pdf":                `attachment; filename=a.pdf`,
		"quyết định.pdf":       `attachment; filename*=utf-8''quy%E1%BA%BFt%20%C4%91%E1%BB%8Bnh.pdf`,
		"../../etc/passwd":     `attachment; filename=.._.._etc_passwd`,
		"a\r\nSet-Cookie: x=1": `attachment; filename="a__Set-Cookie_ x=1"`,
	} {
		if got := disposition(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
	if kinds["text/html"] != "" || kinds[blob.PDF] != "PDF" {
		t.Error("the media types that may be sent are not those that are taken")
	}
}
