package rpmpkg

import (
	"path/filepath"
	"testing"

	"gorepo/internal/testrepo/genrpm"
)

// BenchmarkReadPath reads packages of some kilobytes: their headers are most of
// the work.
func BenchmarkReadPath(b *testing.B) {
	dir := b.TempDir()
	if err := genrpm.Generate(dir, genrpm.Options{Packages: 100, FilesPerPackage: 150}); err != nil {
		b.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "Packages/*/*.rpm"))
	if err != nil {
		b.Fatal(err)
	}
	var size int64
	b.ReportAllocs()
	for b.Loop() {
		size = 0
		for _, name := range names {
			p, err := ReadPath(b.Context(), name, "sha256")
			if err != nil {
				b.Fatal(err)
			}
			size += p.Size
			p.Recycle()
		}
	}
	b.SetBytes(size)
}
