package blob

import "bytes"

// sniffSize is how many bytes Sniff looks at.
const sniffSize = 512

// The media types Sniff knows.
const (
	PDF  = "application/pdf"
	JPEG = "image/jpeg"
	PNG  = "image/png"
	DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	ODT  = "application/vnd.oasis.opendocument.text"
)

// Sniff tells the media type of a file by its first 512 bytes (fewer if it is shorter), false for a kind that offices do
// not accept. It looks at the bytes alone: a file's name and the browser's word prove nothing. HTML and SVG, which a
// browser would run, are never among the kinds.
func Sniff(first []byte) (mediaType string, ok bool) {
	first = first[:min(len(first), sniffSize)]
	for _, k := range []struct{ magic, mediaType string }{
		{"%PDF-", PDF},
		{"\xff\xd8\xff", JPEG},
		{"\x89PNG\r\n\x1a\n", PNG},
	} {
		if bytes.HasPrefix(first, []byte(k.magic)) {
			return k.mediaType, true
		}
	}
	return sniffZip(first)
}

// sniffZip tells by the first entry of the archive: ISO/IEC 26300 wants "mimetype" first and stored; ISO/IEC 29500 files
// begin with their content types or relations.
func sniffZip(b []byte) (string, bool) {
	const header = 30 // bytes of a local file header before the entry's name
	if !bytes.HasPrefix(b, []byte("PK\x03\x04")) || len(b) < header {
		return "", false
	}
	name := b[header:]
	if bytes.HasPrefix(name, []byte("mimetype"+ODT)) {
		return ODT, true
	}
	for _, first := range []string{"[Content_Types].xml", "_rels/.rels", "word/", "docProps/"} {
		if bytes.HasPrefix(name, []byte(first)) {
			return DOCX, true
		}
	}
	return "", false
}
