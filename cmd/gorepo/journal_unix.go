//go:build unix

package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// inJournal reports whether stderr is what systemd's journal reads: it says which
// file that is (systemd.exec(5)), and stderr may have been led elsewhere since.
func (p process) inJournal() bool {
	f, ok := p.stderr.(*os.File)
	stream := p.getenv("JOURNAL_STREAM")
	if !ok || stream == "" {
		return false
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil { //nolint:gosec // a descriptor fits
		return false
	}
	return stream == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}
