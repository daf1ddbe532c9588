package web

import (
	"time"

	"motcua/directory"
	"motcua/node/office"
	"motcua/node/page"
	"motcua/node/text"
)

// slip is form 01 of Circular 01/2018/TT-VPCP, in Vietnamese whatever the reader's language.
func (c *call) slip(a directory.Account) error {
	v, err := c.office.Slip(c.r.Context(), a, c.r.PathValue("code"))
	if err != nil {
		return err
	}
	qr, err := page.NewQR(v.Code)
	if err != nil {
		return err
	}
	vi := text.VI
	out := page.Slip{
		Back: c.base() + "/desk", Office: v.OfficeName.VI, Code: v.Code, QR: qr, Applicant: v.Applicant.Name, Officer: v.Officer,
		Place: c.placeAndDate(v.Office, v.Received), Rows: slipRows(v), Papers: slipPapers(v),
		Times: []page.Row{
			{Label: vi.T("slip.limit"), Value: vi.Limit(v.Procedure.Limit)},
			{Label: vi.T("slip.received"), Value: slipTime(v.Received)},
			{Label: vi.T("slip.due"), Value: slipTime(v.Due)},
			{Label: vi.T("slip.where"), Value: vi.T("slip.where_text", v.OfficeName.VI)},
		},
	}
	if up, ok := c.tables.Office(v.Office.ParentOn(directory.DateOf(v.Received))); ok {
		out.Above = up.NameOn(directory.DateOf(v.Received)).VI
	}
	out.Explained = slipExplained(v)
	return c.show(out)
}

// placeAndDate is the line that Vietnamese letters bear: the place without its kind, and the day in words.
func (c *call) placeAndDate(o directory.Office, at time.Time) string {
	place := o.PlaceOn(directory.DateOf(at)).VI
	if place == "" {
		place = o.NameOn(directory.DateOf(at)).VI
	}
	y, m, d := at.In(directory.Zone).Date()
	return text.VI.T("sheet.place", text.Upper(place), d, int(m), y)
}

func slipTime(t time.Time) string {
	t = t.In(directory.Zone)
	return text.VI.T("slip.at", t.Format("15"), t.Format("04"), text.VI.Date(t))
}

func slipRows(v office.SlipView) (out []page.Row) {
	vi, a := text.VI, v.Applicant
	for _, r := range []page.Row{
		{Label: vi.T("slip.from"), Value: a.Name}, {Label: vi.T("slip.identity"), Value: a.Identity},
		{Label: vi.T("slip.address"), Value: a.Address}, {Label: vi.T("slip.phone"), Value: a.Phone}, {Label: vi.T("slip.email"), Value: a.Email},
		{Label: vi.T("slip.content"), Value: v.Procedure.Name.VI}, {Label: vi.T("slip.sets"), Value: vi.T("slip.one_set")},
	} {
		if r.Value != "" {
			out = append(out, r)
		}
	}
	return out
}

// slipPapers lists what was received: files, no paper originals or copies.
func slipPapers(v office.SlipView) (out []page.SlipPaper) {
	for _, r := range v.Procedure.Requirements {
		p := page.SlipPaper{Name: r.Name.VI}
		for _, f := range v.Papers {
			if f.Requirement == r.ID {
				p.Files++
			}
		}
		if p.Files > 0 {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		out = []page.SlipPaper{{Name: text.VI.T("slip.no_papers")}}
	}
	return out
}

// slipExplained is the middle of the explanation: what the two times of the slip do not say themselves.
func slipExplained(v office.SlipView) string {
	if v.Explanation.Due.IsZero() {
		return ""
	}
	lines := text.VI.Explain(v.Explanation)
	if len(lines) < 3 {
		return ""
	}
	out := ""
	for _, l := range lines[1 : len(lines)-1] {
		out += l + " "
	}
	return out
}
