package page

import (
	"strings"
	"time"

	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/text"
)

// Sample is one page in one state, for the storybook.
type Sample struct {
	Name  string
	Frame Frame
	Page  Page
}

// sampler makes the samples of one language.
type sampler struct {
	l   text.Lang
	now time.Time
	all []Sample
}

// Samples is the storybook: every page in every state (empty, wrong, long, offline) in both languages, from made-up data.
func Samples() []Sample {
	var all []Sample
	for _, l := range text.Langs() {
		s := &sampler{l: l, now: time.Date(2026, 11, 23, 9, 45, 0, 0, directory.Zone)}
		s.portal()
		s.filing()
		s.following()
		s.deskPages()
		s.accounts()
		s.trouble()
		s.mutes()
		all = append(all, s.all...)
	}
	return all
}

func (s *sampler) frame(site Site, user string) Frame {
	f := Frame{
		Lang: s.l, Site: site, Path: "/sample", Province: s.t("tỉnh Khánh Hòa", "Khánh Hòa Province"), User: user, Now: s.now,
		Office: Office{
			Code: "H32.22327", Name: s.t("Ủy ban nhân dân xã Vĩnh Lương", "People’s Committee of Vĩnh Lương Commune"),
			Place: s.t("xã Vĩnh Lương", "Vĩnh Lương Commune"), Phone: "0258 372 7001",
			Address: "Thôn Văn Đăng, xã Vĩnh Lương, Nha Trang", Hours: "07:00–11:30, 13:30–17:00",
		},
		Fresh: Fresh{Synced: s.now.Add(-3 * time.Minute), Waiting: 3},
		CSS:   CSS().Path,
	}
	return f
}

func (s *sampler) t(vi, en string) string { return directory.Text{VI: vi, EN: en}.In(string(s.l)) }

// add keeps a page of the portal; who is signed in may be empty.
func (s *sampler) add(name, user string, p Page) { s.put(name, s.frame(Portal, user), p) }

func (s *sampler) addDesk(name string, p Page) {
	s.put(name, s.frame(Desk, "Trần Thị Bích Ngọc"), p)
}

// cut keeps a page as it is while the line is down.
func (s *sampler) cut(name string, site Site, p Page) {
	f := s.frame(site, "Nguyễn Văn Hải")
	f.Fresh = Fresh{Synced: s.now.Add(-26 * time.Hour), Waiting: 12, Cut: true, Since: s.now.Add(-25 * time.Hour)}
	s.put(name, f, p)
}

func (s *sampler) put(name string, f Frame, p Page) {
	s.all = append(s.all, Sample{string(s.l) + "-" + name, f, p})
}

// mute keeps a page of an office that has no telephone.
func (s *sampler) mute(name string, p Page) {
	f := s.frame(Portal, "")
	f.Office.Phone = ""
	s.put(name+"-mute", f, p)
}

// mutes are the pages that give the telephone number in a sentence.
func (s *sampler) mutes() {
	s.mute("track", Track{Form: Form{Once: "k1"}, Fields: TrackFields(s.l, "", "")})
	s.mute("search-none", Search{Query: "xyz"})
	s.mute("confirmation", Confirmation{"N4K7-Q2MX-8RTD", s.draft().Procedure, s.draft().Office, s.now, true})
	s.mute("trouble", NewTrouble(s.l, 500))
}

func (s *sampler) long(words string) string { return strings.TrimSpace(strings.Repeat(words+" ", 12)) }

func (s *sampler) services() []Service {
	names := []directory.Text{
		{VI: "Đăng ký khai sinh", EN: "Birth registration"},
		{VI: "Trợ cấp thờ cúng liệt sĩ", EN: "Worship allowance for martyrs"},
		{VI: "Đăng ký, cấp Giấy chứng nhận quyền sử dụng đất, quyền sở hữu tài sản gắn liền với đất lần đầu", EN: "First registration and certificate of land-use rights and of assets attached to land"},
		{VI: "Đăng ký thành lập hộ kinh doanh", EN: "Registration of a household business"},
		{VI: "Xác nhận tình trạng hôn nhân", EN: "Confirmation of marital status"},
	}
	codes := []string{"1.001193", "1.010803", "1.013978", "1.001612", "1.004873"}
	out := make([]Service, len(names))
	for i, n := range names {
		out[i] = Service{codes[i], n.In(string(s.l)), s.t("Cấp xã", "Commune"), s.l.Limit(directory.Limit{Amount: uint16(i * 5), Unit: directory.WorkingDay}), i%2 == 0, i == 1 || i == 2}
	}
	return out
}

func (s *sampler) due(late bool) *Due {
	at := time.Date(2026, 12, 9, 9, 12, 0, 0, directory.Zone)
	if late {
		at = s.now.Add(-49 * time.Hour)
	}
	return &Due{At: at, Late: late, Lines: []string{
		s.l.T("due.from", s.l.Time(s.now)), s.l.T("due.limit", s.l.Limit(directory.Limit{Amount: 11, Unit: directory.WorkingDay})),
		s.l.N("due.weekends", 4), s.l.T("due.holiday", "24/11/2026", s.t("Ngày Văn hóa Việt Nam", "Viet Nam Culture Day")),
	}}
}

func (s *sampler) portal() {
	l := s.l
	home := Home{Common: s.services(), Fields: []Subject{{"ht", s.t("Hộ tịch", "Civil status"), 12}, {"dd", s.t("Đất đai", "Land"), 9}, {"btxh", s.t("Bảo trợ xã hội", "Social protection"), 7}, {"kd", s.t("Kinh doanh", "Business"), 6}, {"xd", s.t("Xây dựng", "Construction"), 1}}}
	s.add("home", "", home)
	s.add("home-empty", "", Home{})
	s.cut("home-cut", Portal, home)
	fields := []Option{{Value: "ht", Label: s.t("Hộ tịch", "Civil status")}, {Value: "dd", Label: s.t("Đất đai", "Land"), Chosen: true}}
	s.add("search", "Nguyễn Văn Hải", Search{Query: "so do", Fields: fields, Hits: s.services(), Total: 45, More: "/" + string(l) + "/search?q=so+do&from=20"})
	s.add("search-none", "", Search{Query: "xyz <b>&", Fields: fields})
	s.add("procedure", "", s.procedure())
	s.add("procedure-short", "", Procedure{Code: "1.004873", Name: s.t("Xác nhận tình trạng hôn nhân", "Confirmation of marital status"), Field: s.t("Hộ tịch", "Civil status"), Where: s.t("Cấp xã", "Commune"), Limit: directory.Limit{Amount: 3, Unit: directory.WorkingDay}, Total: 15000, Fees: []Fee{{Name: s.t("Lệ phí", "Fee"), Amount: 15000}}, Who: l.T("subject.citizen"), Version: 1, Decision: "chưa có (danh mục dùng để trình diễn)", Result: s.t("Giấy xác nhận", "Certificate"), Legal: []string{"Luật Hộ tịch 60/2014/QH13"}})
	ends := s.procedure()
	ends.Ends, ends.EndedBy, ends.EndNote = "2027-01-01", "Quyết định 1234/QĐ-UBND", s.t("Thay bằng thủ tục 1.010815.", "Procedure 1.010815 takes its place.")
	s.add("procedure-ends", "", ends)
	ends.Ended, ends.Today = true, nil
	s.add("procedure-ended", "", ends)
	next := "/" + string(l) + "/procedures/1.010803/start"
	s.add("register", "", Register{Form: Form{Once: "r1"}, Next: next, Fields: RegisterFields(l, nil)})
	wrong := []Problem{{"name", l.T("fault.name")}, {"identity", l.T("fault.identity")}, {"password", l.T("fault.password")}}
	kept := map[string]string{"identity": "0561850", "phone": "0905123456", "login": "hai.nguyen"}
	s.add("register-wrong", "", Register{Form: Form{"r1", wrong}, Fields: Beside(RegisterFields(l, kept), wrong)})
	s.add("sign-in", "", SignIn{Form: Form{Once: "s1"}, Next: next, Fields: SignInFields(l, "")})
	bad := []Problem{{"login", l.T("fault.sign_in")}}
	s.add("sign-in-wrong", "", SignIn{Form: Form{"s1", bad}, Fields: Beside(SignInFields(l, "hai.nguyen"), bad)})
	s.put("desk-sign-in", s.frame(Desk, ""), SignIn{Form: Form{Once: "s1"}, Fields: SignInFields(l, "")})
}

func (s *sampler) procedure() Procedure {
	return Procedure{
		Code: "1.010803", Name: s.t("Trợ cấp thờ cúng liệt sĩ", "Worship allowance for martyrs"), Field: s.t("Người có công", "Merits"),
		Where: s.t("Cấp xã", "Commune"), Limit: directory.Limit{Amount: 15, Unit: directory.WorkingDay},
		Today: s.due(false), Who: s.l.T("subject.citizen"),
		Conditions: s.t("Người được ủy quyền thờ cúng liệt sĩ không còn thân nhân hưởng trợ cấp hằng tháng.", "The person entrusted with the worship of a martyr who has no relative drawing a monthly allowance."),
		Papers: []Paper{
			{Name: s.t("Đơn đề nghị (Mẫu số 18)", "Application (form 18)"), Count: s.l.N("paper.originals", 1)},
			{Name: s.t("Biên bản ủy quyền của những người thân", "Authorisation signed by the relatives"), Count: s.l.N("paper.originals", 1), Note: s.t("có xác nhận của UBND xã", "confirmed by the commune")},
			{Name: s.t("Bằng “Tổ quốc ghi công”", "Certificate of merit"), Count: s.l.N("paper.copies", 2), Optional: true},
		},
		Route: []RouteStep{
			{s.t("Kiểm tra, xác nhận hồ sơ", "Check and confirm"), s.l.T("procedure.root"), 12},
			{s.t("Thẩm định và quyết định", "Appraise and decide"), s.t("Cấp huyện", "District"), 40},
			{s.t("Trả kết quả", "Return the result"), s.l.T("procedure.root"), 2},
		},
		Result: s.t("Quyết định trợ cấp thờ cúng liệt sĩ", "Decision on the allowance"), Legal: []string{"Pháp lệnh 02/2020/UBTVQH14", "Nghị định 131/2021/NĐ-CP"},
		Version: 3, Decision: "QĐ 1131/QĐ-UBND", From: "2024-07-01",
	}
}

func (s *sampler) trouble() {
	for _, status := range []int{400, 403, 404, 409, 413, 429, 500, 503, 507} {
		p := NewTrouble(s.l, status)
		if status == 500 {
			p.Ref = "7F3A-91C2"
		}
		s.add("trouble-"+string(rune('0'+status/100))+string(rune('0'+status/10%10))+string(rune('0'+status%10)), "", p)
	}
	office := s.t("Ủy ban nhân dân xã Trường Sa", "People’s Committee of Trường Sa Commune")
	s.add("trouble-wait", "", TooMany(s.l, 15*time.Minute))
	s.addDesk("trouble-rule", BrokenRule(s.l, s.t("Phải hoàn thành các bước trước đã.", "The steps before this must be finished first.")))
	s.addDesk("trouble-absent", Absent(s.l, office))
	s.add("trouble-submitted", "Nguyễn Văn Hải", Submitted(s.l, "N4K7-Q2MX-8RTD"))
	s.add("trouble-unreached", "Nguyễn Văn Hải", Unreached(s.l))
	s.addDesk("trouble-no-role", NoRole(s.l, office))
	s.cut("trouble-cut", Desk, NewTrouble(s.l, 503))
}

// tag is the tag of a state.
func (s *sampler) tag(st dossier.Status) Tag { return StateTag(s.l, st) }
