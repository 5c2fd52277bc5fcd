package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/config"
	"gorepo/internal/mirror"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gorepo": main, "reposync": main})
}

// TestScripts runs the program as a shell would. The scripts' own commands:
//
//	status N prog args...   prog ends with exit status N
//	state ID JSON-file      make JSON-file the mirror's state of ID
//	get URL-path            ask the server that listens on the address in $ADDR_FILE
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			// A home without the machine's own files: these two places are the
			// only ones that a script cannot set by a flag.
			for _, dir := range []string{"/etc/gorepo", "/etc/yum.repos.d"} {
				if _, err := os.Stat(dir); err == nil {
					t.Logf("this machine has %s: scripts without --config may see it", dir)
				}
			}
			e.Setenv("TZ", "UTC")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status,
			"state":  writeState,
			"get":    get,
		},
	})
}

func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N program args...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("%s: exit status %s, not %s", strings.Join(args[1:], " "), got, args[0])
	}
}

func writeState(ts *testscript.TestScript, _ bool, args []string) {
	m, err := mirror.Open(ts.MkAbs("mirror"))
	ts.Check(err)
	repo, err := m.Repo(args[0], mirror.RepoOptions{})
	ts.Check(err)
	var s mirror.State
	for _, arg := range args[1:] {
		var when time.Time
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "sync":
			when, err = time.Parse(time.RFC3339, value)
			ts.Check(err)
			s.Sync.Time, s.Sync.Complete = when, when
		case "published":
			s.Publish.Time, err = time.Parse(time.RFC3339, value)
			ts.Check(err)
		case "outcome":
			s.Sync.Outcome = value
		case "packages":
			_, err = fmt.Sscan(value, &s.Sync.Packages)
			ts.Check(err)
		case "bytes":
			_, err = fmt.Sscan(value, &s.Sync.Bytes)
			ts.Check(err)
		case "failures":
			_, err = fmt.Sscan(value, &s.Sync.Failures)
			ts.Check(err)
		default:
			ts.Fatalf("state: unknown %s", key)
		}
	}
	ts.Check(repo.SaveState(s))
	ts.Check(repo.Close())
}

// get waits for the server's line in a file and prints what it answers.
func get(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: get FILE-WITH-URL PATH")
	}
	var base string
	for range 100 {
		if text, err := os.ReadFile(ts.MkAbs(args[0])); err == nil {
			if i := strings.Index(string(text), "http://"); i >= 0 {
				base = strings.TrimRight(strings.TrimSpace(string(text)[i:]), "/")
				break
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	if base == "" {
		ts.Fatalf("no server came up")
	}
	resp, err := http.Get(base + args[1])
	ts.Check(err)
	defer func() { _ = resp.Body.Close() }()
	if ok := resp.StatusCode == http.StatusOK; ok == neg {
		ts.Fatalf("%s: %s", args[1], resp.Status)
	}
	_, err = bufio.NewReader(resp.Body).WriteTo(ts.Stdout())
	ts.Check(err)
}

// TestFlagsParse reads each verb's flags as the replaced tools know them.
func TestFlagsParse(t *testing.T) {
	parse := func(grammar any, args ...string) error {
		p, err := kong.New(grammar, kong.Exit(func(int) {}))
		require.NoError(t, err)
		_, err = p.Parse(joinNegative(args))
		return err
	}
	var s syncCmd
	require.NoError(t, parse(&s, "a", "b-*", "-r", "c", "--repo", "d", "--repoid=e", "-p", "/m", "--norepopath", "-n", "-a", "x86_64,noarch", "--arch=i686",
		"--source", "--delete", "-m", "--download-metadata", "-u", "--workers=4", "--lock-timeout", "5m"))
	assert.Equal(t, []string{"a", "b-*"}, s.IDs)
	assert.Equal(t, []string{"c", "d", "e"}, s.RepoID)
	assert.Equal(t, []string{"x86_64", "noarch", "i686"}, s.Arch)
	assert.Equal(t, seconds(5*time.Minute), *s.LockTimeout)
	assert.True(t, s.NewestOnly && s.Source && s.Delete && s.DownloadComps && s.DownloadMetadata && s.URLs && s.NoRepoPath)
	assert.Equal(t, "/m", s.DownloadPath)

	s = syncCmd{}
	require.NoError(t, parse(&s, "--destdir=/d", "--lock-timeout=never"))
	assert.Equal(t, "/d", s.DownloadPath)
	assert.Equal(t, seconds(config.Never), *s.LockTimeout)
	require.NoError(t, parse(&s, "--lock-timeout", "-1"))
	assert.Equal(t, seconds(config.Never), *s.LockTimeout)
	require.ErrorContains(t, parse(&s, "--lock-timeout=soon"), "no duration")
	s = syncCmd{}
	require.NoError(t, parse(&s, "--", "--lock-timeout", "-1"))
	assert.Equal(t, []string{"--lock-timeout", "-1"}, s.IDs)

	var c createrepoCmd
	require.NoError(t, parse(&c, "/dir", "--update", "-g", "comps.xml", "-o", "/out", "-x", "a*,b", "--excludes=c*", "-s", "sha512", "--workers", "2",
		"--changelog-limit", "-1", "--revision", "7", "--set-timestamp-to-revision", "--simple-md-filenames", "--retain-old-md", "2", "--discard-additional-metadata"))
	assert.Equal(t, createrepoCmd{
		Dirs: []string{"/dir"}, Update: true, Groupfile: "comps.xml", Outputdir: "/out", Excludes: []string{"a*,b", "c*"}, formatFlags: formatFlags{Checksum: "sha512"},
		Workers: 2, ChangelogMax: -1, Revision: "7", SetTimestampToRevision: true, SimpleMD: true, RetainOldMD: 2, DiscardMetadata: true, createrepoFlags: createrepoFlags{DuplicatedNevra: "keep"},
	}, c)
	c = createrepoCmd{}
	require.NoError(t, parse(&c))
	assert.Equal(t, 10, c.ChangelogMax)
	require.NoError(t, parse(&c, "-s", "SHA1", "--repomd-checksum=Md5", "--retain-old-md", "-1", "--workers", "-1"))
	assert.Equal(t, checksumType("sha1"), c.Checksum)
	assert.Equal(t, checksumType("md5"), c.RepomdChecksum)
	require.ErrorContains(t, parse(&c, "-s", "crc32"), "crc32")
	for _, args := range [][]string{
		{"-g", "--update", "/dir"}, {"-o", "-q", "/dir"}, {"/dir", "--changelog-limit", "--update"}, {"--changelog-limit"},
	} {
		require.Error(t, parse(&c, args...), "a flag is no other's value: %v", args)
	}
	require.Error(t, parse(&c, "--keep-all-metadata", "--discard-additional-metadata"))
}

func TestReadKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "KEY")
	require.NoError(t, os.WriteFile(path, []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\nx"), 0o644))
	for _, name := range []string{path, "file://" + path, "file://localhost" + path} {
		data, err := readKey(name)
		require.NoError(t, err, name)
		assert.True(t, strings.HasSuffix(string(data), "x\n"))
	}
	require.NoError(t, os.WriteFile(path, []byte("-----BEGIN PGP PRIVATE KEY BLOCK-----\nx"), 0o644))
	_, err := readKey(path)
	require.ErrorContains(t, err, "not an armored public key")
	_, err = readKey(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
