package repodata

import (
	"bufio"
	"io"
	"os"
	"sync/atomic"

	"gorepo/internal/rpmpkg"
)

// heavy is the weight of a package, in bytes, from which on its entry does not
// wait for its turn in memory.
const heavy = 1 << 20

// heavyEntry is an entry that waits in a file, which goes when the writers of
// all kinds have taken their parts. Where one of them fails it goes with the
// garbage.
type heavyEntry struct {
	file  *os.File
	ends  [FilelistsExt + 1]int64 // of the parts, in the file
	users atomic.Int32
}

func (g *generation) newHeavyEntry(pkg *rpmpkg.File, location string) (*heavyEntry, error) {
	e := new(heavyEntry)
	e.users.Store(int32(len(g.o.kinds()))) //nolint:gosec // a few
	var err error
	if e.file, err = g.unnamedFile(); err != nil {
		return nil, systemic{err}
	}
	var size int64
	buf := bufio.NewWriterSize(io.MultiWriter(e.file, (*sizeWriter)(&size)), 64<<10)
	dropped := false
	for _, k := range g.o.kinds() {
		d, err := writeEntry(buf, k, pkg, g.entryOptions(location))
		if err == nil {
			err = buf.Flush()
		}
		if err != nil {
			return nil, systemic{err}
		}
		e.ends[k], dropped = size, dropped || d
	}
	if dropped {
		g.warnDropped(location)
	}
	return e, nil
}

// writeTo writes one part.
func (e *heavyEntry) writeTo(out io.Writer, k Kind) error {
	var start int64
	if k > 0 {
		start = e.ends[k-1]
	}
	_, err := io.Copy(out, io.NewSectionReader(e.file, start, e.ends[k]-start))
	if e.users.Add(-1) == 0 {
		_ = e.file.Close() // only read any more
	}
	return err
}

// systemic marks an error as one of the machine, not of the package that met
// it.
type systemic struct{ error }

func (s systemic) Unwrap() error { return s.error }
