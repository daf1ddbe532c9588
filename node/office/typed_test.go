package office

import (
	"bytes"
	"net/url"
	"strings"
	"testing"

	"motcua/directory"
	"motcua/node/blob"
	"motcua/node/dossier"
)

func TestFileNames(t *testing.T) {
	for _, v := range []struct{ in, kind, want string }{
		{`C:\a\đơn.pdf`, blob.PDF, "đơn.pdf"}, {"../../etc/passwd", blob.PNG, "passwd.png"}, {"", blob.PDF, "file.pdf"},
		{"..", blob.ODT, "file.odt"}, {"a\x00b\".pdf", blob.PDF, "ab.pdf"}, {"a\n.pdf", "", "a.pdf"},
		{"virus.exe", blob.PDF, "virus.pdf"}, {"virus.pdf.exe", blob.PDF, "virus.pdf"}, {"virus.exe. ", blob.PDF, "virus.pdf"},
		{"ảnh.JPEG", blob.JPEG, "ảnh.JPEG"}, {"ảnh.png", blob.JPEG, "ảnh.jpg"}, {"đơn.doc", blob.DOCX, "đơn.docx"},
		{"Công văn 12.2026", blob.PDF, "Công văn 12.2026.pdf"}, {".exe", blob.PDF, ".exe.pdf"}, {"a.exe", "x/later", "a.exe"},
		{"đơn\u202efdp.exe", blob.PDF, "đơnfdp.pdf"}, {"a\u2066b\u2069\u200b\ufeff.pdf", blob.PDF, "ab.pdf"},
	} {
		if got := fileName(v.in, v.kind); got != v.want {
			t.Errorf("%q of %s: %q, want %q", v.in, v.kind, got, v.want)
		}
	}
	for _, end := range []string{".pdf", ".exe", ""} {
		if n := fileName(strings.Repeat("ạ", 300)+end, blob.PDF); len(n) > maxFileName || !strings.HasSuffix(n, ".pdf") {
			t.Error(n)
		}
	}
}

// TestFalseEndingsReachNobody: what an applicant calls virus.exe is shown and handed out as what it is, at the desk too.
func TestFalseEndingsReachNobody(t *testing.T) {
	p := newProvince(t)
	ctx, n, officer := t.Context(), p.offices[xa], p.officer(xa)
	c := p.citizen("anh")
	id := p.started(n, c)
	must(t, n.Attach(ctx, c, id, "form", Upload{"virus\u202e.exe", bytes.NewReader(pdf)}))
	alias, err := n.Submit(ctx, c, id, "vi")
	must(t, err)
	v, err := n.Submission(ctx, officer, alias)
	if err != nil || len(v.Papers) != 1 || v.Papers[0].Name != "virus.pdf" {
		t.Fatalf("%+v %v", v.Papers, err)
	}
	info, r, err := n.OfficeFile(ctx, officer, v.Chain, v.Papers[0].Blob)
	if err != nil || info.Name != "virus.pdf" {
		t.Fatalf("%+v %v", info, err)
	}
	r.Close()
	// Another portal's node signs whatever name it likes.
	foreign := n.fileViews([]SheetFile{{Name: "virus\u202e.exe", MediaType: blob.PDF}})
	if foreign[0].Name != "virus.pdf" {
		t.Error(foreign)
	}
}

// TestTurnedWriting: characters that nobody sees are in nothing that people have typed.
func TestTurnedWriting(t *testing.T) {
	p := newProvince(t)
	ctx, n, officer := t.Context(), p.offices[xa], p.officer(xa)
	const turned = "\u202e\u2066\u200fa\u202a\u2069"
	a, _, err := n.Register(ctx, Registration{
		Kind: directory.Citizen, Login: "anh", Password: "mật khẩu 1", Name: "Ánh" + turned, Identity: "056199000001", Phone: "0901234567", Address: turned,
	})
	if err != nil || a.Name != "Ánha" || a.Address != "a" {
		t.Fatalf("%q %q %v", a.Name, a.Address, err)
	}
	c := Citizen{a, xa}
	id := p.started(n, c)
	_, err = n.SaveAnswers(ctx, c, id, url.Values{"reason": {turned}})
	must(t, err)
	if d, err := n.Draft(ctx, c, id); err != nil || string(d.Answers) != `{"reason":"a"}` {
		t.Errorf("%q %v", d.Answers, err)
	}
	alias, err := n.Submit(ctx, c, id, "vi")
	must(t, err)
	if err := n.Refuse(ctx, officer, alias, "\u202e\u2069", "x"); !isRule(err, dossier.RuleReason) {
		t.Errorf("refused for a reason that nobody sees: %v", err)
	}
	must(t, n.Refuse(ctx, officer, alias, "Thiếu"+turned, "y"))
	if r, err := n.Receipt(ctx, c, alias); err != nil || r.Reason != "Thiếua" {
		t.Errorf("%q %v", r.Reason, err)
	}
}
