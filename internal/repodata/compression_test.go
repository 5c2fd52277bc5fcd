package repodata

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/rawrpm"
)

const compsText = "<comps><!-- of the test --></comps>"

// requireSuffixes checks in which compressions a generation is, by the names
// of its files and by their first bytes.
func (b built) requireSuffixes(t testing.TB, lists, extras Compression) {
	t.Helper()
	names := map[string]string{"group": "comps.xml" + extras.suffix(), "prodid": "productid.gz"}
	for _, rec := range b.Repomd.Records {
		c, name := extras, names[rec.Type]
		switch {
		case isPackageList(rec.Type):
			c, name = lists, rec.Type+".xml"+lists.suffix()
		case rec.Type == "prodid": // goes along as it is
			c = Gzip
		}
		assert.Equal(t, rec.Checksum.Hex+"-"+name, rec.Name())
		data, err := os.ReadFile(filepath.Join(b.dir, rec.Name()))
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(string(data), codecs[c].magic), rec.Name())
	}
}

// TestCompressions goes from each compression to each other: entries are used
// again and not read, extras are what they were.
func TestCompressions(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	plain := build1(t, Options{Dir: dir})
	for _, from := range compressions {
		extras := []Extra{
			extra("comps.xml", "group", true, []byte(compsText)),
			extra("productid.gz", "prodid", false, gzipped(t, []byte("a certificate"))),
		}
		other := compressions[(int(from)+1)%len(compressions)]
		o := Options{Dir: dir, Extras: extras, Compression: from, ExtraCompression: other}
		first := build1(t, o)
		first.requireSuffixes(t, from, other)
		for _, k := range kinds {
			require.Equal(t, plain.xml(t, k), first.xml(t, k), "%v %v", from, k)
		}
		for _, to := range compressions {
			t.Run(fmt.Sprintf("%v to %v", from, to), func(t *testing.T) {
				old := first.old(t)
				o := Options{Extras: old.Extras(), Compression: to, ExtraCompression: to}
				b := again(t, dir, old, o)
				require.False(t, b.Unchanged, "the extras are in another one, or the lists")
				assert.Empty(t, b.packages, "read")
				assert.Equal(t, len(first.Locations), b.Reused)
				b.requireWhole(t)
				b.requireSuffixes(t, to, to)
				for _, k := range kinds {
					require.Equal(t, plain.xml(t, k), b.xml(t, k))
				}
				group, ok := b.Repomd.Find("group")
				require.True(t, ok)
				assert.Equal(t, compsText, string(content(t, b.dir, group)))

				before, _ := old.Repomd.Find("group")
				assert.Equal(t, to == other, before.Checksum == group.Checksum, "copied byte for byte")

				second := b.old(t)
				o.Extras = second.Extras()
				assert.True(t, again(t, dir, second, o).Unchanged)
				o.Extras = extras
				assert.True(t, again(t, dir, b.old(t), o).Unchanged, "where the same comes from elsewhere, packed otherwise")
				o.Compression = (to + 1) % Compression(len(compressions))
				assert.False(t, again(t, dir, b.old(t), o).Unchanged, "other lists")
				o.Compression, o.ExtraCompression = to, (to+1)%Compression(len(compressions))
				assert.False(t, again(t, dir, b.old(t), o).Unchanged, "other extras")
			})
		}
	}
}

// TestCompressionsAndWorkers: the same files, whatever the number.
func TestCompressionsAndWorkers(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	for _, c := range compressions {
		o := Options{
			Dir: dir, Compression: c, ExtraCompression: c, TimestampFromRevision: true,
			Extras: []Extra{extra("comps.xml", "group", true, []byte(compsText))},
		}
		var first map[string]string
		for workers := 1; workers <= 4; workers++ {
			o.Workers = workers
			files := build1(t, o).files(t)
			if first == nil {
				first = files
			}
			assert.Equal(t, first, files, "%v, %d workers", c, workers)
		}
	}
}

// TestCompressionsWithBadPackages: the number in the first line is corrected.
func TestCompressionsWithBadPackages(t *testing.T) {
	dir := newTree(t, testPackages(t)[:3]...)
	addFile(t, dir, "bad.rpm", rawrpm.Package("bad")[:200])
	for _, c := range compressions {
		b := build1(t, Options{Dir: dir, Compression: c, ExtraCompression: c})
		b.requireSuffixes(t, c, c)
		assert.Len(t, b.Locations, 3)
		assert.Len(t, b.bad, 1)
		assert.Contains(t, b.xml(t, Primary), ` packages="3">`)
	}
}
