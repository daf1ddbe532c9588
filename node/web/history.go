package web

import (
	"strings"
	"time"

	"motcua/directory"
	"motcua/node/page"
)

// changes shows the history of one's own account in plain words.
func (c *call) changes(a directory.Account) error {
	list, err := c.office.History(c.r.Context(), a)
	if directory.CodeOf(err) == directory.Denied {
		return c.askWho(strings.TrimSuffix(c.account(), "account") + "sign-in")
	}
	if err != nil {
		return err
	}
	out := page.History{Back: c.base() + c.account()}
	for _, x := range list {
		out.Lines = append(out.Lines, page.HistoryLine{At: time.UnixMilli(x.At), What: c.changed(x), By: c.changedBy(a, x.By), Why: x.Reason})
	}
	return c.show(out)
}

func (c *call) changedBy(a directory.Account, by directory.Actor) string {
	switch {
	case by.Province():
		return c.l.T("history.it")
	case by.Account == "" || a.Is(by.Account):
		return c.l.T("history.you")
	case by.Office == c.office.Code:
		return c.l.T("history.admin", c.office.NameOf(by.Account))
	}
	return c.l.T("history.admin", c.officeName(by.Office))
}

// changed says one change.
func (c *call) changed(x directory.Change) string {
	key := "history." + string(x.Act)
	switch x.Act {
	case directory.ActEdited:
		return c.l.T(key, c.fieldNames(x.Fields))
	case directory.ActRenamed:
		return c.l.T(key, x.Was, x.Is)
	case directory.ActFactorAdded:
		return c.l.T(key, x.Is)
	case directory.ActFactorGone:
		return c.l.T(key, x.Was)
	case directory.ActGranted, directory.ActUngranted:
		return c.l.T(key, c.grants(x.Grants))
	case directory.ActDelegated:
		return c.l.T(key, c.office.NameOf(x.Other), c.grants(x.Grants))
	case directory.ActDelegateEnd:
		return c.l.T(key, c.office.NameOf(x.Other))
	}
	if s, err := c.l.Message(key); err == nil {
		return s
	}
	return c.l.T("history.other")
}

func (c *call) grants(all []directory.Grant) string {
	var out []string
	for _, g := range all {
		out = append(out, c.grant(g))
	}
	return strings.Join(out, " · ")
}

func (c *call) fieldNames(fields []string) string {
	var out []string
	for _, f := range fields {
		if s, err := c.l.Message("history.field." + f); err == nil {
			out = append(out, s)
		}
	}
	return strings.Join(out, ", ")
}
