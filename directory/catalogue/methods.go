package catalogue

import (
	"slices"
	"strconv"
	"strings"

	"motcua/directory"
	"motcua/directory/fold"
)

// channels are the ways to hand in, the counter first, and what to call them.
var channels = []struct{ id, vi, en string }{
	{"direct", "trực tiếp", "at the counter"},
	{"online", "trực tuyến", "online"},
	{"postal", "bưu chính", "by post"},
}

func channelWords(id, lang string) string {
	for _, c := range channels {
		if c.id == id && lang == "en" {
			return c.en
		} else if c.id == id {
			return c.vi
		}
	}
	return id
}

// method is one way to hand in.
type method struct {
	channel string
	limit   reading
	source  source
}

// readMethods reads limit and fees from the ways to hand in, the counter's first.
func (e *Entry) readMethods(s source, m *Map) {
	var all []method
	for _, x := range s.objects("methods") {
		unit := x.text("time_unit")
		if unit == "" && bare.MatchString(fold.Line(x.text("time_text"))) {
			unit = m.Unit("")
		} else {
			unit = m.Unit(unit)
		}
		amount := x.text("time_value")
		if amount == "" && unit != "" && bare.MatchString(fold.Line(x.text("time_text"))) && x.text("fee_kind") != "time_fee_glued" {
			amount = x.text("time_text")
		}
		all = append(all, method{x.text("channel"), readLimit(amount, unit, x.text("time_text")), x})
	}
	slices.SortStableFunc(all, func(a, b method) int { return channelRank(a.channel) - channelRank(b.channel) })
	for _, x := range all {
		if x.source.text("fee_kind") == "time_fee_glued" {
			glued := x.source.text("time_text") + " | " + x.source.text("raw")
			e.keep("limit", glued)
			e.find(TimeFeeGlued, "limit", excerpt(glued))
			return
		}
	}
	e.chooseLimit(all)
	e.readFees(all)
}

func channelRank(id string) int {
	for i, c := range channels {
		if c.id == id {
			return i
		}
	}
	return len(channels)
}

// chooseLimit takes the limit of the first way that has one. Without any, the fault is that of the first that says something.
func (e *Entry) chooseLimit(all []method) {
	var good []method
	for _, x := range all {
		if x.limit.ok() {
			good = append(good, x)
		}
	}
	if len(good) == 0 {
		e.noLimit(all)
		return
	}
	best := good[0].limit
	for _, x := range good { // one way may stand there several times, once for each case
		if x.channel == good[0].channel && days(x.limit.limit) > days(best.limit) {
			best = x.limit
		}
	}
	e.Limit = best.limit
	e.tellLimit(best)
	var words []string
	differs := false
	for _, x := range good {
		differs = differs || x.limit.limit != best.limit
		words = append(words, channelWords(x.channel, "vi")+": "+LimitWords(x.limit.limit, "vi"))
	}
	if differs {
		e.find(LimitByChannel, "limit", strings.Join(slices.Compact(words), "; "))
		e.mark(MarkLimit)
	}
}

// tellLimit tells what was chosen or converted.
func (e *Entry) tellLimit(r reading) {
	switch r.fault {
	case LimitRange:
		e.find(LimitRange, "limit", excerpt(r.text))
	case LimitConverted:
		e.find(LimitConverted, "limit", excerpt(r.text), LimitWords(r.limit, "vi"))
	default:
		return
	}
	e.mark(MarkLimit)
}

func (e *Entry) noLimit(all []method) {
	for _, x := range all {
		if x.limit.fault != NoLimit {
			e.keep("limit", x.limit.text)
			if n, err := strconv.ParseUint(x.limit.text, 10, 16); err == nil && x.limit.fault == LimitNoUnit {
				e.Limit.Amount = uint16(n)
			}
			e.find(x.limit.fault, "limit", excerpt(x.limit.text))
			return
		}
	}
	e.find(NoLimit, "limit")
}

// readFees gathers what the ways say of fees: each fee once, with the ways it is for where the others have another.
func (e *Entry) readFees(all []method) {
	type seen struct {
		fee  directory.Fee
		ways []string
	}
	var fees []seen
	told := map[Fault]bool{}
	for _, x := range all {
		r := readFee(x.source)
		for _, f := range r.faults {
			if !told[f.Code] {
				told[f.Code] = true
				e.find(f.Code, "fees", f.Args...)
				e.mark(MarkFee)
			}
		}
		if r.raw != "" {
			e.keep("fees", r.raw)
		}
		for _, f := range r.fees {
			i := slices.IndexFunc(fees, func(s seen) bool { return s.fee == f })
			if i < 0 {
				i = len(fees)
				fees = append(fees, seen{fee: f})
			}
			if w := channelWords(x.channel, "vi"); !slices.Contains(fees[i].ways, w) {
				fees[i].ways = append(fees[i].ways, w)
			}
		}
	}
	ways := map[string]bool{}
	for _, x := range all {
		ways[x.channel] = true
	}
	for _, f := range fees {
		if len(f.ways) < len(ways) {
			f.fee.Note.VI = joined(f.fee.Note.VI, "nộp "+strings.Join(f.ways, ", "))
			f.fee.Note.EN = ""
			e.mark(MarkFee)
		}
		e.Fees = append(e.Fees, f.fee)
	}
}

func joined(a, b string) string {
	if a == "" {
		return strings.ToUpper(b[:1]) + b[1:]
	}
	return a + " (" + b + ")"
}

// readFee reads what one way says of fees.
func readFee(x source) (r feeReading) {
	note := x.text("fee_note")
	switch x.text("fee_kind") {
	case "free":
		return feeReading{free: true}
	case "amount":
		return listedFees(x)
	case "free_or_by_rule":
		r.rule(directory.Fee{Name: feeName}, none(note), FeeByRule)
		return r
	}
	text := x.text("fee_text")
	if text == "" {
		text = x.text("fee")
	}
	if text == "" {
		text = none(note)
	}
	return parseFees(text)
}

// listedFees reads fees with amounts and currencies.
func listedFees(x source) (r feeReading) {
	for _, f := range x.objects("fees") {
		amount, currency := f.text("amount"), strings.ToUpper(f.text("currency"))
		note := f.text("note")
		fee := directory.Fee{Name: feeName, Note: directory.Text{VI: note}}
		n, inText, ok := Amount(amount)
		if currency == "" {
			currency = inText
		}
		switch {
		case !ok && amount != "":
			r.raw = amount
			r.find(FeeUnreadable, excerpt(amount+" "+currency))
		case amount == "":
			r.rule(fee, note, FeeByRule)
		case currency == "":
			r.raw = amount
			r.find(FeeNoCurrency, amount)
		case !vnd[fold.Fold(currency)]:
			r.rule(fee, strings.TrimSpace(amount+" "+currency+" "+note), FeeForeign)
		case n == 0:
			r.free = true
		default:
			fee.Amount = n
			r.fees = append(r.fees, fee)
		}
	}
	if len(r.fees) == 0 && len(r.faults) == 0 && !r.free {
		r.rule(directory.Fee{Name: feeName}, x.text("fee_note"), FeeUnstated)
	}
	return r
}

var vnd = map[string]bool{"vnd": true, "dong": true, "d": true, "vn dong": true}

// readDocuments reads the papers to hand in.
func (e *Entry) readDocuments(s source) {
	for i, d := range s.objects("documents") {
		at := path("requirements", i)
		q := directory.Requirement{Name: directory.Text{VI: d.text("name")}}
		q.Originals = e.count(at+".originals", d, "originals", "original", "originalQty")
		q.Copies = e.count(at+".copies", d, "copies", "copy", "copyQty")
		q.Note.VI = noteOf(d)
		q.Name.VI = e.unglue(at, q.Name.VI, d)
		if q.Originals+q.Copies == 0 {
			q.Optional = true
			e.find(NoPaperAsked, at, excerpt(q.Name.VI))
			e.mark(MarkRequirements)
		}
		if onlyIf(d.text("case")) {
			q.Optional = true
			e.mark(MarkRequirements)
		}
		e.Requirements = append(e.Requirements, q)
	}
}

// count reads a number of papers.
func (e *Entry) count(at string, d source, keys ...string) uint8 {
	for _, k := range keys {
		s := d.text(k)
		if s == "" {
			continue
		}
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || n < 0 || n > 99 || n != float64(uint8(n)) {
			e.keep(at, s)
			e.find(CountUnreadable, at, excerpt(s))
			return 0
		}
		return uint8(n)
	}
	return 0
}

// noteOf says in which case a paper is asked for, and which form it has.
func noteOf(d source) string {
	var parts []string
	if c := strings.TrimLeft(d.text("case"), "*- "); c != "" {
		parts = append(parts, c)
	}
	if f := d.text("form"); f != "" {
		parts = append(parts, "Mẫu: "+f)
	}
	return strings.Join(parts, "\n")
}

// onlyIf tells whether a case is one among several, so that the paper is not always asked for.
func onlyIf(c string) bool {
	w := fold.Fold(c)
	for _, begin := range []string{"truong hop", "doi voi", "neu", "ho so doi voi", "rieng"} {
		if strings.HasPrefix(w, begin) {
			return true
		}
	}
	return false
}

// unglue takes a number of copies and the name of a form off the end of a name they ran into.
func (e *Entry) unglue(at, name string, d source) string {
	if f := d.text("form"); f != "" {
		if cut := strings.TrimSuffix(strings.TrimSuffix(name, f), "Mẫu số "); cut != "" {
			name = strings.TrimSpace(strings.TrimSuffix(cut, "Mẫu "))
		}
	}
	if d.text("count_was_glued") != "true" {
		return name
	}
	e.find(CountGlued, at+".name.vi", excerpt(name))
	e.mark(MarkRequirements)
	trimmed := strings.TrimRight(name, "0")
	if cut := strings.TrimSpace(strings.TrimRight(trimmed, ": +-")); trimmed != name && cut != "" && strings.HasSuffix(trimmed, " ") {
		return cut
	}
	return name
}
