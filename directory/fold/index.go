package fold

import (
	"cmp"
	"slices"
	"strings"
)

// The bounds of a query; what is beyond them is left out.
const (
	maxQuery = 300 // bytes
	maxWords = 16
)

// Doc is one thing to find.
type Doc struct {
	ID       string
	Names    []string // in every language
	Synonyms []string // other words people use for it
	Text     []string // everything else: codes, field, requirements
}

// class is how near to the name of a document a word stands, the smaller the nearer: 0 in a name, 1 in a synonym, 2 in
// other text.
type class uint8

// Index finds documents by words. It does not change and may be shared.
type Index struct {
	ids   []string
	names []int      // length of the first name, to prefer the shorter
	lines [][]string // folded names, then synonyms, each between spaces
	terms []term     // sorted by folded, then key
}

type term struct {
	folded, key string
	posts       []post
}

type post struct {
	doc   int32
	class class
}

// NewIndex indexes the documents. The order given is the last resort of ranking.
func NewIndex(docs []Doc) *Index {
	ix := &Index{}
	terms := map[string]*term{}
	for i, d := range docs {
		ix.ids = append(ix.ids, d.ID)
		first := ""
		if len(d.Names) > 0 {
			first = d.Names[0]
		}
		ix.names = append(ix.names, len([]rune(first)))
		var lines []string
		for _, s := range slices.Concat(d.Names, d.Synonyms) {
			lines = append(lines, " "+Fold(s)+" ")
		}
		ix.lines = append(ix.lines, lines)
		for c, texts := range [][]string{d.Names, d.Synonyms, d.Text} {
			for _, s := range texts {
				addWords(terms, s, post{int32(i), class(c)})
			}
		}
	}
	for _, t := range terms {
		ix.terms = append(ix.terms, *t)
	}
	slices.SortFunc(ix.terms, func(a, b term) int {
		return cmp.Or(strings.Compare(a.folded, b.folded), strings.Compare(a.key, b.key))
	})
	return ix
}

func addWords(terms map[string]*term, s string, p post) {
	for _, w := range split(s) {
		key := toneLast(w)
		t := terms[key]
		if t == nil {
			t = &term{folded: strip(w), key: key}
			terms[key] = t
		}
		// documents and classes come in order, so the first post of a document is its best
		if n := len(t.posts); n == 0 || t.posts[n-1].doc != p.doc {
			t.posts = append(t.posts, p)
		}
	}
}

// found is how well one document answers the query, word after word.
type found struct {
	words  int   // how many words matched so far
	class  class // of the word that stands farthest
	marked int   // words typed with marks that match with those marks
	exact  int   // words that match letter by letter, marks or none
	whole  bool  // the last word matched whole, not as the beginning of another
	phrase int   // 2: the words follow one another in a name or synonym; 1: the last as a beginning
}

// Search returns the ids of the documents that hold every word of the query, the last one also as the beginning of a word,
// best first, at most limit. First come those that hold the words with the very marks that were typed; then those that
// hold them in a row; then name before synonym before other text; then the shorter name. An empty query finds nothing.
func (ix *Index) Search(query string, limit int) []string {
	if len(query) > maxQuery {
		query = query[:maxQuery]
	}
	words := split(strings.ToValidUTF8(query, ""))
	if len(words) == 0 {
		return nil
	}
	words = words[:min(len(words), maxWords)]
	all := make([]found, len(ix.ids))
	for i, w := range words {
		ix.match(all, i, w, i == len(words)-1)
	}
	var docs []int
	phrase := " " + Fold(strings.Join(words, " "))
	for d := range all {
		if all[d].words == len(words) {
			all[d].phrase = ix.phrase(d, phrase)
			docs = append(docs, d)
		}
	}
	slices.SortFunc(docs, func(a, b int) int {
		return cmp.Or(compare(all[a], all[b]), cmp.Compare(ix.names[a], ix.names[b]), cmp.Compare(a, b))
	})
	var out []string
	for _, d := range docs[:min(len(docs), max(limit, 0))] {
		out = append(out, ix.ids[d])
	}
	return out
}

func compare(a, b found) int {
	whole := 0
	if a.whole != b.whole {
		whole = 1
		if a.whole {
			whole = -1
		}
	}
	return cmp.Or(cmp.Compare(b.marked, a.marked), cmp.Compare(b.phrase, a.phrase), cmp.Compare(a.class, b.class),
		cmp.Compare(b.exact, a.exact), whole)
}

// match adds what the i-th word of the query finds. A document that missed an earlier word is passed over.
func (ix *Index) match(all []found, i int, word string, last bool) {
	folded, key := strip(word), toneLast(word)
	best := make([]found, len(all))
	from, _ := slices.BinarySearchFunc(ix.terms, folded, func(t term, f string) int { return strings.Compare(t.folded, f) })
	for _, t := range ix.terms[from:] {
		whole := t.folded == folded
		if !whole && !(last && strings.HasPrefix(t.folded, folded)) {
			break
		}
		hit := found{words: 1, whole: whole}
		if t.key == key || !whole && begins(t.key, key) {
			hit.exact = 1
			if key != folded {
				hit.marked = 1
			}
		}
		for _, p := range t.posts {
			hit.class = p.class
			if b := best[p.doc]; all[p.doc].words == i && (b.words == 0 || compare(hit, b) < 0) {
				best[p.doc] = hit
			}
		}
	}
	for d, b := range best {
		if b.words == 0 || all[d].words != i {
			continue
		}
		f := &all[d]
		*f = found{words: i + 1, class: max(f.class, b.class), marked: f.marked + b.marked, exact: f.exact + b.exact, whole: b.whole}
	}
}

// begins tells whether the word typed so far may become the word, with the marks it already has.
func begins(key, typed string) bool {
	letters := strings.TrimRight(typed, tones)
	tone := typed[len(letters):]
	return strings.HasPrefix(key, letters) && strings.HasSuffix(key, tone)
}

// phrase tells whether the words stand in a row in a name or synonym.
func (ix *Index) phrase(doc int, phrase string) int {
	best := 0
	for _, l := range ix.lines[doc] {
		if strings.Contains(l, phrase+" ") {
			return 2
		}
		if strings.Contains(l, phrase) {
			best = 1
		}
	}
	return best
}
