// Package fold makes Vietnamese text findable and sortable. It is pure.
//
// Two keys are made of a text. [Fold] is what a person types who has no Vietnamese keyboard at hand: lower case, no tone and
// vowel marks, đ as d, so that "dang ky dat dai" finds "Đăng ký đất đai". [Key] keeps the marks, and brings what is the
// same to the same bytes: composed and decomposed letters, and both habits of placing the tone (hoà and hòa, thuý and thúy).
// Unicode normalisation does neither the second nor the đ; they are done by hand.
//
// Both keys hold words only: letters and digits, one space between words. They are for comparing, not for showing, and may
// change from one version to the next: nothing stores them.
package fold

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// Fold is the text in lower case without any mark, words separated by one space.
func Fold(s string) string { return strings.Join(Words(s), " ") }

// Words are the folded words of the text, in order.
func Words(s string) []string {
	var out []string
	for _, w := range split(s) {
		out = append(out, strip(w))
	}
	return out
}

// Line is the folded text with its punctuation, for reading what stands in it: white space is one space.
func Line(s string) string { return strip(strings.Join(strings.Fields(lower(s)), " ")) }

// Key is the text in lower case with its marks, the tone of each word moved to its end.
func Key(s string) string {
	var out []string
	for _, w := range split(s) {
		out = append(out, toneLast(w))
	}
	return strings.Join(out, " ")
}

// split gives the words of a text in lower. A mark belongs to the letter before it.
func split(s string) []string {
	words := strings.FieldsFunc(lower(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r)
	})
	return slices.DeleteFunc(words, func(w string) bool { return strip(w) == "" }) // marks alone
}

// lower gives the text in NFD and lower case.
func lower(s string) string {
	return norm.NFD.String(strings.Map(func(r rune) rune {
		if r == 'Ð' || r == 'ð' { // the Icelandic letter looks the same in capitals and gets typed for Đ
			return 'đ'
		}
		return unicode.ToLower(r)
	}, s))
}

// strip removes the marks of a text in NFD.
func strip(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == 'đ':
			return 'd'
		case unicode.Is(unicode.Mn, r):
			return -1
		}
		return r
	}, s)
}

// The five tone marks in NFD; the sixth tone has none. The other marks (circumflex, breve, horn) make other vowels.
const tones = "\u0300\u0301\u0303\u0309\u0323"

func toneLast(w string) string {
	var letters, tone strings.Builder
	for _, r := range w {
		if strings.ContainsRune(tones, r) {
			tone.WriteRune(r)
		} else {
			letters.WriteRune(r)
		}
	}
	return letters.String() + tone.String()
}

// Sort sorts in Vietnamese alphabetical order of the names (a ă â … d đ e ê …), numbers by value (Phường 2 before
// Phường 10); names that sort alike keep their order.
func Sort[T any](items []T, name func(T) string) {
	type keyed struct {
		key  []byte
		item T
	}
	c := collate.New(language.Vietnamese, collate.Numeric)
	var buf collate.Buffer
	rows := make([]keyed, len(items))
	for i, it := range items {
		rows[i] = keyed{slices.Clone(c.KeyFromString(&buf, norm.NFC.String(name(it)))), it}
		buf.Reset()
	}
	slices.SortStableFunc(rows, func(a, b keyed) int { return slices.Compare(a.key, b.key) })
	for i, r := range rows {
		items[i] = r.item
	}
}
