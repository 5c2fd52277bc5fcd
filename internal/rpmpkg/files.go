package rpmpkg

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// Tags of the file list.
const (
	tagOldFileNames = 1027
	tagFileModes    = 1030
	tagFileDigests  = 1035
	tagFileFlags    = 1037
	tagDirIndexes   = 1116
	tagBaseNames    = 1117
	tagDirNames     = 1118
	tagDigestAlgo   = 5011
)

// Bits of a file's mode and flags.
const (
	modeTypeMask = 0o170000
	modeDir      = 0o040000
	fileGhost    = 1 << 6
)

// maxPath is Linux's PATH_MAX: rpm cannot unpack what is longer.
const maxPath = 4096

// maxPathsFactor bounds the paths of a package, written out in full as XML, by
// the size of its header: one long directory name may serve many files, and a
// small hostile header must not stand for gigabytes of paths. In real headers
// the digests, sizes and owners of the files outweigh their names.
const maxPathsFactor = 4

// maxDigest is how many digits the digest of a file has at most, those of SHA-512.
const maxDigest = 128

// fileList reads a package's file list where it stands in the header. It is
// not decoded into strings: a package may have hundreds of thousands of files.
type fileList struct {
	base  []byte   // BASENAMES, or whole paths in OLDFILENAMES
	dirs  [][]byte // DIRNAMES
	index intList  // DIRINDEXES; empty where base has whole paths
	modes intList
	flags intList
	count int
	total int64 // bytes of all paths as XML

	digests    []byte // FILEDIGESTS, one a file; empty where there are none
	digestType string
}

// digestTypes are the names, in metadata, of the numbers in FILEDIGESTALGO, which
// are OpenPGP's (RFC 9580, 9.5).
var digestTypes = map[uint64]string{1: "md5", 2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512", 11: "sha224"}

// digestType is the type of the digests of files. A package without the tag for
// it, from before rpm 4.6, has MD5.
func digestType(h *Header) string {
	if algo := h.ints(tagDigestAlgo); algo.count > 0 {
		return digestTypes[algo.at(0)]
	}
	return "md5"
}

func newFileList(h *Header) (fileList, error) {
	l := fileList{modes: h.ints(tagFileModes), flags: h.ints(tagFileFlags), digestType: digestType(h)}
	names := tagBaseNames
	if !h.Has(tagBaseNames) {
		names = tagOldFileNames // packages made by rpm 3 and older
	}
	e, ok := h.find(names)
	if !ok {
		return fileList{digestType: l.digestType}, nil
	}
	if e.kind != typeStringArray && e.kind != typeString {
		return fileList{}, errors.New("file names are not strings")
	}
	l.base, l.count = h.value(e), int(e.count)
	if names == tagBaseNames {
		l.index = h.ints(tagDirIndexes)
		for d := range h.eachString(tagDirNames) {
			l.dirs = append(l.dirs, d)
		}
		if l.index.count != l.count {
			return fileList{}, fmt.Errorf("%d file names, but %d directory numbers", l.count, l.index.count)
		}
	}
	if l.modes.count != l.count || l.flags.count != l.count {
		return fileList{}, fmt.Errorf("%d file names, but %d modes and %d flags", l.count, l.modes.count, l.flags.count)
	}
	if err := l.check(int64(len(h.Raw))); err != nil {
		return fileList{}, err
	}
	if d, ok := h.find(tagFileDigests); ok && (d.kind == typeStringArray || d.kind == typeString) && int(d.count) == l.count {
		l.digests = h.value(d)
		if len(l.digests) > l.count*(maxDigest+1) {
			return fileList{}, fmt.Errorf("the digests of %d files take %d bytes", l.count, len(l.digests))
		}
	}
	return l, nil
}

// check makes sure that every path can be built, and that all of them together
// are in proportion to the header.
func (l *fileList) check(headerSize int64) error {
	for i := range l.index.count {
		if n := l.index.at(i); n >= uint64(len(l.dirs)) {
			return fmt.Errorf("file %d lies in directory %d of %d", i, n, len(l.dirs))
		}
	}
	dirs := make([]int, len(l.dirs))
	for i, d := range l.dirs {
		dirs[i] = xmlLength(d)
	}
	rest := l.base
	for i := range l.count {
		length := bytes.IndexByte(rest, 0)
		rest = rest[length+1:]
		if l.index.count > 0 {
			dir := l.index.at(i)
			l.total += int64(dirs[dir])
			length += len(l.dirs[dir])
		}
		if length > maxPath {
			return fmt.Errorf("a path is longer than %d bytes", maxPath)
		}
	}
	l.total += int64(xmlLength(l.base))
	if l.total > maxPathsFactor*headerSize+1<<20 {
		return fmt.Errorf("its paths take %d bytes, out of proportion to a header of %d", l.total, headerSize)
	}
	return nil
}

// xmlLength is about how many bytes a name takes in XML.
func xmlLength(name []byte) int {
	return len(name) + 4*bytes.Count(name, []byte("&")) + 3*bytes.Count(name, []byte("<")) + 3*bytes.Count(name, []byte(">"))
}

func (l *fileList) each(yield func(dir, base []byte, t FileType) bool) {
	rest := l.base
	for i := range l.count {
		n := bytes.IndexByte(rest, 0)
		base := rest[:n]
		rest = rest[n+1:]
		var dir []byte
		if l.index.count > 0 {
			dir = l.dirs[l.index.at(i)]
		} else {
			slash := bytes.LastIndexByte(base, '/') + 1
			dir, base = base[:slash], base[slash:]
		}
		t := RegularFile
		switch {
		case l.modes.at(i)&modeTypeMask == modeDir:
			t = Directory
		case l.flags.at(i)&fileGhost != 0:
			t = Ghost
		}
		if !yield(dir, base, t) {
			return
		}
	}
}

// guessSource tells, as rpm does, whether a package is a source package whose
// header says neither so nor from which source package it was built: the files
// of source packages lie in no directory. For others rpm says "(none)".
func (p *Package) guessSource() {
	source := p.files.count > 0 && len(p.files.dirs) <= 1
	p.files.each(func(dir, _ []byte, _ FileType) bool {
		source = source && len(dir) == 0
		return source
	})
	if source {
		p.Arch = "src"
	} else {
		p.SourceRPM = "(none)"
	}
}

// IsPrimaryFile reports whether primary metadata lists a path: those that
// dependencies name most, so that clients need no filelists for them.
// createrepo has always meant these three: below /etc/, anything with bin/ in
// its path, and sendmail.
func IsPrimaryFile(dir, base []byte) bool {
	if !bytes.HasSuffix(dir, []byte("/")) || bytes.Contains(base, []byte("/")) {
		// A header may split a path anywhere; the path counts.
		path := slices.Concat(dir, base)
		at := bytes.LastIndexByte(path, '/') + 1
		dir, base = path[:at], path[at:]
	}
	if bytes.HasPrefix(dir, []byte("/etc/")) || bytes.Contains(dir, []byte("bin/")) {
		return true
	}
	return string(dir) == "/usr/lib/" && string(base) == "sendmail"
}
