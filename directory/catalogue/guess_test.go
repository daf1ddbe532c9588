package catalogue_test

import (
	"fmt"
	"strings"
	"testing"

	"motcua/directory"
	"motcua/directory/catalogue"
)

func TestLimitsAreRead(t *testing.T) {
	for _, c := range []struct {
		amount, unit, text string
		want               string
		fault              catalogue.Fault
	}{
		{"10", "working_day", "10 Ngày làm việc", "10 ngày làm việc", ""},
		{"", "", "10 ngày làm việc", "10 ngày làm việc", ""},
		{"", "", "Không quá 05 (năm) ngày làm việc kể từ ngày nhận đủ hồ sơ", "5 ngày làm việc", ""},
		{"", "", "30 Ngày", "30 ngày", ""},
		{"", "", "24 giờ", "24 giờ làm việc", ""},
		{"", "", "Trong ngày", "trong ngày làm việc", ""},
		{"", "", "Giải quyết ngay sau khi nhận hồ sơ", "trong ngày làm việc", ""},
		{"0", "working_day", "", "trong ngày làm việc", ""},
		{"", "", "10-25 ngày", "25 ngày", catalogue.LimitRange},
		{"", "", "7 ngày làm việc; 10 ngày đối với trường hợp phải xác minh", "10 ngày", catalogue.LimitRange},
		{"", "", "5 ngày làm việc (hoặc 5 ngày làm việc)", "5 ngày làm việc", ""},
		{"6", "month", "6 Tháng", "180 ngày", catalogue.LimitConverted},
		{"", "", "2 tuần", "14 ngày", catalogue.LimitConverted},
		{"0.5", "hour", "0.5 Giờ", "1 giờ làm việc", catalogue.LimitConverted},
		{"", "", "1/2 ngày", "4 giờ làm việc", catalogue.LimitConverted},
		{"", "", "2,5 ngày làm việc", "20 giờ làm việc", catalogue.LimitConverted},
		{"1", "", "1", "", catalogue.LimitNoUnit},
		{"", "", "10-25", "", catalogue.LimitNoUnit},
		{"", "", "", "", catalogue.NoLimit},
		{"", "", "Không quy định.", "", catalogue.NoLimit},
		{"", "", "Không có thông tin", "", catalogue.NoLimit},
		{"", "", "Trước khi tàu rời cảng", "", catalogue.LimitUnreadable},
		{"", "", "99999999 ngày", "", catalogue.LimitUnreadable},
		{"", "", "1/0 ngày", "", catalogue.LimitUnreadable},
	} {
		got, fault := catalogue.ParseLimit(c.amount, c.unit, c.text)
		words := ""
		if fault == "" || fault.Severity() != catalogue.Error {
			words = catalogue.LimitWords(got, "vi")
		}
		if words != c.want || fault != c.fault {
			t.Errorf("%q %q %q: %s (%s), want %s (%s)", c.amount, c.unit, c.text, words, fault, c.want, c.fault)
		}
	}
}

func TestAmountsAreRead(t *testing.T) {
	for in, want := range map[string]string{
		"50.000 đồng": "50000 VND", "50,000 VNĐ": "50000 VND", "1.200.000đ": "1200000 VND", "02 triệu đồng": "2000000 VND", "1,5 triệu đồng": "1500000 VND",
		"10 USD": "10 USD", "50000": "50000 ", "120,00": "120 ", "0 Đồng": "0 VND",
	} {
		n, currency, ok := catalogue.Amount(in)
		if got := fmt.Sprintf("%d %s", n, currency); got != want || !ok {
			t.Errorf("%q: %s %v, want %s", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "không", "0.5 đồng", "99999999999999999999 đồng", "9999999999999999 triệu"} {
		if n, _, ok := catalogue.Amount(in); ok {
			t.Errorf("%q is %d", in, n)
		}
	}
}

// TestFeesAreReadAndNeverBecomeFree but where the text says so.
func TestFeesAreReadAndNeverBecomeFree(t *testing.T) {
	for in, want := range map[string]string{
		"Phí : 50.000 Đồng": "Phí: 50.000 đồng",
		"Lệ phí : 50.000 Đồng (một bản)\nPhí: 2.000 đồng": "Lệ phí: 50.000 đồng (một bản) | Phí: 2.000 đồng",
		"Phí : 0 Đồng":          "",
		"Phí : Không Đồng":      "",
		"Miễn phí":              "",
		"Không":                 "",
		"Lệ phí: Theo quy định": "Lệ phí: theo quy định (Theo quy định)",
		"Phí :  Đồng":           "Phí: theo quy định (Theo quy định về phí, lệ phí hiện hành)",
		"Lệ phí : 1.5 USD":      "Lệ phí: theo quy định (1.5 USD)",
		"Theo Nghị quyết 12/2020 của Hội đồng nhân dân": "Phí: theo quy định (Theo Nghị quyết 12/2020 của Hội đồng nhân dân)",
	} {
		var got []string
		fees, _ := catalogue.ReadFees(in)
		for _, f := range fees {
			s := catalogue.FeeWords(f, "vi")
			if f.Note.VI != "" {
				s += " (" + f.Note.VI + ")"
			}
			got = append(got, s)
		}
		if s := strings.Join(got, " | "); s != want {
			t.Errorf("%q: %s\nwant %s", in, s, want)
		}
	}
	for in, want := range map[string]catalogue.Fault{"Phí: 50.000": catalogue.FeeNoCurrency, "Phí: 0.5 đồng": catalogue.FeeUnreadable} {
		if fees, faults := catalogue.ReadFees(in); len(fees) > 0 || len(faults) != 1 || faults[0] != want {
			t.Errorf("%q: %v %v", in, fees, faults)
		}
	}
}

func TestBrokenLettersAreToldAndMended(t *testing.T) {
	for _, s := range []string{"Thá»§ tá»¥c Ä‘Äƒng kÃ½", "V¨n b¶n cña ®¹i lý h¶i quan", "thủ t\uFFFDc", "Ä‘á»‹nh"} {
		if !catalogue.Mojibake(s) {
			t.Errorf("%q passes", s)
		}
	}
	for _, s := range []string{"Thủ tục đăng ký kết hôn", "Ủy ban nhân dân", "PHÍ, LỆ PHÍ", "50 m² × 3 – “mẫu số 1”", "Ã", "©", "Điều 5§", "100 °C", "Á, Ấ, Ế"} {
		if catalogue.Mojibake(s) {
			t.Errorf("%q is taken for broken", s)
		}
	}
	for _, p := range own().Entries {
		if catalogue.Mojibake(p.Name.VI + p.Name.EN + string(p.Form)) {
			t.Errorf("%s is taken for broken", p.Code)
		}
	}
	c, _ := read(t, []byte(`{"code": "1.000001", "name": "Ä\u0090Äƒng kÃ½ káº¿t hÃ´n", "documents": ["Tá»\u009d khai"]}`))
	if e := c.Entries[0]; e.Name.VI != "Đăng ký kết hôn" || e.Requirements[0].Name.VI != "Tờ khai" {
		t.Errorf("mended to %q and %q", e.Name.VI, e.Requirements[0].Name.VI)
	}
}

func TestCleaningIsDoneOnce(t *testing.T) {
	for in, want := range map[string]string{
		" a \t b\r\n\r\n c ": "a b\nc", "e\u0302\u0301": "ế", "x\u200by\u00a0z\x00": "xy z", "a\xffb": "a\uFFFDb",
	} {
		if got := catalogue.Clean(in); got != want || catalogue.Clean(got) != got {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestDatesOfACell(t *testing.T) {
	rows := [][]string{{"Mã thủ tục", "Tên thủ tục", "Có hiệu lực từ"}}
	in := map[string]directory.Date{"01/07/2026": "2026-07-01", "1-7-2026": "2026-07-01", "2026-07-01": "2026-07-01", "46204": "2026-07-01", "": "", "hôm nay": "hôm nay"}
	for s := range in {
		rows = append(rows, []string{"1.000001", s, s})
	}
	c, err := catalogue.ReadBook("x", catalogue.Book{Sheets: []catalogue.Sheet{{Name: "s", Rows: rows}}}, catalogue.NewMap(tables()), nil)
	if err != nil || len(c.Entries) != len(in) {
		t.Fatal(err)
	}
	for i, e := range c.Entries {
		if want := in[rows[i+1][1]]; e.Valid.From != want {
			t.Errorf("%q: %q, want %q", rows[i+1][1], e.Valid.From, want)
		}
	}
}
