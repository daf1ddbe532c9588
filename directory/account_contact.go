package directory

import (
	"regexp"
	"strings"
)

var (
	phoneMarks = strings.NewReplacer(" ", "", ".", "", "-", "", "(", "", ")", "", "\u00a0", "")
	emailForm  = regexp.MustCompile(`^[^\s@<>",;:\\()\[\]]{1,64}@[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)
)

// NormalPhone folds a typed Vietnamese telephone number to its digits with a leading 0: marks are dropped, +84 and 0084
// become 0. What is no such number is returned without its marks, for ValidPhone to refuse.
func NormalPhone(s string) string {
	s = phoneMarks.Replace(strings.TrimSpace(s))
	for _, country := range []string{"+84", "0084", "84"} {
		if rest, ok := strings.CutPrefix(s, country); ok && len(rest) >= 9 {
			return "0" + strings.TrimPrefix(rest, "0")
		}
	}
	return s
}

// NormalEmail folds a typed e-mail address: spaces trimmed, lower case, as every provider in use compares them.
func NormalEmail(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// ValidEmail tells whether s has the form of an e-mail address, as NormalEmail folds it, of at most 254 bytes (RFC 5321).
func ValidEmail(s string) bool { return len(s) <= 254 && emailForm.MatchString(s) }

// NormalIdentity folds a typed identity number or tax code: spaces and dots are dropped; the dash of a dependent unit stays.
func NormalIdentity(s string) string {
	return strings.NewReplacer(" ", "", ".", "", "\u00a0", "").Replace(strings.TrimSpace(s))
}
