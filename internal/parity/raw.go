package main

import (
	"fmt"
	"strings"

	raw "gorepo/internal/testrepo/rawrpm"
)

// Numbers of tags that only headers made here have in these ways.
const (
	tagName, tagVersion, tagRelease, tagEpoch     = 1000, 1001, 1002, 1003
	tagSummary, tagDescription, tagBuildTime      = 1004, 1005, 1006
	tagBuildHost, tagSize, tagVendor, tagLicense  = 1007, 1009, 1011, 1014
	tagPackager, tagGroup, tagURL, tagArch        = 1015, 1016, 1020, 1022
	tagOldFileNames, tagSourceRPM, tagArchiveSize = 1027, 1044, 1046
	tagSourcePackage, tagLongSize                 = 1106, 5009
	sigLongArchiveSize, sigPayloadSize            = 271, 1007
)

// rawPackages are packages that rpmbuild refuses to make, by name: what old
// and foreign builders have made, and what only a hand could.
func rawPackages() map[string][]byte {
	list := map[string][]byte{}
	add := func(name string, tags ...raw.Tag) { list[name] = raw.Package(name, tags...) }
	require := func(name string, d ...raw.Dependency) { add(name, raw.Dependencies(raw.Requires, d...)...) }

	// Every bit of a dependency's flags, alone and with a comparison.
	for _, kind := range []struct {
		name string
		raw.Kind
	}{
		{"requires", raw.Requires},
		{"provides", raw.Provides},
		{"conflicts", raw.Conflicts},
		{"obsoletes", raw.Obsoletes},
		{"recommends", raw.Recommends},
		{"suggests", raw.Suggests},
		{"supplements", raw.Supplements},
		{"enhances", raw.Enhances},
		{"oldsuggests", raw.OldSuggests},
		{"oldenhances", raw.OldEnhances},
	} {
		var bits, comparisons []raw.Dependency
		for bit := range 32 {
			bits = append(bits,
				raw.Dependency{Name: fmt.Sprint("bit", bit), Flags: 1 << bit, Version: "1:2-3"},
				raw.Dependency{Name: fmt.Sprint("bit-eq", bit), Flags: 1<<bit | 8, Version: "2-3"})
		}
		for n := range 16 {
			comparisons = append(comparisons, raw.Dependency{Name: fmt.Sprint("comparison", n), Flags: uint64(n), Version: "1"}, raw.Dependency{Name: fmt.Sprint("no-version", n), Flags: uint64(n)})
		}
		add("bits-"+kind.name, raw.Dependencies(kind.Kind, bits...)...)
		add("comparisons-"+kind.name, raw.Dependencies(kind.Kind, comparisons...)...)
		var versions []raw.Dependency
		for i, v := range []string{"", ":1", "1:", "x:1", "1x:1", " 1:1", "-1:1", "+1:1", "99999999999999999999:1", "1-2-3", "1:2:3", "-", ":", "-1", "1-", " 1", "1 ", "1 - 2", "ü-ö", "<&>-\"'"} {
			versions = append(versions, raw.Dependency{Name: fmt.Sprint("version", i), Flags: 8, Version: v})
		}
		add("versions-"+kind.name, raw.Dependencies(kind.Kind, versions...)...)
		add("names-"+kind.name, raw.Dependencies(kind.Kind,
			raw.Dependency{Name: ""}, raw.Dependency{Name: "", Flags: 8, Version: "1"}, raw.Dependency{Name: " spaces in it "}, raw.Dependency{Name: "<&>\"'"}, raw.Dependency{Name: "é\xe9"},
			raw.Dependency{Name: "tab\tnewline\n"}, raw.Dependency{Name: strings.Repeat("long", 3000)}, raw.Dependency{Name: "rpmlib(X)", Flags: 1<<24 | 10, Version: "1"})...)
	}

	// What createrepo_c drops of requirements: repetitions of the last of a name, what is provided, features of rpm.
	var order []raw.Dependency
	for i := range 64 {
		d := raw.Dependency{Name: []string{"a", "b"}[i%2], Flags: []uint64{0, 8, 8 | 1<<9, 1 << 6, 12 | 1<<10, 1 << 11, 1<<11 | 8, 1 << 10}[i*5%8]}
		if d.Flags&0xf != 0 {
			d.Version = []string{"1", "1-1", "0:1"}[i/2%3]
		}
		order = append(order, d)
	}
	require("repetitions", order...)
	require("transaction-repetitions", raw.Dependency{Name: "a", Flags: 1 << 5}, raw.Dependency{Name: "b", Flags: 1<<7 | 8, Version: "1"}, raw.Dependency{Name: "a", Flags: 1 << 7}, raw.Dependency{Name: "c", Flags: 1<<7 | 1<<9})
	add("provided", append(raw.Dependencies(raw.Requires, order...), raw.Dependencies(raw.Provides,
		raw.Dependency{Name: "a", Version: "1", Flags: 8}, raw.Dependency{Name: "b"}, raw.Dependency{Name: "b", Version: "1-1", Flags: 8 | 1<<28})...)...)
	require("missingok", raw.Dependency{Name: "weak", Flags: 1 << 19}, raw.Dependency{Name: "weak", Flags: 1<<19 | 8, Version: "1"}, raw.Dependency{Name: "libc.so.6", Flags: 1 << 19}, raw.Dependency{Name: "rpmlib(x)", Flags: 1 << 19}, raw.Dependency{Name: "weak"})
	require("libc-versions", raw.Dependency{Name: "libc.so.6", Flags: 8, Version: "1"}, raw.Dependency{Name: "libc.so.6(GLIBC_2.4)", Flags: 12 | 1<<9, Version: "3:2-1"}, raw.Dependency{Name: "libc.so.6(GLIBC_2.4)"}, raw.Dependency{Name: "after"})
	for i, family := range [][]string{
		{"libc.so.6.1", "libc.so.6"},
		{"libc.so.6x", "libc.so.6(GLIBC_2.4)"},
		{"libc.so.6(", "libc.so.6()"},
		{"libc.so.6(x", "libc.so.6(y)"},
		{"libc.so.6(GLIBC)", "libc.so.6(1)"},
		{"libc.so.6(GLIBC_2.3)(64bit)", "libc.so.6(GLIBC_2.3)"},
		{"libc.so.6(GLIBC_2.3)", "libc.so.6(GLIBC_2.3)(64bit)"},
		{"libc.so.6(GLIBC_2.3.a)", "libc.so.6(GLIBC_2.3.1)"},
		{"libc.so.6(FOO_9.9)", "libc.so.6(GLIBC_2.3)"},
		{"libc.so.6()(64bit)", "libc.so.6(GLIBC_PRIVATE)(64bit)", "libc.so.6"},
	} {
		var d []raw.Dependency
		for _, name := range family {
			d = append(d, raw.Dependency{Name: name})
		}
		require(fmt.Sprint("libc-odd-", i), d...)
	}

	// Tags that are not there, are empty, or of another type than usual.
	for name, tag := range map[string]uint32{
		"summary": tagSummary, "description": tagDescription, "buildtime": tagBuildTime, "buildhost": tagBuildHost, "size": tagSize, "license": tagLicense, "group": tagGroup, "sourcerpm": tagSourceRPM,
	} {
		add("without-"+name, raw.Without(tag))
	}
	for name, tag := range map[string]uint32{"vendor": tagVendor, "packager": tagPackager, "url": tagURL, "license": tagLicense, "buildhost": tagBuildHost, "sourcerpm": tagSourceRPM} {
		add("empty-"+name, raw.Str(tag, ""))
	}
	add("empty-texts", raw.I18N(tagSummary, ""), raw.I18N(tagDescription, ""), raw.I18N(tagGroup, ""))
	add("locales", raw.I18N(tagSummary, "C", "de", "fr"), raw.I18N(tagDescription, "C", "de"), raw.I18N(tagGroup, "C", "de", "fr"), raw.Strs(100, "C", "de", "fr"))
	add("plain-strings", raw.Str(tagSummary, "Not translated"), raw.Str(tagDescription, "Not\ntranslated\n"), raw.Str(tagGroup, "G"))
	add("line-ends", raw.I18N(tagSummary, "cr\rcrlf\r\nlf\n"), raw.I18N(tagDescription, "\r\n\r\n \t\r\n"), raw.Str(tagVendor, "v\r\n"))
	add("delete-and-c1", raw.I18N(tagSummary, "\x7f \u0080 \u009f"), raw.Str(tagVendor, "\u0085"))
	add("blank-ends", raw.I18N(tagSummary, "  both  "), raw.Str(tagVendor, "\tv\n"), raw.Str(tagURL, " u "), raw.Str(tagPackager, " "), raw.Str(tagLicense, "\n"))

	// Sizes, times, epochs.
	for i, sizes := range [][]raw.Tag{
		{raw.Ints(tagLongSize, raw.Int64, 5<<32), raw.Without(tagSize)},
		{raw.Ints(tagLongSize, raw.Int64, 7)},
		{raw.U32(tagSize, 0)},
		{raw.U32(tagSize, 0xffffffff)},
		{raw.U32(tagArchiveSize, 99)},
		{raw.U32(tagBuildTime, 0)},
		{raw.U32(tagBuildTime, 0x7fffffff)},
		{raw.U32(tagBuildTime, 0xffffffff)},
		{raw.U32(tagEpoch, 0)},
		{raw.U32(tagEpoch, 1)},
		{raw.U32(tagEpoch, 0x7fffffff)},
		{raw.U32(tagEpoch, 0xffffffff)},
	} {
		add(fmt.Sprint("numbers-", i), sizes...)
	}
	signed := func(name string, tags ...raw.Tag) {
		list[name] = raw.File(raw.Region(62, tags...), raw.Region(63, raw.Basic(name)...), []byte("payload"))
	}
	signed("payload-size", raw.U32(1000, 8), raw.U32(sigPayloadSize, 123456))
	signed("payload-size-long", raw.Ints(sigLongArchiveSize, raw.Int64, 6<<32), raw.U32(1000, 8))

	// Changelogs.
	change := func(name string, entries ...raw.Change) { add("changes-"+name, raw.Changelog(entries...)...) }
	change("not-in-order", raw.Change{Time: 1000, Author: "a", Text: "1"}, raw.Change{Time: 3000, Author: "b", Text: "2"}, raw.Change{Time: 2000, Author: "c", Text: "3"}, raw.Change{Time: 2000, Author: "d", Text: "4"}, raw.Change{Time: 3000, Author: "e", Text: "5"})
	change("extreme-times", raw.Change{Time: 0xffffffff, Author: "last"}, raw.Change{Time: 0x80000000}, raw.Change{Time: 0x7fffffff, Author: "x"}, raw.Change{Time: 1, Author: "x"}, raw.Change{Author: "x"}, raw.Change{Author: "y"})
	change("odd-authors", raw.Change{Time: 6, Author: ""}, raw.Change{Time: 5, Author: "   "}, raw.Change{Time: 4, Author: " a "}, raw.Change{Time: 3, Author: "tab\t"}, raw.Change{Time: 2, Author: "line\nend\n"}, raw.Change{Time: 1, Author: "\"<&>' é\xe9"})
	change("odd-texts", raw.Change{Time: 6, Author: "a"}, raw.Change{Time: 5, Author: "a", Text: "\n"}, raw.Change{Time: 4, Author: "a", Text: " x "}, raw.Change{Time: 3, Author: "a", Text: "\r\n"}, raw.Change{Time: 2, Author: "a", Text: "<![CDATA[&]]>"}, raw.Change{Time: 1, Author: "a", Text: strings.Repeat("long ", 20000)})
	var same []raw.Change
	for i := range 30 {
		same = append(same, raw.Change{Time: uint64(100 - i/9), Author: fmt.Sprint("a", i), Text: fmt.Sprint(i)})
	}
	change("close-times", same...)

	// Names, versions, architectures; source packages. (Of a version that is not UTF-8 createrepo_c makes
	// what is no XML, and one with a colon ends dnf.)
	for i, name := range []string{"näme", "<n&m\"e'>", "with space", "latin-\xe9", "percent%41"} {
		list[fmt.Sprint("name-", i)] = raw.Package(name)
	}
	for i, v := range []string{"ü", "<&\">", "1 2", "1-2"} {
		add(fmt.Sprint("version-", i), raw.Str(tagVersion, v), raw.Str(tagRelease, v))
	}
	add("arch-odd", raw.Str(tagArch, "my<arch>"))
	add("source", raw.U32(tagSourcePackage, 1), raw.Without(tagSourceRPM))
	add("source-with-sourcerpm", raw.U32(tagSourcePackage, 1))
	add("source-zero", raw.U32(tagSourcePackage, 0))

	// File lists.
	filesOf := func(name string, entries ...raw.Entry) { add("filelist-"+name, raw.Files(entries...)...) }
	filesOf("modes", raw.Entry{Dir: "/usr/bin/", Base: "dir", Mode: 0o040755}, raw.Entry{Dir: "/usr/bin/", Base: "link", Mode: 0o120777}, raw.Entry{Dir: "/usr/bin/", Base: "char", Mode: 0o020600},
		raw.Entry{Dir: "/usr/bin/", Base: "block", Mode: 0o060600}, raw.Entry{Dir: "/usr/bin/", Base: "fifo", Mode: 0o010600}, raw.Entry{Dir: "/usr/bin/", Base: "socket", Mode: 0o140600}, raw.Entry{Dir: "/usr/bin/", Base: "nothing", Mode: 0o755})
	var flagged []raw.Entry
	for bit := range 20 {
		flagged = append(flagged, raw.Entry{Dir: "/etc/flags/", Base: fmt.Sprint("f", bit), Flags: 1 << bit}, raw.Entry{Dir: "/etc/flags/", Base: fmt.Sprint("d", bit), Flags: 1 << bit, Mode: 0o040755})
	}
	filesOf("flags", flagged...)
	filesOf("names", raw.Entry{Dir: "/usr/bin/", Base: ""}, raw.Entry{Dir: "/", Base: "top"}, raw.Entry{Dir: "/x\xe9/", Base: "é"}, raw.Entry{Dir: "/é/", Base: "x\xe9"}, raw.Entry{Dir: "/l\nine/", Base: "t\tab"}, raw.Entry{Dir: "/<&>/", Base: "\"'"},
		raw.Entry{Dir: "/usr/share/", Base: "twice"}, raw.Entry{Dir: "/usr/share/", Base: "twice"}, raw.Entry{Dir: "relative/", Base: "x"}, raw.Entry{Dir: "", Base: "no-dir"}, raw.Entry{Dir: "/sbin/../usr/", Base: "x"})
	filesOf("primary", raw.Entry{Dir: "/etc/", Base: "x"}, raw.Entry{Dir: "/etc", Base: "x"}, raw.Entry{Dir: "/", Base: "etc"}, raw.Entry{Dir: "/xbin/", Base: "x"}, raw.Entry{Dir: "/bin", Base: "/x"}, raw.Entry{Dir: "/a/", Base: "bin/x"}, raw.Entry{Dir: "/usr/lib/", Base: "sendmail"},
		raw.Entry{Dir: "/usr/lib/sendmail/", Base: "x"}, raw.Entry{Dir: "/usr/", Base: "lib/sendmail"}, raw.Entry{Dir: "/usr/lib/", Base: "sendmail2"}, raw.Entry{Dir: "/opt/etc/", Base: "x"}, raw.Entry{Dir: "/usr/bin/", Base: "ghost", Flags: 1 << 6}, raw.Entry{Dir: "/etc/", Base: "ghostdir", Flags: 1 << 6, Mode: 0o040755})
	own := []raw.Dependency{{Name: "/etc/x"}, {Name: "/usr/share/x"}, {Name: "/usr/bin/ghost"}, {Name: "/etc/d"}, {Name: "/usr/bin/d", Flags: 1 << 9}}
	add("filelist-own", append(raw.Dependencies(raw.Requires, own...), raw.Files(raw.Entry{Dir: "/etc/", Base: "x"}, raw.Entry{Dir: "/usr/share/", Base: "x"}, raw.Entry{Dir: "/usr/bin/", Base: "ghost", Flags: 1 << 6}, raw.Entry{Dir: "/etc/", Base: "d", Mode: 0o040755}, raw.Entry{Dir: "/usr/bin/", Base: "d", Mode: 0o040755})...)...)

	// As rpm 3 made them.
	list["old"] = raw.Old("old", raw.Dependencies(raw.Provides, raw.Dependency{Name: "other"})...)
	list["old-epoch"] = raw.Old("old-epoch", raw.U32(tagEpoch, 2))
	list["old-itself"] = raw.Old("old-itself", raw.Dependencies(raw.Provides, raw.Dependency{Name: "old-itself", Version: "1-1", Flags: 8})...)
	list["old-files"] = raw.Old("old-files", raw.Strs(tagOldFileNames, "/usr/bin/old", "/etc/old", "/usr/share/old"), raw.U32(1028, 1, 2, 3), raw.Ints(1030, raw.Int16, 0o100755, 0o040755, 0o100644), raw.U32(1037, 0, 0, 64),
		raw.Strs(1035, "", "", ""), raw.Strs(1036, "", "", ""))
	return list
}

// controlPackages have control characters, each in another field.
func controlPackages() map[string][]byte {
	list := map[string][]byte{}
	const bell = "be\all"
	add := func(name string, tags ...raw.Tag) { list["control-"+name] = raw.Package("control-"+name, tags...) }
	add("summary", raw.I18N(tagSummary, bell))
	add("description", raw.I18N(tagDescription, "esc\x1b[1m"))
	add("vendor", raw.Str(tagVendor, "\x01"))
	add("requires", raw.Dependencies(raw.Requires, raw.Dependency{Name: bell})...)
	add("provides", raw.Dependencies(raw.Provides, raw.Dependency{Name: "v", Flags: 8, Version: "1\x02"})...)
	add("changelog", raw.Changelog(raw.Change{Time: 1, Author: "a\x1f", Text: "\v"})...)
	add("file", raw.Files(raw.Entry{Dir: "/usr/bin/", Base: bell})...)
	return list
}
