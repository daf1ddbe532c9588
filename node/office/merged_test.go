package office

import (
	"slices"
	"testing"

	"motcua/directory"
)

// TestAMergedAccountsDossiersAreTheOthers: what was handed in under an account that has become part of another is the other's, at the
// office that answers for it and through the node of another; and nobody else's.
func TestAMergedAccountsDossiersAreTheOthers(t *testing.T) {
	p := newProvince(t)
	ctx := t.Context()
	before, code, h, _ := p.underWay()
	now := before.Account
	now.ID, now.Login, now.Former = "survivor", "an.moi", []directory.AccountID{before.ID}
	p.accounts[now.Login] = now // the office that is asked has it from the directory, not from the office that asks
	stranger := now
	stranger.ID, stranger.Former = "stranger", nil
	for at, name := range map[directory.OfficeCode]string{xa: code, bien: h.state.Submission.Code} {
		n := p.offices[at]
		if v, err := n.MyDossier(ctx, Citizen{now, at}, name); err != nil || v.Code != code || !v.Fresh {
			t.Errorf("at %s: %q, %v", at, v.Code, err)
		}
		if _, err := n.MyDossier(ctx, Citizen{stranger, at}, name); err == nil {
			t.Errorf("at %s a stranger sees it", at)
		}
	}
	list, _, err := p.offices[xa].MyDossiers(ctx, Citizen{now, xa})
	if err != nil || !slices.ContainsFunc(list, func(m Mine) bool { return m.Code == code }) {
		t.Errorf("the list: %+v %v", list, err)
	}
}
