package sheet

import (
	"fmt"

	"github.com/xuri/excelize/v2"

	"motcua/directory/catalogue"
)

type writer struct {
	f *excelize.File
	t catalogue.Tables
	// lists are the choices by name: the range on the sheet of lists that holds them.
	lists      map[string]string
	head, wrap int
}

func (w *writer) write(b catalogue.Book, intro []string) error {
	steps := []func() error{
		w.styles,
		func() error { return w.guide(intro) },
		func() error { return w.choices() },
	}
	for _, s := range b.Sheets {
		steps = append(steps, func() error { return w.sheet(s) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	if i, err := w.f.GetSheetIndex(catalogue.GuideSheet); err == nil {
		w.f.SetActiveSheet(i)
	}
	return nil
}

func (w *writer) styles() (err error) {
	w.head, err = w.f.NewStyle(&excelize.Style{
		Font: &excelize.Font{Bold: true}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"#E2EFDA"}},
		Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"},
	})
	if err != nil {
		return err
	}
	text := "@" // as text: a code is no number
	w.wrap, err = w.f.NewStyle(&excelize.Style{CustomNumFmt: &text, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}})
	return err
}

// guide writes the sheet that says how to fill in the others.
func (w *writer) guide(intro []string) error {
	if err := w.f.SetSheetName("Sheet1", catalogue.GuideSheet); err != nil {
		return err
	}
	row := 1
	line := func(cells ...string) error {
		for j, c := range cells {
			cell, err := excelize.CoordinatesToCellName(j+1, row)
			if err == nil {
				err = w.f.SetCellStr(catalogue.GuideSheet, cell, writable(c))
			}
			if err != nil {
				return err
			}
		}
		row++
		return nil
	}
	for _, s := range intro {
		if err := line(s); err != nil {
			return err
		}
	}
	for _, k := range []catalogue.SheetKind{catalogue.Procedures, catalogue.Requirements, catalogue.Steps, catalogue.Fees} {
		row++
		for _, c := range catalogue.Columns(k) {
			if err := line(catalogue.SheetName(k), c.Heading, c.Note); err != nil {
				return err
			}
		}
	}
	for col, width := range map[string]float64{"A": 40, "B": 26, "C": 80} {
		if err := w.f.SetColWidth(catalogue.GuideSheet, col, col, width); err != nil {
			return err
		}
	}
	return nil
}

// choices writes the sheet of lists that the drop-downs take theirs from.
func (w *writer) choices() error {
	if _, err := w.f.NewSheet(catalogue.ListSheet); err != nil {
		return err
	}
	w.lists = map[string]string{}
	for j, l := range catalogue.Lists(w.t) {
		col, err := excelize.ColumnNumberToName(j + 1)
		if err != nil {
			return err
		}
		for i, v := range append([]string{l.Heading}, l.Values...) {
			if err := w.f.SetCellStr(catalogue.ListSheet, fmt.Sprintf("%s%d", col, i+1), writable(v)); err != nil {
				return err
			}
		}
		if err := w.f.SetColWidth(catalogue.ListSheet, col, col, 30); err != nil {
			return err
		}
		w.lists[l.Name] = fmt.Sprintf("'%s'!$%s$2:$%s$%d", catalogue.ListSheet, col, col, max(2, len(l.Values)+1))
	}
	return nil
}

// spare is how many rows below the last one offer choices, too.
const spare = 2000

func (w *writer) sheet(s catalogue.Sheet) error {
	if _, err := w.f.NewSheet(s.Name); err != nil {
		return err
	}
	columns := catalogue.Columns(catalogue.KindOf(s.Name))
	if err := w.help(s, columns); err != nil { // before the rows: what comes after they are streamed is not written
		return err
	}
	out, err := w.f.NewStreamWriter(s.Name)
	if err != nil {
		return err
	}
	for j, c := range columns {
		if err := out.SetColWidth(j+1, j+1, float64(c.Width)); err != nil {
			return err
		}
	}
	if err := out.SetPanes(&excelize.Panes{Freeze: true, XSplit: 1, YSplit: 1, TopLeftCell: "B2", ActivePane: "bottomRight"}); err != nil {
		return err
	}
	for i, cells := range s.Rows {
		style := w.wrap
		if i == 0 {
			style = w.head
		}
		values := make([]any, len(cells))
		for j, v := range cells {
			values[j] = excelize.Cell{StyleID: style, Value: writable(v)}
		}
		cell, err := excelize.CoordinatesToCellName(1, i+1)
		if err == nil {
			err = out.SetRow(cell, values)
		}
		if err != nil {
			return err
		}
	}
	return out.Flush()
}

// help puts choices into the cells, and notes that show when a cell is chosen.
func (w *writer) help(s catalogue.Sheet, columns []catalogue.Column) error {
	for j, c := range columns {
		if c.List == "" && c.Note == "" {
			continue
		}
		col, err := excelize.ColumnNumberToName(j + 1)
		if err != nil {
			return err
		}
		v := excelize.NewDataValidation(true)
		v.SetSqref(fmt.Sprintf("%s2:%s%d", col, col, len(s.Rows)+spare))
		if ref, ok := w.lists[c.List]; ok {
			v.SetSqrefDropList(ref)
			v.ShowErrorMessage = false // another word may be right: a new field, a name of an agency
		}
		if c.Note != "" {
			v.SetInput(c.Heading, c.Note)
		}
		if err := w.f.AddDataValidation(s.Name, v); err != nil {
			return err
		}
	}
	return nil
}
