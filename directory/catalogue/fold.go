package catalogue

import (
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"

	"motcua/directory/fold"
)

// hasWords tells whether words stand in a folded text, as whole words.
func hasWords(text, words string) bool {
	return words != "" && strings.Contains(" "+text+" ", " "+words+" ")
}

// slug makes an id of a text: a-z, 0-9 and _, at most 40, "x" where nothing is left.
func slug(s string) string {
	var b strings.Builder
	for _, w := range strings.Fields(fold.Fold(s)) {
		ascii := strings.Map(func(r rune) rune {
			if r > unicode.MaxASCII {
				return -1
			}
			return r
		}, w)
		if b.Len() > 0 && b.Len()+1+len(ascii) > maxSlug {
			break
		}
		if b.Len() > 0 && ascii != "" {
			b.WriteByte('_')
		}
		b.WriteString(ascii[:min(len(ascii), maxSlug)])
	}
	if b.Len() == 0 {
		return "x"
	}
	return b.String()
}

const maxSlug = 36

// unique returns the id, with a number where it is taken, and takes it.
func unique(id string, taken map[string]bool) string {
	out := id
	for n := 2; taken[out]; n++ {
		out = id + "_" + strconv.Itoa(n)
	}
	taken[out] = true
	return out
}

var (
	blanks = regexp.MustCompile(`[\t\p{Zs}]+`)
	breaks = regexp.MustCompile(`(?i)<br\s*/?>|</p>|</li>|</div>`)
	tags   = regexp.MustCompile(`(?i)</?(p|b|i|u|em|strong|span|div|li|ul|ol|font|a|br|table|tbody|tr|td)(\s[^<>]*)?>`)
	lines  = regexp.MustCompile(` *\n[\n ]*`)
)

// Clean is a text as it may be published: NFC, no control or unseen characters, no white space at its ends, single spaces
// and line breaks.
func Clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || r == '\u2028' || r == '\u2029' || r == '\v' || r == '\f':
			return '\n'
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r):
			return -1
		case r >= 0xFFFE && r&0xFFFE == 0xFFFE:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = norm.NFC.String(s)
	return strings.TrimSpace(lines.ReplaceAllString(blanks.ReplaceAllString(s, " "), "\n"))
}

// unmarkup takes the tags and entities of a web page out of a text, and tells whether there were any.
func unmarkup(s string) (string, bool) {
	out := tags.ReplaceAllString(breaks.ReplaceAllString(s, "\n"), " ")
	if strings.Contains(out, "&") {
		out = html.UnescapeString(out)
	}
	return out, out != s
}

// broken are signs of UTF-8 that was read as Windows-1252, and of letters that were never Unicode (TCVN3, VNI).
var broken = regexp.MustCompile("\uFFFD|Ã[\u0080-\u00BF\u0192\u2018-\u2122]|á[º»][\u0080-\u00BF\u2018-\u203A]?|Ä[\u0090\u2018]|Æ[°¡¯]|[a-zA-Z][µ¸¶·¹¨©ª«¬®¦§][a-zA-Z ]|\\p{L}[\u00AD\u00B8\u00B5]\\p{L}")

// Mojibake tells whether a text shows letters that came out of a wrong encoding.
func Mojibake(s string) bool { return broken.MatchString(s) }

// mend undoes one reading of UTF-8 as Windows-1252; false where that does not give a sound text.
func mend(s string) (string, bool) {
	if !Mojibake(s) {
		return s, false
	}
	var b []byte
	for _, r := range s {
		c, ok := charmap.Windows1252.EncodeRune(r)
		if !ok && r > 0xFF { // the places that Windows-1252 leaves empty are read as they are
			return s, false
		} else if !ok {
			c = byte(r)
		}
		b = append(b, c)
	}
	out := strings.ToValidUTF8(string(b), "\uFFFD")
	return out, !Mojibake(out) && out != s
}
