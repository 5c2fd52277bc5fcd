package httpserve

import (
	"io/fs"
	"strings"
	"sync"
	"time"
)

// A PackageFile is a package as it lies in a repository.
type PackageFile struct {
	Location string // below the repository
	Size     int64  // bytes
	ModTime  time.Time
	Changed  time.Time // the file, its mtime or its name, at last
}

// maxChecksums bounds the packages whose checksums are remembered.
const maxChecksums = 16 << 10

// checksums remembers the checksums of packages, which metadata knows, while
// their files stay as they are.
type checksums struct {
	ask   func(id string, p PackageFile) string
	mu    sync.RWMutex
	known map[fileID]string
}

// of is the checksum of the package at segments, in hexadecimal. It is "" where
// the file would have to be read for it.
func (c *checksums) of(fi fs.FileInfo, segments []string) string {
	is, ok := identityOf(fi)
	if !ok || c.ask == nil || len(segments) < 2 {
		return ""
	}
	c.mu.RLock()
	sum := c.known[is]
	c.mu.RUnlock()
	if sum != "" {
		return sum
	}
	sum = c.ask(segments[0], PackageFile{
		Location: strings.Join(segments[1:], "/"), Size: fi.Size(), ModTime: fi.ModTime(), Changed: is.changed(),
	})
	if sum == "" {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxChecksums {
		c.known = map[fileID]string{}
	}
	c.known[is] = sum
	return sum
}
