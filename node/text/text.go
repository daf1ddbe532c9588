// Package text holds every word that people read on the pages: one table, Vietnamese and English side by side, and the
// ways to write dates, numbers, money, time limits and the states of a dossier.
//
// It promises that a key has both languages and the same verbs in both; a test holds that, and another that no template
// or Go file asks for a key that is not here. Vietnamese is the language of law: letters and slips are written in it
// whatever the reader chose.
//
// The package is pure: it knows no clock. Times are shown in [directory.Zone].
package text

import (
	"fmt"
	"strings"
)

// Lang is a language of the pages, as it stands in the URL and in the lang attribute.
type Lang string

// The languages.
const (
	VI Lang = "vi"
	EN Lang = "en"
)

// Langs lists the languages in the order they are offered.
func Langs() []Lang { return []Lang{VI, EN} }

// ParseLang reads a language from a URL; false if the pages do not speak it.
func ParseLang(s string) (Lang, bool) {
	l := Lang(s)
	return l, l == VI || l == EN
}

// Other is the language a reader may change to.
func (l Lang) Other() Lang {
	if l == EN {
		return VI
	}
	return EN
}

// phrase is one message in both languages. A message that counts gives the English plural after a bar.
type phrase struct{ vi, en string }

// tables are the parts of the one table; a key stands in one of them.
func tables() []map[string]phrase {
	return []map[string]phrase{common, citizen, draft, follow, desk, paper, fault, words, reasons, situations, account}
}

// lookup returns the phrase of a key.
func lookup(key string) (phrase, bool) {
	for _, t := range tables() {
		if p, ok := t[key]; ok {
			return p, true
		}
	}
	return phrase{}, false
}

// Message returns the message of a key with its arguments filled in. It fails for a key that is not in the table.
func (l Lang) Message(key string, args ...any) (string, error) {
	p, ok := lookup(key)
	if !ok {
		return "", fmt.Errorf("message %q: not in the table; add it to package text in both languages", key)
	}
	return fill(l.pick(p), args), nil
}

// T is Message for keys that the caller knows are there; an unknown key shows as ⟦key⟧, which tests look for.
func (l Lang) T(key string, args ...any) string {
	s, err := l.Message(key, args...)
	if err != nil {
		return "⟦" + key + "⟧"
	}
	return s
}

// Count returns the message of a key for a number, which is its first argument.
func (l Lang) Count(key string, n int, args ...any) (string, error) {
	p, ok := lookup(key)
	if !ok {
		return "", fmt.Errorf("message %q: not in the table; add it to package text in both languages", key)
	}
	s := l.pick(p)
	if one, many, ok := strings.Cut(s, "|"); ok {
		s = many
		if n == 1 {
			s = one
		}
	}
	return fill(s, append([]any{l.Number(int64(n))}, args...)), nil
}

// N is Count as T is Message.
func (l Lang) N(key string, n int, args ...any) string {
	s, err := l.Count(key, n, args...)
	if err != nil {
		return "⟦" + key + "⟧"
	}
	return s
}

func (l Lang) pick(p phrase) string {
	if l == EN {
		return p.en
	}
	return p.vi
}

func fill(s string, args []any) string {
	if len(args) == 0 {
		return s
	}
	return fmt.Sprintf(s, args...)
}
