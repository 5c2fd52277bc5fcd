package repodata

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/genrpm"
)

// TestBadPackageChangesNothing: files that were announced to list a package more
// are the same, byte for byte, as if it had never been there.
func TestBadPackageChangesNothing(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, genrpm.Generate(dir, genrpm.Options{Packages: 150, FilesPerPackage: 200}))
	want := build1(t, Options{Dir: dir, Revision: "1"})
	rec, ok := want.Repomd.Find("filelists")
	require.True(t, ok)
	require.Greater(t, rec.OpenSize, int64(3<<19), "several blocks")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "zzz.rpm"), []byte("not one"), 0o644))
	got, err := tryBuild(t, Options{Dir: dir, Revision: "1"})
	require.NoError(t, err)
	require.Len(t, got.bad, 1)
	for i, rec := range want.Repomd.Records {
		assert.Equal(t, rec.Checksum, got.Repomd.Records[i].Checksum, rec.Type)
	}
}
