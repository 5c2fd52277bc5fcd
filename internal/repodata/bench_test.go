package repodata

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"gorepo/internal/rpmpkg"
	"gorepo/internal/testrepo/genrpm"
)

// benchTree is a tree of packages as repositories have them.
func benchTree(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	if err := genrpm.Generate(dir, genrpm.Options{Packages: 100, FilesPerPackage: 150}); err != nil {
		b.Fatal(err)
	}
	return dir
}

// BenchmarkDescribe formats the entries of a package.
func BenchmarkDescribe(b *testing.B) {
	files, err := filepath.Glob(filepath.Join(benchTree(b), "Packages/*/*.rpm"))
	if err != nil {
		b.Fatal(err)
	}
	var packages []*rpmpkg.File
	for _, name := range files {
		p, err := rpmpkg.ReadPath(b.Context(), name, "sha256")
		if err != nil {
			b.Fatal(err)
		}
		packages = append(packages, p)
	}
	b.ReportAllocs()
	var e Entry
	for b.Loop() {
		size := 0
		for _, p := range packages {
			e.Describe(p, EntryOptions{Location: "Packages/x.rpm", ChangelogLimit: 10}, kinds[:]...)
			size += len(e.Primary) + len(e.Filelists) + len(e.Other)
		}
		b.SetBytes(int64(size))
	}
}

// xmlOf is one file of a tree's metadata.
func xmlOf(b *testing.B, k Kind) []byte {
	b.Helper()
	return []byte(build1(b, Options{Dir: benchTree(b)}).xml(b, k))
}

// BenchmarkReadPrimary reads what an update looks for.
func BenchmarkReadPrimary(b *testing.B) {
	data := xmlOf(b, Primary)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		err := ReadPrimary(bytes.NewReader(data), func(rpmpkg.Ref, []byte) error { return nil }, func(err error) error { return err })
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadPrimaryOfOthers takes the long way.
func BenchmarkReadPrimaryOfOthers(b *testing.B) {
	data := bytes.ReplaceAll(xmlOf(b, Primary), []byte("\n  <"), []byte("\n<"))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		err := ReadPrimary(bytes.NewReader(data), func(rpmpkg.Ref, []byte) error { return nil }, func(err error) error { return err })
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSplitter cuts filelists into its entries.
func BenchmarkSplitter(b *testing.B) {
	data := xmlOf(b, Filelists)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		s, err := NewSplitter(bytes.NewReader(data), Filelists)
		for err == nil {
			_, err = s.Next()
		}
		if !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheck looks through the entries of others before they are copied.
func BenchmarkCheck(b *testing.B) {
	var elements [][]byte
	data := xmlOf(b, Filelists)
	s, err := NewSplitter(bytes.NewReader(data), Filelists)
	for err == nil {
		var e []byte
		if e, err = s.Next(); err == nil {
			elements = append(elements, bytes.Clone(e))
		}
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		for _, e := range elements {
			if err := fitToCopy(e); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkBuild makes metadata anew, and of packages that are listed already.
func BenchmarkBuild(b *testing.B) {
	dir := benchTree(b)
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			if _, err := tryBuild(b, Options{Dir: dir}); err != nil {
				b.Fatal(err)
			}
		}
	})
	old := build1(b, Options{Dir: dir, Excludes: []string{"*-devel-*"}})
	b.Run("update", func(b *testing.B) {
		for b.Loop() {
			if _, err := tryBuild(b, Options{Dir: dir, Old: []*OldMetadata{old.old(b)}}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
