package repodata

import (
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
	"gorepo/internal/testrepo/rawrpm"
	"gorepo/internal/zchunk"
)

// zchunkExtras are metadata of several kinds that goes along.
func zchunkExtras(t testing.TB) []Extra {
	return []Extra{
		extra("comps.xml", "group", true, []byte(compsText)),
		extra("productid.gz", "productid", false, gzipped(t, []byte("a certificate"))),
		extra("plain", "plain", false, []byte("plain")),
		extra("own.yaml.zck", "own", false, zchunked(t, []byte("own"))),
	}
}

// requireCopies checks that a generation has a zchunk copy of every file, made
// with dict.
func (b built) requireCopies(t testing.TB, dict []byte) {
	t.Helper()
	copies := 0
	for _, rec := range b.Repomd.Records {
		if filepath.Ext(rec.Name()) == ".zck" {
			z := openZchunk(t, filepath.Join(b.dir, rec.Name()))
			assert.Equal(t, z.Header().Size, rec.HeaderSize, rec.Type)
			assert.Equal(t, z.Header().ChecksumType+" "+hex.EncodeToString(z.Header().Checksum), rec.HeaderChecksum.Type+" "+rec.HeaderChecksum.Hex)
			if rec.Type != "own" {
				assert.Equal(t, string(dict), string(z.Dict()), rec.Type)
			}
			copies++
			continue
		}
		copied, ok := b.Repomd.Find(rec.Type + "_zck")
		require.True(t, ok, rec.Type)
		assert.Equal(t, string(content(t, b.dir, rec)), string(content(t, b.dir, copied)))
		assert.Equal(t, rec.ContentName()+".zck", copied.PlainName())
		assert.Equal(t, rec.contentChecksum(), copied.OpenChecksum)
		assert.Empty(t, rec.HeaderChecksum)
	}
	assert.Equal(t, len(kinds)+4, copies)
}

func openZchunk(t testing.TB, path string) *zchunk.Reader {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	z, err := zchunk.NewReader(f)
	require.NoError(t, err)
	return z
}

func types(m *Repomd) (list []string) {
	for _, rec := range m.Records {
		list = append(list, rec.Type)
	}
	return list
}

func TestZchunkCopies(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	addFile(t, dir, "bad.rpm", rawrpm.Package("bad")[:200])
	var zck map[string]string
	for _, c := range compressions {
		o := Options{Dir: dir, Compression: c, ExtraCompression: c, Zchunk: true, TimestampFromRevision: true, Extras: zchunkExtras(t)}
		b := build1(t, o)
		require.Len(t, b.bad, 1)
		b.requireCopies(t, nil)
		assert.Equal(t, []string{
			"primary", "filelists", "other", "primary_zck", "filelists_zck", "other_zck",
			"group", "group_zck", "own", "plain", "plain_zck", "productid", "productid_zck",
		}, types(b.Repomd))

		// The copies are the same, whatever they are copied from, and by how many.
		copies := b.files(t)
		for name := range copies {
			if filepath.Ext(name) != ".zck" {
				delete(copies, name)
			}
		}
		if zck == nil {
			zck = copies
		}
		assert.Equal(t, zck, copies)
		o.Workers = 3
		assert.Equal(t, b.files(t), build1(t, o).files(t))
	}
	simple := build1(t, Options{Dir: dir, SimpleNames: true, Zchunk: true})
	assert.Contains(t, simple.files(t), "filelists.xml.zck")
	sha1 := build1(t, Options{Dir: dir, Checksum: "sha1", Zchunk: true})
	rec, _ := sha1.Repomd.Find("primary_zck")
	assert.Equal(t, "sha1 sha1 sha256", rec.Checksum.Type+" "+rec.OpenChecksum.Type+" "+rec.HeaderChecksum.Type)
	empty := build1(t, Options{Dir: t.TempDir(), Zchunk: true})
	assert.Len(t, empty.Repomd.Records, 6)
}

// TestZchunkUnchanged: the copies count as what a generation has.
func TestZchunkUnchanged(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	dicts := t.TempDir()
	for _, name := range []string{"primary.xml", "filelists.xml", "other.xml", "comps.xml", "productid", "plain"} {
		addFile(t, dicts, name+".zdict", []byte("a dictionary"))
	}
	off := Options{Extras: zchunkExtras(t)}
	on, with := off, off
	on.Zchunk, with.Zchunk, with.ZchunkDictDir = true, true, dicts
	all := map[string]Options{"off": off, "on": on, "with dictionaries": with}
	for from, o := range all {
		for to, next := range all {
			t.Run(from+" to "+to, func(t *testing.T) {
				o := o
				o.Dir = dir
				first := build1(t, o)
				b := again(t, dir, first.old(t), next)
				assert.Equal(t, from == to, b.Unchanged)
				assert.Empty(t, b.packages, "read")
				if b.Unchanged {
					return
				}
				assert.Empty(t, b.warnings)
				switch to {
				case "off":
					assert.Len(t, b.Repomd.Records, len(kinds)+len(next.Extras))
				case "on":
					b.requireCopies(t, nil)
				default:
					b.requireCopies(t, []byte("a dictionary"))
				}
				second := b.old(t)
				next.Extras = second.Extras()
				assert.True(t, again(t, dir, second, next).Unchanged, "with its own extras")
			})
		}
	}

	on.Dir = dir
	for name, change := range map[string]func(m *OldMetadata){
		"a copy less": func(m *OldMetadata) { m.Repomd.Remove("group_zck") },
		"a copy of other content": func(m *OldMetadata) {
			i := slices.IndexFunc(m.Repomd.Records, func(r Record) bool { return r.Type == "primary_zck" })
			m.Repomd.Records[i].OpenChecksum = m.Repomd.Records[0].Checksum
		},
		"a copy of unknown content": func(m *OldMetadata) {
			for i := range m.Repomd.Records {
				m.Repomd.Records[i].OpenChecksum.Hex = ""
			}
		},
		"a copy that is none": func(m *OldMetadata) {
			zck := slices.IndexFunc(m.Repomd.Records, func(r Record) bool { return r.Type == "other_zck" })
			other, _ := m.Repomd.Find("other")
			other.Type = "other_zck"
			m.Repomd.Records[zck] = other
		},
		"a damaged copy": func(m *OldMetadata) {
			open := m.Open
			m.Open = func(rec Record) (io.ReadCloser, error) {
				if rec.Type == "filelists_zck" {
					rec, _ = m.Repomd.Find("other_zck")
				}
				return open(rec)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := build1(t, on)
			old := b.old(t)
			change(old)
			b = again(t, dir, old, on)
			assert.False(t, b.Unchanged)
			b.requireCopies(t, nil)
		})
	}
}

// TestZchunkDicts: what cannot be used is said, what is not there is done without.
func TestZchunkDicts(t *testing.T) {
	dir, dicts := newTree(t, testPackages(t)[:3]...), t.TempDir()
	o := Options{Dir: dir, Zchunk: true, ZchunkDictDir: dicts, Extras: zchunkExtras(t)}
	addFile(t, dicts, "other.xml.zdict", []byte("just content"))
	b := build1(t, o)
	assert.Equal(t, []string{
		fmt.Sprintf(": %s has no dictionary filelists.xml.zdict: the zchunk copy is made without", dicts),
		fmt.Sprintf(": %s has no dictionary primary.xml.zdict: the zchunk copy is made without", dicts),
	}, b.warnings)
	rec, _ := b.Repomd.Find("other_zck")
	assert.Equal(t, "just content", string(openZchunk(t, filepath.Join(b.dir, rec.Name())).Dict()))

	addFile(t, dicts, "comps.xml.zdict", []byte("\x37\xa4\x30\xec and so on"))
	_, err := tryBuild(t, o)
	require.ErrorContains(t, err, "the zchunk copy of group: "+filepath.Join(dicts, "comps.xml.zdict")+" cannot be used as a dictionary: ")
	addFile(t, dicts, "comps.xml.zdict", make([]byte, zchunk.MaxDict+1))
	_, err = tryBuild(t, o)
	require.ErrorContains(t, err, "more than 4194304 bytes")
}

// TestZchunkAlone: metadata that is there in zchunk only is used again, and
// what clients read in any compression is unpacked.
func TestZchunkAlone(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	plain := build1(t, Options{Dir: dir})
	first := build1(t, Options{Dir: dir, Compression: Zchunk, ExtraCompression: Zchunk, Extras: []Extra{extra("comps.xml", "group", true, []byte(compsText))}})
	old := first.old(t)
	for i := range old.Repomd.Records {
		rec := &old.Repomd.Records[i]
		require.Equal(t, ".zck", filepath.Ext(rec.Name()))
		require.NotZero(t, rec.HeaderSize)
		if rec.Type == "group" {
			rec.Type = "group_zck"
		}
	}
	b := again(t, dir, old, Options{Extras: old.Extras()})
	assert.Empty(t, b.packages, "read")
	for _, k := range kinds {
		assert.Equal(t, plain.xml(t, k), b.xml(t, k))
	}
	assert.Equal(t, []string{"primary", "filelists", "other", "group"}, types(b.Repomd))
	rec, _ := b.Repomd.Find("group")
	assert.Equal(t, "comps.xml.gz", rec.PlainName())
	assert.Equal(t, compsText, string(content(t, b.dir, rec)))
}

// TestDamagedZchunkExtra: a file that says it is zchunk, and is not, is left
// out as any that cannot be read.
func TestDamagedZchunkExtra(t *testing.T) {
	for _, data := range [][]byte{[]byte("not at all"), zchunked(t, []byte("own"))[:100]} {
		b, err := tryBuild(t, Options{Dir: newTree(t, testPackages(t)[0]), Extras: []Extra{extra("own.zck", "own", false, data)}})
		require.NoError(t, err)
		require.Len(t, b.bad, 1)
		assert.Contains(t, b.bad[0], "own.zck: ")
		assert.Equal(t, []string{"primary", "filelists", "other"}, types(b.Repomd))
	}
}

// TestZchunkBoundaries: a chunk begins where packages come from another source.
func TestZchunkBoundaries(t *testing.T) {
	peer.Need(t, "zck_read_header")
	dir := t.TempDir()
	const sourceRPM = 1044
	for name, source := range map[string]string{
		"a": "one.src.rpm", "b": "one.src.rpm", "c": "", "d": "", "e": "one.src.rpm", "f": "two&more.src.rpm", "g": "two&more.src.rpm", "h": "two.src.rpm",
	} {
		tag := rawrpm.Str(sourceRPM, source)
		if source == "" {
			tag = rawrpm.Tag{Tag: sourceRPM, Type: rawrpm.Null}
		}
		addFile(t, dir, name+".rpm", rawrpm.Package(name, tag))
	}
	b := build1(t, Options{Dir: dir, Zchunk: true})
	require.Empty(t, b.bad)
	for _, k := range kinds {
		rec, _ := b.Repomd.Find(k.String() + "_zck")
		text := string(content(t, b.dir, rec))
		var packages []int
		for _, n := range chunkSizes(t, filepath.Join(b.dir, rec.Name())) {
			packages = append(packages, len(regexp.MustCompile("<package ").FindAllString(text[:n], -1)))
			text = text[n:]
		}
		assert.Equal(t, []int{0, 2, 2, 1, 2, 1}, packages, "%v", k)
	}
}

// chunkSizes are the sizes of the contents of a file's chunks.
func chunkSizes(t testing.TB, file string) (sizes []int) {
	t.Helper()
	out, err := exec.Command("zck_read_header", "-c", file).CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, line := range regexp.MustCompile(`(?m)^ +[1-9]\d* [0-9a-f]{32} .* (\d+)$`).FindAllStringSubmatch(string(out), -1) {
		n, err := strconv.Atoi(line[1])
		require.NoError(t, err)
		sizes = append(sizes, n)
	}
	return sizes
}
