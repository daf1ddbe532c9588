package web

import (
	"net/http"
	"strings"
	"testing"

	"motcua/directory"
)

// TestAWithdrawnProcedureIsReadAndNotBegun follows its page over the day on which it ends; a dossier accepted before goes on.
func TestAWithdrawnProcedureIsReadAndNotBegun(t *testing.T) {
	p := newProvince(t)
	p.staff("xa", commune)
	hai := p.nodes[commune].registered(t, "hai")
	file(t, hai, "")
	p.carry()
	xa := p.nodes[commune].officer(t, "xa")
	desk := xa.get("/vi/desk").text()
	page := "/vi/procedures/" + funeral
	tomorrow := directory.DateOf(p.clock().AddDate(0, 0, 1))
	p.ends = map[string]directory.Withdrawal{funeral: {Code: funeral, Version: 1, From: tomorrow, Decision: "Quyết định 1234/QĐ-UBND", Note: directory.Text{VI: "Thay bằng thủ tục khác."}}}
	hai.get(page).sees("sẽ bị bãi bỏ từ ngày", "Quyết định 1234/QĐ-UBND", "Nộp hồ sơ").link("/start")
	p.mu.Lock()
	p.now = p.now.AddDate(0, 0, 1)
	p.mu.Unlock()
	hai = p.nodes[commune].registered(t, "binh")
	if text := hai.get(page).sees("đã bị bãi bỏ từ ngày", "Thay bằng thủ tục khác.", "Không nhận hồ sơ mới").text(); strings.Contains(text, "Nộp hồ sơ") {
		t.Error("it can still be begun")
	}
	if hai.get(page + "/start"); hai.status != http.StatusNotFound {
		t.Error("the page to begin it is there")
	}
	if again := p.nodes[commune].officer(t, "xa").get("/vi/desk").text(); !strings.Contains(desk, "Nguyễn Văn Hải") || !strings.Contains(again, "Nguyễn Văn Hải") {
		t.Errorf("the dossier is gone from the desk:\n%s", again)
	}
}
