package web

import (
	"strings"
	"testing"

	"motcua/directory"
)

// TestForgedCitizenIsSeen: whoever looks with a session that another office's node has made up is on the applicant's page, with
// the name of that office.
func TestForgedCitizenIsSeen(t *testing.T) {
	p := newProvince(t)
	here := p.nodes[commune]
	hai := here.registered(t, "hai")
	code := file(t, hai, "")
	if hai.get("/vi/dossiers/" + code); strings.Contains(hai.text(), "đăng nhập tại") {
		t.Error("the applicant's own look at home is told apart")
	}
	victim := directory.Account{ID: p.accounts["hai"].ID, Kind: directory.Citizen, Name: "x"}
	here.forged(t, p.nodes[island], victim, citizenCookie).get("/vi/dossiers/" + code).sees("to khai.pdf")
	hai.get("/vi/dossiers/" + code).sees("người nộp xem hồ sơ · đăng nhập tại Ủy ban nhân dân thị trấn Trường Sa")
	if strings.Contains(hai.text(), "citizen") {
		t.Error("the name of a kind of account is shown")
	}
}
