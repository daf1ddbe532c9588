package page

import (
	"time"

	"motcua/node/dossier"
	"motcua/node/text"
)

func (s *sampler) cases(status dossier.Status, n int) []Case {
	var out []Case
	names := []string{"Nguyễn Văn Hải", "Phạm Thị Thu Hương", "Công ty TNHH Thương mại và Dịch vụ Hải sản Vĩnh Lương", "Lê Ý", "Đỗ Quỳnh Như"}
	for i := range n {
		due := s.now.Add(time.Duration(i*30-40) * time.Hour)
		c := Case{
			Code: "H32.22327-26112" + string(rune('0'+i)) + "-0007", URL: "/x", Applicant: names[i%len(names)],
			Procedure: s.services()[i%5].Name, Tag: s.tag(status), Due: due, Left: s.l.Left(due, s.now), Late: due.Before(s.now),
		}
		if status == dossier.StatusWaiting {
			c.Holder = s.t("UBND thành phố Nha Trang", "Nha Trang City")
		}
		out = append(out, c)
	}
	return out
}

func (s *sampler) counts(busy bool) []Count {
	out := []Count{
		{s.l.T("today.new"), "/x", 4, false}, {s.l.T("today.requests"), "/x", 1, false}, {s.l.T("today.work"), "/x", 27, false},
		{s.l.T("today.overdue"), "/x", 2, true}, {s.l.T("today.waiting"), "/x", 9, false}, {s.l.T("today.return"), "/x", 3, false}, {s.l.T("today.sync"), "/x", 1, true},
	}
	for i := range out {
		if !busy {
			out[i].N = 0
		}
	}
	return out
}

func (s *sampler) bar(status dossier.Status, late bool) Bar {
	due := s.due(late).At
	return Bar{
		Heading: s.l.T("label.dossier"), Code: "H32.22327-261120-0007", Procedure: s.draft().Procedure, Applicant: "Nguyễn Văn Hải",
		Detail: "0905 123 456", Tag: s.tag(status), Due: due, Left: s.l.Left(due, s.now), Late: late,
	}
}

func (s *sampler) deskPages() {
	l := s.l
	more := Link{"/x", l.T("today.all")}
	today := Today{Counts: s.counts(true), Lists: []Worklist{
		{Title: l.T("today.new"), Empty: l.T("today.no_new"), More: more, Rows: s.cases(dossier.StatusSubmitted, 2)},
		{Title: l.T("today.due_first"), Empty: l.T("today.no_due"), More: more, Rows: s.cases(dossier.StatusProcessing, 4)},
		{Title: l.T("today.requests"), Empty: l.T("today.no_requests"), Rows: nil},
	}}
	s.addDesk("today", today)
	s.addDesk("today-empty", Today{Counts: s.counts(false), Lists: []Worklist{{Title: l.T("today.new"), Empty: l.T("today.no_new")}}})
	s.cut("today-cut", Desk, today)
	s.handOver(today)
	views := []View{{l.T("today.new"), "/x", 4, false}, {l.T("today.work"), "/x", 27, true}, {l.T("today.waiting"), "/x", 9, false}, {l.T("today.overdue"), "/x", 2, false}, {l.T("list.ended"), "/x", 1204, false}}
	s.addDesk("list", List{Form: Form{Once: "l1"}, View: "work", Views: views, Rows: s.cases(dossier.StatusWaiting, 8), More: "/x"})
	s.addDesk("list-scopes", List{Form: Form{Once: "l1"}, View: "work", Views: views, Rows: s.cases(dossier.StatusProcessing, 3), Scopes: []View{{l.T("list.scope_mine"), "/x", -1, true}, {l.T("list.scope_all"), "/x", -1, false}}})
	s.addDesk("list-none", List{Form: Form{Once: "l1"}, View: "work", Query: "zzz", Views: views})
	s.deskSubmission()
	s.deskCase()
	s.acts()
	s.slip()
	s.outbox()
}

func (s *sampler) handOver(today Today) {
	l, day := s.l, s.l.Date(s.now)
	today.Closing, today.HandOver = l.T("handover.notice", day, "31"), "/x"
	s.addDesk("today-closing", today)
	p := HandOver{Lead: l.T("handover.lead", day, "NQ 1667/NQ-UBTVQH15"), Order: "/x", Rows: []Row{
		{l.T("handover.to"), s.t("UBND phường Bắc Nha Trang", "Bắc Nha Trang Ward")}, {l.T("handover.left"), "31"}, {l.T("handover.under_way"), "0"},
		{l.T("handover.taken"), "0"}, {l.T("handover.submissions"), "2"},
	}, Submissions: Link{"/x", l.T("today.new")}}
	s.addDesk("hand-over", p)
	p.Order, p.State, p.Submissions = "", l.T("handover.ordered"), Link{}
	s.addDesk("hand-over-ordered", p)
	p.State, p.Hindrance = l.T("handover.hindered"), "hand over chain 47e99e656aa1: open file 9f86d081884c: no space left on device"
	s.addDesk("hand-over-hindered", p)
}

func (s *sampler) deskSubmission() {
	bar := s.bar(dossier.StatusSubmitted, false)
	bar.Heading, bar.Code, bar.Due, bar.Detail = s.l.T("label.submission"), "N4K7-Q2MX-8RTD", time.Time{}, s.l.T("submission.from", s.t("UBND phường Lộc Thọ", "Lộc Thọ Ward"), s.l.Time(s.now))
	p := Submission{Form: Form{Once: "a1"}, OnceRefuse: "a2", Bar: bar, Groups: s.groups(), Slots: s.slots(false), Today: s.due(false), Reason: ReasonField(s.l, ""), Warnings: []string{s.l.T("submission.short", s.t("Biên bản ủy quyền", "Authorisation"))}}
	p.Groups[1].Change = ""
	s.addDesk("submission", p)
	p.Problems = []Problem{{"reason", s.l.T("fault.reason")}}
	p.Reason = Beside([]Field{p.Reason}, p.Problems)[0]
	s.addDesk("submission-wrong", p)
	p.Problems, p.Deny = nil, s.t("Vai trò của tài khoản này không cho phép. Hãy chuyển cho người có thẩm quyền.", "Your role does not allow this. Hand it to somebody whose role does.")
	s.addDesk("submission-denied", p)
}

func (s *sampler) deskCase() {
	l := s.l
	p := DeskDossier{
		Bar: s.bar(dossier.StatusWaiting, false), Steps: s.steps(), Groups: s.groups()[:1], Slots: s.slots(true), History: s.steps()[:2], Chain: "9f31c0a2",
		Due: s.due(false), Slip: "/x/slip", Pending: []string{l.T("case.pending_line", l.T("parcel.request"), l.Time(s.now))},
		Acts: []Act{
			{Label: l.T("act.step"), Why: s.t("Đang chờ cơ quan phối hợp báo kết quả.", "Waiting for the answer of the other office.")},
			{Label: l.T("act.return"), Why: s.t("Phải hoàn thành các bước trước đã.", "The steps before this must be finished first.")},
		},
	}
	s.addDesk("case-waiting", p)
	p.Bar, p.Acts = s.bar(dossier.StatusProcessing, true), []Act{{l.T("act.forward"), "/x/forward", "", true}, {l.T("act.step"), "", s.t("Bước này do cơ quan khác thực hiện. Hãy chuyển hồ sơ.", "This step belongs to another office. Forward the dossier."), false}}
	p.Due, p.Pending = s.due(true), nil
	f := s.frame(Desk, "Lê Quang Minh")
	f.Notice = l.T("notice.step")
	s.put("case-late", f, p)
	p.Forked = true
	p.Acts, p.Reason, p.Results = nil, s.long(s.t("Không đủ điều kiện.", "The conditions are not met.")), []File{{Name: "thong-bao.pdf", Type: "PDF", Size: 10_000, URL: "/x"}}
	p.Bar = s.bar(dossier.StatusReturned, false)
	s.addDesk("case-ended", p)
}

func (s *sampler) acts() {
	l := s.l
	do := Do{Form: Form{Once: "x1"}, Bar: s.bar(dossier.StatusProcessing, false), Back: "/x", Action: "/x"}
	forward := do
	forward.Heading, forward.Button, forward.Text, forward.Fields = l.T("act.forward"), l.T("act.forward_do"), l.T("act.forward_text", s.t("UBND thành phố Nha Trang", "Nha Trang City")), []Field{NoteField(l, "")}
	s.addDesk("act-forward", forward)
	decide := do
	decide.Heading, decide.Button, decide.Upload, decide.Fields = l.T("act.decide"), l.T("act.decide_do"), true, DecideFields(l, "", "")
	s.addDesk("act-decide", decide)
	decide.Problems = []Problem{{"outcome", l.T("fault.outcome")}, {"reason", l.T("fault.reason")}, {"file", l.T("fault.file_type")}}
	decide.Fields = Beside(decide.Fields, decide.Problems)
	s.addDesk("act-decide-wrong", decide)
	back := do
	back.Heading, back.Button, back.Text, back.Fields = l.T("act.return"), l.T("act.return_do"), l.T("act.return_text"), []Field{MethodField(l, "desk"), NoteField(l, "")}
	s.addDesk("act-return", back)
}

func (s *sampler) slip() {
	vi := text.VI
	qr, err := NewQR("H32.22327-261120-0007")
	if err != nil {
		panic(err) // a code always fits
	}
	s.addDesk("slip", Slip{
		Back: "/x", Above: "Ủy ban nhân dân thành phố Nha Trang", Office: "Ủy ban nhân dân xã Vĩnh Lương", Code: "H32.22327-261120-0007", QR: qr,
		Place: vi.T("sheet.place", "Vĩnh Lương", 20, 11, 2026), Applicant: "Nguyễn Văn Hải", Officer: "Trần Thị Bích Ngọc",
		Rows:      []Row{{vi.T("slip.from"), "Nguyễn Văn Hải"}, {vi.T("slip.address"), "12 Trần Phú, phường Lộc Thọ, Nha Trang"}, {vi.T("slip.phone"), "0905 123 456"}, {vi.T("slip.content"), "Trợ cấp thờ cúng liệt sĩ"}},
		Papers:    []SlipPaper{{"Đơn đề nghị (Mẫu số 18)", 1, 0, 1}, {"Biên bản ủy quyền", 1, 0, 1}, {"Bằng “Tổ quốc ghi công”", 0, 2, 0}},
		Times:     []Row{{vi.T("slip.limit"), "15 ngày làm việc"}, {vi.T("slip.received"), vi.T("slip.at", "09", "12", "20/11/2026")}, {vi.T("slip.due"), vi.T("slip.at", "09", "12", "14/12/2026")}, {vi.T("slip.where"), "Ủy ban nhân dân xã Vĩnh Lương"}},
		Explained: "Không tính 6 ngày cuối tuần và ngày nghỉ 24/11/2026.",
	})
}

func (s *sampler) outbox() {
	l := s.l
	s.addDesk("outbox", Outbox{Line: Tag{l.T("outbox.up"), text.Good}, Edition: 41, EditionAt: s.now, Reached: 12, Known: 12})
	plan := Parcel{
		To: s.t("Sở Xây dựng", "Department of Construction"), What: l.T("parcel.request"), Code: "H32.22327-261118-0003", Since: s.now.Add(-3 * time.Hour),
		Done: 61 << 20, Bytes: 212 << 20, Next: l.T("outbox.sending"),
	}
	late := Parcel{
		To: s.t("UBND xã Trường Sa", "Trường Sa Commune"), What: l.T("parcel.submission"), Code: "N4K7-Q2MX-8RTD", Since: s.now.AddDate(0, 0, -33),
		Why: l.T("parcel.why.unreachable"), Office: "x", Keep: "/x", Stick: "/x",
	}
	s.cut("outbox-cut", Desk, Outbox{
		Form: Form{Once: "o1"},
		Line: Tag{l.T("outbox.down"), text.Bad}, Edition: 41, EditionAt: s.now.Add(-26 * time.Hour), Known: 12,
		Parcels: []Parcel{
			{To: s.t("UBND thành phố Nha Trang", "Nha Trang City"), What: l.T("parcel.request"), Code: "H32.22327-261120-0007", Since: s.now.Add(-20 * time.Hour), Last: s.now, Tries: 41, Why: l.T("parcel.why.unreachable"), Raised: true, Within: 4 * time.Hour, Bytes: 18 << 10,
				Next: l.T("outbox.next", l.Clock(s.now.Add(2*time.Minute))), Way: l.T("outbox.by_relay")},
			plan,
			{To: s.t("UBND xã Trường Sa", "Trường Sa Commune"), What: l.T("parcel.submission"), Since: s.now, Bytes: 4 << 10},
		},
		Late: []Parcel{late}, Retry: "/x", Stick: "/x",
		Refused: []Parcel{{
			To: s.t("UBND xã Trường Sa", "Trường Sa Commune"), What: l.T("parcel.submission"), Code: "N4K7-Q2MX-8RTD", Why: l.T("parcel.refused.unwelcome"), Fix: l.T("parcel.fix.unwelcome"),
		}},
	})
}
