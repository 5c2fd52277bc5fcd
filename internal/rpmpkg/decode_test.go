package rpmpkg

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/rawrpm"
)

// These tables say what the rules are; internal/repodata asks createrepo_c
// itself about packages of the same kinds.

func decoded(t *testing.T, data []byte) *Package {
	t.Helper()
	p, err := ReadPreamble(bytes.NewReader(data))
	require.NoError(t, err)
	pkg, err := p.Package()
	require.NoError(t, err)
	return pkg
}

// show writes dependencies the short way: name[ flags epoch:version[-release]][ pre].
func show(list []Dependency) []string {
	var out []string
	for _, d := range list {
		s := d.Name
		if d.Flags != "" {
			s += " " + d.Flags + " " + d.Epoch + ":" + d.Version
			if d.Release != "" {
				s += "-" + d.Release
			}
		}
		if d.Pre {
			s += " pre"
		}
		out = append(out, s)
	}
	return out
}

func TestRequirements(t *testing.T) {
	type deps = []rawrpm.Dependency
	tests := map[string]struct {
		requires, provides deps
		files              []rawrpm.Entry
		want, recommends   []string
		dropped            []string
	}{
		"none": {},
		"with and without versions": {
			requires: deps{{Name: "a"}, {Name: "b", Version: "1", Flags: 8}, {Name: "c", Version: "2:1-3", Flags: 12}, {Name: "d", Version: "1-2", Flags: 2}},
			want:     []string{"a", "b EQ 0:1", "c GE 2:1-3", "d LT 0:1-2"},
		},
		"features of rpm": {
			requires: deps{{Name: "rpmlib(PayloadIsZstd)", Version: "5.4.18-1", Flags: 10 | 1<<24}, {Name: "rpmlib"}, {Name: "a"}},
			want:     []string{"rpmlib", "a"},
		},
		"its own primary files": {
			files: []rawrpm.Entry{
				{Dir: "/usr/bin/", Base: "tool"},
				{Dir: "/usr/share/", Base: "data"},
				{Dir: "/etc/", Base: "conf", Flags: 1 << 6},
				{Dir: "/etc/", Base: "d", Mode: 0o040755},
			},
			requires: deps{{Name: "/usr/bin/tool"}, {Name: "/usr/share/data"}, {Name: "/etc/conf"}, {Name: "/etc/d"}, {Name: "/bin/sh"}},
			want:     []string{"/usr/share/data", "/bin/sh"},
		},
		"what it provides itself": {
			provides: deps{{Name: "a"}, {Name: "b", Version: "1", Flags: 8}, {Name: "c", Version: "1", Flags: 8}},
			requires: deps{{Name: "a"}, {Name: "b", Version: "1", Flags: 8}, {Name: "c", Version: "2", Flags: 8}, {Name: "c", Version: "1", Flags: 12}, {Name: "b"}},
			want:     []string{"c EQ 0:2", "c GE 0:1", "b"},
		},
		"twice in a row, of one name": {
			requires: deps{{Name: "a"}, {Name: "b"}, {Name: "a"}, {Name: "a", Version: "1", Flags: 8}, {Name: "a"}},
			want:     []string{"a", "b", "a EQ 0:1", "a"},
		},
		"before scripts": {
			requires: deps{
				{Name: "pre", Flags: 1 << 9},
				{Name: "post", Flags: 1 << 10},
				{Name: "preun", Flags: 1 << 11},
				{Name: "postun", Flags: 1 << 12},
				{Name: "prereq", Flags: 1 << 6},
				{Name: "interp", Flags: 1 << 8},
				{Name: "versioned", Version: "1", Flags: 12 | 1<<9},
			},
			want: []string{"pre pre", "post pre", "preun", "postun", "prereq pre", "interp", "versioned GE 0:1 pre"},
		},
		"the same before scripts and for ever": {
			requires: deps{{Name: "/bin/sh"}, {Name: "/bin/sh", Flags: 1 << 9}, {Name: "/bin/sh", Flags: 1 << 10}},
			want:     []string{"/bin/sh", "/bin/sh pre"},
		},
		"of glibc only the newest, last": {
			requires: deps{
				{Name: "libc.so.6()(64bit)"},
				{Name: "libc.so.6(GLIBC_2.4)(64bit)"},
				{Name: "libc.so.6(GLIBC_2.34)(64bit)"},
				{Name: "libc.so.6(GLIBC_2.14)(64bit)"},
				{Name: "libc.so.6(GLIBC_2.3.4)(64bit)"},
				{Name: "libm.so.6()(64bit)"},
			},
			want: []string{"libm.so.6()(64bit)", "libc.so.6(GLIBC_2.34)(64bit)"},
		},
		"of glibc only the bare name": {
			requires: deps{{Name: "libc.so.6"}, {Name: "a"}},
			want:     []string{"a", "libc.so.6"},
		},
		"an epoch that is no number": {
			requires: deps{{Name: "a", Version: "one:1", Flags: 8}, {Name: "b", Version: ":1", Flags: 8}, {Name: "c"}},
			want:     []string{"b EQ 0:1", "c"},
			dropped:  []string{"a one:1"},
		},
		"what may be missing is a recommendation": {
			requires:   deps{{Name: "a"}, {Name: "b", Version: "1", Flags: 12 | 1<<19}},
			want:       []string{"a"},
			recommends: []string{"b GE 0:1"},
		},
		"rich": {
			requires: deps{{Name: "(a >= 1 if b else c)"}},
			want:     []string{"(a >= 1 if b else c)"},
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			pkg := decoded(t, rawrpm.Package("x", slices.Concat(
				rawrpm.Dependencies(rawrpm.Requires, c.requires...), rawrpm.Dependencies(rawrpm.Provides, c.provides...), rawrpm.Files(c.files...))...))
			assert.Equal(t, c.want, show(pkg.Requires))
			assert.Equal(t, c.recommends, show(pkg.Recommends))
			assert.Equal(t, c.dropped, pkg.DroppedDependencies)
		})
	}
}

func TestOtherDependencies(t *testing.T) {
	one := func(kind rawrpm.Kind, name string) []rawrpm.Tag {
		return rawrpm.Dependencies(kind, rawrpm.Dependency{Name: name, Version: "1", Flags: 8})
	}
	pkg := decoded(t, rawrpm.Package("x", slices.Concat(
		one(rawrpm.Provides, "p"), one(rawrpm.Conflicts, "c"), one(rawrpm.Obsoletes, "o"), one(rawrpm.Recommends, "r"),
		one(rawrpm.Suggests, "s"), one(rawrpm.Supplements, "su"), one(rawrpm.Enhances, "e"))...))
	for want, got := range map[string][]Dependency{
		"p EQ 0:1": pkg.Provides, "c EQ 0:1": pkg.Conflicts, "o EQ 0:1": pkg.Obsoletes, "r EQ 0:1": pkg.Recommends,
		"s EQ 0:1": pkg.Suggests, "su EQ 0:1": pkg.Supplements, "e EQ 0:1": pkg.Enhances,
	} {
		assert.Equal(t, []string{want}, show(got))
	}
	assert.Empty(t, pkg.Requires)
}

func TestOldWeakDependencies(t *testing.T) {
	const strong = 1 << 27
	pkg := decoded(t, rawrpm.Package("x", slices.Concat(
		rawrpm.Dependencies(rawrpm.OldSuggests, rawrpm.Dependency{Name: "a"}, rawrpm.Dependency{Name: "b", Flags: strong}),
		rawrpm.Dependencies(rawrpm.OldEnhances, rawrpm.Dependency{Name: "c"}, rawrpm.Dependency{Name: "d", Flags: strong}))...))
	assert.Equal(t, []string{"a"}, show(pkg.Suggests))
	assert.Equal(t, []string{"b"}, show(pkg.Recommends))
	assert.Equal(t, []string{"c"}, show(pkg.Enhances))
	assert.Equal(t, []string{"d"}, show(pkg.Supplements))
}

func TestOldPackageProvidesItself(t *testing.T) {
	self := rawrpm.Dependency{Name: "x", Version: "1-1", Flags: 8}
	other := rawrpm.Dependency{Name: "y"}
	provides := func(list ...rawrpm.Dependency) []rawrpm.Tag { return rawrpm.Dependencies(rawrpm.Provides, list...) }
	tests := map[string]struct {
		data []byte
		want []string
	}{
		"without":                {rawrpm.Old("x", provides(other)...), []string{"y", "x EQ 0:1-1"}},
		"with":                   {rawrpm.Old("x", provides(self, other)...), []string{"x EQ 0:1-1", "y", "x EQ 0:1-1"}},
		"without versions":       {rawrpm.Old("x", rawrpm.Strs(1047, "y", "z")), []string{"y", "z", "x EQ 0:1-1"}},
		"with nothing":           {rawrpm.Old("x"), []string{"x EQ 0:1-1"}},
		"with an epoch":          {rawrpm.Old("x", append(provides(other), rawrpm.U32(1003, 2))...), []string{"y", "x EQ 2:1-1"}},
		"a source package":       {rawrpm.Old("x", slices.Concat(provides(other), rawrpm.Files(rawrpm.Entry{Base: "x.spec"}), []rawrpm.Tag{rawrpm.Without(1044)})...), []string{"y"}},
		"made by rpm 4 or newer": {rawrpm.Package("x", provides(other)...), []string{"y"}},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, show(decoded(t, c.data).Provides)) })
	}
}

func TestIdentity(t *testing.T) {
	src := decoded(t, rawrpm.Package("x", rawrpm.Without(1044), rawrpm.U32(1106, 1), rawrpm.Str(1022, "x86_64")))
	assert.Equal(t, "x-1-1.src", src.String())
	assert.Empty(t, src.SourceRPM)

	// rpm 3 did not mark source packages.
	unmarked := func(files ...rawrpm.Entry) *Package {
		return decoded(t, rawrpm.Package("x", append(rawrpm.Files(files...), rawrpm.Without(1044))...))
	}
	assert.Equal(t, "src", unmarked(rawrpm.Entry{Base: "x.spec"}, rawrpm.Entry{Base: "x.tar.gz"}).Arch)
	for _, binary := range []*Package{unmarked(), unmarked(rawrpm.Entry{Dir: "/", Base: "x"}), unmarked(rawrpm.Entry{Base: "x"}, rawrpm.Entry{Dir: "/", Base: "x"})} {
		assert.Equal(t, "noarch", binary.Arch)
		assert.Equal(t, "(none)", binary.SourceRPM)
	}

	p := decoded(t, rawrpm.Package("x", rawrpm.U32(1003, 7), rawrpm.I18N(1004, "first", "second"), rawrpm.I18N(1005, "text", "Text")))
	assert.Equal(t, "7", p.Epoch)
	assert.Equal(t, "first", p.Summary, "the C locale's, not all of them")
	assert.Equal(t, "text", p.Description)
	assert.EqualValues(t, 1704067200, p.BuildTime)
	assert.EqualValues(t, 100, p.InstalledSize)
	assert.EqualValues(t, "0", decoded(t, rawrpm.Package("x")).Epoch)
}

func TestSizes(t *testing.T) {
	long := uint64(5 << 30)
	with := func(signature []rawrpm.Tag, more ...rawrpm.Tag) *Package {
		return decoded(t, rawrpm.File(rawrpm.Region(62, signature...), rawrpm.Region(63, rawrpm.With(rawrpm.Basic("x"), more...)...), nil))
	}
	p := with([]rawrpm.Tag{rawrpm.U32(1007, 9)}, rawrpm.U32(1009, 1), rawrpm.Ints(5009, rawrpm.Int64, long))
	assert.Equal(t, long, p.InstalledSize)
	assert.EqualValues(t, 9, p.ArchiveSize)
	assert.Equal(t, long, with([]rawrpm.Tag{rawrpm.Ints(271, rawrpm.Int64, long)}).ArchiveSize)
	assert.EqualValues(t, 0xfffffff0, with(nil, rawrpm.U32(1009, 0xfffffff0)).InstalledSize, "32 bits without a sign")
}

func TestFileList(t *testing.T) {
	type file struct {
		path string
		kind FileType
	}
	list := func(p *Package) (files []file) {
		p.Files(func(dir, base []byte, t FileType) bool {
			files = append(files, file{string(dir) + string(base), t})
			return true
		})
		return files
	}
	p := decoded(t, rawrpm.Package("x", rawrpm.Files(
		rawrpm.Entry{Dir: "/etc/", Base: "conf"}, rawrpm.Entry{Dir: "/var/", Base: "log", Mode: 0o040755},
		rawrpm.Entry{Dir: "/etc/", Base: "made-later", Flags: 1 << 6}, rawrpm.Entry{Dir: "/var/", Base: "ghost-dir", Mode: 0o040755, Flags: 1 << 6},
		rawrpm.Entry{Dir: "/usr/", Base: "link", Mode: 0o120777}, rawrpm.Entry{Dir: "", Base: "x.spec", Flags: 1 << 5})...))
	want := []file{
		{"/etc/conf", RegularFile},
		{"/var/log", Directory},
		{"/etc/made-later", Ghost},
		{"/var/ghost-dir", Directory},
		{"/usr/link", RegularFile},
		{"x.spec", RegularFile},
	}
	assert.Equal(t, want, list(p))

	stopped := 0
	p.Files(func(_, _ []byte, _ FileType) bool { stopped++; return stopped < 2 })
	assert.Equal(t, 2, stopped)

	old := decoded(t, rawrpm.Old("x", rawrpm.Strs(1027, "/etc/conf", "/usr/bin/x", "rootless"),
		rawrpm.Ints(1030, rawrpm.Int16, 0o100644, 0o100755, 0o040755), rawrpm.U32(1037, 0, 0, 0)))
	assert.Equal(t, []file{{"/etc/conf", RegularFile}, {"/usr/bin/x", RegularFile}, {"rootless", Directory}}, list(old))
	assert.Empty(t, list(decoded(t, rawrpm.Package("x"))))
}

func TestIsPrimaryFile(t *testing.T) {
	for path, want := range map[[2]string]bool{
		{"/etc/", "passwd"}: true, {"/etc/x/y/", "z"}: true, {"/usr/bin/", "ls"}: true, {"/sbin/", "init"}: true,
		{"/opt/bin/x/", "y"}: true, {"/usr/lib/", "sendmail"}: true, {"/usr/cabin/", "x"}: true,
		{"/usr/", "bin"}: false, {"/", "etc"}: false, {"/usr/etc/", "x"}: false, {"/usr/lib/", "sendmail2"}: false,
		{"/usr/lib64/", "sendmail"}: false, {"/usr/share/", "x"}: false, {"", "x"}: false,
		// However the header splits them.
		{"/etc", "x"}: false, {"/usr/bin", "/x"}: true, {"/a/", "bin/x"}: true, {"/usr/", "lib/sendmail"}: true, {"", "/etc/x"}: true, {"/e", "tc/x"}: true, {"", ""}: false,
	} {
		assert.Equal(t, want, IsPrimaryFile([]byte(path[0]), []byte(path[1])), "%s%s", path[0], path[1])
	}
}
