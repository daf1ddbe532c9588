package fold

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"Đăng ký đất đai":                  "dang ky dat dai",
		"  UBND  xã Vĩnh Lương, Nha Trang": "ubnd xa vinh luong nha trang",
		"Ðà Nẵng":                          "da nang", // typed with the Icelandic letter
		"ðà Nẵng":                          "da nang",
		"1.001193":                         "1 001193",
		"hộ tịch/chứng thực":               "ho tich chung thuc",
		"ẮẰẲẴẶ ƯỨỪỬỮỰ ƠỚỜỞỠỢ": "aaaaa uuuuuu oooooo",
		"": "",
	} {
		if got := Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
		if got := Fold(norm.NFD.String(in)); got != want {
			t.Errorf("Fold of %q decomposed = %q, want %q", in, got, want)
		}
	}
}

func TestLineKeepsWhatStandsBetweenWords(t *testing.T) {
	for in, want := range map[string]string{
		" 10 - 12  ngày\tlàm việc ":    "10 - 12 ngay lam viec",
		"Phí : 50.000 Ðồng/trường hợp": "phi : 50.000 dong/truong hop",
		"":                             "",
	} {
		if got := Line(in); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestKeyJoinsSpellingsAndKeepsWordsApart(t *testing.T) {
	for _, same := range [][2]string{
		{"hoà", "hòa"}, {"Khánh Hoà", "KHÁNH HÒA"}, {"thuý", "thúy"}, {"xoè", "xòe"}, {"uỷ ban", "ủy ban"}, {norm.NFD.String("Diên Khánh"), "diên khánh"},
	} {
		if Key(same[0]) != Key(same[1]) {
			t.Errorf("%q and %q have the keys %q and %q", same[0], same[1], Key(same[0]), Key(same[1]))
		}
	}
	words := []string{"ma", "má", "mà", "mả", "mã", "mạ", "mâ", "mă", "dao", "đao", "mơ", "mo", "mô"}
	seen := map[string]string{}
	for _, w := range words {
		if other, ok := seen[Key(w)]; ok {
			t.Errorf("%q and %q share the key %q", w, other, Key(w))
		}
		seen[Key(w)] = w
	}
}

func TestSort(t *testing.T) {
	want := []string{"An Bình", "Ân Thi", "Cam Ranh", "Diên An", "Điện Biên", "Nha Trang", "Phường 2", "Phường 10", "Phước Tân", "Vạn Ninh", "Vĩnh Lương"}
	got := slices.Clone(want)
	slices.Reverse(got)
	Sort(got, func(s string) string { return s })
	pos := func(s string) int { return slices.Index(got, s) }
	for _, p := range [][2]string{{"An Bình", "Ân Thi"}, {"Cam Ranh", "Diên An"}, {"Diên An", "Điện Biên"}, {"Phường 2", "Phường 10"}, {"Vạn Ninh", "Vĩnh Lương"}} {
		if pos(p[0]) > pos(p[1]) {
			t.Errorf("%q after %q: %q", p[0], p[1], got)
		}
	}
}

func catalogue() *Index {
	return NewIndex([]Doc{
		{ID: "land", Names: []string{"Cấp Giấy chứng nhận quyền sử dụng đất lần đầu", "First land-use certificate"}, Synonyms: []string{"sổ đỏ", "sổ hồng"}},
		{ID: "register", Names: []string{"Đăng ký đất đai lần đầu"}, Text: []string{"1.012817", "Đất đai"}},
		{ID: "book", Names: []string{"Cấp sổ lao động do cơ quan cấp"}},
		{ID: "marry", Names: []string{"Đăng ký kết hôn"}, Synonyms: []string{"giấy hôn thú"}, Text: []string{"Hộ tịch"}},
		{ID: "marry_foreign", Names: []string{"Đăng ký kết hôn có yếu tố nước ngoài"}, Text: []string{"Hộ tịch"}},
		{ID: "notes", Names: []string{"Đăng kỹ thuật"}, Text: []string{"hoà giải"}},
	})
}

func TestSearch(t *testing.T) {
	ix := catalogue()
	for _, c := range []struct{ query, want string }{
		{"dang ky dat dai", "register"},
		{"đăng ký đất đai", "register"},
		{"so do", "land book"},             // in a row in a synonym before scattered in a name
		{"sổ đỏ", "land book"},             // with the marks first
		{"sổ do", "land book"},             // marks on one word only
		{"ket hon", "marry marry_foreign"}, // the shorter name first
		{"hon thu", "marry"},               // synonym
		{"ho tich", "marry marry_foreign"}, // other text
		{"dang ky ket", "marry marry_foreign"},
		{"ket ho", "marry marry_foreign"},                 // the last word as a beginning
		{"ke hon", ""},                                    // but no other word
		{"ket hon nuoc", "marry_foreign"},                 // all words
		{"hòa giải", "notes"},                             // the tone placed otherwise
		{"1.012817", "register"},                          // a code
		{"đăng kỹ", "notes marry register marry_foreign"}, // the very marks first
		{"LAND certificate", "land"},
		{"", ""}, {"…", ""}, {"khong co", ""},
	} {
		if got := strings.Join(ix.Search(c.query, 10), " "); got != c.want {
			t.Errorf("Search(%q) = %q, want %q", c.query, got, c.want)
		}
	}
	if got := ix.Search("dang", 2); len(got) != 2 {
		t.Errorf("limit of 2 gave %v", got)
	}
}

func TestRanking(t *testing.T) {
	ix := NewIndex([]Doc{
		{ID: "row", Names: []string{"Do so"}},
		{ID: "marks", Names: []string{"Đỏ và trắng, có sổ"}},
		{ID: "text", Names: []string{"A"}, Text: []string{"giám hộ"}},
		{ID: "synonym", Names: []string{"B"}, Synonyms: []string{"giám hộ"}},
		{ID: "name", Names: []string{"Đăng ký giám hộ"}},
	})
	for query, want := range map[string][]string{
		"đỏ sổ":   {"marks", "row"}, // the typed marks come before words in a row
		"do so":   {"row", "marks"},
		"giam ho": {"name", "synonym", "text"},
	} {
		if got := ix.Search(query, 5); !slices.Equal(got, want) {
			t.Errorf("Search(%q) = %v, want %v", query, got, want)
		}
	}
}

func TestMarksOfAWordBeingTyped(t *testing.T) {
	ix := NewIndex([]Doc{{ID: "plain", Names: []string{"Dat"}}, {ID: "marked", Names: []string{"Đất ở nông thôn mới"}}})
	for _, q := range []string{"đ", "đâ", "đấ", "đất"} {
		if got := ix.Search(q, 2); len(got) != 2 || got[0] != "marked" {
			t.Errorf("Search(%q) = %v", q, got)
		}
	}
}

func FuzzSearch(f *testing.F) {
	ix := catalogue()
	for _, s := range []string{"so do", "đăng kỹ", "\u0301", "a\xff", strings.Repeat("ă ", 400), "Ⅷ ǅ ﬁ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, q string) {
		first, again := ix.Search(q, 10), ix.Search(norm.NFD.String(q), 10)
		if len(q) < maxQuery/3 && !slices.Equal(first, again) {
			t.Errorf("%q finds %v, decomposed %v", q, first, again)
		}
		if folded := Fold(q); strings.ContainsFunc(folded, func(r rune) bool { return unicode.Is(unicode.Mn, r) }) || Fold(folded) != folded {
			t.Errorf("Fold(%q) = %q is not stable", q, folded)
		}
	})
}

func BenchmarkSearch2000(b *testing.B) {
	words := strings.Fields("cấp giấy phép xây dựng nhà ở đất đai hộ tịch kết hôn khai sinh chứng thực trợ cấp xã hội bảo trợ người cao tuổi kinh doanh")
	var docs []Doc
	for i := range 2000 {
		var name []string
		for j := range 14 {
			name = append(name, words[(i*7+j*j*3+i/5)%len(words)])
		}
		docs = append(docs, Doc{ID: fmt.Sprint(i), Names: []string{strings.Join(name, " ")}, Text: []string{fmt.Sprintf("1.%06d", i), strings.Join(words, " ")}})
	}
	ix := NewIndex(docs)
	for _, q := range []string{"dang ky dat dai", "cap giay phep xay dung nha o", "c", "1.0017"} {
		b.Run(q, func(b *testing.B) {
			for b.Loop() {
				ix.Search(q, 50)
			}
		})
	}
}
