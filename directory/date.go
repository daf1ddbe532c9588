package directory

import (
	"fmt"
	"time"
)

// Zone is the legal time of Viet Nam, UTC+7 all year round, no daylight saving.
var Zone = time.FixedZone("Asia/Ho_Chi_Minh", 7*60*60)

// Date is a civil date in the form yyyy-mm-dd. Dates compare as strings. The zero Date is "no date".
type Date string

// DateOf returns the civil date of t in [Zone].
func DateOf(t time.Time) Date { return Date(t.In(Zone).Format(time.DateOnly)) }

// Time returns 00:00 of d in [Zone]; the zero time for an empty or malformed date.
func (d Date) Time() time.Time {
	t, err := time.ParseInLocation(time.DateOnly, string(d), Zone)
	if err != nil {
		return time.Time{}
	}
	return t
}

// AddDays returns the date n days later, earlier for a negative n. The date must be valid.
func (d Date) AddDays(n int) Date { return DateOf(d.Time().AddDate(0, 0, n)) }

// Weekend tells whether d is a Saturday or a Sunday.
func (d Date) Weekend() bool {
	w := d.Time().Weekday()
	return w == time.Saturday || w == time.Sunday
}

// Validate tells whether d is a real date in the form yyyy-mm-dd.
func (d Date) Validate() error {
	if d.Time().IsZero() {
		return fmt.Errorf("date %q: want yyyy-mm-dd", string(d))
	}
	return nil
}

// Period is a stretch of civil dates, both ends included. An empty From means "always was", an empty To "until
// further notice".
type Period struct {
	From Date `cbor:"1,keyasint,omitempty" json:"from,omitempty"`
	To   Date `cbor:"2,keyasint,omitempty" json:"to,omitempty"`
}

// Contains tells whether d falls within p.
func (p Period) Contains(d Date) bool {
	return (p.From == "" || p.From <= d) && (p.To == "" || d <= p.To)
}

// Validate checks both ends and their order.
func (p Period) Validate() error {
	for _, d := range []Date{p.From, p.To} {
		if d == "" {
			continue
		}
		if err := d.Validate(); err != nil {
			return err
		}
	}
	if p.From != "" && p.To != "" && p.To < p.From {
		return fmt.Errorf("period %s to %s: the end is before the start", p.From, p.To)
	}
	return nil
}

// Text is a phrase in the languages the portal speaks. VI is required wherever a Text is.
type Text struct {
	VI string `cbor:"1,keyasint" json:"vi"`
	EN string `cbor:"2,keyasint,omitempty" json:"en,omitempty"`
}

// In returns the phrase in the language ("vi" or "en"), Vietnamese where there is no other.
func (t Text) In(lang string) string {
	if lang == "en" && t.EN != "" {
		return t.EN
	}
	return t.VI
}
