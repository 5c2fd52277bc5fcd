package repodata

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/rawrpm"
)

// TestHeavyChanges: a package is read once, however much there is to say of it.
func TestHeavyChanges(t *testing.T) {
	dir := t.TempDir()
	files := make([]rawrpm.Entry, 30_000)
	for i := range files {
		files[i] = rawrpm.Entry{Dir: fmt.Sprintf("/usr/share/heavy/a-directory-with-a-long-name-%d/", i%100), Base: fmt.Sprint("file-", i)}
	}
	addFile(t, dir, "heavy.rpm", rawrpm.Package("heavy", rawrpm.Files(files...)...))
	manyPackages(t, dir, 20)
	b := build1(t, Options{Dir: dir, OnPackage: func(location string) {
		if location == "heavy.rpm" {
			addFile(t, dir, location, rawrpm.Package("other"))
		}
	}})
	require.Empty(t, b.bad)
	assert.Len(t, b.warnings, 1)
	assert.Contains(t, b.xml(t, Primary), "<name>heavy</name>")
	assert.Equal(t, 30_000, strings.Count(b.xml(t, Filelists), "/usr/share/heavy/"))
}

// TestChangedAfterReading: what is listed is whole, and somebody is told.
func TestChangedAfterReading(t *testing.T) {
	dir := t.TempDir()
	manyPackages(t, dir, 3)
	b := build1(t, Options{Dir: dir, OnPackage: func(location string) {
		switch location {
		case "p000.rpm":
			addFile(t, dir, location, bytes.Repeat(rawrpm.Package("other"), 2))
		case "p001.rpm":
			assert.NoError(t, os.Remove(filepath.Join(dir, location)))
		}
	}})
	assert.Len(t, b.Locations, 3)
	require.Len(t, b.warnings, 2)
	assert.Contains(t, b.warnings[0], "p000.rpm: it changed after it was read")
	assert.Contains(t, b.warnings[1], "p001.rpm: it is gone since it was read")
	assert.Contains(t, b.xml(t, Primary), "<name>p000</name>")
	assert.Empty(t, b.bad)
}
