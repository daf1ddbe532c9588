package sheet_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"motcua/directory"
	"motcua/directory/catalogue"
	"motcua/directory/catalogue/sheet"
	"motcua/directory/khanhhoa"
)

func tables() catalogue.Tables {
	return catalogue.Tables{Levels: khanhhoa.Levels(), Offices: khanhhoa.Offices(), Fields: khanhhoa.Fields(), On: "2026-11-24"}
}

func own() (c catalogue.Catalogue) {
	for _, p := range khanhhoa.Procedures() {
		c.Entries = append(c.Entries, catalogue.Entry{Procedure: p})
	}
	return c
}

func readBook(t *testing.T, b catalogue.Book) catalogue.Catalogue {
	t.Helper()
	m := catalogue.NewMap(tables())
	c, err := catalogue.ReadBook("x.xlsx", b, m, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Fields = m.Fresh()
	return c
}

// TestAWorkbookIsReadBack: cell for cell, and procedure for procedure.
func TestAWorkbookIsReadBack(t *testing.T) {
	c := own()
	c.Entries[0].Conditions.VI = "=1+1"
	c.Entries[1].Conditions.VI = "_x0041_ <&> \"'"
	c.Entries[2].Conditions.VI = strings.TrimSpace(strings.Repeat("rất dài ", 6000))
	in := catalogue.WriteBook(c, tables())
	b, err := sheet.WriteXLSX(in, tables(), []string{"Danh mục", "=2+2"})
	if err != nil {
		t.Fatal(err)
	}
	out, err := sheet.ReadXLSX("x.xlsx", b)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]catalogue.Sheet{}
	for _, s := range out.Sheets {
		byName[s.Name] = s
	}
	for _, s := range in.Sheets {
		got := byName[s.Name]
		for i, row := range s.Rows {
			if i >= len(got.Rows) {
				t.Fatalf("%s: %d rows, want %d", s.Name, len(got.Rows), len(s.Rows))
			}
			for j, v := range row {
				if j < len(got.Rows[i]) && got.Rows[i][j] != v || j >= len(got.Rows[i]) && v != "" {
					t.Errorf("%s row %d column %d: %.80q came back otherwise", s.Name, i+1, j+1, v)
				}
			}
		}
	}
	back := readBook(t, out)
	for i, e := range back.Entries {
		if d := catalogue.Diff(c.Entries[i].Procedure, e.Procedure, tables()); len(d) > 0 || len(e.Found) > 0 {
			t.Errorf("%s: %+v %+v", e.Code, d, e.Found)
		}
	}
	if len(back.Entries) != len(c.Entries) || len(back.Found) != 0 {
		t.Errorf("%d procedures, %+v", len(back.Entries), back.Found)
	}
}

func TestAWorkbookHelpsToFillItIn(t *testing.T) {
	b, err := sheet.WriteXLSX(catalogue.WriteBook(own(), tables()), tables(), []string{"Danh mục"})
	if err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if want := []string{"Hướng dẫn", "Danh mục", "Thủ tục", "Thành phần hồ sơ", "Quy trình", "Phí, lệ phí", "Văn bản dài"}; !slices.Equal(f.GetSheetList(), want) {
		t.Errorf("sheets %v", f.GetSheetList())
	}
	validations, err := f.GetDataValidations("Thủ tục")
	if err != nil {
		t.Fatal(err)
	}
	lists, notes := 0, 0
	for _, v := range validations {
		if v.Type == "list" {
			lists++
		}
		if v.Prompt != nil && *v.Prompt != "" {
			notes++
		}
	}
	if lists != 4 || notes < 20 {
		t.Errorf("%d drop-downs and %d notes", lists, notes)
	}
	if v, err := f.GetCellValue("Danh mục", "A2"); err != nil || v != "Cấp xã" {
		t.Errorf("the first level to choose is %q, %v", v, err)
	}
}

// office is a workbook as an office keeps it: a title, a row of field headings, merged cells, columns in another order, headings
// without accents, numbers as numbers.
func office(t *testing.T) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	rows := [][]any{
		{"DANH MUC THU TUC HANH CHINH CUA SO TU PHAP"},
		{},
		{"STT", "Tên TTHC", "MA SO TTHC", "Thoi han giai quyet", "Phí, lệ phí (nếu có)", "Thành phần hồ sơ", "Kết quả", "Cơ quan thực hiện", "Căn cứ pháp lý", "Địa điểm"},
		{"(1)", "(2)", "(3)", "(4)", "(5)", "(6)", "(7)", "(8)", "(9)", "(10)"},
		{"I", "LĨNH VỰC CHỨNG THỰC"},
		{1, "Chứng thực bản sao", 2.00081, "Trong ngày", "Lệ phí: 2.000 đồng (mỗi trang)", "- Bản chính giấy tờ (01 bản chính)", "Bản sao có chứng thực", "UBND cấp xã", "Nghị định 23/2015/NĐ-CP", "Bộ phận Một cửa"},
		{},
		{"II", "Lĩnh vực: Luật sư"},
		{2, "Cấp thẻ luật sư", "1.002010", "10 ngày làm việc", "Không", "Đơn đề nghị (02 bản chính)", "Thẻ", "Sở Tư pháp", "Luật Luật sư", ""},
		{"", "", "", "", "", "Ảnh 3x4 (2 bản chụp)", "", "", "", ""},
		{3, "Xóa đăng ký", "1,002011", 5, "", "Đơn", "Quyết định", "Sở Nông lâm", "Luật", ""},
	}
	for i, r := range rows {
		cell, _ := excelize.CoordinatesToCellName(1, i+1)
		if err := f.SetSheetRow("Sheet1", cell, &r); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range [][2]string{{"A1", "J1"}, {"B5", "J5"}, {"C9", "C10"}, {"B9", "B10"}, {"A9", "A10"}} {
		if err := f.MergeCell("Sheet1", m[0], m[1]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.NewSheet("Ghi chú"); err != nil {
		t.Fatal(err)
	}
	f.SetCellStr("Ghi chú", "A1", "Người lập: Bình")
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAWorkbookAsOfficesKeepIt(t *testing.T) {
	book, err := sheet.ReadXLSX("so-tu-phap.xlsx", office(t))
	if err != nil {
		t.Fatal(err)
	}
	checkOffice(t, readBook(t, book), 6)
}

// checkOffice checks the three procedures; the first stands in a row.
func checkOffice(t *testing.T, c catalogue.Catalogue, row int) {
	t.Helper()
	if len(c.Entries) != 3 {
		t.Fatalf("%d procedures", len(c.Entries))
	}
	copied, lawyer, none := c.Entries[0], c.Entries[1], c.Entries[2]
	if copied.Code != "2.000810" || copied.Field != "authentication" || copied.Level != "commune" || copied.Limit != (directory.Limit{Unit: directory.WorkingDay}) || copied.Place.Row != row {
		t.Errorf("%+v at %+v", copied.Procedure, copied.Place)
	}
	if f := copied.Fees; len(f) != 1 || f[0].Amount != 2000 || f[0].Note.VI != "mỗi trang" || f[0].Name.VI != "Lệ phí" {
		t.Errorf("fees %+v", f)
	}
	if q := copied.Requirements; len(q) != 1 || q[0].Name.VI != "Bản chính giấy tờ (01 bản chính)" || q[0].Originals != 1 || q[0].Copies != 0 {
		t.Errorf("papers %+v", q)
	}
	if q := lawyer.Requirements; len(q) != 2 || q[0].Originals != 2 || q[1].Copies != 2 || lawyer.Field != "luat_su" || lawyer.Office != "H32.02" || !lawyer.Free() {
		t.Errorf("%+v", lawyer.Procedure)
	}
	var faults []string
	for _, f := range none.Found {
		faults = append(faults, string(f.Code))
	}
	if want := []string{"code-mended", "new-field", "no-subject", "unknown-agency", "limit-no-unit"}; none.Code != "1.002011" || !reflect.DeepEqual(faults, want) || none.Raw["office"] != "Sở Nông lâm" {
		t.Errorf("%s: %v, %v", none.Code, faults, none.Raw)
	}
	said := fmt.Sprint(c.Found)
	for _, want := range []string{"unknown-column", "Địa điểm"} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing is said of %s: %s", want, said)
		}
	}
}

func TestATableInCSV(t *testing.T) {
	lines := []string{
		"\ufeffSTT;Tên TTHC;Mã số TTHC;Thời hạn giải quyết;Phí;Thành phần hồ sơ;Kết quả;Cơ quan thực hiện;Căn cứ pháp lý;Địa điểm;Lĩnh vực",
		"1;Chứng thực bản sao;2.00081;Trong ngày;Lệ phí: 2.000 đồng (mỗi trang);- Bản chính giấy tờ (01 bản chính);Bản sao;UBND cấp xã;NĐ 23;x;Chứng thực",
		"2;Cấp thẻ luật sư;1.002010;10 ngày làm việc;Không;\"Đơn đề nghị (02 bản chính)\nẢnh 3x4 (2 bản chụp)\";Thẻ;Sở Tư pháp;Luật;;Luật sư",
		"", "3;Xóa đăng ký;1,002011;5;;Đơn;Quyết định;Sở Nông lâm;Luật;;Luật sư",
	}
	b, err := sheet.ReadCSV("x.csv", []byte(strings.Join(lines, "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	checkOffice(t, readBook(t, b), 2)
}

func TestWhatIsNoWorkbookIsRefused(t *testing.T) {
	good, err := sheet.WriteXLSX(catalogue.WriteBook(own(), tables()), tables(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for what, b := range map[string][]byte{"nothing": nil, "a text": []byte("xin chào"), "half a workbook": good[:len(good)/2], "another archive": archive(t)} {
		if book, err := sheet.ReadXLSX("x.xlsx", b); err == nil && len(book.Sheets) > 0 {
			t.Errorf("%s is read: %d sheets", what, len(book.Sheets))
		}
	}
	if _, err := catalogue.ReadBook("x", catalogue.Book{Sheets: []catalogue.Sheet{{Name: "x", Rows: [][]string{{"a", "b"}}}}}, catalogue.NewMap(tables()), nil); err == nil {
		t.Error("a workbook without headings is read")
	}
}

func archive(t *testing.T) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if w, err := z.Create("readme.txt"); err != nil {
		t.Fatal(err)
	} else {
		w.Write([]byte("x"))
	}
	z.Close()
	return b.Bytes()
}

func FuzzReadXLSX(f *testing.F) {
	b, err := sheet.WriteXLSX(catalogue.Book{Sheets: []catalogue.Sheet{{Name: "Thủ tục", Rows: [][]string{{"Mã thủ tục", "Tên thủ tục"}, {"1.000001", "x"}}}}}, catalogue.Tables{}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		book, err := sheet.ReadXLSX("x", b)
		if err == nil {
			catalogue.ReadBook("x", book, catalogue.NewMap(catalogue.Tables{}), nil)
		}
	})
}
