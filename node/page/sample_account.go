package page

import (
	"net/url"
	"time"

	"motcua/node/text"
)

// keyOptions are what a browser is asked, made up.
const keyOptions = `{"challenge":"AAECAwQFBgcICQoLDA0ODw","rpId":"xa.example.vn","allowCredentials":[]}`

func (s *sampler) accounts() {
	s.secondStep()
	s.enrolment()
	s.ownAccount()
	s.smallForms()
	s.admin()
}

func (s *sampler) key(create bool) *KeyAsk {
	k := &KeyAsk{Options: keyOptions, Ceremony: "c1", Make: create, Src: Script().Path, Once: "k1", Action: "/x", Next: "/x", Button: s.l.T("factor.key_do")}
	if create {
		label := LabelField(s.l, s.l.T("add_key.name"))
		k.Label, k.Button = &label, s.l.T("add_key.do")
	}
	return k
}

func (s *sampler) secondStep() {
	l := s.l
	code := []Field{CodeField(l, "factor.code", "factor.code_hint")}
	p := Factor{Form: Form{Once: "f1"}, Fields: code, Action: "/x"}
	s.addDesk("factor", p)
	p.Key = s.key(false)
	s.addDesk("factor-key", p)
	p.Again, p.Key, p.KeysFor = true, nil, "xa.example.vn"
	p.Problems = []Problem{{"code", l.T("fault.code_wrong")}}
	p.Fields = Beside(code, p.Problems)
	s.addDesk("factor-wrong", p)
}

func (s *sampler) enrolment() {
	l := s.l
	add := AddFactor{TOTP: "/x", Key: "/x", Back: "/x"}
	s.addDesk("add-factor", add)
	add.Must, add.Why, add.Back, add.NoKeys = true, l.T("add_factor.must", "22/02/2027"), "", l.T("add_factor.no_address", "https://xa.example.vn")
	s.addDesk("add-factor-must", add)
	qr, err := NewQR("otpauth://totp/M%E1%BB%99t%20c%E1%BB%ADa%20x%C3%A3%20V%C4%A9nh%20L%C6%B0%C6%A1ng:ngoc.tran?issuer=M%E1%BB%99t%20c%E1%BB%ADa&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
	if err != nil {
		panic(err) // an address of this length always fits
	}
	totp := AddTOTP{Form: Form{Once: "t1"}, QR: qr, Secret: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP", Back: "/x", Action: "/x", Fields: []Field{CodeField(l, "factor.code", ""), LabelField(l, l.T("add_totp.phone"))}}
	s.addDesk("add-totp", totp)
	totp.Problems = []Problem{{"code", l.T("fault.first_code")}, {"label", l.T("fault.label")}}
	totp.Fields = Beside(totp.Fields, totp.Problems)
	s.addDesk("add-totp-wrong", totp)
	s.addDesk("add-key", AddKey{Key: s.key(true), Back: "/x"})
	wrong := AddKey{Form: Form{Problems: []Problem{{"label", l.T("fault.key")}}}, Key: s.key(true), Back: "/x"}
	wrong.Key.Label.Error = l.T("fault.key")
	s.addDesk("add-key-wrong", wrong)
	var codes []string
	for _, c := range []string{"4K7M-9QXB-2TDR-8HVN", "7ZCE-1GWA-5PJS-3YFK", "M2X8-QT6D-R9BN-H4VC", "9FWJ-6SPA-E3GK-7TZY"} {
		codes = append(codes, c, c, c)
	}
	s.addDesk("codes", Codes{Heading: l.T("codes.title"), Text: l.T("codes.text"), Codes: codes[:10], Rows: []Row{{l.T("register.login"), "ngoc.tran"}}, Next: Link{"/x", l.T("codes.done")}})
	s.addDesk("codes-reset", Codes{Heading: l.T("reset.for_title"), Text: l.T("reset.for_text"), Codes: codes[:1], Next: Link{"/x", l.T("codes.done")}, Rows: []Row{
		{l.T("staff.name"), "Lê Quang Minh"}, {l.T("reset.until"), l.Time(s.now.Add(24 * time.Hour))}, {l.T("reset.where"), "https://xa.example.vn/vi/reset"},
	}})
}

func (s *sampler) people() (given, acting []DelegationRow) {
	what := s.t("Người ký duyệt; lĩnh vực Đất đai; từ 24/11/2026; đến hết 05/12/2026", "Signatory; field: Land; from 24/11/2026; until 05/12/2026")
	row := DelegationRow{ID: "d1", From: "a1", Person: "Lê Quang Minh", What: what, Decision: "QĐ 12/QĐ-UBND", MayEnd: true}
	return []DelegationRow{row}, []DelegationRow{row}
}

func (s *sampler) ownAccount() {
	l := s.l
	p := Account{
		Form: Form{Once: "a1"}, Base: "/x", Profile: []Row{{l.T("register.login"), "hai.nguyen"}, {l.T("register.name"), "Nguyễn Văn Hải"}, {l.T("register.phone"), "0905123456"}},
		SignIns: []SignInRow{
			{ID: "1", Agent: "Chrome, Windows", Place: "10.0.0.12", At: s.now, Here: true},
			{ID: "2", Agent: "Safari, iPhone", Place: "10.0.0.31", At: s.now.Add(-3 * time.Hour)},
		},
	}
	s.add("account-citizen", "Nguyễn Văn Hải", p)
	p.Reset = l.T("account.reset_issued", l.Time(s.now), s.t("UBND thành phố Nha Trang", "Nha Trang City"))
	s.add("account-reset", "Nguyễn Văn Hải", p)
	p.Conflict, p.Reset = true, ""
	s.add("account-taken", "Nguyễn Văn Hải", p)
	p.Conflict, p.Staff, p.MayGive, p.CodesLeft = false, true, true, 9
	p.Roles = []string{s.t("Người ký duyệt; mọi lĩnh vực", "Signatory; all fields"), s.t("Chuyên viên; lĩnh vực Hộ tịch; bước: thẩm định", "Specialist; field: Civil status; steps: check")}
	p.Given, p.Acting = s.people()
	p.Factors = []FactorRow{
		{ID: "f1", Label: s.t("Điện thoại", "Phone"), Kind: l.T("account.kind.totp"), Added: s.now.Add(-900 * time.Hour), Used: s.now},
		{ID: "f2", Label: s.t("Khóa ở cơ quan", "Key at the office"), Kind: l.T("account.kind.webauthn"), Added: s.now},
	}
	s.addDesk("account", p)
	p.Factors, p.Roles, p.Given, p.Acting, p.MustFrom, p.MayGive = nil, nil, nil, nil, l.T("add_factor.soon", "22/02/2027"), false
	s.addDesk("account-bare", p)
	s.addDesk("account-history", History{Back: "/x", Lines: []HistoryLine{
		{s.now, l.T("history.factor_added", s.t("Điện thoại", "Phone")), l.T("history.you"), ""},
		{s.now.Add(-time.Hour), l.T("history.granted", p.Profile[0].Value), l.T("history.admin", "Trần Thị Bích Ngọc"), "QĐ 12/QĐ-UBND"},
		{s.now.Add(-48 * time.Hour), l.T("history.made"), l.T("history.it"), ""},
	}})
	s.addDesk("account-history-none", History{Back: "/x"})
}

func (s *sampler) smallForms() {
	l := s.l
	ask := func(name string, site Site, p Ask, faults ...Problem) {
		p.Form, p.Action, p.Back = Form{"q1", faults}, "/x", "/x"
		p.Fields = Beside(p.Fields, faults)
		s.put(name, s.frame(site, "Trần Thị Bích Ngọc"), p)
	}
	ask("profile", Desk, Ask{Heading: l.T("profile.title"), Button: l.T("profile.do"), Help: l.T("profile.staff"), Fields: ContactFields(l, "0905123456", "", "")})
	password := Ask{Heading: l.T("password.title"), Button: l.T("password.do"), Fields: PasswordFields(l)}
	ask("password", Portal, password)
	password.Warning = l.T("password.must")
	ask("password-must", Desk, password, Problem{"old", l.T("fault.old_password")}, Problem{"again", l.T("fault.password_same")})
	reset := Ask{Heading: l.T("reset.title"), Text: l.T("reset.lead"), Button: l.T("reset.do"), Fields: ResetFields(l, "hai.nguyen"), Help: l.T("reset.none")}
	ask("reset", Portal, reset)
	ask("reset-wrong", Portal, reset, Problem{"code", l.T("fault.reset")})
	ask("login", Portal, Ask{Heading: l.T("login.title"), Text: l.T("login.text"), Button: l.T("login.do"), Fields: []Field{LoginField(l, "hai")}}, Problem{"login", l.T("fault.login_taken")})
	ask("remove-factor", Desk, Ask{Heading: l.T("remove.title"), Text: l.T("remove.text", s.t("Điện thoại", "Phone")), Warning: l.T("remove.last"), Button: l.T("remove.do"), Danger: true})
}

func (s *sampler) admin() {
	l := s.l
	given, acting := s.people()
	desk, land := s.t("Cán bộ Một cửa; mọi lĩnh vực", "Desk officer; all fields"), s.t("Chuyên viên; lĩnh vực Đất đai, Xây dựng", "Specialist; field: Land, Construction")
	s.put("staff", s.adminFrame(), Staff{People: []Person{
		{Name: "Trần Thị Bích Ngọc", Login: "ngoc.tran", URL: "/x", Roles: []string{desk, l.Role("admin")}, Factor: Tag{l.T("staff.has_factor"), text.Good}},
		{Name: "Lê Quang Minh", Login: "minh.le", URL: "/x", Roles: []string{land}, Factor: Tag{l.T("staff.no_factor"), text.Quiet}},
		{Name: "Phạm Thị Thu Hương", Login: "huong.pham", URL: "/x", Roles: []string{l.Role("signatory")}, Factor: Tag{l.T("staff.must_factor"), text.Bad}},
		{Name: "Võ Đình Khoa", Login: "khoa.vo", URL: "/x", Closed: true, Factor: Tag{l.T("staff.no_factor"), text.Quiet}},
	}})
	m := Member{
		Name: "Lê Quang Minh", URL: "/x", Back: "/x", Rows: []Row{{l.T("register.login"), "minh.le"}, {l.T("register.phone"), "0905123456"}},
		Grants: []GrantRow{{0, land, true}, {1, l.Role("signatory"), false}}, Given: given, Acting: acting,
		Acts: []Act{{l.T("staff.grant"), "/x", "", true}, {l.T("staff.delegate"), "/x", "", false}, {l.T("reset.issue"), "/x", "", false}, {l.T("staff.disable"), "", l.T("staff.elsewhere"), false}},
	}
	s.put("member", s.adminFrame(), m)
	m.Closed, m.Given, m.Acting, m.Grants, m.Acts = l.T("staff.closed_why", s.t("Nghỉ hưu", "Retired"), l.Time(s.now)), nil, nil, nil, []Act{{Label: l.T("staff.enable"), URL: "/x"}}
	s.put("member-closed", s.adminFrame(), m)
	options := []Option{{Value: "dd", Label: s.t("Đất đai", "Land")}, {Value: "ht", Label: s.t("Hộ tịch", "Civil status")}}
	who := []Option{{Value: "a2", Label: "Lê Quang Minh"}}
	what := []Option{{Value: "0", Label: s.t("Người ký duyệt; mọi lĩnh vực", "Signatory; all fields")}, {Value: "1", Label: land}}
	v := url.Values{"from": {"24/11/2026"}, "until": {"05/11/2026"}}
	s.put("grant", s.adminFrame(), Ask{Form: Form{Once: "g1"}, Heading: l.T("staff.grant"), Text: "Lê Quang Minh", Button: l.T("staff.grant_do"), Back: "/x", Action: "/x", Fields: append(GrantFields(l, v, options), DecisionField(l, "delegation.reason", ""))})
	d := Ask{Form: Form{Once: "g2"}, Heading: l.T("delegation.title"), Text: l.T("delegation.text"), Button: l.T("delegation.do"), Back: "/x", Action: "/x", Fields: DelegationFields(l, v, who, what, options)}
	s.addDesk("delegate", d)
	d.Problems = []Problem{{"to", l.T("fault.who")}, {"grant", l.T("fault.what")}, {"until", l.T("fault.date_order")}, {"reason", l.T("fault.decision")}}
	d.Fields = Beside(d.Fields, d.Problems)
	s.addDesk("delegate-wrong", d)
	s.addDesk("trouble-field", OtherField(l, s.t("Đất đai", "Land")))
}

func (s *sampler) adminFrame() Frame {
	f := s.frame(Desk, "Trần Thị Bích Ngọc")
	f.Admin = true
	return f
}
