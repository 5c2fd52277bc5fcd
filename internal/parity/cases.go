package main

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// A testCase is one tree with one set of flags, which both tools get.
type testCase struct {
	name  string // of its part of the report, and its own
	tree  string
	flags []string // OUT stands for its own directory, TREES for that of all trees
	// steps are taken before, each from what the one before has left, and so is
	// the case itself.
	steps []step
	// foreign has each tool start from what the other has made.
	foreign bool
	expect  []string // rules of deliberate differences
	readers bool     // dnf, libsolv and createrepo_c's library compare too
	quick   bool     // part of the smaller cut
	lists   bool     // OUT/list is a list of packages to compare, in any order
}

// A step changes the tree, or the flags, between two runs.
type step struct {
	flags  []string
	change func(tree string) error // after the run
}

// cases are all that is compared.
func cases(t trees) []testCase {
	comps := "--groupfile=" + filepath.Join(t.testdata, "comps.xml")
	list := []testCase{
		{name: "trees: testdata", tree: "testdata", flags: []string{comps}, expect: []string{groupsRule}, readers: true, quick: true},
		{name: "trees: CentOS 2 to 7", tree: "centos", readers: true, quick: true},
		{name: "trees: features", tree: "features", expect: []string{scriptsRule}, readers: true, quick: true},
		{name: "trees: odd headers", tree: "raw", expect: []string{scriptsRule}, readers: true, quick: true},
		{name: "trees: control characters", tree: "control", expect: []string{controlRule}, quick: true},
		{name: "trees: places", tree: "places", readers: true, quick: true},
		{name: "trees: hidden places", tree: "hidden", expect: []string{hiddenRule}, quick: true},
		{name: "trees: names that cannot be", tree: "unnamable", expect: []string{namesRule}, quick: true},
		{name: "trees: broken files", tree: "broken", quick: true},
		{name: "trees: empty", tree: "empty", quick: true},
		{name: "trees: generated", tree: "generated", readers: true, quick: true},
		{name: "trees: features, whole changelogs", tree: "features", flags: []string{"--changelog-limit=-1"}, expect: []string{scriptsRule}},
		{name: "trees: features, sha512", tree: "features", flags: []string{"-s", "sha512"}, expect: []string{scriptsRule}},
		{name: "trees: odd headers, whole changelogs", tree: "raw", flags: []string{"--changelog-limit=-1"}, expect: []string{scriptsRule}},
	}
	list = append(list, flagCases(comps)...)
	list = append(list, updateCases(t, comps)...)
	return append(list, formatCases(comps)...)
}

// Sets of flags, a line each: those of the smaller cut, and the others.
const (
	quickFlags = `
-s sha1
--checksum sha512
--changelog-limit=1
-x */deep/* -x ?ello*
--simple-md-filenames -s sha1
-u ftp://example.com/ --location-prefix=P --cut-dirs=1
--revision 1700000000 --set-timestamp-to-revision
--skip-symlinks -x weak*
--read-pkgs-list=OUT/list --cut-dirs=1 --location-prefix=P
--includepkg=h/hello-2.10-1.noarch.rpm --includepkg weak-1.0-1.noarch.rpm -x *hello*
--distro cpe:/o:x:y:1,Fedora --distro ,x --distro a,b,c --distro=<&"> --content one --content two,three --repo R --repo S
`
	moreFlags = `
-s sha
--checksum=sha256
--repomd-checksum sha512
--repomd-checksum=sha1 -s sha512
--changelog-limit 0
--changelog-limit 3
--changelog-limit=-1
-x weak*
--excludes=*.src.rpm -x sub/*
-x *.rpm
--excludes=deep
-x sub
--simple-md-filenames
--unique-md-filenames
--location-prefix ../packages
--location-prefix=a&b/ --cut-dirs=1
--cut-dirs 1
--cut-dirs=9
--baseurl http://example.com/a&b/?x="y"
-u /srv/packages
--distro plain
--revision 1700000000
--revision=some<text>
-S
--workers 1
--workers=7
--pretty
--no-database
--read-pkgs-list=OUT/list
-n sub/rich-1.0-1.noarch.rpm
--skip-stat
--error-exit-val
--ignore-lock
--cachedir OUT/cache
--local-sqlite
--compatibility --no-database
-s md5
-s sha224
-s sha384
`
)

// flagCases go through the flags on a small tree. Each line is one.
func flagCases(comps string) (list []testCase) {
	for flags := range strings.Lines(quickFlags + moreFlags) {
		if flags = strings.TrimSpace(flags); flags == "" {
			continue
		}
		c := testCase{name: "flags: " + flags, tree: "options", flags: strings.Fields(flags), quick: strings.Contains(quickFlags, "\n"+flags+"\n"), lists: strings.Contains(flags, "OUT/list")}
		list = append(list, c)
	}
	for _, c := range []testCase{
		{name: "groups", flags: []string{comps}, quick: true},
		{name: "groups below DIR", flags: []string{"-g", "comps.xml"}},
		{name: "groups, simple names", flags: []string{comps, "--simple-md-filenames", "-s", "sha512"}},
		{name: "groups, --compress-type bz2", flags: []string{comps, "--compress-type=bz2"}},
		{name: "groups, --compress-type xz", flags: []string{comps, "--compress-type", "xz"}},
		{name: "groups, --xz", flags: []string{comps, "--xz"}},
		{name: "groups, --general-compress-type gz", flags: []string{comps, "--general-compress-type=gz"}},
		{name: "groups, --general-compress-type bz2", flags: []string{comps, "--general-compress-type=bz2"}, quick: true},
		{name: "groups, --general-compress-type xz", flags: []string{comps, "--general-compress-type=xz"}, quick: true},
		{name: "groups, --general-compress-type xz --compress-type bz2", flags: []string{comps, "--general-compress-type=xz", "--compress-type=bz2"}},
		{name: "groups, times", flags: []string{comps, "--revision=1600000000", "--set-timestamp-to-revision"}},
	} {
		c.name, c.tree, c.expect = "flags: "+c.name, "options", []string{groupsRule}
		list = append(list, c)
	}
	return append(list,
		testCase{name: "flags: --pkglist", tree: "options", flags: []string{"--pkglist=TREES/pkglist"}, quick: true},
		testCase{name: "flags: --pkglist, excludes", tree: "options", flags: []string{"--pkglist", "TREES/pkglist", "-x", "*weak*", "-x", "rich*"}},
		testCase{name: "flags: --pkglist that does not fit", tree: "options", flags: []string{"-i", "TREES/pkglist-odd"}, expect: []string{listsRule}, quick: true},
		// Of directories whose names differ in length createrepo_c makes locations that are cut short.
		testCase{name: "flags: --split", tree: "disc-2", flags: []string{"--split", "TREES/disc-1"}},
	)
}

// updateCases are --update after what may happen to a tree.
func updateCases(t trees, comps string) []testCase {
	rpm := func(name string) string { return filepath.Join(t.testdata, "rpms", name) }
	const weak, rich, hello = "weak-1.0-1.noarch.rpm", "sub/rich-1.0-1.noarch.rpm", "h/hello-2.10-1.noarch.rpm"
	nothing := func(string) error { return nil }
	add := func(tree string) error {
		to := filepath.Join(tree, "new", "provider.rpm")
		return errors.Join(copyFile(rpm("provider-3.2-1.x86_64.rpm"), to), setTime(to, 1))
	}
	remove := func(tree string) error {
		return errors.Join(os.Remove(filepath.Join(tree, weak)), os.RemoveAll(filepath.Join(tree, "other")))
	}
	replace := func(tree string) error {
		to := filepath.Join(tree, rich)
		return errors.Join(copyFile(rpm("signed-rsa-1.0-1.noarch.rpm"), to), setTime(to, 2))
	}
	touch := func(tree string) error { return setTime(filepath.Join(tree, hello), 500) }
	move := func(tree string) error {
		return os.Rename(filepath.Join(tree, hello), filepath.Join(tree, "moved.rpm"))
	}
	swap := func(tree string) error {
		a, b := filepath.Join(tree, weak), filepath.Join(tree, hello)
		return errors.Join(os.Rename(a, a+".x"), os.Rename(b, a), os.Rename(a+".x", b))
	}
	all := func(tree string) error {
		return errors.Join(add(tree), remove(tree), replace(tree), touch(tree), os.Remove(filepath.Join(tree, "h", "hello-2.12-1.src.rpm")))
	}
	var list []testCase
	for _, c := range []struct {
		what   string
		change func(tree string) error
	}{
		{"nothing", nothing},
		{"one comes", add},
		{"some go", remove},
		{"one is replaced", replace},
		{"one has another time", touch},
		{"one moves", move},
		{"two change places", swap},
		{"all of it", all},
	} {
		steps, quick := []step{{nil, c.change}}, c.what == "all of it"
		list = append(list,
			testCase{name: "update: " + c.what, steps: steps, quick: quick},
			testCase{name: "update: " + c.what + ", over the other's", steps: steps, foreign: true, quick: quick},
			testCase{name: "update: " + c.what + ", --skip-stat", steps: steps, flags: []string{"--skip-stat"}})
	}
	list = append(list,
		testCase{name: "update: twice", steps: []step{{nil, add}, {[]string{"--update"}, replace}}},
		testCase{name: "update: another checksum", steps: []step{{nil, add}}, flags: []string{"-s", "sha512"}},
		testCase{name: "update: another compression", steps: []step{{nil, add}}, flags: []string{"--general-compress-type=bz2"}},
		testCase{name: "update: simple names", steps: []step{{nil, add}}, flags: []string{"--simple-md-filenames"}},
		testCase{name: "update: from simple names", steps: []step{{[]string{"--simple-md-filenames"}, add}}},
		testCase{name: "update: fewer changes in changelogs", steps: []step{{[]string{"--changelog-limit=-1"}, add}}, flags: []string{"--changelog-limit=1"}},
		testCase{name: "update: excludes", steps: []step{{nil, add}}, flags: []string{"-x", "*weak*"}},
		testCase{name: "update: no excludes any more", steps: []step{{[]string{"-x", "*weak*"}, add}}},
		testCase{name: "update: groups stay", steps: []step{{[]string{comps}, add}}, flags: []string{"--keep-all-metadata"}, expect: []string{groupsRule}, quick: true},
		testCase{name: "update: groups come", steps: []step{{nil, add}}, flags: []string{comps}, expect: []string{groupsRule}},
		testCase{name: "update: --recycle-pkglist", steps: []step{{nil, all}}, flags: []string{"--recycle-pkglist"}},
		testCase{name: "update: --update-md-path", steps: []step{{[]string{"-o", "OUT/earlier"}, all}}, flags: []string{"--update-md-path=OUT/earlier"}},
		testCase{name: "update: times", steps: []step{{nil, add}}, flags: []string{"--revision=1700000000", "--set-timestamp-to-revision"}},
		testCase{name: "update: --read-pkgs-list", steps: []step{{nil, all}}, flags: []string{"--read-pkgs-list=OUT/list"}, lists: true},
		testCase{name: "update: the same content twice", tree: "options", steps: []step{{nil, nothing}}, flags: []string{"--read-pkgs-list=OUT/list"}, lists: true, expect: []string{twiceRule}},
		testCase{name: "update: the same content twice, --recycle-pkglist", tree: "options", steps: []step{{nil, nothing}}, flags: []string{"--recycle-pkglist"}, expect: []string{twiceRule}},
	)
	for i := range list {
		list[i].tree = cmp.Or(list[i].tree, "updates")
		list[i].flags = append([]string{"--update"}, list[i].flags...)
	}
	return list
}

// formatCases are sqlite databases and zchunk files.
func formatCases(comps string) (list []testCase) {
	for _, tree := range []string{"testdata", "features", "raw", "options", "places", "centos", "empty", "generated"} {
		databases, zchunk := []string{groupsRule}, []string{groupsRule, zchunkGroupsRule}
		switch tree {
		case "features":
			databases, zchunk = append(databases, scriptsRule, encodingsRule), append(zchunk, scriptsRule)
		case "raw":
			databases, zchunk = append(databases, scriptsRule, emptyRule, timesRule), append(zchunk, scriptsRule)
		case "places":
			databases = append(databases, timesRule)
		}
		with := []string{"--database", comps}
		if tree == "raw" {
			// createrepo_c's databases hold of these what its XML does not (the case below has one), or paths cut as the
			// header cuts them, which are gorepo's as the XML has them.
			for _, name := range []string{"names", "bits", "comparisons", "filelist-names", "filelist-primary"} {
				with = append(with, "-x", name+"-*")
			}
		}
		list = append(list,
			testCase{name: "databases: " + tree, tree: tree, flags: with, expect: databases, quick: tree == "testdata" || tree == "raw"},
			testCase{name: "zchunk: " + tree, tree: tree, flags: []string{"--zck", comps}, expect: zchunk, quick: tree == "testdata" || tree == "raw"})
	}
	for _, flags := range []string{"-s sha512", "--simple-md-filenames", "--general-compress-type=bz2", "--xz", "--baseurl=http://example.com/ --location-prefix=P", "--changelog-limit=-1", "--update"} {
		list = append(list,
			testCase{name: "databases: " + flags, tree: "options", flags: append([]string{"--database"}, strings.Fields(flags)...)},
			testCase{name: "zchunk: " + flags, tree: "options", flags: append([]string{"--zck"}, strings.Fields(flags)...)})
	}
	var odd []string
	for _, tag := range tagNames {
		odd = append(odd, "--includepkg=comparisons-"+strings.ToLower(tag)+"-1-1.noarch.rpm")
	}
	list = append(list, testCase{name: "databases: versions without a comparison", tree: "raw", flags: append(odd, "--database"), expect: []string{comparisonRule}})
	fixed := []string{"--revision=1700000000", "--set-timestamp-to-revision"}
	list = append(list,
		testCase{name: "databases: times", tree: "options", flags: append([]string{"--database"}, fixed...)},
		testCase{name: "zchunk: times", tree: "options", flags: append([]string{"--zck"}, fixed...), expect: []string{zchunkTimesRule}})
	return append(list,
		testCase{name: "zchunk: dictionaries", tree: "options", flags: []string{"--zck", "--zck-dict-dir=TREES/dictionaries"}},
		testCase{name: "zchunk: databases too", tree: "options", flags: []string{"--zck", "--database"}},
	)
}
