package main

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// A repository is what one of the tools has made.
type repository struct {
	dir     string // that repodata is below
	root    *node  // of repomd.xml
	records []*record
	other   []*node // of repomd.xml, that are no records

	locations map[string][]string // of packages, by pkgid, in primary's order
}

// A record is one <data> of repomd.xml with the file that it names.
type record struct {
	*node
	kind     string // primary, group, …
	file     string
	checksum string // of the file, as repomd.xml has it
	mtime    int64  // of the file, Unix seconds
	packed   []byte // the file
	plain    []byte // what is in it
	hrefName string // its location, with CHECKSUM in place of its checksum
	faults   []string
}

// openRepository reads repomd.xml and all that it names, and notes what repomd.xml
// says wrongly of it.
func openRepository(ctx context.Context, dir string) (*repository, error) {
	f, err := os.Open(filepath.Join(dir, "repodata", "repomd.xml"))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it is only read
	r := &repository{dir: dir}
	var children []*node
	if r.root, children, err = readXML(f); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	for _, n := range children {
		if n.name != "data" {
			r.other = append(r.other, n)
			continue
		}
		rec := &record{node: n, kind: n.attr("type")}
		rec.file = filepath.Join(dir, filepath.FromSlash(n.child("location").attr("href")))
		if err := rec.read(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", rec.file, err)
		}
		r.records = append(r.records, rec)
	}
	return r, nil
}

// locate gives packages of a list their locations: primary has them, and in the
// other lists packages of one pkgid are in the same order.
func (r *repository) locate(kind string, packages []*node) {
	if kind == "primary" {
		r.locations = map[string][]string{}
	}
	seen := map[string]int{}
	for _, p := range packages {
		if kind == "primary" {
			id := p.child("checksum").text
			p.location = p.child("location").attr("href")
			r.locations[id] = append(r.locations[id], p.location)
			continue
		}
		id := p.attr("pkgid")
		if n := seen[id]; n < len(r.locations[id]) {
			p.location = r.locations[id][n]
		}
		seen[id]++
	}
}

// record returns the record of a kind, or nil.
func (r *repository) record(kind string) *record {
	for _, rec := range r.records {
		if rec.kind == kind {
			return rec
		}
	}
	return nil
}

func (r *record) read(ctx context.Context) (err error) {
	if r.packed, err = os.ReadFile(r.file); err != nil {
		return err
	}
	info, err := os.Stat(r.file)
	if err != nil {
		return err
	}
	r.mtime = info.ModTime().Unix()
	if r.plain, err = unpack(ctx, r.file, r.packed); err != nil {
		return err
	}
	r.checksum = r.child("checksum").text
	r.hrefName = strings.Replace(r.child("location").attr("href"), r.checksum+"-", "CHECKSUM-", 1)
	r.checkSum("checksum", r.packed)
	r.checkSum("open-checksum", r.plain)
	r.checkNumber("size", len(r.packed))
	r.checkNumber("open-size", len(r.plain))
	return nil
}

// checkSum notes where one of a record's checksums is not that of data.
func (r *record) checkSum(element string, data []byte) {
	n := r.child(element)
	if n.text == "" && len(n.attrs) == 0 {
		return // which elements there are is compared elsewhere
	}
	if sum := sumOf(n.attr("type"), data); sum != n.text {
		r.faults = append(r.faults, fmt.Sprintf("%s is %s, and of its file %s", element, n.text, sum))
	}
}

func (r *record) checkNumber(element string, size int) {
	if n := r.child(element); n.text != "" && n.text != strconv.Itoa(size) {
		r.faults = append(r.faults, fmt.Sprintf("%s is %s, and of its file %d", element, n.text, size))
	}
}

func sumOf(kind string, data []byte) string {
	hashes := map[string]func() hash.Hash{
		"md5": md5.New, "sha": sha1.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
	}
	if hashes[kind] == nil {
		return "of no known type"
	}
	h := hashes[kind]()
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

// unpack unpacks data by the name of its file, with Go's own readers where it
// has them and the formats' own programs where not.
func unpack(ctx context.Context, file string, data []byte) ([]byte, error) {
	switch path.Ext(file) {
	case ".gz":
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	case ".bz2":
		return io.ReadAll(bzip2.NewReader(bytes.NewReader(data)))
	case ".xz":
		return output(ctx, data, "xz", "-dc")
	case ".zst":
		return output(ctx, data, "zstd", "-dcq")
	case ".zck":
		return output(ctx, nil, "unzck", "-c", file)
	}
	return data, nil
}
