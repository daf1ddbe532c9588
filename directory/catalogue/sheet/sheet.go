// Package sheet reads and writes workbooks (.xlsx) and tables (.csv) of procedures: the bytes of a spreadsheet to the plain cells
// of package catalogue, and back. It alone knows the format of spreadsheets.
//
// What it writes has notes on its headings, choices in its cells and a first sheet that says how to fill it in. It bounds what a
// file may unpack to, keeps cells as text (a code is no number), and runs no formula: the value that was saved counts.
package sheet

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/xuri/excelize/v2"

	"motcua/directory/catalogue"
)

// The bounds of a workbook, in bytes, packed and unpacked.
const (
	MaxPacked   = 64 << 20
	MaxUnpacked = 512 << 20
	maxPart     = 256 << 20
)

// ReadXLSX reads the cells of a workbook. Hidden sheets count: an office that hides one still means it.
func ReadXLSX(name string, b []byte) (out catalogue.Book, err error) {
	if len(b) > MaxPacked {
		return out, fmt.Errorf("read %s: %d bytes, at most %d; divide the workbook", name, len(b), MaxPacked)
	}
	defer func() { // a damaged workbook is the sender's fault, not a reason to stop
		if r := recover(); r != nil {
			err = fmt.Errorf("read %s: the workbook is damaged (%v); open it in a spreadsheet and save it again", name, r)
		}
	}()
	f, err := excelize.OpenReader(bytes.NewReader(b), excelize.Options{RawCellValue: true, UnzipSizeLimit: MaxUnpacked, UnzipXMLSizeLimit: maxPart})
	if err != nil {
		return out, fmt.Errorf("read %s: %w; want a workbook in the format .xlsx, without a password", name, err)
	}
	defer f.Close()
	for _, s := range f.GetSheetList() {
		x, err := readSheet(f, s)
		if err != nil {
			return out, fmt.Errorf("read %s: sheet %q: %w; open it in a spreadsheet and save it again", name, s, err)
		}
		out.Sheets = append(out.Sheets, x)
	}
	return out, nil
}

func readSheet(f *excelize.File, name string) (out catalogue.Sheet, err error) {
	out.Name = name
	if out.Rows, err = f.GetRows(name); err != nil {
		return out, err
	}
	merged, err := f.GetMergeCells(name, true)
	if err != nil {
		return out, err
	}
	for _, m := range merged {
		left, top, errA := excelize.CellNameToCoordinates(m.GetStartAxis())
		right, bottom, errB := excelize.CellNameToCoordinates(m.GetEndAxis())
		if errA == nil && errB == nil {
			out.Merged = append(out.Merged, catalogue.Area{Top: top - 1, Left: left - 1, Bottom: bottom - 1, Right: right - 1})
		}
	}
	return out, nil
}

// ReadCSV reads a table as the one sheet of a workbook: commas, semicolons or tabs, with or without a byte-order mark.
func ReadCSV(name string, b []byte) (catalogue.Book, error) {
	if len(b) > MaxPacked {
		return catalogue.Book{}, fmt.Errorf("read %s: %d bytes, at most %d; divide the table", name, len(b), MaxPacked)
	}
	r := catalogue.NewCSV(b)
	var s catalogue.Sheet
	for {
		row, err := r.Read()
		if err == io.EOF {
			return catalogue.Book{Sheets: []catalogue.Sheet{s}}, nil
		}
		if err != nil {
			return catalogue.Book{}, fmt.Errorf("read %s: %w; save the table as CSV UTF-8", name, err)
		}
		line, _ := r.FieldPos(0)
		for len(s.Rows) < line-1 && line < catalogue.MaxRows { // blank lines count, so that rows are where the editor sees them
			s.Rows = append(s.Rows, nil)
		}
		s.Rows = append(s.Rows, row)
	}
}

// WriteXLSX writes a workbook. Tables are what the choices are taken from.
func WriteXLSX(b catalogue.Book, t catalogue.Tables, intro []string) ([]byte, error) {
	f := excelize.NewFile()
	defer f.Close()
	w := &writer{f: f, t: t}
	if err := w.write(b, intro); err != nil {
		return nil, fmt.Errorf("write workbook: %w", err)
	}
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		return nil, fmt.Errorf("write workbook: %w", err)
	}
	return out.Bytes(), nil
}

// writable drops what XML cannot hold.
func writable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !unicode.IsControl(r) && r != 0xFFFE && r != 0xFFFF {
			return r
		}
		return -1
	}, s)
}
