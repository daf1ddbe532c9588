package office

import (
	"testing"

	"motcua/directory"
)

// TestAMachineInThePlaceOfALostOneGivesNoCodeTwice: it does not know which numbers of the day the lost one gave.
func TestAMachineInThePlaceOfALostOneGivesNoCodeTwice(t *testing.T) {
	p := newProvince(t)
	p.lost = map[directory.OfficeCode]int{xa: 2}
	c := p.citizen("anh")
	alias := p.submit(bien, c)
	p.carry()
	code, err := p.offices[xa].Accept(t.Context(), p.officer(xa), alias, "t1")
	if err != nil || code != "H32.22327-261125-10001" {
		t.Errorf("accepted as %q: %v", code, err)
	}
}
