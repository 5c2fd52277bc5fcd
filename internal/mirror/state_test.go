package mirror

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestState(t *testing.T) {
	m, err := Open(t.TempDir())
	require.NoError(t, err)
	r, err := m.Repo("base", RepoOptions{})
	require.NoError(t, err)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	want := State{
		Version: stateVersion,
		Sync: SyncState{
			Time: now, Revision: "1500000000", Outcome: OutcomePartial, Packages: 7, Bytes: 1 << 40, Added: 1,
			Removed: 2, Failures: 3, Fetched: 4, Complete: now.Add(-time.Hour),
			Source: "https://example.com/repodata/repomd.xml", ETag: `"x"`, LastModified: "Mon, 02 Jan 2006 15:04:05 GMT",
		},
		Publish:   PublishState{Time: now, Revision: "9", Outcome: OutcomeComplete, Packages: 7, Carried: []string{"group", "modules"}},
		Condemned: []string{"Packages/größe <a>&b.rpm"},
		Dropped:   []string{"Packages/b.rpm"},
	}
	require.NoError(t, r.SaveState(want), "it makes its directory")
	got, warning := r.State()
	require.NoError(t, warning)
	assert.Equal(t, want, got)

	require.NoError(t, r.SaveState(State{}))
	got, warning = r.State()
	require.NoError(t, warning)
	assert.Equal(t, State{Version: stateVersion}, got)
	assert.Equal(t, []string{"state.json"}, names(t, r.state), "no temporary file is left")
}

func TestStateUnusable(t *testing.T) {
	r := newRepo(t)
	for name, content := range map[string]string{
		"empty":          "",
		"cut":            `{"version":1,"sync":{"packages":7`,
		"zeros":          "\x00\x00\x00\x00",
		"later version":  `{"version":99,"condemned":["a.rpm"]}`,
		"no version":     `{}`,
		"another shape":  `[]`,
		"type of a part": `{"version":1,"condemned":["a.rpm"],"dropped":7}`,
	} {
		write(t, r.statePath(stateFile), content)
		s, warning := r.State()
		oneLine(t, warning, r.statePath(stateFile))
		assert.Equal(t, State{}, s, "%s: nothing half read", name)
		require.NoError(t, r.SaveState(State{Dropped: []string{"b.rpm"}}))
		s, warning = r.State()
		require.NoError(t, warning)
		assert.Equal(t, []string{"b.rpm"}, s.Dropped)
	}
	require.NoError(t, os.Remove(r.statePath(stateFile)))
	require.NoError(t, os.Mkdir(r.statePath(stateFile), 0o755))
	_, warning := r.State()
	require.Error(t, warning)
	oneLine(t, r.SaveState(State{}), "repository base", "state")
	assert.NoFileExists(t, r.statePath(".state.json.tmp"))
}

// A name that JSON cannot hold must not come back as another file's.
func TestStateNames(t *testing.T) {
	r := newRepo(t)
	given := []string{"a.rpm", "b\xff.rpm", "c.rpm"}
	require.NoError(t, r.SaveState(State{Condemned: given, Dropped: given}))
	s, warning := r.State()
	require.NoError(t, warning)
	assert.Equal(t, []string{"a.rpm", "c.rpm"}, s.Condemned)
	assert.Equal(t, []string{"a.rpm", "c.rpm"}, s.Dropped)
	assert.Equal(t, "b\xff.rpm", given[1], "the caller's own is not changed")
}

// What a crash left of a temporary file is overwritten.
func TestWriteFileAtomic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	write(t, filepath.Join(filepath.Dir(path), ".x.tmp"), "a long rest of a crash")
	require.NoError(t, writeFileAtomic(path, []byte("one")))
	assert.Equal(t, "one", read(t, path))
	require.NoError(t, writeFileAtomic(path, []byte("two")))
	assert.Equal(t, "two", read(t, path))
	assert.Equal(t, []string{"x"}, names(t, filepath.Dir(path)))
}
