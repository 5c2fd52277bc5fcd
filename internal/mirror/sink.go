package mirror

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"

	"gorepo/internal/rpmpkg"
)

// MismatchError tells that bytes are not those that the metadata names. They
// may be right from another mirror or at another time.
type MismatchError struct {
	Name string // location or record
	What string // "size" (bytes) or the checksum's type
	Got  string
	Want string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s: %s is %s, the metadata says %s", e.Name, e.What, e.Got, e.Want)
}

// Mismatch marks the error for packages that do not know this one.
func (e *MismatchError) Mismatch() bool { return true }

// A Sink takes the bytes of one download, in order, and hashes them as it
// writes them. What an earlier run left is hashed again and continued. It is
// used by one goroutine at a time.
type Sink struct {
	name string // for messages
	path string
	want rpmpkg.Checksum
	any  bool  // want is not known, and what comes is hashed by its type
	size int64 // bytes; < 0: not known

	file     *os.File // nil when closed
	out      io.Writer
	hash     hash.Hash
	offset   int64
	verified bool
	wrong    bool // the bytes are whole, but other ones
}

// openSink opens or creates the file at path.
func openSink(ctx context.Context, path, name string, want rpmpkg.Checksum, size int64) (*Sink, error) {
	h, err := rpmpkg.NewHash(want.Type)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	// What has other names is not ours to write to: a local upstream's package,
	// say, that was to be put into its place when the power failed.
	if fi, err := os.Lstat(path); err == nil && hasOtherNames(fi) {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	s := &Sink{name: name, path: path, want: want, size: size, file: f, out: f, hash: h}
	if err := s.resume(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	return s, nil
}

// resume hashes what an earlier run left, or forgets it when it is too much.
func (s *Sink) resume(ctx context.Context) error {
	fi, err := s.file.Stat()
	if err != nil {
		return err
	}
	if s.size >= 0 && fi.Size() > s.size {
		return s.Restart()
	}
	s.offset, err = io.Copy(s.hash, contextReader{ctx, s.file})
	return err
}

// Offset is how many bytes are here: a download goes on from there.
func (s *Sink) Offset() int64 { return s.offset }

// Complete reports whether all bytes are here, verified or not, so that Finish
// may be called without a download.
func (s *Sink) Complete() bool {
	if s.size >= 0 {
		return !s.any && s.offset == s.size
	}
	return !s.any && s.offset > 0 && s.sum().Equal(s.want)
}

// Write takes the next bytes. More than the size in the metadata is a
// *MismatchError.
func (s *Sink) Write(p []byte) (int, error) {
	tooMany := s.size >= 0 && int64(len(p)) > s.size-s.offset
	if tooMany {
		p = p[:s.size-s.offset]
	}
	n, err := s.out.Write(p)
	s.hash.Write(p[:n]) // a hash never fails
	s.offset += int64(n)
	s.verified = false
	if err == nil && tooMany {
		s.wrong = true
		err = &MismatchError{Name: s.name, What: "size", Got: "more", Want: bytesText(s.size)}
	}
	return n, err
}

// Restart forgets all bytes.
func (s *Sink) Restart() error {
	if err := s.file.Truncate(0); err != nil {
		return err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	s.hash.Reset()
	s.offset, s.verified, s.wrong = 0, false, false
	return nil
}

// Finish verifies what is here: size and checksum, else a *MismatchError.
func (s *Sink) Finish() error {
	if s.size >= 0 && s.offset != s.size {
		return &MismatchError{Name: s.name, What: "size", Got: bytesText(s.offset), Want: bytesText(s.size)}
	}
	if got := s.sum(); !s.any && !got.Equal(s.want) {
		s.wrong = true
		return &MismatchError{Name: s.name, What: s.want.Type, Got: got.Hex, Want: s.want.Hex}
	}
	s.verified = true
	return nil
}

// Reader reads the bytes that are here, from the first. It is good until the
// Sink is closed or placed.
func (s *Sink) Reader() *io.SectionReader { return io.NewSectionReader(s.file, 0, s.offset) }

func (s *Sink) sum() rpmpkg.Checksum { return rpmpkg.Sum(s.want.Type, s.hash) }

// close closes the file, once.
func (s *Sink) close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

func bytesText(n int64) string { return strconv.FormatInt(n, 10) + " bytes" }

// sinkName is the name of a download in partial/: the checksum, so that a
// package that upstream has moved still resumes.
func sinkName(sum rpmpkg.Checksum) (string, error) {
	if err := checkSum(sum); err != nil {
		return "", err
	}
	return sum.Type + "-" + sum.Hex, nil
}

// checkSum refuses a checksum that is not a whole one of a known type: it
// becomes a file's name.
func checkSum(sum rpmpkg.Checksum) error {
	_, err := rpmpkg.ParseChecksum(sum.Type, sum.Hex)
	return err
}

// contextReader fails when its context ends: hashing gigabytes stops at once.
type contextReader struct {
	ctx context.Context //nolint:containedctx // lives as long as one copy
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
