package office

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"

	"motcua/node/blob"
)

// visible drops the characters that nobody sees, among them those that turn the direction of writing (Unicode's general
// category Cf) and could have a name read as another. Line ends and tabs stay.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return r
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

// visibleAll is visible for every value of a form.
func visibleAll(values url.Values) url.Values {
	out := make(url.Values, len(values))
	for name, vs := range values {
		for _, v := range vs {
			out[name] = append(out[name], visible(v))
		}
	}
	return out
}

// maxFileName bounds the name of a file, in bytes.
const maxFileName = 200

// fileName keeps the last part of a name as a person's machine gives it, within bounds, with the ending of what the file is: a
// name proves nothing, and who opens it must not be told otherwise.
func fileName(s, mediaType string) string {
	if i := strings.LastIndexAny(s, `/\`); i >= 0 {
		s = s[i+1:]
	}
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' || r == '"' {
			return -1
		}
		return r
	}, visible(s))
	s = ending(s, mediaType)
	for len(s) > maxFileName {
		s = strings.ToValidUTF8(s[1:], "") // keep the ending, it tells the kind
	}
	return s
}

// endings are those of a kind of file, the usual one first; none for a kind that this version does not take in itself.
func endings(mediaType string) []string {
	switch mediaType {
	case blob.PDF:
		return []string{".pdf"}
	case blob.JPEG:
		return []string{".jpg", ".jpeg"}
	case blob.PNG:
		return []string{".png"}
	case blob.DOCX:
		return []string{".docx"}
	case blob.ODT:
		return []string{".odt"}
	}
	return nil
}

// ending puts the right ending in the place of a wrong one, or after a name without one.
func ending(s, mediaType string) string {
	s = strings.TrimRight(s, ". \u00a0\u3000")
	if strings.Trim(s, ". ") == "" {
		s = "file"
	}
	right := endings(mediaType)
	for range 4 { // a.pdf.exe has two
		e := path.Ext(s)
		if right == nil || slices.Contains(right, strings.ToLower(e)) {
			return s
		}
		if !looksLikeEnding(e) || len(e) == len(s) {
			break
		}
		s = strings.TrimRight(strings.TrimSuffix(s, e), ". ")
	}
	return s + right[0]
}

// looksLikeEnding tells an ending from the last words of a name with dots in it, as in "Công văn 12.2026".
func looksLikeEnding(e string) bool {
	letter := false
	for _, r := range strings.TrimPrefix(e, ".") {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
		letter = letter || unicode.IsLetter(r)
	}
	return letter && len(e) <= 6
}
