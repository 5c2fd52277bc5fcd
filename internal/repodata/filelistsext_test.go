package repodata

import (
	"encoding/xml"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

// extPackage is what filelists-ext says of a package.
type extPackage struct {
	PkgID    string `xml:"pkgid,attr"`
	Name     string `xml:"name,attr"`
	Checksum struct {
		Type string `xml:"type,attr"`
	} `xml:"checksum"`
	Files []struct {
		Type string `xml:"type,attr"`
		Hash string `xml:"hash,attr"`
		Path string `xml:",chardata"`
	} `xml:"file"`
}

func (b built) filelistsExt(t *testing.T) []extPackage {
	t.Helper()
	var list struct {
		XMLName  xml.Name     `xml:"http://linux.duke.edu/metadata/filelists-ext filelists-ext"`
		Packages []extPackage `xml:"package"`
	}
	require.NoError(t, xml.Unmarshal([]byte(b.xml(t, FilelistsExt)), &list))
	return list.Packages
}

// TestFilelistsExt: the digests are those that rpm finds.
func TestFilelistsExt(t *testing.T) {
	rpm := peer.Need(t, "rpm")
	dir := newTree(t, testPackages(t)...)
	b := build1(t, Options{Dir: dir, FilelistsExt: true})
	packages := b.filelistsExt(t)
	require.Len(t, packages, len(b.Locations))
	var digests int
	for i, p := range packages {
		file := filepath.Join(dir, b.Locations[i])
		said, err := exec.Command(rpm, "-qp", "--nosignature", "--nodigest", "--qf", "[%{FILENAMES} %{FILEDIGESTS}\n]", file).Output()
		require.NoError(t, err)
		var got strings.Builder
		for _, f := range p.Files {
			got.WriteString(f.Path + " " + f.Hash + "\n")
			if f.Hash != "" {
				digests++
			}
		}
		assert.Equal(t, strings.ReplaceAll(string(said), "(none)", ""), got.String(), file)
		assert.Contains(t, []string{"md5", "sha256"}, p.Checksum.Type)
	}
	assert.Greater(t, digests, len(packages))
	// But for digests it is filelists.
	plain := strings.NewReplacer("-ext", "", "\n  <checksum type=\"sha256\"/>", "", "\n  <checksum type=\"md5\"/>", "").Replace(b.xml(t, FilelistsExt))
	for _, p := range packages {
		for _, f := range p.Files {
			plain = strings.Replace(plain, ` hash="`+f.Hash+`"`, "", 1)
		}
	}
	requireSameLines(t, b.xml(t, Filelists), plain, "filelists")
}

// TestFilelistsExtUpdate: entries without digests are not used for it, and it goes
// when nobody asks for it.
func TestFilelistsExtUpdate(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	without := build1(t, Options{Dir: dir})
	with := build1(t, Options{Dir: dir, FilelistsExt: true, Old: []*OldMetadata{without.old(t)}})
	assert.Zero(t, with.Reused)

	old := with.old(t)
	again, err := tryBuild(t, Options{Dir: dir, FilelistsExt: true, Published: old, Old: []*OldMetadata{old}})
	require.NoError(t, err)
	assert.True(t, again.Unchanged)

	fewer := build1(t, Options{Dir: dir, FilelistsExt: true, Excludes: []string{"hello*"}, Old: []*OldMetadata{with.old(t)}})
	assert.Zero(t, fewer.Read)
	more := build1(t, Options{Dir: dir, FilelistsExt: true, Old: []*OldMetadata{fewer.old(t)}})
	assert.Equal(t, with.xml(t, FilelistsExt), more.xml(t, FilelistsExt))
	assert.Positive(t, more.Reused)
	assert.Positive(t, more.Read)

	old = with.old(t)
	plain := build1(t, Options{Dir: dir, Published: old, Old: []*OldMetadata{old}})
	assert.False(t, plain.Unchanged)
	assert.Zero(t, plain.Read)
	assert.Len(t, plain.Repomd.Records, len(kinds))

	all := build1(t, Options{Dir: dir, FilelistsExt: true, Zchunk: true, Databases: true})
	var types []string
	for _, rec := range all.Repomd.Records {
		types = append(types, rec.Type)
	}
	assert.Equal(t, []string{
		"primary", "filelists", "other", "primary_db", "filelists_db", "other_db", "primary_zck", "filelists_zck", "other_zck",
		"filelists-ext", "filelists-ext_zck",
	}, types)
	old = all.old(t)
	again, err = tryBuild(t, Options{Dir: dir, FilelistsExt: true, Zchunk: true, Databases: true, Published: old, Old: []*OldMetadata{old}})
	require.NoError(t, err)
	assert.True(t, again.Unchanged)
}
