package rpmpkg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// A ChecksumCache remembers checksums of whole packages, so that of a package
// that was read before only the header is read again. It is a directory with one
// small file a package, the one that createrepo_c's --cachedir has:
//
//	NAME-KEY-INSTALLED-MTIME
//
// NAME is the package's file name, KEY the digest, of the type of the checksum that
// is remembered, of its signatures and of the SHA-1 of its header, INSTALLED its
// installed size in bytes, MTIME its time in Unix seconds. The file holds the
// checksum's digits, and nothing else.
//
// It says what whoever can write there wants it to say.
type ChecksumCache struct {
	dir string
	// onError is told, once, why checksums are not remembered.
	onError func(error)
	once    sync.Once
}

// OpenChecksumCache uses a directory, which it makes if its parent is there.
func OpenChecksumCache(dir string, onError func(error)) (*ChecksumCache, error) {
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	fi, err := os.Stat(dir)
	if err == nil && !fi.IsDir() {
		err = fmt.Errorf("%s is not a directory", dir)
	}
	if err != nil {
		return nil, err
	}
	return &ChecksumCache{dir: dir, onError: onError}, nil
}

// ReadPath is ReadPath with a cache: of a package whose checksum is remembered, no
// more is read than its header. A nil cache remembers nothing.
func (c *ChecksumCache) ReadPath(ctx context.Context, path, checksumType string) (*File, error) {
	if c == nil {
		return ReadPath(ctx, path, checksumType)
	}
	var entry string
	found := false
	file, err := readPath(ctx, path, checksumType, func(p *Preamble, pkg *Package, fi os.FileInfo) (sum Checksum, ok bool) {
		if entry, ok = entryName(filepath.Base(path), p, pkg, fi.ModTime().Unix(), checksumType); !ok {
			return sum, false
		}
		sum, found = c.get(entry, checksumType)
		return sum, found
	})
	if err == nil && !found && entry != "" {
		if err := c.put(entry, file.Checksum); err != nil {
			c.once.Do(func() { c.onError(err) })
		}
	}
	return file, err
}

// The tags that stand for the content of a package, in its signature header.
const (
	tagSHA1Header = 269
	tagSigPGP     = 1002 // of header and payload, by an RSA key
	tagSigGPG     = 1005 // likewise, by a DSA key
)

// entryName is the name under which the checksum of a package is remembered. ok is
// false for a package in which nothing stands for its content.
func entryName(name string, p *Preamble, pkg *Package, mtime int64, checksumType string) (entry string, ok bool) {
	sha1 := p.Signature.String(tagSHA1Header)
	gpg, pgp := p.Signature.Bytes(tagSigGPG), p.Signature.Bytes(tagSigPGP)
	h, err := NewHash(checksumType)
	if err != nil || sha1 == "" && len(gpg)+len(pgp) == 0 {
		return "", false
	}
	h.Write(gpg)
	h.Write(pgp)
	h.Write([]byte(sha1))
	return fmt.Sprintf("%s-%x-%d-%d", name, h.Sum(nil), pkg.InstalledSize, mtime), true
}

func (c *ChecksumCache) get(entry, checksumType string) (Checksum, bool) {
	path := filepath.Join(c.dir, entry)
	fi, err := os.Stat(path)
	if err != nil || !fi.Mode().IsRegular() { // a pipe would have us wait
		return Checksum{}, false
	}
	f, err := os.Open(path)
	if err != nil {
		return Checksum{}, false
	}
	defer f.Close() //nolint:errcheck // only read
	const most = 256
	digits, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil || strings.ToLower(string(digits)) != string(digits) {
		return Checksum{}, false
	}
	sum, err := ParseChecksum(checksumType, string(digits))
	return Checksum{Type: checksumType, Hex: sum.Hex}, err == nil
}

// put writes an entry, which appears whole or not at all.
func (c *ChecksumCache) put(entry string, sum Checksum) error {
	f, err := os.CreateTemp(c.dir, ".gorepo-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(sum.Hex)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(c.dir, entry))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
