package main

import (
	"strings"

	"motcua/directory"
	changes "motcua/directory/command"
)

// planner turns the codes of a command line into what a decision changes.
type planner func(codes []directory.OfficeCode) (changes.ChangeOffices, error)

func officeChangeCommands() []*command {
	return []*command{
		officeOpenCommand(), officeRenameCommand(), officeMoveCommand(), officeCloseCommand(), officeMergeCommand(), officeSplitCommand(),
		officeCancelCommand(), officeListCommand(), officeShowCommand(), levelAddCommand(), levelCloseCommand(), levelListCommand(),
	}
}

func officeRenameCommand() *command {
	return changeCommand("office rename", "CODE", "give an office another name from a day on; the old one still finds it",
		"motcua office rename --data /var/lib/motcua/directory --on 01/07/2025 --decision \"NQ 1667/NQ-UBTVQH15\" --name \"Ủy ban nhân dân phường Bắc Nha Trang\" --place \"phường Bắc Nha Trang\" H32.22333",
		func(c *command) planner {
			n := nameFlags(c)
			return func(codes []directory.OfficeCode) (q changes.ChangeOffices, err error) {
				if len(codes) != 1 || *n.name == "" {
					return q, usagef("office rename: give --name and one code, as in: %s", c.example)
				}
				q.Offices = []changes.OfficeChange{n.rename(codes[0])}
				return q, nil
			}
		})
}

func (n names) rename(code directory.OfficeCode) changes.OfficeChange {
	return changes.OfficeChange{Kind: directory.ActRename, Office: code, Name: n.text(), Place: n.where()}
}

func officeMoveCommand() *command {
	return changeCommand("office move", "CODE…", "put offices under another from a day on",
		"motcua office move --data /var/lib/motcua/directory --on 01/07/2025 --decision \"NQ 1667/NQ-UBTVQH15\" --parent H32 H32.22333",
		func(c *command) planner {
			parent := c.flags.String("parent", "", "`code` of the office above them")
			return func(codes []directory.OfficeCode) (q changes.ChangeOffices, err error) {
				if *parent == "" {
					return q, usagef("office move: give --parent, as in: %s", c.example)
				}
				for _, code := range codes {
					q.Offices = append(q.Offices, changes.OfficeChange{Kind: directory.ActMove, Office: code, Parent: directory.OfficeCode(*parent)})
				}
				return q, nil
			}
		})
}

// listed reads codes separated by commas.
func listed(s string) (out []directory.OfficeCode) {
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		out = append(out, directory.OfficeCode(w))
	}
	return out
}

func closes(code directory.OfficeCode, successors []directory.OfficeCode) changes.OfficeChange {
	return changes.OfficeChange{Kind: directory.ActClose, Office: code, Others: successors}
}

func officeCloseCommand() *command {
	return changeCommand("office close", "CODE…", "close offices from a day on, and say who takes them over",
		"motcua office close --data /var/lib/motcua/directory --on 01/07/2025 --decision \"NQ 203/2025/QH15\" --successor H32 H32.568 H32.569",
		func(c *command) planner {
			successors := c.flags.String("successor", "", "`codes` of those who take over, separated by commas")
			return func(codes []directory.OfficeCode) (q changes.ChangeOffices, err error) {
				for _, code := range codes {
					q.Offices = append(q.Offices, closes(code, listed(*successors)))
				}
				return q, nil
			}
		})
}

func officeMergeCommand() *command {
	return changeCommand("office merge", "CODE…", "merge offices into one that is there, which may take another name and place",
		"motcua office merge --data /var/lib/motcua/directory --on 01/07/2025 --decision \"NQ 1667/NQ-UBTVQH15\" --into H32.22333 --name \"Ủy ban nhân dân phường Bắc Nha Trang\" --place \"phường Bắc Nha Trang\" --parent H32 H32.22327 H32.22330",
		func(c *command) planner {
			n := nameFlags(c)
			into, parent := c.flags.String("into", "", "`code` of the office that takes over"), c.flags.String("parent", "", "`code` of the office above it, if that changes")
			return func(codes []directory.OfficeCode) (q changes.ChangeOffices, err error) {
				target := directory.OfficeCode(*into)
				if target == "" {
					return q, usagef("office merge: give --into, as in: %s", c.example)
				}
				if *n.name != "" {
					q.Offices = append(q.Offices, n.rename(target))
				}
				if *parent != "" {
					q.Offices = append(q.Offices, changes.OfficeChange{Kind: directory.ActMove, Office: target, Parent: directory.OfficeCode(*parent)})
				}
				for _, code := range codes {
					q.Offices = append(q.Offices, closes(code, []directory.OfficeCode{target}))
				}
				return q, nil
			}
		})
}

func officeSplitCommand() *command {
	return changeCommand("office split", "CODE", "divide an office between others that are there from the day on",
		"motcua office split --data /var/lib/motcua/directory --on 01/07/2025 --decision \"NQ 1667/NQ-UBTVQH15\" --into H32.22432,H32.22453 H32.22435",
		func(c *command) planner {
			into := c.flags.String("into", "", "`codes` of the offices that take over, separated by commas")
			return func(codes []directory.OfficeCode) (q changes.ChangeOffices, err error) {
				if to := listed(*into); len(codes) == 1 && len(to) > 1 {
					q.Offices = []changes.OfficeChange{closes(codes[0], to)}
					return q, nil
				}
				return q, usagef("office split: give --into with two codes or more, and one code, as in: %s", c.example)
			}
		})
}

func officeCancelCommand() *command {
	return changeCommand("office cancel", "CODE…", "take back what was to happen to offices on a day that has not come",
		"motcua office cancel --data /var/lib/motcua/directory --on 01/07/2027 --decision \"CV 12/UBND\" H32.22333",
		func(*command) planner {
			return func(codes []directory.OfficeCode) (q changes.ChangeOffices, err error) {
				for _, code := range codes {
					q.Offices = append(q.Offices, changes.OfficeChange{Kind: directory.ActCancel, Office: code})
				}
				return q, nil
			}
		})
}

func levelAddCommand() *command {
	return changeCommand("office level add", "ID", "add a level of administration from a day on",
		"motcua office level add --data /var/lib/motcua/directory --on 01/07/2025 --decision \"Luật 72/2025/QH15\" --name \"Đặc khu\" --rank 1 special",
		func(c *command) planner {
			n := nameFlags(c)
			rank := c.flags.Uint("rank", 0, "its `rank`: 1 is nearest to the citizen")
			return func(ids []directory.OfficeCode) (q changes.ChangeOffices, err error) {
				if len(ids) != 1 || *n.name == "" || *rank == 0 || *rank > 255 {
					return q, usagef("office level add: give --name, --rank from 1 to 255 and one id, as in: %s", c.example)
				}
				l := directory.Level{ID: directory.LevelID(ids[0]), Name: n.text(), Rank: uint8(*rank)}
				q.Levels = []changes.LevelChange{{Kind: directory.ActOpen, Level: l}}
				return q, nil
			}
		})
}

func levelCloseCommand() *command {
	return changeCommand("office level close", "ID", "close a level of administration that no office has any more",
		"motcua office level close --data /var/lib/motcua/directory --on 01/07/2025 --decision \"NQ 203/2025/QH15\" district",
		func(*command) planner {
			return func(ids []directory.OfficeCode) (q changes.ChangeOffices, err error) {
				for _, id := range ids {
					q.Levels = append(q.Levels, changes.LevelChange{Kind: directory.ActClose, Level: directory.Level{ID: directory.LevelID(id)}})
				}
				return q, nil
			}
		})
}
