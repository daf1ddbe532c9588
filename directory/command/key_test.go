package command_test

import (
	"slices"
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/golden"
	"motcua/crypto/record"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/directorytest"
)

// TestKeyCommandsKeepTheirForm holds the bytes of the commands of keys. A signature differs each time it is made: those here are
// of equal length and say nothing.
func TestKeyCommandsKeepTheirForm(t *testing.T) {
	old, next := directorytest.Identity(100), directorytest.Identity(110)
	r, err := directory.SignRotation(digest.Of(nil), "H32.22327", old, next)
	if err != nil {
		t.Fatal(err)
	}
	r.Old.Signature, r.New.Signature, r.TLS = make([]byte, record.SignatureSize), make([]byte, record.SignatureSize), make([]byte, 70)
	for name, c := range map[string]command.Command{
		"kind-40": &command.TakeKeys{Office: "H32.22327", Rotation: r},
		"kind-41": &command.VoidToken{Hash: digest.Of([]byte("token"))},
	} {
		b, err := command.Encode(command.RequestID{1}, 1_795_000_000_000, c)
		if err != nil {
			t.Fatal(err)
		}
		golden.Check(t, name, b)
		if e, again, err := command.Decode(b); err != nil || e.Kind != c.Kind() || again.Validate() != nil {
			t.Errorf("%s is not read back: %v", name, err)
		}
	}
}

func TestARotationIsBounded(t *testing.T) {
	good, err := directory.SignRotation(digest.Of(nil), "H32.22327", directorytest.Identity(100), directorytest.Identity(110))
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*command.TakeKeys){
		"of another office":  func(c *command.TakeKeys) { c.Office = "H32.1" },
		"a body of 9 KB":     func(c *command.TakeKeys) { c.Rotation.Body = make([]byte, 9<<10) },
		"a long signature":   func(c *command.TakeKeys) { c.Rotation.Old.Signature = make([]byte, 9<<10) },
		"a body given twice": func(c *command.TakeKeys) { c.Rotation.New.Body = slices.Clone(c.Rotation.Body) },
		"no body":            func(c *command.TakeKeys) { c.Rotation.Body = nil },
	} {
		c := &command.TakeKeys{Office: "H32.22327", Rotation: good}
		change(c)
		if _, err := command.Body(c); directory.CodeOf(err) != directory.Invalid {
			t.Errorf("%s: %v, want invalid", what, err)
		}
	}
}
