package httpserve

import (
	"io/fs"
	"syscall"
	"time"
)

// A fileID tells whether a path still leads to the same bytes. Whoever changes a
// file, even back to its size and mtime, changes its ctime.
type fileID struct {
	dev, ino     uint64
	size         int64
	mtime, ctime syscall.Timespec
}

func newFileID(st *syscall.Stat_t) fileID {
	return fileID{dev: uint64(st.Dev), ino: st.Ino, size: st.Size, mtime: st.Mtim, ctime: st.Ctim}
}

// changed is the later of the file's two times.
func (f fileID) changed() time.Time {
	m, c := time.Unix(f.mtime.Unix()), time.Unix(f.ctime.Unix())
	if m.After(c) {
		return m
	}
	return c
}

// identify asks what is at a path.
func identify(path string) (fileID, bool) {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return fileID{}, false
	}
	return newFileID(&st), true
}

func identityOf(fi fs.FileInfo) (fileID, bool) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}, false
	}
	return newFileID(st), true
}
