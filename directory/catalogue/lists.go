package catalogue

import "motcua/directory"

// List is what a column offers to choose from.
type List struct {
	Name    string // as in Column.List
	Heading string
	Values  []string
}

// Lists are the choices that tables give.
func Lists(t Tables) []List {
	levels, fields, offices := List{Name: "levels", Heading: "Cấp"}, List{Name: "fields", Heading: "Lĩnh vực"}, List{Name: "offices", Heading: "Cơ quan"}
	for _, l := range t.Levels {
		levels.Values = append(levels.Values, l.Name.VI)
	}
	for _, f := range t.Fields {
		fields.Values = append(fields.Values, f.Name.VI)
	}
	for _, o := range t.Offices {
		if o.Valid.Contains(t.On) {
			offices.Values = append(offices.Values, OfficeCell(o, t.On))
		}
	}
	units := List{Name: "units", Heading: "Đơn vị thời hạn"}
	for _, u := range []directory.TimeUnit{directory.WorkingDay, directory.Day, directory.WorkingHour} {
		units.Values = append(units.Values, UnitWords(u))
	}
	kinds := List{Name: "kinds", Heading: "Loại bước"}
	for _, k := range stepKinds {
		kinds.Values = append(kinds.Values, k.words)
	}
	return []List{
		levels, fields, offices, units, kinds,
		{"yesno", "Có/Không", []string{"Có", "Không"}}, {"currencies", "Đơn vị tiền", []string{"VND"}},
	}
}

// SheetName is how a kind of sheet is called in a workbook that we write; KindOf leads back.
func SheetName(k SheetKind) string {
	for _, s := range sheets {
		if s.Kind == k {
			return s.Name
		}
	}
	return string(k)
}

// KindOf is the kind of a sheet that we wrote.
func KindOf(name string) SheetKind {
	for _, s := range sheets {
		if s.Name == name {
			return s.Kind
		}
	}
	return ""
}
