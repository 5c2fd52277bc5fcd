//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestServeInTheJournal: all that serve says is of one style, whoever says it: the
// start, a configuration and passwords that are wrong, what goes wrong meanwhile. In
// the journal no line repeats what that adds, and each has its priority.
func TestServeInTheJournal(t *testing.T) {
	t.Parallel()
	for _, journal := range []bool{true, false} {
		t.Run(fmt.Sprint(journal), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "nobody_knows=1\n[a]\nbaseurl=http://a.invalid/\n")
			writeFile(t, "x", s.root, "a", "x.rpm")
			users := writeFile(t, bcrypted(t, "alice", "one"), s.dir, "users")
			read, write, err := os.Pipe()
			require.NoError(t, err)
			var st unix.Stat_t
			require.NoError(t, unix.Fstat(int(write.Fd()), &st))
			cmd := s.gorepo("serve", "--listen=127.0.0.1:0", "--htpasswd="+users)
			cmd.Stderr = write
			stream := fmt.Sprintf("%d:%d", st.Dev, st.Ino)
			if !journal {
				stream = fmt.Sprintf("%d:%d", st.Dev, st.Ino+1) // another file than stderr
			}
			cmd.Env = append(cmd.Env, "JOURNAL_STREAM="+stream)
			require.NoError(t, cmd.Start())
			require.NoError(t, write.Close())
			t.Cleanup(func() { _ = cmd.Process.Kill() })
			lines := bufio.NewScanner(read)
			next := func(priority, text string) {
				t.Helper()
				require.NoError(t, read.SetReadDeadline(time.Now().Add(20*time.Second)))
				require.True(t, lines.Scan(), text)
				start := "^" + priority
				if !journal {
					start = `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ gorepo: `
				}
				assert.Regexp(t, start+text, lines.Text())
			}
			next("<4>", `warning: .*gorepo\.conf:\d+: .*nobody_knows`)
			next("<6>", `serving `)
			s.configure("[a\n")
			require.NoError(t, cmd.Process.Signal(syscall.SIGHUP))
			next("<3>", `error: the configuration is not used, and the old one stays: .*gorepo\.conf:\d+: `)
			s.configure("[a]\nbaseurl=http://a.invalid/\n")
			require.NoError(t, cmd.Process.Signal(syscall.SIGHUP))
			next("<6>", `the configuration was read again$`)
			writeFile(t, "alice:secret\n", users)
			next("<3>", `error: passwords have changed and cannot be used: the old ones stay: .*users:1: `)
			require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
			rest, err := io.ReadAll(read)
			require.NoError(t, err)
			assert.Empty(t, string(rest))
			require.NoError(t, cmd.Wait())
		})
	}
}

// What cannot be understood of the command line goes the same way.
func TestUsageInTheJournal(t *testing.T) {
	t.Parallel()
	f, err := os.Create(t.TempDir() + "/stderr")
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	var st unix.Stat_t
	require.NoError(t, unix.Fstat(int(f.Fd()), &st))
	status := run(t.Context(), process{
		args: []string{"serve", "--nothing"}, stdin: strings.NewReader(""), stdout: io.Discard, stderr: f,
		environ: []string{fmt.Sprintf("JOURNAL_STREAM=%d:%d", st.Dev, st.Ino)},
	})
	assert.Equal(t, statusUsage, status)
	assert.Equal(t, "<3>unknown flag --nothing (gorepo serve --help shows what there is)\n", string(mustRead(t, f.Name())))
}
