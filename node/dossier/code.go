package dossier

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"motcua/directory"
)

// NewCode makes the official code of the n-th dossier an office accepts on a day: office, date and running number, as
// Circular 01/2018/TT-VPCP has it (H32.22327-261124-0001). The number is padded to four digits and grows beyond.
func NewCode(office directory.OfficeCode, day directory.Date, n uint32) string {
	return fmt.Sprintf("%s-%s-%04d", office, day.Time().Format("060102"), n)
}

// Code is what an official code says.
type Code struct {
	Office directory.OfficeCode
	Day    directory.Date
	Number uint32
}

var codeForm = regexp.MustCompile(`^([A-Z0-9]{1,8}(?:\.[A-Z0-9]{1,8}){0,4})-([0-9]{6})-([0-9]{4,9})$`)

// ParseCode reads an official code as a person types it: case and spaces do not matter.
func ParseCode(s string) (Code, error) {
	m := codeForm.FindStringSubmatch(strings.ToUpper(strings.Join(strings.Fields(s), "")))
	if m == nil {
		return Code{}, fmt.Errorf("dossier code: want office-yymmdd-number, as in H32.22327-261124-0001")
	}
	day, err := time.ParseInLocation("060102", m[2], directory.Zone)
	if err != nil {
		return Code{}, fmt.Errorf("dossier code: %s is no date", m[2])
	}
	n, err := strconv.ParseUint(m[3], 10, 32)
	if err != nil || n == 0 || len(m[3]) > 4 && m[3][0] == '0' {
		return Code{}, fmt.Errorf("dossier code: %s is no running number", m[3])
	}
	return Code{directory.OfficeCode(m[1]), directory.DateOf(day), uint32(n)}, nil
}

// String writes the code as NewCode does.
func (c Code) String() string { return NewCode(c.Office, c.Day, c.Number) }

// letters are the 32 characters of a submission code, without I, L, O and U, which are misread or make words.
const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const payload = 11 // characters of a submission code before the check character: 55 bits

// SubmissionCode makes a submission code of random bytes, of which 55 bits are used: three groups of four characters,
// the last of them a check character that finds every wrong character and every swap of two.
func SubmissionCode(random [8]byte) string {
	n := uint64(0)
	for _, b := range random {
		n = n<<8 | uint64(b)
	}
	var digits [payload]byte
	for i := payload - 1; i >= 0; i-- {
		digits[i] = byte(n & 31)
		n >>= 5
	}
	return spell(digits)
}

func spell(digits [payload]byte) string {
	var b strings.Builder
	for i, d := range append(digits[:], check(digits)) {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(letters[d])
	}
	return b.String()
}

// check is the sum of the digits, each times its own power of the generator 2 of GF(32) (polynomial x⁵+x²+1). The powers
// 1 to 11 and 0 for the check itself are all different, hence the promise of SubmissionCode.
func check(digits [payload]byte) byte {
	sum := byte(0)
	for i := payload - 1; i >= 0; i-- { // Horner's scheme
		sum = double(sum ^ digits[i])
	}
	return sum
}

func double(a byte) byte {
	a <<= 1
	if a&32 != 0 {
		a ^= 0b100101
	}
	return a
}

// misread maps characters to what they are taken for.
var misread = strings.NewReplacer("O", "0", "I", "1", "L", "1", "-", "", " ", "", "\t", "", ".", "")

// ParseSubmissionCode reads a submission code as a person types it and returns it as SubmissionCode wrote it. Case, spaces
// and hyphens do not matter, nor O for 0, I or L for 1.
func ParseSubmissionCode(s string) (string, error) {
	s = misread.Replace(strings.ToUpper(strings.TrimSpace(s)))
	if len(s) != payload+1 {
		return "", fmt.Errorf("submission code: want 12 letters and digits, as in N4K7-Q2MX-8RTD")
	}
	var all [payload + 1]byte
	for i := range len(s) {
		v := strings.IndexByte(letters, s[i])
		if v < 0 {
			return "", fmt.Errorf("submission code: the character at place %d is in no code", i+1)
		}
		all[i] = byte(v)
	}
	digits := [payload]byte(all[:payload])
	if check(digits) != all[payload] {
		return "", fmt.Errorf("submission code: mistyped, its last character does not match the others")
	}
	return spell(digits), nil
}

// NormalCode returns a code of either sort as it was given, as a person types it; false if it is neither.
func NormalCode(s string) (string, bool) {
	if c, err := ParseCode(s); err == nil {
		return c.String(), true
	}
	c, err := ParseSubmissionCode(s)
	return c, err == nil
}
