// Package ceremony writes down a province's key for backups: one file for each official's share, and the public key, which nodes are told of.
package ceremony

import (
	"fmt"
	"os"
	"path/filepath"

	"motcua/crypto/disk"
	"motcua/crypto/record"
	"motcua/crypto/recovery"
	"motcua/crypto/wire"
)

// KeyFile is the name of the public key in the folder.
const KeyFile = "backup.key"

// Write makes the folder, which must be new: shares of two keys are easily confused. The remark, if there is one, begins every share.
func Write(dir, remark string, r record.Record, shares []recovery.Share) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("write shares: %w; choose a new folder", err)
	}
	if remark != "" {
		remark = "# " + remark + "\n"
	}
	for _, s := range shares {
		text := fmt.Sprintf("%s# motcua: phần %d trong %d phần của khóa phục hồi sao lưu %x; cần %d phần để mở.\n# Share %d of %d of the recovery key for backups %x; %d open it together.\n%s\n",
			remark, s.X, s.Shares, s.Key, s.Threshold, s.X, s.Shares, s.Key, s.Threshold, s)
		if err := disk.WriteFile(filepath.Join(dir, fmt.Sprintf("share-%d.txt", s.X)), []byte(text)); err != nil {
			return fmt.Errorf("write shares: %w", err)
		}
	}
	b, err := wire.Marshal(r)
	if err != nil {
		return fmt.Errorf("write shares: %w", err)
	}
	return disk.WriteFile(filepath.Join(dir, KeyFile), b)
}
