package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFlagsFirst(t *testing.T) {
	t.Parallel()
	parser, err := kong.New(&commandLine{}, kong.Bind(process{}))
	require.NoError(t, err)
	for line, want := range map[string]string{
		"":                                     "",
		"nothing a -v b":                       "nothing a -v b",
		"-v --root d createrepo a -q b":        "-v --root d createrepo -q a b",
		"createrepo a -g c.xml b --update c":   "createrepo -g c.xml --update a b c",
		"createrepo a -vg c.xml b":             "createrepo -vg c.xml a b",
		"createrepo a -vgc.xml b":              "createrepo -vgc.xml a b",
		"createrepo a -vdq b":                  "createrepo -vdq a b",
		"createrepo a --workers=2 b":           "createrepo --workers=2 a b",
		"createrepo a --workers 2 b":           "createrepo --workers 2 a b",
		"createrepo a -v -- b -c":              "createrepo -v -- a b -c",
		"sync a --repo c b":                    "sync --repo c a b",
		"createrepo a -v b -o":                 "createrepo a -v b -o",
		"createrepo a --no-such b":             "createrepo --no-such a b",
		"createrepo a -Z b":                    "createrepo -Z a b",
		"createrepo a - b -q":                  "createrepo -q a - b",
		"modifyrepo f --mdtype=x d":            "modifyrepo --mdtype=x f d",
		"modifyrepo f --mdtype x d --root r":   "modifyrepo --mdtype x --root r f d",
		"sync a --setopt k=v b -r c -a noarch": "sync --setopt k=v -r c -a noarch a b",
	} {
		assert.Equal(t, strings.Fields(want), append([]string{}, flagsFirst(parser.Model.Node, strings.Fields(line))...), line)
	}
}

func TestVerbFirst(t *testing.T) {
	t.Parallel()
	parser, err := kong.New(&commandLine{}, kong.Bind(process{}))
	require.NoError(t, err)
	for line, want := range map[string]string{
		"":                                    "",
		"-q --config f sync a":                "-q --config f sync a",
		"--version":                           "--version",
		"-y -q --repo=x sync -p d":            "-q sync -y --repo=x -p d",
		"-c f --releasever 9 -v sync":         "-v sync -c f --releasever 9",
		"-qy sync":                            "sync -qy",
		"--repo sync sync":                    "sync --repo sync",
		"--enablerepo sync":                   "--enablerepo sync", // its value is missing: the parser says so
		"-g c.xml createrepo d":               "createrepo -g c.xml d",
		"-g sync d":                           "sync -g d",
		"--no-such sync":                      "sync --no-such",
		"a sync":                              "a sync",
		"-- sync":                             "-- sync",
		"--setopt sync=1 createrepo --update": "--setopt sync=1 createrepo --update",
	} {
		assert.Equal(t, strings.Fields(want), append([]string{}, verbFirst(parser.Model.Node, strings.Fields(line))...), line)
	}
}

// TestFlagsAmongArguments: createrepo_c, modifyrepo_c and reposync take them there.
func TestFlagsAmongArguments(t *testing.T) {
	t.Parallel()
	s := packageDir(t, hello212)
	s.ok("createrepo", s.path("base"), "-q", s.path("base"))
	s.runAs("createrepo_c", "--split", s.path("base"), "-o", s.path("base"), t.TempDir(), "-d").ended(0)
	s.runAs("modifyrepo_c", "../../testdata/updateinfo.xml", "--mdtype=mine", s.path("base", "repodata"), "-q").ended(0)
	assert.Contains(t, s.recordTypes("base"), "mine")
	s.runAs("createrepo_c", s.path("base"), "--no-such", "x").ended(1, says("unknown flag --no-such"))
}
