package catalogue

import (
	"regexp"
	"strconv"
	"strings"

	"motcua/directory"
	"motcua/directory/fold"
)

// The names of fees where a source gives none.
var (
	feeName    = directory.Text{VI: "Phí", EN: "Fee"}
	leviedName = directory.Text{VI: "Lệ phí", EN: "Administrative fee"}
	ruleNote   = directory.Text{VI: "Theo quy định về phí, lệ phí hiện hành", EN: "As the rules on fees in force say"}
)

var (
	// money is an amount with its currency, on folded text.
	money = regexp.MustCompile(`(\d[\d.,]*)\s*(trieu|nghin|ngan)?\s*(dong|vnd|vnđ|d\b|₫|usd|\$|eur)?`)
	// feeParts divides a text before each fee it names.
	feeParts = regexp.MustCompile(`(?i)(lệ phí|phí)\s*:`)
	nothing  = regexp.MustCompile(`^(0|0 (dong|vnd)|khong|khong co|khong thu|khong thu (phi|le phi)|mien phi|mien|free|none)( dong| vnd)?\.?$`)
	byRule   = regexp.MustCompile(`theo quy dinh|theo luat|hoi dong nhan dan|quy dinh tai|thong tu|nghi quyet|nghi dinh|bieu phi|muc thu`)
)

// Amount reads an amount of money and its currency ("VND", "USD", …; "" if none is named) from a text like "50.000 đồng" or
// "02 triệu đồng". ok is false where there is no number, or one that cannot be an amount.
func Amount(s string) (amount uint64, currency string, ok bool) {
	m := money.FindStringSubmatch(fold.Line(s))
	if m == nil {
		return 0, "", false
	}
	currency = map[string]string{"dong": "VND", "vnd": "VND", "d": "VND", "₫": "VND", "usd": "USD", "$": "USD", "eur": "EUR"}[m[3]]
	scale := map[string]uint64{"": 1, "trieu": 1_000_000, "nghin": 1_000, "ngan": 1_000}[m[2]]
	digits := strings.TrimRight(m[1], ".,")
	whole, part, grouped := digits, "", strings.NewReplacer(".", "", ",", "")
	if i := strings.LastIndexAny(digits, ".,"); i >= 0 && len(digits)-i-1 != 3 {
		whole, part = digits[:i], digits[i+1:] // "1,5 triệu", "120,00"
	}
	n, err := strconv.ParseUint(grouped.Replace(whole), 10, 64)
	if err != nil || n > maxAmount {
		return 0, currency, false
	}
	total := n * scale
	if part = strings.TrimRight(part, "0"); part != "" {
		f, err := strconv.ParseFloat("0."+part, 64)
		if err != nil || scale == 1 {
			return 0, currency, false // there is no part of a đồng
		}
		total += uint64(f*float64(scale) + 0.5)
	}
	return total, currency, total <= maxAmount
}

// maxAmount is above any fee there is.
const maxAmount = 1_000_000_000_000

// feeReading is what a text says of fees.
type feeReading struct {
	fees   []directory.Fee
	free   bool
	faults []Finding // Path empty
	raw    string    // what could not be read
}

func (f *feeReading) find(code Fault, args ...string) {
	f.faults = append(f.faults, Finding{Code: code, Args: args})
}

// ReadFees reads what a text says: one fee for each "Phí : …" in it, none where it says that nothing is charged. What is in
// doubt is a fee "by rule" with a fault; what cannot be read is a fault alone.
func ReadFees(s string) (fees []directory.Fee, faults []Fault) {
	r := parseFees(s)
	for _, f := range r.faults {
		faults = append(faults, f.Code)
	}
	return r.fees, faults
}

func parseFees(s string) feeReading {
	var out feeReading
	s = Clean(s)
	starts := feeParts.FindAllStringIndex(s, -1)
	if len(starts) == 0 {
		out.add("", s)
		return out
	}
	if before := strings.TrimSpace(s[:starts[0][0]]); before != "" && len(before) > 3 {
		out.add("", before)
	}
	for i, at := range starts {
		end := len(s)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		out.add(strings.TrimSpace(strings.TrimRight(s[at[0]:at[1]], ": ")), strings.TrimSpace(s[at[1]:end]))
	}
	out.free = len(out.fees) == 0 && len(out.faults) == 0
	return out
}

// add reads one fee: an amount first, its note in brackets or behind it; or nothing; or a rule.
func (f *feeReading) add(name, s string) {
	fee := directory.Fee{Name: feeName}
	if strings.HasPrefix(fold.Line(name), "le") || strings.HasPrefix(fold.Line(s), "le phi") {
		fee.Name = leviedName
	}
	folded := strings.TrimSpace(fold.Line(s))
	at := money.FindStringIndex(folded)
	amount, currency, ok := Amount(s)
	switch {
	case folded == "" || folded == "dong":
		f.rule(fee, "", FeeUnstated)
	case nothing.MatchString(strings.TrimSpace(strings.SplitN(folded, "(", 2)[0])):
		if name == "" {
			f.free = true
		}
	case at == nil || at[0] > 12 || byRule.MatchString(folded[:at[0]]) || currency == "" && len(folded) > 40 && byRule.MatchString(folded):
		f.rule(fee, s, FeeByRule)
	case currency != "" && currency != "VND":
		f.rule(fee, s, FeeForeign)
	case !ok:
		f.raw = s
		f.find(FeeUnreadable, s)
	case currency == "":
		f.raw = s
		f.find(FeeNoCurrency, s)
	default:
		fee.Amount = amount
		fee.Note.VI = behind(s)
		f.fees = append(f.fees, fee)
	}
}

func (f *feeReading) rule(fee directory.Fee, note string, why Fault) {
	fee.ByRule, fee.Note = true, ruleNote
	if note != "" {
		fee.Note = directory.Text{VI: note}
	}
	f.fees = append(f.fees, fee)
	if why == FeeForeign {
		f.find(why, note)
		return
	}
	f.find(why)
}

// tail is what follows an amount and its currency.
var tail = regexp.MustCompile(`(?i)^[^\d]*\d[\d.,]*\s*(triệu|nghìn|ngàn)?\s*(đồng|vnđ|vnd|đ|₫)?[\s:;,.-]*`)

// behind is the note after an amount, out of its brackets.
func behind(s string) string {
	s = strings.TrimSpace(tail.ReplaceAllString(s, ""))
	if strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") && strings.Count(s, "(") == 1 {
		s = s[1 : len(s)-1]
	}
	return strings.TrimSpace(s)
}

// AmountWords writes đồng as people do: 50.000.
func AmountWords(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "." + s[i:]
	}
	return s
}

// FeeWords tells a fee in a language.
func FeeWords(f directory.Fee, lang string) string {
	amount := AmountWords(f.Amount) + " đồng"
	switch {
	case f.ByRule && lang == "en":
		amount = "set by rule"
	case f.ByRule:
		amount = "theo quy định"
	}
	return f.Name.In(lang) + ": " + amount
}
