package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
)

// childEnv makes the test binary run as one of the processes that tests kill.
const childEnv = "GOREPO_MIRROR_TEST_CHILD"

var children = map[string]func(args []string) error{}

func TestMain(m *testing.M) {
	if name := os.Getenv(childEnv); name != "" {
		if err := children[name](os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child is a command that runs a child of this test binary.
func child(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), childEnv+"="+name)
	cmd.Stderr = os.Stderr
	return cmd
}

// newRepo is a locked repository in a new mirror.
func newRepo(t *testing.T) *Repo {
	t.Helper()
	m, err := Open(t.TempDir())
	require.NoError(t, err)
	r, err := m.Repo("base", RepoOptions{})
	require.NoError(t, err)
	unlock, err := r.Lock(t.Context(), 0)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, r.Close())
		require.NoError(t, unlock())
	})
	return r
}

func sha(data string) rpmpkg.Checksum {
	sum := sha256.Sum256([]byte(data))
	return rpmpkg.Checksum{Type: "sha256", Hex: hex.EncodeToString(sum[:])}
}

const fileTime = 1_500_000_000

// ref is what metadata says of a package with that content.
func ref(location, data string) rpmpkg.Ref {
	return rpmpkg.Ref{Location: location, Checksum: sha(data), Size: int64(len(data)), FileTime: fileTime}
}

// bring downloads a package as sync does.
func bring(t *testing.T, r *Repo, location, data string) {
	t.Helper()
	p, err := r.Partial(t.Context(), ref(location, data))
	require.NoError(t, err)
	_, err = p.Write([]byte(data)[p.Offset():])
	require.NoError(t, err)
	require.NoError(t, p.Finish())
	require.NoError(t, p.Place())
}

func write(t *testing.T, path, data string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(data), 0o644))
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

// tree lists all files below dir with their content, links as "-> target" and
// directories as "/".
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			files[name] = "/"
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			files[name] = "-> " + target
			return err
		default:
			data, err := os.ReadFile(path)
			files[name] = string(data)
			return err
		}
		return nil
	})
	if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
	}
	return files
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
	}
	list := []string{}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	slices.Sort(list)
	return list
}

// canceled is a context that has ended.
func canceled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// oneLine checks that an error is fit for a user.
func oneLine(t *testing.T, err error, parts ...string) {
	t.Helper()
	require.Error(t, err)
	require.NotContains(t, err.Error(), "\n")
	for _, part := range parts {
		require.True(t, strings.Contains(err.Error(), part), "%q does not say %q", err, part)
	}
}
