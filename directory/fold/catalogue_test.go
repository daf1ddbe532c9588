package fold

import (
	"slices"
	"testing"

	"motcua/directory/khanhhoa"
)

// People search the catalogue in their own words, most of them without marks.
func TestPeopleFindProceduresInTheirWords(t *testing.T) {
	var docs []Doc
	for _, p := range khanhhoa.Procedures() {
		d := Doc{ID: p.Code, Names: []string{p.Name.VI, p.Name.EN}, Synonyms: p.Synonyms, Text: []string{p.Code, p.Result.VI, p.Result.EN}}
		for _, r := range p.Requirements {
			d.Text = append(d.Text, r.Name.VI)
		}
		docs = append(docs, d)
	}
	ix := NewIndex(docs)
	for query, want := range map[string]string{
		"dang ky dat dai": "1.013978", "so do": "1.013978", "lam khai sinh": "1.001193", "khai sinh": "1.001193", "ket hon": "1.000894",
		"doc than": "1.004873", "sao y": "2.000815", "mai tang": "1.001731", "mai táng phí": "1.001731", "xay nha": "1.009994",
		"mo quan": "1.001612", "len tho cu": "1.013949", "birth registration": "1.001193", "work permit": "2.000205", "1.010803": "1.010803",
		"liet si": "1.010803", "khuyet tat": "1.001653", "tau ca": "1.003650", "ly lich tu phap": "2.000488",
	} {
		got := ix.Search(query, 5)
		if !slices.Contains(got[:min(len(got), 3)], want) {
			t.Errorf("Search(%q) = %v, want %s among the first three", query, got, want)
		}
	}
}
