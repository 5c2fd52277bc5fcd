package testrepo

import (
	"bytes"
	"os"
	"path/filepath"
	"sort"
	"testing"

	"github.com/cavaliergopher/rpm"
	"github.com/stretchr/testify/require"
)

// Header tags, from rpmtag.h.
const (
	tagFileModes     = 1030
	tagFileFlags     = 1037
	tagSourcePackage = 1106
	tagDirIndexes    = 1116
	tagBaseNames     = 1117
	tagDirNames      = 1118
	tagChangeTime    = 1080
	tagChangeName    = 1081
	tagChangeText    = 1082
	tagModularity    = 5096

	flagGhost  = 1 << 6
	modeDir    = 0o040000
	modeFormat = 0o170000
)

// RPM reads a package file: what a client needs to install it, no more (lists
// of files and changelogs are complete, dependencies unfiltered but for
// rpmlib).
func RPM(t testing.TB, file string) *Package {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	st, err := os.Stat(file)
	require.NoError(t, err)
	r, err := rpm.Read(bytes.NewReader(data))
	require.NoError(t, err, file)
	h := &r.Header
	start, end := r.HeaderRange()
	p := &Package{
		Name: r.Name(), Version: r.Version(), Release: r.Release(), Arch: r.Architecture(),
		Summary: first(h, 1004), Description: first(h, 1005), Packager: r.Packager(), URL: r.URL(),
		License: r.License(), Vendor: r.Vendor(), Group: first(h, 1016), BuildHost: r.BuildHost(),
		SourceRPM: r.SourceRPM(), ModularityLabel: first(h, tagModularity),
		Location: "Packages/" + filepath.Base(file), Data: data,
		FileTime: st.ModTime().Unix(), BuildTime: r.BuildTime().Unix(),
		InstalledSize: int64(r.Size()), ArchiveSize: int64(r.ArchiveSize()), //nolint:gosec // sizes of files
		HeaderStart: int64(start), HeaderEnd: int64(end),
	}
	if e := ints(h, 1003); len(e) > 0 && e[0] != 0 {
		p.Epoch = itoa(e[0])
	}
	if h.GetTag(tagSourcePackage) != nil || p.SourceRPM == "" {
		p.Arch = "src"
	}
	p.Provides = deps(h, 1047, 1112, 1113)
	p.Requires = deps(h, 1049, 1048, 1050)
	p.Conflicts = deps(h, 1054, 1053, 1055)
	p.Obsoletes = deps(h, 1090, 1114, 1115)
	p.Recommends = deps(h, 5046, 5048, 5047)
	p.Suggests = deps(h, 5049, 5051, 5050)
	p.Supplements = deps(h, 5052, 5054, 5053)
	p.Enhances = deps(h, 5055, 5057, 5056)
	p.Files = files(h)
	p.Changelogs = changelogs(h)
	return p
}

// Dir reads all *.rpm files of a directory, sorted by name.
func Dir(t testing.TB, dir string) []*Package {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.rpm"))
	require.NoError(t, err)
	require.NotEmpty(t, names, "no *.rpm in %s", dir)
	sort.Strings(names)
	packages := make([]*Package, 0, len(names))
	for _, name := range names {
		packages = append(packages, RPM(t, name))
	}
	return packages
}

func list(h *rpm.Header, tag int) []string {
	if t := h.GetTag(tag); t != nil {
		return t.StringSlice()
	}
	return nil
}

func ints(h *rpm.Header, tag int) []int64 {
	if t := h.GetTag(tag); t != nil {
		return t.Int64Slice()
	}
	return nil
}

func first(h *rpm.Header, tag int) string {
	if s := list(h, tag); len(s) > 0 {
		return s[0]
	}
	return ""
}

// deps reads one kind of dependency from its tags for names, flags and
// versions.
func deps(h *rpm.Header, nameTag, flagTag, versionTag int) []Dep {
	names, flags, versions := list(h, nameTag), ints(h, flagTag), list(h, versionTag)
	var out []Dep
	seen := map[Dep]bool{}
	for i, name := range names {
		if i >= len(flags) || i >= len(versions) || flags[i]&(1<<24) != 0 { // rpmlib()
			continue
		}
		d := Dep{Name: name, Pre: nameTag == 1049 && flags[i]&(1<<6|1<<9|1<<10) != 0}
		d.Flags = map[int64]string{2: "LT", 4: "GT", 8: "EQ", 10: "LE", 12: "GE"}[flags[i]&14]
		if d.Flags != "" {
			d.Epoch, d.Version, d.Release = splitEVR(versions[i])
		}
		if !seen[d] {
			seen[d] = true
			out = append(out, d)
		}
	}
	return out
}

func files(h *rpm.Header) []File {
	bases, dirs, indexes := list(h, tagBaseNames), list(h, tagDirNames), ints(h, tagDirIndexes)
	modes, flags := ints(h, tagFileModes), ints(h, tagFileFlags)
	var out []File
	for i, base := range bases {
		f := File{Path: dirs[indexes[i]] + base}
		switch {
		case modes[i]&modeFormat == modeDir:
			f.Type = "dir"
		case flags[i]&flagGhost != 0:
			f.Type = "ghost"
		}
		out = append(out, f)
	}
	return out
}

func changelogs(h *rpm.Header) []Changelog {
	times, names, texts := ints(h, tagChangeTime), list(h, tagChangeName), list(h, tagChangeText)
	var out []Changelog
	for i := range times {
		out = append(out, Changelog{Author: names[i], Date: times[i], Text: texts[i]})
	}
	return out
}
