package catalogue

import "motcua/directory"

// textAt is one text of an entry, where it stands, and how long it may be.
type textAt struct {
	path string
	text *string
	max  int // characters
}

// texts are all texts of an entry that people read.
func (e *Entry) texts() (out []textAt) {
	one := func(path string, s *string, max int) { out = append(out, textAt{path, s, max}) }
	both := func(path string, t *directory.Text, max int) {
		one(path+".vi", &t.VI, max)
		one(path+".en", &t.EN, max)
	}
	both("name", &e.Name, maxName)
	both("result", &e.Result, maxName)
	both("conditions", &e.Conditions, maxLong)
	one("decision", &e.Decision, maxShort)
	for i := range e.LegalBasis {
		one(path("legal_basis", i), &e.LegalBasis[i], maxRequired)
	}
	for i := range e.Synonyms {
		one(path("synonyms", i), &e.Synonyms[i], maxShort)
	}
	for i := range e.Fees {
		both(path("fees", i)+".name", &e.Fees[i].Name, maxShort)
		both(path("fees", i)+".note", &e.Fees[i].Note, maxLong)
	}
	for i := range e.Requirements {
		both(path("requirements", i)+".name", &e.Requirements[i].Name, maxRequired)
		both(path("requirements", i)+".note", &e.Requirements[i].Note, maxLong)
	}
	for i := range e.Route {
		both(path("route", i)+".name", &e.Route[i].Name, maxShort)
	}
	return out
}
