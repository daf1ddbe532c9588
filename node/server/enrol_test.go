package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"motcua/crypto/golden"
	"motcua/crypto/wire"
	"motcua/directory/edition"
)

func TestEnrolmentIsKeptInOneForm(t *testing.T) {
	dir := t.TempDir()
	e := enrolment{1, "H32.22693", []byte("genesis"), "dien-an.example.vn:8600", "https://dien-an.example.vn"}
	if err := e.keep(dir); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, enrolmentFile))
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "enrolment", b)
	if err := e.move(dir, "", "https://moi.example.vn"); err != nil {
		t.Fatal(err)
	}
	var moved enrolment
	if b, err = os.ReadFile(filepath.Join(dir, enrolmentFile)); err != nil || wire.Unmarshal(b, &moved) != nil {
		t.Fatalf("after a move: %v", err)
	}
	if moved.Addr != "dien-an.example.vn:8600" || moved.Portal != "https://moi.example.vn" || string(moved.Genesis) != "genesis" {
		t.Errorf("after a move: %+v", moved)
	}
}

func TestFoldersThatAreNoNode(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := loadEnrolment(dir); err == nil || !strings.Contains(err.Error(), "motcua node enrol") {
		t.Errorf("an empty folder: %v", err)
	}
	if err := (enrolment{Version: 2}).keep(dir); err != nil {
		t.Fatal(err)
	}
	if _, _, err := loadEnrolment(dir); err == nil || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("a folder of a newer program: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, enrolmentFile), []byte{0xa1, 0x01}, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := loadEnrolment(dir); err == nil {
		t.Error("a damaged enrolment is read")
	}
}

// TestEditionMessages holds the bytes that nodes of two versions exchange.
func TestEditionMessages(t *testing.T) {
	for name, v := range map[string]any{
		"edition-question": editionQuestion{Have: 7},
		"edition-answer":   editionAnswer{Edition: []byte("edition")},
	} {
		b, err := wire.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		golden.Check(t, name, b)
	}
}

// FuzzEditionAnswer: whatever a peer answers, it is refused or passed over, and what is at hand stays.
func FuzzEditionAnswer(f *testing.F) {
	f.Add([]byte{0xa1, 0x01, 0x40})
	f.Fuzz(func(t *testing.T, b []byte) {
		var a editionAnswer
		if wire.Unmarshal(b, &a) != nil {
			return
		}
		if s, err := edition.Read(a.Edition); err == nil {
			if _, err := s.Verify(edition.Trust{}); err == nil {
				t.Fatal("an edition that nobody signed is believed")
			}
		}
	})
}
