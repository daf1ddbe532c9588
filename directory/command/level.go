package command

// Level is the highest upgrade level that this program understands. A command of a level is proposed only once every server
// understands it and [SetLevel] has said so: a server that meets one it does not know would have to stop.
//
//	1  kinds 1 to 11, as first installed
//	2  kinds from 12 on, the keys that came with them, and the queue in which answers are remembered
//	3  the office that took over from one that closed reports its dossiers: see LevelHandOver
//	4  procedures that set the hours of acknowledging a transfer
const Level = 4

// LevelHandOver is from which level on a track may be that of an office which closed. It needs no other command: the tables
// themselves tell by the level in force, so that every server takes the same tracks.
const LevelHandOver = 3

// leveled is a command some of whose keys need a higher level than its kind.
type leveled interface{ Level() uint32 }

// LevelOf returns the upgrade level that a command needs. SetLevel needs none: it is proposed when all understand it.
func LevelOf(c Command) uint32 {
	if l, ok := c.(leveled); ok {
		return l.Level()
	}
	switch k := c.Kind(); {
	case k == KindSetLevel, k <= KindCosignEdition:
		return 1
	}
	return 2
}
