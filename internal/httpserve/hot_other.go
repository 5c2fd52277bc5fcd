//go:build !linux

package httpserve

import (
	"io/fs"
	"time"
)

// A fileID is not to be had here: every request opens and reads its file.
type fileID struct{}

func (fileID) changed() time.Time { return time.Time{} }

func identify(string) (fileID, bool) { return fileID{}, false }

func identityOf(fs.FileInfo) (fileID, bool) { return fileID{}, false }
