//go:build unix

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCommandLinesAsCreaterepoC calls both tools with the same arguments, in every
// spelling that createrepo_c takes, and those that it refuses.
func TestCommandLinesAsCreaterepoC(t *testing.T) {
	t.Parallel()
	needAll(t, "createrepo_c")
	tree := t.TempDir()
	for _, p := range []string{"weak-1.0-1.noarch.rpm", "unicode-1.0-13.noarch.rpm"} {
		copyPackage(t, peerTestdata+"/rpms/"+p, tree, p)
	}
	putFile(t, string(mustRead(t, peerTestdata+"/comps.xml")), tree, "comps.xml")
	list := putFile(t, "weak-1.0-1.noarch.rpm\n\n", t.TempDir(), "list")
	for _, line := range []string{
		"DIR", "-q DIR", "-v DIR", "-q -v DIR", "-qv DIR", "DIR -q", "-q -- DIR", "DIR --update",
		"-s sha DIR", "-s SHA1 DIR", "-s md5 DIR", "--checksum sha224 DIR", "--checksum=sha384 DIR", "--checksum=sha512 DIR", "-s crc DIR", "-s DIR",
		"--repomd-checksum=md5 DIR", "--repomd-checksum SHA DIR -s sha512", "--repomd-checksum crc DIR",
		"--changelog-limit=-1 DIR", "--changelog-limit -1 DIR", "--changelog-limit=0 DIR", "--changelog-limit=-5 DIR", "--changelog-limit 3 DIR", "--changelog-limit=x DIR",
		"-x weak* DIR", "--excludes=weak* -x uni* DIR", "--excludes weak* DIR", "-qx weak* DIR",
		"--workers=0 DIR", "--workers 3 DIR", "--workers -1 DIR", "--workers=1000 DIR", "--workers=x DIR",
		"--retain-old-md=0 DIR", "--retain-old-md=-1 DIR", "--retain-old-md -1 DIR", "--retain-old-md=x DIR",
		"--retain-old-md=0 --retain-old-md-by-age=1d DIR", "--retain-old-md-by-age 2h DIR", "--retain-old-md-by-age=1x DIR", "--retain-old-md=3 --retain-old-md-by-age=1d DIR",
		"--retain-old-md-by-age=1m --compatibility DIR", "--compatibility --retain-old-md=1 DIR", "--compatibility --changelog-limit=3 DIR", "--compatibility --changelog-limit 10 DIR",
		"--unique-md-filenames DIR", "--simple-md-filenames DIR", "--simple-md-filenames --unique-md-filenames DIR", "--unique-md-filenames --simple-md-filenames DIR",
		"--num-deltas=3 DIR", "--num-deltas=x DIR", "--oldpackagedirs=/x --oldpackagedirs /y DIR", "--max-delta-rpm-size=12 DIR", "--max-delta-rpm-size -1 DIR",
		"--skip-stat DIR", "--skip-stat --update DIR", "--cut-dirs=-1 DIR", "--cut-dirs -1 DIR", "--cut-dirs 2 DIR",
		"--revision= DIR", "--revision 5 DIR", "--revision=a b DIR", "--set-timestamp-to-revision --revision=7 DIR", "--set-timestamp-to-revision --revision=abc DIR",
		"--location-prefix= DIR", "--location-prefix P/ DIR", "--baseurl= DIR", "-u http://h/ DIR", "--basedir=/nonexistent DIR",
		"-g comps.xml DIR", "--groupfile=nope DIR", "-i LIST DIR", "-i /none DIR", "--includepkg=weak-1.0-1.noarch.rpm DIR", "-n unicode-1.0-13.noarch.rpm -i LIST DIR",
		"--error-exit-val DIR", "-p DIR", "--pretty DIR", "--keep-all-metadata DIR", "--xz DIR", "--compress-type=GZ DIR", "--compress-type=foo DIR", "--general-compress-type=rar DIR",
		"--distro=a --distro b,c DIR", "--content= DIR", "--content a --repo b DIR", "--ignore-lock DIR", "-S DIR", "--no-such DIR", "--verb DIR", "-Z DIR",
		"--split DIR", "-u media: --split DIR", "", "DIR DIR", "/none", "--split",
	} {
		theirs, ours := t.TempDir(), t.TempDir()
		args := strings.Fields(strings.NewReplacer("DIR", tree, "LIST", list).Replace(line))
		if line != "" && line != "--split" {
			args = append([]string{"--no-database"}, args...)
		}
		with := func(out string) []string { return append([]string{"--outputdir", out}, args...) }
		_, said, err := runToolEnds(t, "createrepo_c", with(theirs)...)
		o := newSite(t).runAs("createrepo_c", with(ours)...)
		if err != nil {
			assert.NotZero(t, o.status, "%q: createrepo_c says %s", line, said)
			assert.NoDirExists(t, ours+"/repodata", line)
			continue
		}
		if assert.Zero(t, o.status, "%q: %s", line, o.stderr) {
			require.NotContains(t, o.stderr, "unknown", line)
			t.Run(strings.ReplaceAll(line, "/", "|"), func(t *testing.T) { requireSameMetadata(t, theirs, ours, comparison{}) })
		}
	}

	// What later releases take.
	s := newSite(t)
	for _, line := range []string{"--no-pretty", "--discard-additional-metadata", "--duplicated-nevra=keep"} {
		s.runAs("createrepo_c", "-o", t.TempDir(), line, tree).ended(0)
	}
	s.runAs("createrepo_c", "--deltas", "--num-deltas=2", tree).ended(1, says("--deltas"))
}
