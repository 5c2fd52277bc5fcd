package mirror

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// HistoryOptions chooses what ReadHistory reads.
type HistoryOptions struct {
	Since time.Time // the zero time: all
	// Published is the checksum of primary in the repomd.xml that is published, as
	// Publication.Primary has it. A last line that has not come true yet is left out
	// by it; "" leaves none out.
	Published string
}

// ReadHistory is that of a repository; see the function ReadHistory.
func (r *Repo) ReadHistory(ctx context.Context, o HistoryOptions, f func(Publication) error) (damaged int, err error) {
	return ReadHistory(ctx, r.state, o, f)
}

// ReadHistory calls f for each publication that is known, the oldest first. It
// changes nothing, needs no lock, and keeps one line in memory. Lines that cannot
// be understood are passed over and counted; half a line at the end is one that is
// being written. A repository without a history has no lines. An error of f ends
// it, and is returned. stateDir is ROOT/.gorepo/ID.
func ReadHistory(ctx context.Context, stateDir string, o HistoryOptions, f func(Publication) error) (damaged int, err error) {
	file, err := os.Open(filepath.Join(stateDir, historyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("history: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	lines := &historyLines{r: bufio.NewReaderSize(file, 64<<10)}
	var held *Publication // until it is known whether it is the last
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return damaged, fmt.Errorf("history: %w", err)
		}
		p, ok := parsePublication(line)
		if !ok {
			damaged++
			continue
		}
		if held != nil {
			if err := f(*held); err != nil {
				return damaged, err
			}
			held = nil
		}
		if !p.Time.Before(o.Since) {
			held = &p
		}
	}
	if held == nil || o.Published != "" && held.Pending(o.Published) {
		return damaged, nil
	}
	return damaged, f(*held)
}

// historyLines reads whole lines.
type historyLines struct {
	r    *bufio.Reader
	line []byte
}

// next is a line, valid until the next call, or io.EOF; of one that is too long
// it is nothing.
func (l *historyLines) next() ([]byte, error) {
	l.line = l.line[:0]
	long := false
	for {
		part, err := l.r.ReadSlice('\n')
		if long = long || len(l.line)+len(part) > maxHistoryLine; long {
			l.line = l.line[:0]
		} else {
			l.line = append(l.line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return l.line, err
		}
	}
}

// LastPublication is the last line of the history that can be understood and that
// has come true; published is HistoryOptions.Published. ok is false where there is
// none.
func (r *Repo) LastPublication(published string) (p Publication, ok bool) {
	f, err := os.Open(r.statePath(historyFile))
	if err != nil {
		return p, false
	}
	defer f.Close() //nolint:errcheck // only read
	fi, err := f.Stat()
	if err != nil {
		return p, false
	}
	size := fi.Size()
	for range 2 {
		start, end, err := lastLine(f, size)
		if err != nil || end == 0 {
			return p, false
		}
		if last := parseLine(f, start, end); last != nil && (published == "" || !last.Pending(published)) {
			return *last, true
		}
		size = start
	}
	return p, false
}
