package page

import (
	"time"

	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/text"
)

func (s *sampler) draft() Draft {
	return Draft{"d5k2m9", s.t("Trợ cấp thờ cúng liệt sĩ", "Worship allowance for martyrs"), s.t("UBND xã Vĩnh Lương", "Vĩnh Lương Commune")}
}

func (s *sampler) offices(n int) []Option {
	var out []Option
	for _, name := range []string{"Vĩnh Lương", "Vĩnh Phương", "Vĩnh Ngọc", "Vĩnh Thạnh", "Phước Đồng", "Trường Sa"}[:n] {
		out = append(out, Option{Value: "H32.2" + name, Label: s.t("Ủy ban nhân dân xã ", "People’s Committee of ") + name, Hint: s.t("Thành phố Nha Trang", "Nha Trang City")})
	}
	return out
}

func (s *sampler) filing() {
	l, name := s.l, "Nguyễn Văn Hải"
	places := []Option{{Value: "H32.568", Label: s.t("Thành phố Nha Trang", "Nha Trang City"), Chosen: true}, {Value: "H32.569", Label: s.t("Thành phố Cam Ranh", "Cam Ranh City")}}
	field := Field{Name: "office", Label: l.T("start.choose"), Kind: RadioField, Options: s.offices(6)}
	s.add("start", name, Start{Form: Form{Once: "o1"}, Procedure: s.services()[1], Places: places, Query: "vinh", Offices: field, More: 21})
	none := []Problem{{"office", l.T("fault.office")}}
	s.add("start-wrong", name, Start{Form: Form{"o1", none}, Procedure: s.services()[1], Places: places, Offices: Beside([]Field{field}, none)[0]})
	s.add("start-none", name, Start{Procedure: s.services()[1], Places: places, Query: "zzz"})
	s.add("start-absent", name, Start{Procedure: s.services()[1]})
	s.add("tasks", name, Tasks{Form: Form{Once: "t1"}, Draft: s.draft(), Tasks: []Task{
		{l.T("tasks.form"), "/x", Tag{l.T("tasks.done"), text.Good}}, {l.T("tasks.papers"), "/x", Tag{l.T("tasks.partly"), text.Info}}, {l.T("tasks.check"), "", Tag{l.T("tasks.later"), text.Quiet}},
	}})
	s.questions(name)
	s.papers(name)
	s.checks(name)
	done := Confirmation{"N4K7-Q2MX-8RTD", s.draft().Procedure, s.draft().Office, s.now, false}
	s.add("confirmation", name, done)
	s.cut("confirmation-cut", Portal, done)
	done.Local = true
	s.add("confirmation-here", name, done)
	qr, err := NewQR("N4K7-Q2MX-8RTD")
	if err != nil {
		panic(err) // a short code always fits
	}
	s.add("receipt", name, Receipt{"N4K7-Q2MX-8RTD", "Ủy ban nhân dân xã Vĩnh Lương", s.applicant(text.VI), []string{"don-de-nghi.pdf", "bien-ban-uy-quyen.jpg"}, qr})
}

func (s *sampler) questions(name string) {
	fields := []Field{
		{Name: "martyr", Label: s.t("Họ và tên liệt sĩ", "Name of the martyr"), Kind: TextField, Max: 100, Section: s.t("Về liệt sĩ", "The martyr"), Value: "Nguyễn Văn Đạt"},
		{Name: "died", Label: s.t("Ngày hy sinh", "Date of death"), Hint: s.t("Ví dụ 27/07/1968", "For example 27/07/1968"), Kind: DateField, Width: "s", Max: 10},
		{Name: "kin", Label: s.t("Quan hệ với liệt sĩ", "Relation"), Kind: RadioField, Section: s.t("Về người thờ cúng", "The worshipper"), Options: []Option{{Value: "child", Label: s.t("Con", "Child")}, {Value: "grandchild", Label: s.t("Cháu", "Grandchild"), Chosen: true}, {Value: "other", Label: s.t("Khác", "Other")}}},
		{Name: "bank", Label: s.t("Cách nhận trợ cấp", "How to receive it"), Kind: SelectField, Options: []Option{{Value: "cash", Label: s.t("Tiền mặt tại xã", "Cash")}, {Value: "bank", Label: s.t("Chuyển khoản", "Bank transfer")}}},
		{Name: "amount", Label: s.t("Số người được ủy quyền", "Persons entrusted"), Kind: NumberField, Width: "s"},
		{Name: "more", Label: s.t("Thông tin thêm", "Anything else"), Kind: AreaField, Optional: true, Max: 1000},
		{Name: "agree", Label: s.t("Tôi đồng ý nhận thông báo qua điện thoại", "I agree to be told by telephone"), Kind: CheckField, Value: "true"},
	}
	s.add("questions", name, Questions{Form: Form{Once: "q1"}, Draft: s.draft(), Fields: fields})
	wrong := []Problem{{"died", s.t("Nhập ngày dạng dd/mm/yyyy", "Enter a date as dd/mm/yyyy")}, {"kin", s.t("Chọn quan hệ với liệt sĩ", "Choose the relation")}, {"bank", s.t("Chọn cách nhận", "Choose how")}, {"agree", s.t("Đánh dấu ô này", "Tick this box")}, {"more", s.t("Nội dung quá dài", "Too long")}}
	s.add("questions-wrong", name, Questions{Form: Form{"q1", wrong}, Draft: s.draft(), Fields: Beside(fields, wrong)})
}

func (s *sampler) slots(full bool) []Slot {
	slots := []Slot{
		{ID: "application", Name: s.t("Đơn đề nghị (Mẫu số 18)", "Application (form 18)"), Count: s.l.N("paper.originals", 1), Files: []File{{ID: "f1", Name: "don-de-nghi-tro-cap-tho-cung-liet-si-nguyen-van-dat-ban-chup-ngay-20-11-2026.pdf", Type: "PDF", Size: 482_113, URL: "/x/f1"}}},
		{ID: "mandate", Name: s.t("Biên bản ủy quyền", "Authorisation"), Count: s.l.N("paper.originals", 1), Note: s.t("có xác nhận của UBND xã", "confirmed by the commune")},
		{ID: "merit", Name: s.t("Bằng “Tổ quốc ghi công”", "Certificate of merit"), Count: s.l.N("paper.copies", 2), Optional: true},
	}
	if full {
		slots[1].Files = []File{{ID: "f2", Name: "bien-ban.jpg", Type: "JPEG", Size: 2_400_000, URL: "/x/f2"}}
	}
	return slots
}

func (s *sampler) papers(name string) {
	s.add("papers", name, Papers{Form: Form{Once: "p1"}, Draft: s.draft(), Slots: s.slots(false), Max: 20_000_000})
	bad := []Problem{{"mandate", s.l.T("fault.file_type")}}
	slots := s.slots(false)
	slots[1].Error = bad[0].Text
	s.add("papers-wrong", name, Papers{Form: Form{"p1", bad}, Draft: s.draft(), Slots: slots, Max: 20_000_000})
	s.add("papers-none", name, Papers{Draft: s.draft(), Max: 20_000_000})
}

func (s *sampler) applicant(l text.Lang) []Row {
	return []Row{{l.T("register.name"), "Nguyễn Văn Hải"}, {l.T("register.identity"), "056185000123"}, {l.T("register.phone"), "0905 123 456"}, {l.T("register.address"), "12 Trần Phú\nphường Lộc Thọ, Nha Trang"}}
}

func (s *sampler) groups() []Group {
	return []Group{
		{Title: s.l.T("check.applicant"), Rows: s.applicant(s.l)},
		{Title: s.l.T("tasks.form"), Change: "/x/form", Rows: []Row{{s.t("Họ và tên liệt sĩ", "Name of the martyr"), "Nguyễn Văn Đạt"}, {s.t("Quan hệ", "Relation"), s.t("Cháu", "Grandchild")}, {s.t("Thông tin thêm", "More"), ""}}},
	}
}

func (s *sampler) checks(name string) {
	s.add("check", name, Check{Form: Form{Once: "c1"}, Draft: s.draft(), Groups: s.groups(), Slots: s.slots(true), Ready: true, Today: s.due(false)})
	s.add("check-warn", name, Check{Form: Form{Once: "c1"}, Draft: s.draft(), Groups: s.groups(), Slots: s.slots(false), Ready: true, Warnings: []string{s.l.T("check.missing", s.t("Biên bản ủy quyền", "Authorisation"))}})
	s.add("check-early", name, Check{Draft: s.draft(), Groups: s.groups()})
}

func (s *sampler) steps() []Step {
	root, district := s.t("UBND xã Vĩnh Lương", "Vĩnh Lương Commune"), s.t("UBND thành phố Nha Trang", "Nha Trang City")
	return []Step{
		{Title: s.l.Act(dossier.KindAccepted), Where: root, State: StepDone, At: s.now.Add(-50 * time.Hour), By: "Trần Thị Bích Ngọc"},
		{Title: s.t("Kiểm tra, xác nhận hồ sơ", "Check and confirm"), Where: root, State: StepDone, At: s.now.Add(-26 * time.Hour), By: "Lê Quang Minh", Note: s.t("Đã đối chiếu bản chính.", "Compared with the originals.")},
		{Title: s.t("Thẩm định và quyết định", "Appraise and decide"), Where: district, State: StepNow, Due: s.now.Add(240 * time.Hour), Label: s.l.State(dossier.StatusRequested).Label},
		{Title: s.t("Trả kết quả", "Return the result"), Where: root, State: StepTodo},
	}
}

func (s *sampler) following() {
	l, name := s.l, "Nguyễn Văn Hải"
	s.add("track", "", Track{Form: Form{Once: "k1"}, Fields: TrackFields(l, "", "")})
	bad := []Problem{{"", l.T("fault.track")}}
	s.add("track-wrong", "", Track{Form: Form{"k1", bad}, Fields: TrackFields(l, "H32.22327-261120-0007", "1234")})
	root, district := s.t("UBND xã Vĩnh Lương", "Vĩnh Lương Commune"), s.t("UBND thành phố Nha Trang", "Nha Trang City")
	tracked := Tracked{Code: "H32.22327-261120-0007", Procedure: s.draft().Procedure, Root: root, Holder: district, Standing: l.State(dossier.StatusWaiting), Due: s.due(false), AsOf: s.now.Add(-time.Hour)}
	s.add("tracked", "", tracked)
	tracked.Fresh, tracked.Steps, tracked.Due = true, s.steps(), s.due(true)
	s.add("tracked-late", "", tracked)
	s.add("dossiers", name, Dossiers{Drafts: []Begun{{"d5k2m9", s.draft().Procedure, root, s.now}}, Rows: []Filed{
		{"H32.22327-261120-0007", s.draft().Procedure, district, s.tag(dossier.StatusWaiting), s.now.Add(300 * time.Hour)},
		{"N4K7-Q2MX-8RTD", s.services()[2].Name, root, s.tag(dossier.StatusSubmitted), time.Time{}},
		{"H32.22327-261102-0003", s.services()[4].Name, root, s.tag(dossier.StatusReturned), s.now.Add(-200 * time.Hour)},
	}})
	s.add("dossiers-none", name, Dossiers{})
	s.cut("dossiers-cut", Portal, Dossiers{AsOf: l.T("mine.asof")})
	d := Dossier{Code: "H32.22327-261120-0007", Alias: "N4K7-Q2MX-8RTD", Procedure: s.draft().Procedure, Root: root, Holder: district, Accepted: true, Submitted: s.now.Add(-60 * time.Hour), AcceptedAt: s.now.Add(-50 * time.Hour), Standing: l.State(dossier.StatusWaiting), Due: s.due(false), AsOf: s.now, Fresh: true, Steps: s.steps(), Groups: []Group{{Title: l.T("dossier.form"), Rows: s.groups()[1].Rows}}, Papers: s.slots(true)[0].Files, Looks: []Look{{s.now.Add(-26 * time.Hour), root, text.Address("Lê Quang Minh", l.Role(directory.Specialist)), l.T("look.work")}, {s.now.Add(-50 * time.Hour), root, "Trần Thị Bích Ngọc", l.T("look.intake")}}}
	s.add("dossier", name, d)
	d.Standing, d.Results = l.State(dossier.StatusDone), []File{{Name: "quyet-dinh-1234.pdf", URL: "/x/r1", Type: "PDF", Size: 91_000, From: district}}
	d.Steps = s.steps()
	d.Steps[2].State, d.Steps[2].Label, d.Steps[3].State = StepDone, l.Outcome(dossier.Approved), StepNow
	s.add("dossier-done", name, d)
	r := Dossier{Code: "N4K7-Q2MX-8RTD", Procedure: d.Procedure, Root: root, Holder: root, Submitted: s.now, Standing: l.State(dossier.StatusRefused), Reason: s.long(s.t("Thiếu biên bản ủy quyền có xác nhận.", "The confirmed authorisation is missing.")), AsOf: s.now.Add(-3 * time.Hour), Steps: []Step{{Title: l.Act(dossier.KindRefused), Where: root, State: StepBad, At: s.now}}}
	s.cut("dossier-refused", Portal, r)
}
