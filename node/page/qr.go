package page

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// quiet is the width of the quiet zone in modules (ISO/IEC 18004).
const quiet = 4

// NewQR draws text as a QR code with medium error correction. It fails for text longer than a code can hold.
func NewQR(s string) (QR, error) {
	code, err := qr.Encode(s, qr.M)
	if err != nil {
		return QR{}, fmt.Errorf("draw QR code: %w", err)
	}
	var b strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			run := 0
			for x+run < code.Size && code.Black(x+run, y) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
				x += run
			}
		}
	}
	return QR{code.Size + 2*quiet, b.String()}, nil
}
