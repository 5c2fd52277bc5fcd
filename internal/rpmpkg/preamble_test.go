package rpmpkg

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cavaliergopher/rpm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/rawrpm"
)

// testPackages returns the paths of the packages in testdata.
func testPackages(t testing.TB) []string {
	t.Helper()
	list, err := filepath.Glob("../../testdata/rpms/*.rpm")
	require.NoError(t, err)
	require.NotEmpty(t, list)
	return list
}

func TestReadPreambleStopsAtThePayload(t *testing.T) {
	for _, path := range testPackages(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			want, err := rpm.Read(bytes.NewReader(data))
			require.NoError(t, err)
			start, end := want.HeaderRange()

			for _, slow := range []func(io.Reader) io.Reader{
				func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.DataErrReader,
			} {
				r := bytes.NewReader(data)
				p, err := ReadPreamble(slow(r))
				require.NoError(t, err)
				assert.EqualValues(t, start, p.HeaderStart)
				assert.EqualValues(t, end, p.PayloadStart)
				assert.Equal(t, data[p.HeaderStart:p.PayloadStart], p.Header.Raw)
				assert.Equal(t, data[96:96+len(p.Signature.Raw)], p.Signature.Raw)
				if _, ok := slow(r).(*bytes.Reader); ok {
					assert.EqualValues(t, len(data)-r.Len(), p.PayloadStart, "bytes that were read")
				}
			}
		})
	}
}

func TestReadPreambleOfCutFile(t *testing.T) {
	data, err := os.ReadFile("../../testdata/rpms/weak-1.0-1.noarch.rpm")
	require.NoError(t, err)
	whole, err := ReadPreamble(bytes.NewReader(data))
	require.NoError(t, err)
	for n := range int(whole.PayloadStart) {
		_, err := ReadPreamble(bytes.NewReader(data[:n]))
		if n < leadSize {
			require.ErrorIs(t, err, ErrNotRPM, "%d bytes", n)
		} else {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d bytes", n)
			require.ErrorContains(t, err, "cut short")
		}
	}
	broken := iotest.ErrReader(os.ErrDeadlineExceeded)
	_, err = ReadPreamble(io.MultiReader(bytes.NewReader(data[:200]), broken))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "a read error is passed on")
	_, err = ReadPreamble(broken)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestHeaderValues(t *testing.T) {
	p, err := ReadPreamble(bytes.NewReader(rawrpm.Package("x",
		rawrpm.Strs(2001, "a", "", "c"), rawrpm.I18N(2002, "first", "second"), rawrpm.Bytes(2003, []byte{1, 0, 2}),
		rawrpm.Ints(2004, rawrpm.Int8, 1, 255), rawrpm.Ints(2005, rawrpm.Int16, 2, math.MaxUint16),
		rawrpm.U32(2006, 3, math.MaxUint32), rawrpm.Ints(2007, rawrpm.Int64, 4, math.MaxUint64), rawrpm.Ints(2008, rawrpm.Char, 'x'),
		rawrpm.Str(2009, ""),
	)))
	require.NoError(t, err)
	h := &p.Header
	assert.Equal(t, []string{"a", "", "c"}, h.Strings(2001))
	assert.Equal(t, "a", h.String(2001))
	assert.Equal(t, "first", h.String(2002))
	assert.Equal(t, []string{""}, h.Strings(2009))
	assert.Equal(t, []byte{1, 0, 2}, h.Bytes(2003))
	assert.Equal(t, []uint64{1, 255}, h.Uints(2004))
	assert.Equal(t, []uint64{2, math.MaxUint16}, h.Uints(2005))
	assert.Equal(t, []uint64{3, math.MaxUint32}, h.Uints(2006))
	assert.Equal(t, []uint64{4, math.MaxUint64}, h.Uints(2007))
	assert.Equal(t, []uint64{'x'}, h.Uints(2008))

	// Asked for as another type, or not there at all.
	assert.Empty(t, h.Uints(2001))
	assert.Empty(t, h.Strings(2006))
	assert.Empty(t, h.String(2003))
	assert.Nil(t, h.Bytes(2001))
	assert.False(t, h.Has(2999))
	assert.Empty(t, h.String(2999))
	assert.Empty(t, h.Strings(2999))
	assert.Empty(t, h.Uints(2999))
}

func TestLaterTagHidesEarlier(t *testing.T) {
	// As rpm does it: what signing adds comes behind the original header.
	p, err := ReadPreamble(bytes.NewReader(rawrpm.File(rawrpm.Structure(),
		rawrpm.Structure(rawrpm.Str(1000, "original"), rawrpm.Str(1000, "added")), nil)))
	require.NoError(t, err)
	assert.Equal(t, "added", p.Header.String(1000))
}

// hostile are files made to hurt, all of them small, by what is wrong with
// them.
var hostile = map[string]struct {
	data []byte
	err  string
}{
	"a count of 4 G integers": {
		rawrpm.Package("x", rawrpm.U32(1009, 1).Claim(math.MaxUint32)), "tag 1009: 4294967295 values do not fit",
	},
	"a count of 2 G integers": {
		rawrpm.Package("x", rawrpm.U32(1009, 1).Claim(math.MaxInt32)), "tag 1009: 2147483647 values do not fit",
	},
	"64-bit integers that need a little more than there is": {
		rawrpm.File(rawrpm.Structure(), rawrpm.Structure(rawrpm.Ints(1009, rawrpm.Int64, 1).Claim(2)), nil), "tag 1009: 2 values do not fit",
	},
	"a count of 4 G strings": {
		rawrpm.Package("x", rawrpm.Strs(1117, "a").Claim(math.MaxUint32)), "tag 1117: 4294967295 values do not fit",
	},
	"a count of 2 G strings, in the signature header": {
		rawrpm.File(rawrpm.Structure(rawrpm.Strs(1000, "a").Claim(math.MaxInt32)), rawrpm.Structure(), nil), "signature header: tag 1000",
	},
	"no values": {
		rawrpm.Package("x", rawrpm.U32(1009)), "tag 1009: 0 values",
	},
	"many tags that share one value of a million strings": {
		overlapping(200, 1<<20), "overlaps another",
	},
	"a string that ends behind the store": {
		rawrpm.File(rawrpm.Structure(), rawrpm.Structure(rawrpm.Tag{Tag: 1000, Type: rawrpm.String, Count: 1, Data: []byte("x")}), []byte("y\x00")),
		"tag 1000: a string is not terminated",
	},
	"an array whose last string ends behind the store": {
		rawrpm.File(rawrpm.Structure(), rawrpm.Structure(rawrpm.Tag{Tag: 1117, Type: rawrpm.StringArray, Count: 3, Data: []byte("a\x00b\x00")}), []byte("y\x00")),
		"tag 1117: a string is not terminated",
	},
	"a value behind the store": {
		rawrpm.Package("x", rawrpm.Str(1000, "x").Offset(1<<20)), "tag 1000: offset 1048576 is beyond",
	},
	"a negative offset": {
		rawrpm.Package("x", rawrpm.Str(1000, "x").Offset(math.MaxUint32)), "tag 1000: offset 4294967295 is beyond",
	},
	"an unknown type": {
		rawrpm.Package("x", rawrpm.Tag{Tag: 1000, Type: 10, Count: 1, Data: []byte("x\x00")}), "tag 1000: unknown type 10",
	},
	"one string announced as many": {
		rawrpm.Package("x", rawrpm.Str(1000, "x").Claim(2)), "tag 1000: 2 values of a type that has one",
	},
	"more tags than rpm reads": {
		rawrpm.File(rawrpm.Structure(), rawrpm.Assemble(0x10000, 0, nil), nil), "announces 65536 tags",
	},
	"more bytes than rpm reads": {
		rawrpm.File(rawrpm.Structure(), rawrpm.Assemble(1, 256<<20+1, nil), nil), "announces 268435457 bytes",
	},
	"as many bytes as rpm reads, which do not come": {
		rawrpm.File(rawrpm.Structure(), rawrpm.Assemble(0xffff, 256<<20, nil), nil), "cut short",
	},
	"as many bytes as rpm reads, in the signature header": {
		slices.Concat(rawrpm.Lead(), rawrpm.Assemble(0xffff, 256<<20, make([]byte, 1000))), "signature header: the file is cut short",
	},
	"values in another order than the index": {
		rawrpm.File(rawrpm.Structure(), rawrpm.Structure(rawrpm.Str(1000, "x").Offset(2), rawrpm.Str(1001, "1").Offset(0)), nil), "overlaps another",
	},
	"an integer at an odd offset": {
		rawrpm.File(rawrpm.Structure(), rawrpm.Structure(rawrpm.Str(1000, "abcdefg"), rawrpm.U32(1009, 1).Offset(5)), []byte("12345678")), "is not a multiple of 4",
	},
	"a tag that there is none of": {
		rawrpm.File(rawrpm.Structure(), rawrpm.Structure(rawrpm.Str(99, "x")), nil), "tag 99: there is no such tag",
	},
	"a negative tag": {
		rawrpm.File(rawrpm.Structure(), rawrpm.Structure(rawrpm.Str(1<<31, "x")), nil), "no such tag",
	},
	"a region of another type": {
		rawrpm.File(rawrpm.Structure(), rawrpm.Structure(rawrpm.U32(63, 1, 2, 3, 4), rawrpm.Str(1000, "x")), nil), "it is no region",
	},
	"a region without an end": {
		rawrpm.File(rawrpm.Structure(), rawrpm.Structure(rawrpm.Bytes(63, make([]byte, 16))), nil), "the end of its region is broken",
	},
	"no second header": {
		rawrpm.File(rawrpm.Structure(), []byte("not a header, but long enough to be one"), nil), "header: wrong magic number",
	},
	"no first header": {
		rawrpm.File([]byte("not a header, but long enough to be one"), rawrpm.Structure(), nil), "signature header: wrong magic number",
	},
	"text": {
		[]byte(strings.Repeat("hello ", 100)), "not an rpm package: wrong magic number",
	},
	"a directory number behind the directories": {
		rawrpm.Package("x", rawrpm.With(rawrpm.Files(rawrpm.Entry{Dir: "/usr/", Base: "x"}), rawrpm.U32(1116, 7))...), "file 0 lies in directory 7 of 1",
	},
	"fewer directory numbers than files": {
		rawrpm.Package("x", rawrpm.With(rawrpm.Files(rawrpm.Entry{Dir: "/usr/", Base: "x"}), rawrpm.Strs(1117, "x", "y"))...), "2 file names, but 1 directory numbers",
	},
	"fewer modes than files": {
		rawrpm.Package("x", rawrpm.With(rawrpm.Files(rawrpm.Entry{Dir: "/usr/", Base: "x"}, rawrpm.Entry{Dir: "/usr/", Base: "y"}), rawrpm.Ints(1030, rawrpm.Int16, 1))...),
		"2 file names, but 1 modes",
	},
	"file names that are numbers": {
		rawrpm.Package("x", rawrpm.With(rawrpm.Files(rawrpm.Entry{Dir: "/usr/", Base: "x"}), rawrpm.U32(1117, 1))...), "file names are not strings",
	},
	"a path that is too long": {
		rawrpm.Package("x", rawrpm.Files(rawrpm.Entry{Dir: "/" + strings.Repeat("d", 4090) + "/", Base: "too-long"})...), "a path is longer than 4096",
	},
	"digests of files that are none": {
		rawrpm.Package("x", rawrpm.With(rawrpm.Files(rawrpm.Entry{Dir: "/usr/", Base: "x"}), rawrpm.Strs(1035, strings.Repeat("a", 129)))...),
		"the digests of 1 files take 130 bytes",
	},
	"one long directory for very many files": {
		longDirectory(1 << 16), "out of proportion",
	},
	"no name": {
		rawrpm.Package("x", rawrpm.Without(1000)), "no name",
	},
	"an empty name": {
		rawrpm.Package("x", rawrpm.Str(1000, "")), "no name",
	},
	"a name that is a number": {
		rawrpm.Package("x", rawrpm.U32(1000, 1)), "no name",
	},
	"no version": {
		rawrpm.Package("x", rawrpm.Without(1001)), "no version",
	},
	"no release": {
		rawrpm.Package("x", rawrpm.Without(1002)), "no release",
	},
	"no architecture": {
		rawrpm.Package("x", rawrpm.Without(1022)), "no architecture",
	},
	"nothing at all in its header": {
		rawrpm.File(rawrpm.Structure(), rawrpm.Structure(), nil), "no ",
	},
}

// overlapping is a package with many tags, all of which give the same strings.
func overlapping(tags, count int) []byte {
	list := []rawrpm.Tag{{Tag: 1117, Type: rawrpm.StringArray, Count: uint32(count), Data: make([]byte, count)}} //nolint:gosec // small
	for i := range tags {
		list = append(list, rawrpm.Tag{Tag: uint32(2000 + i), Type: rawrpm.StringArray, Count: uint32(count)}.Offset(0)) //nolint:gosec // small
	}
	return rawrpm.File(rawrpm.Structure(), rawrpm.Structure(list...), nil)
}

// longDirectory is a package whose short file names stand for long paths.
func longDirectory(files int) []byte {
	names, numbers, modes := make([]string, files), make([]uint64, files), make([]uint64, files)
	for i := range names {
		names[i], modes[i] = "f", 0o100644
	}
	return rawrpm.Package("x", rawrpm.Strs(1117, names...), rawrpm.Strs(1118, "/"+strings.Repeat("d", 4000)+"/"), rawrpm.U32(1116, numbers...),
		rawrpm.Ints(1030, rawrpm.Int16, modes...), rawrpm.U32(1037, numbers...))
}

func TestHostileFiles(t *testing.T) {
	for name, c := range hostile {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			allocated, err := decode(c.data)
			require.ErrorContains(t, err, c.err)
			assert.Less(t, time.Since(start), 2*time.Second)
			assert.Less(t, allocated, allocationBound(c.data))
		})
	}
}

// decode reads and decodes a package, and walks through all that it holds. It
// returns how many bytes were allocated meanwhile, freed ones too.
func decode(data []byte) (allocated uint64, err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p, err := ReadPreamble(bytes.NewReader(data))
	if err == nil {
		var pkg *Package
		if pkg, err = p.Package(); err == nil {
			pkg.Files(func(dir, base []byte, _ FileType) bool {
				_ = IsPrimaryFile(dir, base)
				return len(dir)+len(base) <= maxPath
			})
		}
	}
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, err
}

// allocationBound is what a file may take: in proportion to itself, whatever it
// announces. A byte of a header can be a string of its own, which takes 16
// bytes in a list, and lists grow by copying.
func allocationBound(data []byte) uint64 { return uint64(100*len(data) + 8<<20) }

func TestWhatIsOddButReadable(t *testing.T) {
	tests := map[string]struct {
		data []byte
		want string
	}{
		"a signature header without tags": {rawrpm.File(rawrpm.Structure(), rawrpm.Structure(rawrpm.Basic("x")...), nil), "x-1-1.noarch"},
		"no payload":                      {rawrpm.File(rawrpm.Structure(), rawrpm.Region(63, rawrpm.Basic("x")...), nil), "x-1-1.noarch"},
		"an epoch beyond 31 bits":         {rawrpm.Package("x", rawrpm.U32(1003, 3_000_000_000)), "x-3000000000:1-1.noarch"},
		"no summary, licence, vendor":     {rawrpm.Package("x", rawrpm.Without(1004), rawrpm.Without(1005), rawrpm.Without(1014)), "x-1-1.noarch"},
		"a lead of rpm 6":                 {leadOf(4), "x-1-1.noarch"},
		"more dependencies of one kind than are versions": {
			rawrpm.Package("x", rawrpm.Strs(1049, "a", "b"), rawrpm.U32(1048, 0), rawrpm.Strs(1050, "", "")), "x-1-1.noarch",
		},
		"a tag without a value": {rawrpm.File(rawrpm.Structure(), rawrpm.Structure(append(rawrpm.Basic("x"), rawrpm.Tag{Tag: 2000, Count: 1})...), nil), "x-1-1.noarch"},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := ReadPreamble(bytes.NewReader(c.data))
			require.NoError(t, err)
			pkg, err := p.Package()
			require.NoError(t, err)
			assert.Equal(t, c.want, pkg.String())
		})
	}
}

func leadOf(major byte) []byte {
	b := rawrpm.Package("x")
	b[4] = major
	return b
}

func FuzzReadPreamble(f *testing.F) {
	for _, path := range testPackages(f) {
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		p, err := ReadPreamble(bytes.NewReader(data))
		require.NoError(f, err)
		f.Add(data[:p.PayloadStart])
	}
	for _, c := range hostile {
		if len(c.data) < 64<<10 {
			f.Add(c.data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		allocated, err := decode(data)
		if bound := allocationBound(data); allocated > bound {
			t.Errorf("%d bytes took %d bytes of memory, more than %d (%v)", len(data), allocated, bound, err)
		}
	})
}
