package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"motcua/directory"
)

// lastOpen is the last day of the offices that close.
const lastOpen = directory.Date("2026-11-30")

// closing is an office as the directory has it where one closes in favour of another.
func (p *province) closing(o directory.Office) directory.Office {
	for old, heir := range p.heirs {
		act := directory.OfficeAct{On: lastOpen.AddDays(1), Decision: "NQ 1667/NQ-UBTVQH15"}
		switch o.Code {
		case old:
			act.Kind, act.Others = directory.ActClose, []directory.OfficeCode{heir}
			o.Valid.To, o.Successors, o.Acts = lastOpen, act.Others, append(o.Acts, act)
		case heir:
			act.Kind, act.Others = directory.ActAbsorb, []directory.OfficeCode{old}
			o.Acts = append(o.Acts, act)
		}
	}
	return o
}

// TestAnOfficeClosesThroughThePages: the desk says so beforehand, the admin hands over when the day has come, the successor's desk has
// the dossier under its old code, and the citizen sees the new office with all that was done before.
func TestAnOfficeClosesThroughThePages(t *testing.T) {
	p := newProvince(t)
	p.admin("quan.tri", commune)
	p.staff("xa", commune)
	p.staff("moi", island)
	old, heir := p.nodes[commune], p.nodes[island]
	hai := p.nodes[district].registered(t, "hai.nguyen")
	alias := file(t, hai, "Vĩnh Hòa")
	p.carry()
	old.officer(t, "xa").get("/vi/desk/submissions/" + alias).fill("/accept").sees("H32.22327-261125-0001")
	if b := old.officer(t, "xa").get("/vi/desk/hand-over"); b.status != http.StatusNotFound {
		t.Errorf("an office that does not close hands over: %d", b.status)
	}
	p.heirs = map[directory.OfficeCode]directory.OfficeCode{commune: island}
	admin := old.officer(t, "quan.tri").sees("kết thúc hoạt động sau ngày 30/11/2026", "cần bàn giao: 1")
	admin.link("/hand-over").sees("NQ 1667/NQ-UBTVQH15", "Chỉ bàn giao được sau ngày 30/11/2026")
	p.later(6 * 24 * time.Hour)
	old.officer(t, "xa").link("/hand-over").sees("do quản trị hệ thống của cơ quan thực hiện")
	old.background(t)
	admin = old.officer(t, "quan.tri").link("/hand-over")
	admin.link("/order").sees("không thu hồi được").fill("/order", "to", "").says("Chọn cơ quan")
	admin.fill("/order", "to", string(island)).sees("Đã bắt đầu bàn giao", "Đang bàn giao")
	for range 1000 {
		if c, _, err := old.Closure(); err != nil || c.Left == 0 {
			break
		}
		<-time.After(5 * time.Millisecond)
	}
	admin.get("/vi/desk/outbox").sees("Hồ sơ bàn giao", "H32.22327-261125-0001")
	admin.get("/vi/desk/list?view=all").link("/desk/dossiers/").sees("Bàn giao hồ sơ", "Hồ sơ đã bàn giao", "Đang chờ gửi")
	for p.carry() > 0 {
	}
	admin.get("/vi/desk/hand-over").sees("Đã bàn giao xong", "đã nhận 1")
	b := heir.officer(t, "moi")
	b.get("/vi/desk/list?view=taken").sees("H32.22327-261125-0001", "Nguyễn Văn Hải").link("/desk/dossiers/").sees("Tiếp nhận bàn giao hồ sơ", "theo NQ 1667/NQ-UBTVQH15")
	b.link("/step").fill("/step", "note", "Đã đối chiếu").sees("Đã ghi nhận bước xử lý")
	hai = p.nodes[district].browser(t).get("/vi/sign-in").fill("/sign-in", "login", "hai.nguyen", "password", password)
	hai.get("/vi/dossiers").link("/dossiers/H32").sees("Tiếp nhận bàn giao hồ sơ", "Trường Sa", "Vĩnh Hòa", "Đã đối chiếu")
	if strings.Contains(p.log.String(), "Nguyễn Văn Hải") {
		t.Error("the log names the applicant")
	}
}
