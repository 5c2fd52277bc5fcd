package health_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/health"
	"gorepo/internal/mirror"
)

var now = time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)

func before(d time.Duration) time.Time { return now.Add(-d) }

const (
	hour = time.Hour
	day  = 24 * time.Hour
)

// publish writes the generation of a repository with that many packages.
func publish(t testing.TB, dir, revision string, packages int, at time.Time) {
	t.Helper()
	repodata := filepath.Join(dir, "repodata")
	require.NoError(t, os.MkdirAll(repodata, 0o755))
	f, err := os.Create(filepath.Join(repodata, "primary.xml.gz"))
	require.NoError(t, err)
	z := gzip.NewWriter(f)
	_, err = fmt.Fprintf(z, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\" packages=\"%d\">%s\n</metadata>",
		packages, strings.Repeat("\n<package/>", packages))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	fi, err := f.Stat()
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, os.WriteFile(filepath.Join(repodata, "other.xml.gz"), make([]byte, metadataSize-fi.Size()), 0o644))
	repomd := repomdXML(revision, 1_700_000_000, fi.Size())
	name := filepath.Join(repodata, "repomd.xml")
	require.NoError(t, os.WriteFile(name+".new", []byte(repomd), 0o644))
	require.NoError(t, os.Chtimes(name+".new", at, at))
	require.NoError(t, os.Rename(name+".new", name))
}

// metadataSize is that of primary and other together.
const metadataSize = 1234

func repomdXML(revision string, timestamp, primary int64) string {
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo">
  <revision>%s</revision>
  <data type="primary"><checksum type="sha256">%064d</checksum><location href="repodata/primary.xml.gz"/><timestamp>%d</timestamp><size>%d</size></data>
  <data type="other"><checksum type="sha256">%064d</checksum><location href="repodata/other.xml.gz"/><timestamp>1</timestamp><size>%d</size></data>
</repomd>
`, revision, 1, timestamp, primary, 2, metadataSize-primary)
}

func save(t testing.TB, root, id string, o mirror.RepoOptions, s mirror.State) {
	t.Helper()
	m, err := mirror.Open(root)
	require.NoError(t, err)
	r, err := m.Repo(id, o)
	require.NoError(t, err)
	require.NoError(t, r.SaveState(s))
}

func checker(t testing.TB, root string) *health.Checker {
	t.Helper()
	c, err := health.New(root, nil)
	require.NoError(t, err)
	return c
}

func TestLevels(t *testing.T) {
	complete := func(ago time.Duration) mirror.SyncState {
		return mirror.SyncState{Time: before(ago), Complete: before(ago), Outcome: mirror.OutcomeComplete}
	}
	wrong := func(outcome string, ago, completeAgo time.Duration, failures int) mirror.SyncState {
		return mirror.SyncState{Time: before(ago), Complete: before(completeAgo), Outcome: outcome, Failures: failures}
	}
	for name, c := range map[string]struct {
		sync      mirror.SyncState
		publish   mirror.PublishState
		published bool
		level     health.Level
		reason    string
	}{
		"nothing":         {level: health.Empty, reason: "never published"},
		"own packages":    {published: true, level: health.OK, reason: "published 9 days ago; never synced by gorepo"},
		"fresh":           {sync: complete(5 * hour), published: true, level: health.OK, reason: "last complete sync 5 hours ago"},
		"at the limit":    {sync: complete(2 * day), published: true, level: health.OK, reason: "last complete sync 2 days ago"},
		"late":            {sync: complete(3*day + hour), published: true, level: health.Late, reason: "last complete sync 3 days ago; limit 2 days"},
		"clocks differ":   {sync: complete(-day), published: true, level: health.OK, reason: "last complete sync just now"},
		"in the future":   {sync: complete(-3*day - hour), published: true, level: health.Late, reason: "last complete sync 3 days in the future: a clock is wrong, or was"},
		"failed":          {sync: wrong(mirror.OutcomeFailed, 2*hour, 26*hour, 0), published: true, level: health.Failing, reason: "last sync failed 2 hours ago; last complete sync 26 hours ago"},
		"failed and late": {sync: wrong(mirror.OutcomeFailed, 90*time.Minute, 4*day, 0), published: true, level: health.Failing, reason: "last sync failed 90 minutes ago; last complete sync 4 days ago; limit 2 days"},
		"never complete":  {sync: mirror.SyncState{Time: before(hour), Outcome: mirror.OutcomePartial, Failures: 1}, published: true, level: health.Failing, reason: "last sync was not complete 60 minutes ago, 1 file missing; never a complete sync"},
		"partly":          {sync: wrong(mirror.OutcomePartial, time.Second, day, 12), published: true, level: health.Failing, reason: "last sync was not complete just now, 12 files missing; last complete sync 24 hours ago"},
		"untrusted":       {sync: wrong(mirror.OutcomeUntrusted, hour*3, day, 2), published: true, level: health.Failing, reason: "last sync met what it could not trust 3 hours ago, 2 files missing; last complete sync 24 hours ago"},
		"bad packages":    {sync: complete(hour), publish: mirror.PublishState{Time: before(hour), Outcome: mirror.OutcomePartial}, published: true, level: health.Failing, reason: "the last createrepo left out packages that it could not read"},
		"not published": {
			sync:      mirror.SyncState{Time: before(hour), Complete: before(hour), Outcome: mirror.OutcomeComplete, Repomd: "b", Changed: before(3 * day)},
			publish:   mirror.PublishState{Time: before(4 * day), Outcome: mirror.OutcomeComplete, Upstream: "a"},
			published: true, level: health.Late, reason: "what a sync brought 3 days ago is not published; limit 2 days",
		},
		"not published yet": {
			sync:      mirror.SyncState{Time: before(hour), Complete: before(hour), Outcome: mirror.OutcomeComplete, Repomd: "b", Changed: before(day)},
			publish:   mirror.PublishState{Time: before(4 * day), Outcome: mirror.OutcomeComplete, Upstream: "a"},
			published: true, level: health.OK, reason: "last complete sync 60 minutes ago",
		},
		"published long ago": {
			sync:      mirror.SyncState{Time: before(hour), Complete: before(hour), Outcome: mirror.OutcomeComplete, Repomd: "a", Changed: before(30 * day)},
			publish:   mirror.PublishState{Time: before(30 * day), Outcome: mirror.OutcomeComplete, Upstream: "a"},
			published: true, level: health.OK, reason: "last complete sync 60 minutes ago",
		},
		"first sync failed":    {sync: mirror.SyncState{Time: before(2 * hour), Outcome: mirror.OutcomeFailed}, level: health.Empty, reason: "not published; last sync failed 2 hours ago"},
		"before createrepo":    {sync: complete(hour), level: health.Empty, reason: "synced, but never published: gorepo createrepo does that"},
		"gone":                 {sync: complete(hour), publish: mirror.PublishState{Time: before(hour), Outcome: mirror.OutcomeComplete}, level: health.Empty, reason: "published once, but repodata/repomd.xml is gone"},
		"a clock that is fast": {sync: complete(-5 * hour), published: true, level: health.OK, reason: "last complete sync just now"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if c.published {
				publish(t, filepath.Join(root, "r"), "1", 3, before(9*day))
			}
			if !c.sync.Time.IsZero() || !c.publish.Time.IsZero() {
				save(t, root, "r", mirror.RepoOptions{}, mirror.State{Sync: c.sync, Publish: c.publish})
			}
			r := checker(t, root).Check("r", now)
			assert.Equal(t, c.level, r.Level)
			assert.Equal(t, c.reason, r.Reason)
			assert.Equal(t, c.published, r.Published)
		})
	}
}

func TestMaxAgeIsPerRepository(t *testing.T) {
	root := t.TempDir()
	limits := map[string]time.Duration{"slow": 7 * day, "frozen": -1, "quick": 90 * time.Second}
	for id := range limits {
		publish(t, filepath.Join(root, id), "1", 3, before(9*day))
		save(t, root, id, mirror.RepoOptions{}, mirror.State{Sync: mirror.SyncState{Time: before(6 * day), Complete: before(6 * day), Outcome: mirror.OutcomeComplete}})
	}
	c, err := health.New(root, func(id string) health.Expected { return health.Expected{MaxAge: limits[id]} })
	require.NoError(t, err)
	assert.Equal(t, health.OK, c.Check("slow", now).Level)
	assert.Equal(t, health.OK, c.Check("frozen", now).Level)
	assert.Equal(t, health.OK, c.Check("frozen", now.AddDate(9, 0, 0)).Level)
	assert.Equal(t, "last complete sync 6 days ago; limit 1 minute", c.Check("quick", now).Reason)
	assert.Equal(t, health.Late, c.Check("slow", now.Add(2*day)).Level, "a later moment, the same files")
}

// A tree that another program left, and that gorepo is to sync and never did, grows
// old like others.
func TestNeverSynced(t *testing.T) {
	root := t.TempDir()
	publish(t, filepath.Join(root, "taken-over"), "1", 3, before(9*day))
	publish(t, filepath.Join(root, "new"), "1", 3, before(day))
	publish(t, filepath.Join(root, "own"), "1", 3, before(9*day))
	c, err := health.New(root, func(id string) health.Expected {
		return health.Expected{MaxAge: 2 * day, Upstream: id != "own"}
	})
	require.NoError(t, err)
	r := c.Check("taken-over", now)
	assert.Equal(t, health.Late, r.Level)
	assert.Equal(t, "published 9 days ago; never synced by gorepo; limit 2 days", r.Reason)
	assert.Equal(t, health.OK, c.Check("new", now).Level)
	assert.Equal(t, health.OK, c.Check("own", now).Level)
}

func TestWhatIsThere(t *testing.T) {
	root := t.TempDir()
	publish(t, filepath.Join(root, "r"), "42", 7, before(hour))
	upstream := filepath.Join(root, ".gorepo", "r", "upstream")
	require.NoError(t, os.MkdirAll(upstream, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(upstream, "repomd.xml"), []byte(repomdXML("u", 1_750_000_000, 1)), 0o644))
	state := mirror.State{
		Sync: mirror.SyncState{Time: before(hour), Complete: before(hour), Outcome: mirror.OutcomeComplete, Bytes: 12345, Packages: 8},
		Tree: mirror.TreeState{Name: ".treeinfo"},
	}
	save(t, root, "r", mirror.RepoOptions{}, state)
	c := checker(t, root)
	for range 2 { // read, and remembered
		r := c.Check("r", now)
		assert.Equal(t, "r", r.ID)
		assert.Equal(t, state.Sync, r.Sync)
		assert.True(t, r.Generation.Equal(before(hour)), "%v", r.Generation)
		assert.Equal(t, "42", r.Revision)
		assert.EqualValues(t, metadataSize, r.Metadata)
		assert.Equal(t, 7, r.Packages)
		assert.EqualValues(t, 12345, r.Bytes())
		assert.EqualValues(t, 1_750_000_000, r.Upstream.Unix())
	}
	plain := c.Check("nothing", now)
	assert.Equal(t, -1, plain.Packages)
	assert.EqualValues(t, -1, plain.Bytes())
	assert.True(t, plain.Upstream.IsZero())
}

// What is published or written down meanwhile is seen at once, of the same size
// and time too.
func TestChangesAreSeen(t *testing.T) {
	root := t.TempDir()
	c := checker(t, root)
	at := before(hour)
	assert.Equal(t, health.Empty, c.Check("r", now).Level)
	publish(t, filepath.Join(root, "r"), "1", 3, at)
	assert.Equal(t, "1", c.Check("r", now).Revision)
	publish(t, filepath.Join(root, "r"), "2", 4, at)
	r := c.Check("r", now)
	assert.Equal(t, "2", r.Revision)
	assert.Equal(t, 4, r.Packages)
	save(t, root, "r", mirror.RepoOptions{}, mirror.State{Sync: mirror.SyncState{Time: at, Complete: at, Outcome: mirror.OutcomeComplete}})
	assert.Equal(t, "last complete sync 60 minutes ago", c.Check("r", now).Reason)
	require.NoError(t, os.RemoveAll(filepath.Join(root, ".gorepo")))
	assert.Equal(t, "published 60 minutes ago; never synced by gorepo", c.Check("r", now).Reason)
	require.NoError(t, os.RemoveAll(filepath.Join(root, "r")))
	assert.Equal(t, "never published", c.Check("r", now).Reason)
}

func TestTheDirectoryThatTheStateNames(t *testing.T) {
	root, elsewhere := t.TempDir(), t.TempDir()
	publish(t, root, "in ROOT itself", 1, now)
	publish(t, elsewhere, "elsewhere", 1, now)
	s := mirror.State{Sync: mirror.SyncState{Time: now, Complete: now, Outcome: mirror.OutcomeComplete}}
	save(t, root, "a", mirror.RepoOptions{Dir: "."}, s)
	save(t, root, "b", mirror.RepoOptions{Dir: elsewhere}, s)
	c := checker(t, root)
	assert.Equal(t, "in ROOT itself", c.Check("a", now).Revision)
	assert.Equal(t, "elsewhere", c.Check("b", now).Revision)
}

func TestWhatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		spoil  func(t *testing.T, root string)
		reason string
	}{
		"repomd.xml is no XML": {func(t *testing.T, root string) {
			require.NoError(t, os.WriteFile(filepath.Join(root, "r", "repodata", "repomd.xml"), []byte("oops"), 0o644))
		}, "repodata/repomd.xml cannot be read: "},
		"repomd.xml is a directory": {func(t *testing.T, root string) {
			name := filepath.Join(root, "r", "repodata", "repomd.xml")
			require.NoError(t, os.Remove(name))
			require.NoError(t, os.Mkdir(name, 0o755))
		}, "repodata/repomd.xml cannot be read: it is not a file"},
		"repomd.xml is a pipe": {func(t *testing.T, root string) {
			name := filepath.Join(root, "r", "repodata", "repomd.xml")
			require.NoError(t, os.Remove(name))
			require.NoError(t, syscall.Mkfifo(name, 0o644))
		}, "repodata/repomd.xml cannot be read: it is not a file"},
		"primary is gone": {func(t *testing.T, root string) {
			require.NoError(t, os.Remove(filepath.Join(root, "r", "repodata", "primary.xml.gz")))
		}, "repodata/primary.xml.gz, which repomd.xml names, is not there"},
		"other is cut short": {func(t *testing.T, root string) {
			require.NoError(t, os.Truncate(filepath.Join(root, "r", "repodata", "other.xml.gz"), 5))
		}, "repodata/other.xml.gz has 5 bytes, and "},
		"the state is cut short": {func(t *testing.T, root string) {
			name := filepath.Join(root, ".gorepo", "r", "state.json")
			require.NoError(t, os.Truncate(name, 20))
		}, "gorepo's state of it cannot be read: unexpected end of JSON input"},
		"the state is of another version": {func(t *testing.T, root string) {
			require.NoError(t, os.WriteFile(filepath.Join(root, ".gorepo", "r", "state.json"), []byte(`{"version":99}`), 0o644))
		}, "gorepo's state of it cannot be read: version 99, expected 1"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			publish(t, filepath.Join(root, "r"), "1", 3, now)
			save(t, root, "r", mirror.RepoOptions{}, mirror.State{Sync: mirror.SyncState{Time: now, Complete: now, Outcome: mirror.OutcomeComplete}})
			h := checker(t, root)
			require.Equal(t, health.OK, h.Check("r", now).Level)
			c.spoil(t, root)
			for range 2 {
				r := h.Check("r", now)
				assert.Equal(t, health.Failing, r.Level)
				assert.Contains(t, r.Reason, c.reason)
				assert.NotContains(t, r.Reason, root, "where the mirror lies is nobody's business")
			}
		})
	}
	assert.Equal(t, health.Failing, checker(t, t.TempDir()).Check("../etc", now).Level)
}

// A file that is there again, or another generation, is good news at once.
func TestWhatIsWholeAgain(t *testing.T) {
	root := t.TempDir()
	publish(t, filepath.Join(root, "r"), "1", 3, now)
	h := checker(t, root)
	primary := filepath.Join(root, "r", "repodata", "primary.xml.gz")
	require.NoError(t, os.Rename(primary, primary+".away"))
	r := h.Check("r", now)
	assert.Equal(t, health.Failing, r.Level)
	assert.True(t, r.Published, "clients read repomd.xml all the same")
	require.NoError(t, os.Rename(primary+".away", primary))
	assert.Equal(t, health.OK, h.Check("r", now).Level)
	require.NoError(t, os.Remove(primary))
	publish(t, filepath.Join(root, "r"), "2", 4, now)
	assert.Equal(t, health.OK, h.Check("r", now).Level)
}

func TestNumberOfPackagesIsNotBelieved(t *testing.T) {
	for content, want := range map[string]int{
		`<?xml version="1.0"?><metadata xmlns="x" packages="70000"><package`: 70000,
		`<metadata packages="-4">`:                         -1,
		`<metadata packages="1e3">`:                        -1,
		`<metadata packages="5`:                            -1,
		`<metadata><package packages="5">`:                 -1,
		`<metadata packages="99999999999999999999999999">`: -1,
		``:             -1,
		"\x1f\x8b\x08": -1,
	} {
		root := t.TempDir()
		publish(t, filepath.Join(root, "r"), "1", 3, now)
		require.NoError(t, os.WriteFile(filepath.Join(root, "r", "repodata", "primary.xml.gz"), []byte(content), 0o644))
		assert.Equal(t, want, checker(t, root).Check("r", now).Packages, content)
	}
}

// A server may be somebody who may only read: nothing is created, nothing locked.
func TestNothingIsWritten(t *testing.T) {
	root := t.TempDir()
	publish(t, filepath.Join(root, "r"), "1", 3, now)
	list := func() (names []string) {
		require.NoError(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			names = append(names, path)
			return err
		}))
		return names
	}
	was := list()
	c := checker(t, root)
	c.Check("r", now)
	c.Check("other", now)
	assert.Equal(t, was, list())
}

func TestHundredsOfRepositories(t *testing.T) {
	c, ids := hundreds(t)
	for _, id := range ids {
		require.Equal(t, health.OK, c.Check(id, now).Level)
	}
	best := time.Hour
	for range 20 {
		start := time.Now()
		for _, id := range ids {
			c.Check(id, now)
		}
		best = min(best, time.Since(start))
	}
	t.Log("300 repositories looked at again in", best)
	assert.Less(t, best, 50*time.Millisecond, "even with the race detector on a busy machine")
}

func BenchmarkCheck(b *testing.B) {
	c, ids := hundreds(b)
	for b.Loop() {
		for _, id := range ids {
			c.Check(id, now)
		}
	}
}

func hundreds(t testing.TB) (*health.Checker, []string) {
	root := t.TempDir()
	ids := make([]string, 300)
	condemned := make([]string, 1000)
	for i := range condemned {
		condemned[i] = fmt.Sprintf("Packages/p/package-%d-1-1.noarch.rpm", i)
	}
	state, err := json.Marshal(mirror.State{
		Version: 1, Sync: mirror.SyncState{Time: now, Complete: now, Outcome: mirror.OutcomeComplete}, Condemned: condemned,
	})
	require.NoError(t, err)
	for i := range ids {
		ids[i] = fmt.Sprintf("r%d", i)
		publish(t, filepath.Join(root, ids[i]), "1", 3, now)
		dir := filepath.Join(root, ".gorepo", ids[i])
		require.NoError(t, os.MkdirAll(dir, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "state.json"), state, 0o644)) // SaveState would wait for the disk
	}
	return checker(t, root), ids
}
