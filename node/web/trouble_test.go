package web

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"motcua/node/blob"
	"motcua/node/office"
	"motcua/node/page"
	"motcua/node/text"
	"motcua/replication/spool"
)

// accepted is a dossier that a commune has accepted, shown at its desk, and its submission code.
func accepted(t *testing.T, p *province) (xa *browser, code string) {
	t.Helper()
	p.staff("xa", commune)
	p.staff("huyen", district)
	code = file(t, p.nodes[commune].registered(t, "hai"), "")
	xa = p.nodes[commune].officer(t, "xa").get("/vi/desk/submissions/" + code)
	return xa.fill("/accept").sees("-261125-0001"), code
}

// stuck fails unless the page has a status and says the words.
func (b *browser) stuck(status int, words ...string) *browser {
	b.t.Helper()
	if b.status != status {
		b.t.Fatalf("%s: status %d, want %d: %s", b.path, b.status, status, b.text())
	}
	return b.says(words...)
}

// TestARuleSpeaksForItself: who breaks a rule reads that rule, and what was typed is kept beside the field it is about.
func TestARuleSpeaksForItself(t *testing.T) {
	p := newProvince(t)
	p.staff("xa", commune)
	code := file(t, p.nodes[commune].registered(t, "hai"), "")
	xa := p.nodes[commune].officer(t, "xa").get("/vi/desk/submissions/" + code)
	accept, long := xa.form("/accept"), strings.Repeat("lý do ", 2000)
	xa.fill("/refuse", "reason", long).stuck(http.StatusUnprocessableEntity, "quá dài")
	if got := xa.form("/refuse").values.Get("reason"); got != strings.TrimSpace(long) {
		t.Errorf("of %d characters of a reason %d are kept", len(long), len(got))
	}
	at := xa.send(accept, "", nil).sees().path
	step := xa.get(at + "/step").form("/step")
	xa.send(step, "", nil, "note", long).stuck(http.StatusUnprocessableEntity, "quá dài")
	if got := xa.form("/step").values.Get("note"); strings.TrimSpace(got) != strings.TrimSpace(long) {
		t.Errorf("of %d characters of a note %d are kept", len(long), len(got))
	}
	xa.get(at+"/return").stuck(http.StatusConflict, "Chưa thực hiện được")
	if strings.Contains(xa.text(), "người khác xử lý") {
		t.Error("a rule passes for somebody else's act")
	}
	if xa.link(at); xa.path != at {
		t.Errorf("the page of a rule leads to %s", xa.path)
	}
}

// TestFullDisk: with no room left every act and every look says so, that nothing was saved and whom to tell.
func TestFullDisk(t *testing.T) {
	p := newProvince(t)
	xa, _ := accepted(t, p)
	at := xa.path
	hai := p.nodes[commune].browser(t).get("/vi/sign-in").fill("/sign-in", "login", "hai", "password", password)
	start := hai.get("/vi/procedures/" + funeral + "/start").form("/start")
	step := xa.get(at + "/step").form("/step")
	p.setFull(commune, true)
	xa.send(step, "", nil, "note", "x").stuck(http.StatusInsufficientStorage, "đã đầy đĩa", "chưa được lưu", "Báo cho cơ quan")
	hai.send(start, "", nil, "office", string(commune)).stuck(http.StatusInsufficientStorage, "đã đầy đĩa")
	p.staff("ba", commune)
	p.setFull(commune, false)
	ba := p.nodes[commune].officer(t, "ba")
	p.setFull(commune, true)
	ba.get(at).stuck(http.StatusInsufficientStorage, "đã đầy đĩa")
	if strings.Contains(ba.body, "Nguyễn") {
		t.Error("a dossier is shown though the look was not recorded")
	}
	p.setFull(commune, false)
	if ba.get(at).sees("Nguyễn Văn Hải"); strings.Contains(ba.text(), "Đã xong x") {
		t.Error("the step is done after all")
	}
}

// TestFullDiskForFiles: a paper that finds no room says so beside its slot, and a parcel too, each with the status of a full disk.
func TestFullDiskForFiles(t *testing.T) {
	s := &site{}
	c := s.newCall(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/vi/", nil), text.VI, page.Portal)
	fault, err := c.fileFault(fmt.Errorf("put: %w", blob.ErrFull), office.MaxPaper)
	if err != nil || !strings.Contains(fault, "hết chỗ") || c.code != http.StatusInsufficientStorage {
		t.Errorf("%q %v, status %d", fault, err, c.code)
	}
	if got := status(fmt.Errorf("send: %w", spool.ErrNoRoom)); got != http.StatusInsufficientStorage {
		t.Errorf("a full spool: %d", got)
	}
}

// TestOfficeWithoutANode: what cannot be sent to an office says which office and what to do, before and after the attempt, and
// loses nothing.
func TestOfficeWithoutANode(t *testing.T) {
	p := newProvince(t)
	xa, _ := accepted(t, p)
	at := xa.path
	xa.link("/step").fill("/step", "note", "")
	forward := xa.link("/forward").form("/forward")
	hai := p.nodes[island].registered(t, "binh")
	draft := toCheck(t, hai)
	start := hai.get("/vi/procedures/" + funeral + "/start?q=vinh+hoa").form("/start")
	p.leave(district)
	xa.get(at).sees("chưa có máy chủ trong hệ thống", "Hồ sơ vẫn ở đây")
	for _, l := range xa.links {
		if strings.HasSuffix(l, "/forward") {
			t.Error("forwarding is offered all the same")
		}
	}
	xa.get(at+"/forward").stuck(http.StatusConflict, "chưa có máy chủ", "Chuyển bằng giấy")
	xa.send(forward, "", nil).stuck(http.StatusConflict, "Ủy ban nhân dân", "chưa có máy chủ").link(at).sees("Nguyễn Văn Hải")
	p.leave(commune)
	hai.get(draft+"/check").fill("/submit").stuck(http.StatusConflict, "chưa có máy chủ", "Bản nháp vẫn được giữ")
	hai.get(draft + "/check").sees("Kiểm tra trước khi nộp")
	hai.send(start, "", nil, "office", string(commune)).stuck(http.StatusConflict, "chưa có máy chủ")
}

// toCheck begins a draft for the commune and fills it in; the answer is its address.
func toCheck(t *testing.T, b *browser) string {
	t.Helper()
	draft := b.get("/vi/procedures/"+funeral+"/start?q=vinh+hoa").fill("/start", "office", string(commune)).sees().path
	b.get(draft + "/form").mend().sees("Đã lưu")
	return draft
}

// TestSlipListsWhatWasReceived: a paper that was not handed in is not on the slip, nor an original that nobody saw.
func TestSlipListsWhatWasReceived(t *testing.T) {
	p := newProvince(t)
	p.staff("xa", commune)
	hai := p.nodes[commune].registered(t, "hai")
	code := file(t, hai, "")
	xa := p.nodes[commune].officer(t, "xa").get("/vi/desk/submissions/" + code).fill("/accept")
	xa.link("/desk/slips/")
	proc, _ := p.Current(funeral, "")
	listed := 0
	for _, r := range proc.Requirements {
		if strings.Contains(xa.body, "<td>"+r.Name.VI+"</td><td>0</td><td>0</td><td>1</td>") {
			listed++
		} else if strings.Contains(xa.text(), r.Name.VI) {
			t.Errorf("the slip lists %q", r.Name.VI)
		}
	}
	if listed != 1 {
		t.Errorf("%d papers on the slip, want the one that was handed in: %s", listed, xa.text())
	}
	draft := toCheck(t, hai)
	hai.get(draft + "/check").fill("/submit")
	other := strings.TrimPrefix(hai.path, "/vi/submissions/")
	xa.get("/vi/desk/submissions/" + other).fill("/accept").link("/desk/slips/").sees("Không nhận giấy tờ nào")
}

// TestARequestIsNotExplainedByItsDossier: the due date of a request is shorter than the dossier's, and so the computation of
// that one is not put beside it.
func TestARequestIsNotExplainedByItsDossier(t *testing.T) {
	p := newProvince(t)
	xa, _ := accepted(t, p)
	at := xa.path
	xa.sees("Cách tính").link("/step").fill("/step").link("/forward").fill("/forward")
	p.carry()
	huyen := p.nodes[district].officer(t, "huyen").get("/vi/desk").link("/desk/dossiers/").sees("Hạn trả kết quả")
	if strings.Contains(huyen.text(), "Cách tính") {
		t.Errorf("the request explains itself by the dossier: %s", huyen.text())
	}
	xa.get(at).sees("Cách tính")
}

// TestNoticesAreEarned: an address alone makes no page say that something was done, and what is said is said once.
func TestNoticesAreEarned(t *testing.T) {
	p := newProvince(t)
	xa, _ := accepted(t, p)
	if at := xa.says("Đã tiếp nhận hồ sơ. In giấy").path; strings.Contains(xa.get(at).text(), "Đã tiếp nhận hồ sơ. In giấy") {
		t.Error("said again")
	}
	for _, path := range []string{"/vi/desk?done=accept", "/vi/?done=welcome"} {
		if xa.get(path); bytes.Contains([]byte(xa.body), []byte(`class="notice"`)) {
			t.Errorf("%s claims something: %s", path, xa.text())
		}
	}
	step := xa.get("/vi/desk/list?view=work").link("/desk/dossiers/").link("/step").form("/step")
	was := xa.client.CheckRedirect
	xa.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	xa.send(step, "", nil)
	xa.client.CheckRedirect = was
	if xa.get("/vi/desk"); strings.Contains(xa.body, `class="notice"`) {
		t.Error("what was done to a dossier is said on another page")
	}
}

// TestDirectoryOutOfReach: the strip and the outbox tell a line that is up from a directory that answers.
func TestDirectoryOutOfReach(t *testing.T) {
	p := newProvince(t)
	xa, _ := accepted(t, p)
	if xa.get("/vi/desk/outbox").sees("Thông suốt"); strings.Contains(xa.text(), "danh bạ") {
		t.Error("the directory is missed while it answers")
	}
	p.loseDirectory()
	xa.get("/vi/desk/outbox").sees("Không liên lạc được danh bạ tỉnh", "2 trên 2")
	xa.get("/vi/").sees("không liên lạc được danh bạ tỉnh")
}

// TestGoingBackAfterHandingIn: the pages of a draft that was handed in lead to its confirmation; what is sent to one is refused
// with a way there, and deleting it deletes nothing.
func TestGoingBackAfterHandingIn(t *testing.T) {
	p := newProvince(t)
	hai := p.nodes[commune].registered(t, "hai")
	draft := toCheck(t, hai)
	drop := hai.get(draft).form("/drop")
	questions := hai.get(draft + "/form").form("/form")
	done := hai.get(draft + "/check").fill("/submit").sees("Đã nộp hồ sơ").path
	for _, page := range []string{"", "/form", "/papers", "/check"} {
		if hai.get(draft + page).sees("Đã nộp hồ sơ"); hai.path != done {
			t.Errorf("%s%s leads to %s", draft, page, hai.path)
		}
	}
	for _, f := range []formSeen{questions, drop} {
		hai.send(f, "", nil).stuck(http.StatusConflict, "Hồ sơ này đã được nộp").link("/submissions/").sees("Đã nộp hồ sơ")
	}
	p.nodes[commune].registered(t, "binh").get(draft + "/check").stuck(http.StatusNotFound)
}

// TestOwnDossierOutOfReach: a dossier that nobody in reach knows may be there all the same; one that the directory does not know
// is not.
func TestOwnDossierOutOfReach(t *testing.T) {
	p := newProvince(t)
	hai := p.nodes[commune].registered(t, "hai")
	code := file(t, hai, "")
	p.carry()
	third := hai.at(p.nodes[district])
	third.get("/vi/dossiers/" + code).sees("to khai.pdf")
	third.get("/vi/dossiers/N4K7-Q2MX-8RTD").stuck(http.StatusNotFound)
	p.setLine(commune, false)
	p.loseDirectory()
	third.get("/vi/dossiers/"+code).stuck(http.StatusServiceUnavailable, "Chưa xem được hồ sơ này", "vẫn an toàn")
	third.get("/vi/dossiers/garbage").stuck(http.StatusNotFound)
}
