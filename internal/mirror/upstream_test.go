package mirror

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func stage(t *testing.T, r *Repo) *UpstreamStage {
	t.Helper()
	s, err := r.StageUpstream()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func download(t *testing.T, s *UpstreamStage, name, data string) {
	t.Helper()
	d, err := s.Record(t.Context(), name, sha(data), int64(len(data)))
	require.NoError(t, err)
	_, err = io.WriteString(d, data[d.Offset():])
	require.NoError(t, err)
	require.NoError(t, d.Finish())
	require.NoError(t, d.Keep(), "after Finish nothing")
}

func upstream(t *testing.T, r *Repo) map[string]string {
	t.Helper()
	return tree(t, r.statePath(upstreamDir))
}

func TestUpstream(t *testing.T) {
	r := newRepo(t)
	s := stage(t, r)
	require.NoError(t, s.Write("repomd.xml", []byte("repomd 1")))
	require.NoError(t, s.Write("repomd.xml.asc", []byte("signature 1")))
	download(t, s, "1-primary.xml.gz", "primary 1")
	download(t, s, "comps.xml", "comps")
	_, err := r.Upstream()
	require.ErrorIs(t, err, fs.ErrNotExist, "nothing before Commit")
	require.NoError(t, s.Commit())
	first := map[string]string{"repomd.xml": "repomd 1", "repomd.xml.asc": "signature 1", "1-primary.xml.gz": "primary 1", "comps.xml": "comps"}
	assert.Equal(t, first, upstream(t, r))

	u, err := r.Upstream()
	require.NoError(t, err)
	data, err := u.ReadFile("repomd.xml")
	require.NoError(t, err)
	assert.Equal(t, "repomd 1", string(data))
	for _, bad := range []string{"../lock", "", ".", "/etc/passwd"} {
		_, err = u.ReadFile(bad)
		require.Error(t, err)
		_, err = u.Open(bad)
		require.Error(t, err)
	}
	assert.Equal(t, "comps", read(t, u.Path("comps.xml")))
	ok, err := u.Verify(t.Context(), "comps.xml", sha("comps"), 5)
	require.NoError(t, err)
	assert.True(t, ok)
	for name, want := range map[string]bool{"comps.xml": true, "repomd.xml": false, "missing.xml": false} {
		ok, err = VerifyFile(t.Context(), u.Path("."), name, sha("comps"), 5)
		require.NoError(t, err)
		assert.Equal(t, want, ok, name)
	}
	_, err = VerifyFile(t.Context(), u.Path("."), "../lock", sha("comps"), 5)
	require.Error(t, err)

	open, err := u.Open("1-primary.xml.gz")
	require.NoError(t, err)

	// The next one; what has not changed is not downloaded.
	s = stage(t, r)
	have, err := s.Have(t.Context(), "comps.xml", sha("comps"), 5)
	require.NoError(t, err)
	assert.True(t, have)
	have, err = s.Have(t.Context(), "2-primary.xml.gz", sha("primary 2"), 9)
	require.NoError(t, err)
	assert.False(t, have)
	download(t, s, "2-primary.xml.gz", "primary 2")
	require.NoError(t, s.Write("repomd.xml", []byte("repomd 2")))
	assert.Equal(t, first, upstream(t, r), "nothing before Commit")
	require.NoError(t, s.Commit())
	assert.Equal(t, map[string]string{"repomd.xml": "repomd 2", "2-primary.xml.gz": "primary 2", "comps.xml": "comps"}, upstream(t, r))
	assert.NoDirExists(t, r.statePath(upstreamNewDir))

	// What was open stays whole.
	data, err = io.ReadAll(open)
	require.NoError(t, err)
	assert.Equal(t, "primary 1", string(data))
	require.NoError(t, open.Close())
	require.NoError(t, u.Close())
}

// An interrupted sync's metadata is found again, bytes and whole records.
func TestUpstreamResumes(t *testing.T) {
	r := newRepo(t)
	s := stage(t, r)
	download(t, s, "primary.xml.gz", "primary")
	d, err := s.Record(t.Context(), "filelists.xml.gz", sha("filelists"), -1)
	require.NoError(t, err)
	_, err = io.WriteString(d, "file")
	require.NoError(t, err)
	require.NoError(t, d.Keep())
	require.NoError(t, s.Close())

	s = stage(t, r)
	have, err := s.Have(t.Context(), "primary.xml.gz", sha("primary"), -1)
	require.NoError(t, err)
	assert.True(t, have)
	d, err = s.Record(t.Context(), "filelists.xml.gz", sha("filelists"), -1)
	require.NoError(t, err)
	assert.EqualValues(t, 4, d.Offset())
	assert.False(t, d.Complete())
	_, err = io.WriteString(d, "lists")
	require.NoError(t, err)
	assert.True(t, d.Complete())
	require.NoError(t, d.Finish())
	require.NoError(t, s.Write("repomd.xml", []byte("x")))
	require.NoError(t, s.Commit())
	assert.Equal(t, map[string]string{"repomd.xml": "x", "primary.xml.gz": "primary", "filelists.xml.gz": "filelists"}, upstream(t, r))
}

func TestUpstreamNeedsAll(t *testing.T) {
	r := newRepo(t)
	s := stage(t, r)
	download(t, s, "primary.xml.gz", "primary")
	oneLine(t, s.Commit(), "repository base", "repomd.xml")
	require.NoError(t, s.Write("repomd.xml", []byte("x")))
	d, err := s.Record(t.Context(), "other.xml.gz", sha("other"), 5)
	require.NoError(t, err)
	oneLine(t, s.Commit(), "other.xml.gz", "not whole")

	_, err = io.WriteString(d, "0ther")
	require.NoError(t, err)
	var mismatch *MismatchError
	require.ErrorAs(t, d.Finish(), &mismatch)
	assert.Equal(t, "metadata other.xml.gz", mismatch.Name)
	require.Error(t, d.Place())
	require.NoError(t, d.Discard())
	require.NoError(t, d.Discard(), "twice is well")
	require.NoError(t, s.Commit(), "without the one that was given up")
	assert.Equal(t, map[string]string{"repomd.xml": "x", "primary.xml.gz": "primary"}, upstream(t, r))
	assert.Empty(t, names(t, r.statePath(partialDir)))
}

func TestUpstreamClash(t *testing.T) {
	r := newRepo(t)
	s := stage(t, r)
	download(t, s, "primary.xml.gz", "a")
	_, err := s.Record(t.Context(), "primary.xml.gz", sha("b"), 1)
	oneLine(t, err, "primary.xml.gz", "two files")
	_, err = s.Have(t.Context(), "primary.xml.gz", sha("a"), 1)
	require.Error(t, err)
	require.Error(t, s.Write("primary.xml.gz", []byte("c")))
	for _, bad := range []string{"", "..", "a/b", ".hidden", "../x"} {
		_, err := s.Record(t.Context(), bad, sha("b"), 1)
		require.Error(t, err)
		_, err = s.Have(t.Context(), bad, sha("b"), 1)
		require.Error(t, err)
		require.Error(t, s.Write(bad, nil))
	}
}

// A new record of an old name must not be written into the old file, which the
// present metadata still has by a hard link.
func TestUpstreamNeverWritesThrough(t *testing.T) {
	r := newRepo(t)
	s := stage(t, r)
	require.NoError(t, s.Write("repomd.xml", []byte("1")))
	download(t, s, "primary.xml.gz", "primary 1")
	require.NoError(t, s.Commit())

	s = stage(t, r) // adopts it, and dies
	have, err := s.Have(t.Context(), "primary.xml.gz", sha("primary 1"), 9)
	require.NoError(t, err)
	require.True(t, have)
	require.NoError(t, s.Write("repomd.xml", []byte("2")))
	require.NoError(t, s.Close())

	s = stage(t, r)
	download(t, s, "primary.xml.gz", "PRIMARY 2")
	require.NoError(t, s.Write("repomd.xml", []byte("3")))
	assert.Equal(t, map[string]string{"repomd.xml": "1", "primary.xml.gz": "primary 1"}, upstream(t, r))
	require.NoError(t, s.Commit())
	assert.Equal(t, map[string]string{"repomd.xml": "3", "primary.xml.gz": "PRIMARY 2"}, upstream(t, r))
}

// What an interrupted sync gathered under a name may be older than what the
// present metadata has.
func TestUpstreamHaveReplaces(t *testing.T) {
	r := newRepo(t)
	write(t, r.statePath(upstreamDir, "comps.xml"), "comps 2")
	write(t, r.statePath(upstreamNewDir, "comps.xml"), "comps 1")
	s := stage(t, r)
	have, err := s.Have(t.Context(), "comps.xml", sha("comps 2"), 7)
	require.NoError(t, err)
	assert.True(t, have)
	require.NoError(t, s.Write("repomd.xml", []byte("x")))
	require.NoError(t, s.Commit())
	assert.Equal(t, map[string]string{"repomd.xml": "x", "comps.xml": "comps 2"}, upstream(t, r))
}

func TestUpstreamRecordsAtOnce(t *testing.T) {
	r := newRepo(t)
	s := stage(t, r)
	want := map[string]string{"repomd.xml": "x"}
	var wg sync.WaitGroup
	for i := range 8 {
		name, data := fmt.Sprintf("%d.xml", i), fmt.Sprintf("record %d", i/2) // two of each content
		want[name] = data
		wg.Go(func() {
			d, err := s.Record(t.Context(), name, sha(data), int64(len(data)))
			if !assert.NoError(t, err) {
				return
			}
			_, err = io.WriteString(d, data[d.Offset():])
			assert.NoError(t, err)
			assert.NoError(t, d.Finish())
		})
	}
	wg.Wait()
	require.NoError(t, s.Write("repomd.xml", []byte("x")))
	require.NoError(t, s.Commit())
	assert.Equal(t, want, upstream(t, r))
}

// Without RENAME_EXCHANGE, and after a crash in the middle of that.
func TestUpstreamWithoutExchange(t *testing.T) {
	r := newRepo(t)
	r.fs.exchange = func(string, string) error { return errors.ErrUnsupported }
	for i := range 3 {
		s := stage(t, r)
		require.NoError(t, s.Write("repomd.xml", fmt.Append(nil, i)))
		require.NoError(t, s.Commit())
		assert.Equal(t, map[string]string{"repomd.xml": fmt.Sprint(i)}, upstream(t, r))
		assert.NotContains(t, names(t, r.state), upstreamOldDir)
	}
	// It died between the two renames.
	require.NoError(t, os.Rename(r.statePath(upstreamDir), r.statePath(upstreamOldDir)))
	write(t, r.statePath(upstreamNewDir, "repomd.xml"), "3")
	u, err := r.Upstream()
	require.NoError(t, err)
	data, err := u.ReadFile("repomd.xml")
	require.NoError(t, err)
	assert.Equal(t, "2", string(data))
	assert.Equal(t, "2", read(t, u.Path("repomd.xml")))
	require.NoError(t, u.Close())
	s := stage(t, r)
	assert.Equal(t, map[string]string{"repomd.xml": "2"}, upstream(t, r))
	require.NoError(t, s.Write("repomd.xml", []byte("3")))
	require.NoError(t, s.Commit())
	assert.Equal(t, map[string]string{"repomd.xml": "3"}, upstream(t, r))
	// It died before it had removed the old one.
	write(t, r.statePath(upstreamOldDir, "repomd.xml"), "2")
	stage(t, r)
	assert.Equal(t, map[string]string{"repomd.xml": "3"}, upstream(t, r))
	assert.NotContains(t, names(t, r.state), upstreamOldDir)
}

// After an exchange a crash leaves the old metadata as upstream.new: of no use,
// and of no harm.
func TestUpstreamCrashAfterExchange(t *testing.T) {
	r := newRepo(t)
	write(t, r.statePath(upstreamDir, "repomd.xml"), "2")
	write(t, r.statePath(upstreamNewDir, "repomd.xml"), "1")
	write(t, r.statePath(upstreamNewDir, "old.xml"), "old")
	write(t, r.statePath(upstreamNewDir, "dir", "x"), "x")
	s := stage(t, r)
	require.NoError(t, s.Write("repomd.xml", []byte("3")))
	have, err := s.Have(t.Context(), "dir", sha("dir"), 3)
	require.NoError(t, err)
	assert.False(t, have)
	download(t, s, "dir", "dir")
	require.NoError(t, s.Commit())
	assert.Equal(t, map[string]string{"repomd.xml": "3", "dir": "dir"}, upstream(t, r))
}

func TestUpstreamCommitFails(t *testing.T) {
	r := newRepo(t)
	s := stage(t, r)
	require.NoError(t, s.Write("repomd.xml", []byte("1")))
	require.NoError(t, s.Commit())
	s = stage(t, r)
	require.NoError(t, s.Write("repomd.xml", []byte("2")))
	broken := errors.New("broken disk")
	r.fs.syncFile = func(string) error { return broken }
	require.ErrorIs(t, s.Commit(), broken)
	assert.Equal(t, map[string]string{"repomd.xml": "1"}, upstream(t, r))
}
