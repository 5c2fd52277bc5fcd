package mirror

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
)

// A fake repomd.xml: "revision N", then one file a line, then the checksum of
// all that.
func fakeRepomd(revision int, files []string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "revision %d\n", revision)
	for _, name := range files {
		fmt.Fprintln(&b, name)
	}
	fmt.Fprintln(&b, "end", sha(b.String()).Hex)
	return b.Bytes()
}

func parseFakeRepomd(data []byte) (revision int, files []string, err error) {
	text := string(data)
	end := strings.LastIndex(text, "end ")
	if end < 0 || strings.TrimSpace(text[end+4:]) != sha(text[:end]).Hex {
		return 0, nil, fmt.Errorf("torn: %q", text)
	}
	lines := strings.Split(strings.TrimSpace(text[:end]), "\n")
	revision, err = strconv.Atoi(strings.TrimPrefix(lines[0], "revision "))
	return revision, lines[1:], err
}

// publishNext publishes the generation after the one that is there.
func publishNext(dir string, fsys fsOps) error {
	unlock, err := LockDir(context.Background(), dir, -1)
	if err != nil {
		return err
	}
	defer unlock() //nolint:errcheck // a test
	revision := 0
	var old []string
	if data, err := os.ReadFile(filepath.Join(dir, "repodata", "repomd.xml")); err == nil {
		if revision, old, err = parseFakeRepomd(data); err != nil {
			return err
		}
	} else if !os.IsNotExist(err) {
		return err
	}
	revision++
	s, err := newStaging(dir, fsys)
	if err != nil {
		return err
	}
	defer s.Discard() //nolint:errcheck // a test
	var files []string
	for _, record := range []string{"primary", "filelists", "other"} {
		// Big enough that the writing takes more than one step.
		data := strings.Repeat(fmt.Sprintf("%s %d %d\n", record, revision, rand.Int()), 1000+rand.IntN(2000))
		name := sha(data).Hex + "-" + record + ".xml"
		if err := s.Write(name, []byte(data)); err != nil {
			return err
		}
		files = append(files, name)
	}
	if revision%2 == 0 && len(old) > 0 { // a record that has not changed
		if err := s.Link(filepath.Join(dir, "repodata", old[0]), old[0]); err != nil {
			return err
		}
		files = append(files, old[0])
	}
	if err := s.Write("repomd.xml", fakeRepomd(revision, files)); err != nil {
		return err
	}
	_, err = s.Publish(context.Background(), PublishOptions{Keep: old})
	return err
}

func crashFS(mode string) fsOps {
	if mode == "in place" {
		return without(quick())
	}
	return quick()
}

func init() {
	children["publish"] = func(args []string) error {
		for {
			if err := publishNext(args[0], crashFS(args[1])); err != nil {
				return err
			}
		}
	}
}

// checkGeneration reads the published generation as a client does: repomd.xml,
// then what it names. A client that is slower than a whole further generation
// may be disappointed; that is not an error (checked: false).
func checkGeneration(dir string) (revision int, checked bool, err error) {
	repomd := filepath.Join(dir, "repodata", "repomd.xml")
	data, err := os.ReadFile(repomd)
	if err != nil {
		return 0, false, fmt.Errorf("no repomd.xml: %w", err)
	}
	revision, files, err := parseFakeRepomd(data)
	if err != nil {
		return 0, false, err
	}
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(dir, "repodata", name))
		if err == nil && sha(string(data)).Hex != name[:64] {
			err = fmt.Errorf("%s has other content", name)
		}
		if err == nil {
			continue
		}
		data, nowErr := os.ReadFile(repomd)
		if nowErr != nil {
			return revision, false, nowErr
		}
		now, _, nowErr := parseFakeRepomd(data)
		if nowErr != nil {
			return revision, false, nowErr
		}
		if now > revision+1 {
			return revision, false, nil
		}
		return revision, false, fmt.Errorf("revision %d (now %d) is broken: %w", revision, now, err)
	}
	return revision, true, nil
}

// soak is how long a test with chance in it runs.
func soak() time.Duration {
	if os.Getenv("GOREPO_SOAK") == "1" {
		return time.Minute
	}
	return 2 * time.Second
}

// patience is how long a test with chance in it may take to get anywhere, on a
// machine that has other things to do.
const patience = 2 * time.Minute

// killAgain starts the child again and again and kills it at some moment. It
// goes on for as long as least says, and until done; a child that gets nowhere
// is given more time.
func killAgain(t *testing.T, least time.Duration, done func() (progress int, enough bool), name string, args ...string) (kills int) {
	t.Helper()
	window, was := 60*time.Millisecond, 0
	for start := time.Now(); !t.Failed(); kills++ {
		progress, enough := done()
		if enough && time.Since(start) >= least {
			break
		}
		require.Less(t, time.Since(start), patience, "it got no further than %d", progress)
		if progress == was && !enough {
			window = min(2*window, 5*time.Second)
		}
		was = progress
		cmd := child(t, name, args...)
		require.NoError(t, cmd.Start())
		time.Sleep(time.Duration(rand.Int64N(int64(window))))
		require.NoError(t, cmd.Process.Kill())
		require.EqualError(t, cmd.Wait(), "signal: killed", "it had not failed before")
	}
	return kills
}

// A process that publishes is killed again and again; whoever reads meanwhile
// finds one generation, whole, and the next process goes on.
func TestPublishKilled(t *testing.T) {
	for _, mode := range []string{"exchange", "in place"} {
		t.Run(mode, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, publishNext(dir, crashFS(mode)))
			var reads atomic.Int64
			stop := make(chan struct{})
			var readers sync.WaitGroup
			for range 2 {
				readers.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						_, checked, err := checkGeneration(dir)
						if !assert.NoError(t, err) {
							return
						}
						if checked {
							reads.Add(1)
						}
					}
				})
			}
			halt := sync.OnceFunc(func() {
				close(stop)
				readers.Wait()
			})
			defer halt()
			kills := killAgain(t, soak(), func() (int, bool) {
				revision, checked, err := checkGeneration(dir)
				require.NoError(t, err)
				require.True(t, checked)
				return revision, revision > 5 && reads.Load() > 0
			}, "publish", dir, mode)
			halt()
			require.NoError(t, publishNext(dir, crashFS(mode)))
			before, _, err := checkGeneration(dir)
			require.NoError(t, err)
			require.NoError(t, publishNext(dir, crashFS(mode)))
			after, _, err := checkGeneration(dir)
			require.NoError(t, err)
			t.Logf("%d generations, %d kills, %d whole reads", after, kills, reads.Load())
			assert.Equal(t, before+1, after)
			assert.Equal(t, []string{"repodata"}, names(t, dir), "nothing is left of the dead")
			assert.LessOrEqual(t, len(names(t, filepath.Join(dir, "repodata"))), 1+4+4, "two generations and no more")
		})
	}
}

func init() {
	// bring downloads packages for ever, each into place.
	children["bring"] = func(args []string) error {
		m, err := Open(args[0])
		if err != nil {
			return err
		}
		r, err := m.Repo("base", RepoOptions{})
		if err != nil {
			return err
		}
		ctx := context.Background()
		if _, err := r.Lock(ctx, -1); err != nil {
			return err
		}
		if args[1] == "copy" {
			r.rename = func(root *os.Root, src, dir, base string) error {
				if _, err := root.Stat(dir); err != nil {
					return err
				}
				return otherFileSystem(root, src, dir, base)
			}
		}
		for i := 0; ; i++ {
			want, data := crashPackage(i % 50)
			if p, ok, err := r.Stat(want.Location); err != nil {
				return err
			} else if ok && p.Is(want) && rand.IntN(4) > 0 {
				continue
			}
			p, err := r.Partial(ctx, want)
			if err != nil {
				return err
			}
			for rest := data[p.Offset():]; len(rest) > 0; {
				n := min(len(rest), 1+rand.IntN(20000))
				if _, err := p.Write(rest[:n]); err != nil {
					return err
				}
				rest = rest[n:]
			}
			if err := p.Finish(); err != nil {
				return err
			}
			if err := p.Place(); err != nil {
				return err
			}
		}
	}
}

func crashPackage(i int) (rpmpkg.Ref, []byte) {
	data := bytes.Repeat(fmt.Appendf(nil, "package %d\n", i), 5000)
	return ref(fmt.Sprintf("Packages/%d/p%d.rpm", i%7, i), string(data)), data
}

// A process that downloads is killed again and again; whatever is at a
// location with the right size and time is the package.
func TestPlaceKilled(t *testing.T) {
	for _, mode := range []string{"rename", "copy"} {
		t.Run(mode, func(t *testing.T) {
			root := t.TempDir()
			killAgain(t, soak()/2, func() (int, bool) {
				found := 0
				for name := range tree(t, root) {
					if strings.HasSuffix(name, ".rpm") {
						found++
					}
				}
				return found, found > 0
			}, "bring", root, mode)
			r := repoAt(t, root)
			unlock, err := r.Lock(t.Context(), 0)
			require.NoError(t, err)
			_, err = r.CleanPartial(func(rpmpkg.Checksum) bool { return false }, 0)
			require.NoError(t, err)
			found := 0
			for i := range 50 {
				want, data := crashPackage(i)
				p, ok, err := r.Stat(want.Location)
				require.NoError(t, err)
				if ok {
					found++
					assert.True(t, p.Is(want))
					assert.Equal(t, string(data), read(t, filepath.Join(r.Dir(), want.Location)))
				}
			}
			assert.NotZero(t, found)
			for name := range tree(t, r.Dir()) {
				assert.NotContains(t, name, ".gorepo-", "half a copy was left")
			}
			require.NoError(t, unlock())
			require.NoError(t, r.Close())
		})
	}
}
