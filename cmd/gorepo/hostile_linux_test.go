package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/hostile"
	"gorepo/internal/testrepo/peer"
	"gorepo/internal/testrepo/rawrpm"
)

// soaking says that there is time: make hostile.
func soaking() bool { return os.Getenv("GOREPO_SOAK") == "1" }

// few or many of something: the second if there is time.
func few(n, many int) int {
	if soaking() {
		return many
	}
	return n
}

// ended is how a process of the program ended.
type ended struct {
	outcome
	peak int64 // bytes that it had in memory at most
}

// process runs the program as a process of its own, which has to end by itself.
func (s *site) process(args ...string) ended {
	s.t.Helper()
	return s.processOf(s.gorepo(args...))
}

func (s *site) processOf(cmd *exec.Cmd) ended {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(s.t, cmd.Start())
	hangs := time.AfterFunc(5*time.Minute, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
	peak := watchPeak(cmd.Process.Pid)
	err := cmd.Wait()
	hangs.Stop()
	var status *exec.ExitError
	if err != nil {
		require.ErrorAs(s.t, err, &status)
		require.True(s.t, status.Exited(), "%v: %v\n%s", cmd.Args, err, stderr.String())
	}
	require.NotContains(s.t, stderr.String(), "goroutine ", "it panicked")
	return ended{outcome{s.t, cmd.Args, cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}, peak()}
}

// watchPeak looks at a process until it ends; what it returns gives the most
// memory that it had. Its resource usage would count that of the process that
// started it.
func watchPeak(pid int) func() int64 {
	ended := make(chan int64)
	go func() {
		var kib int64
		for {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			_, after, found := strings.Cut(string(status), "VmHWM:")
			if err != nil || !found {
				ended <- kib << 10
				return
			}
			_, _ = fmt.Sscan(after, &kib)
			time.Sleep(2 * time.Millisecond)
		}
	}()
	return func() int64 { return <-ended }
}

// testRPMs are the packages of testdata.
func testRPMs(t testing.TB) (list [][]byte) {
	t.Helper()
	files, err := filepath.Glob("../../testdata/rpms/*.rpm")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		list = append(list, mustRead(t, f))
	}
	return list
}

// hostileTree makes base a tree of everything, and returns what is to become of
// each location.
func hostileTree(s *site, n int) map[string]hostile.Fate {
	s.t.Helper()
	fates := map[string]hostile.Fate{}
	put := func(location string, data []byte, fate hostile.Fate) {
		s.write(data, "base", location)
		fates[location] = fate
	}
	for i, p := range hostile.Packages(n, 1, testRPMs(s.t)...) {
		put(fmt.Sprintf("packages/%02d/%s", i%50, p.Name), p.Data, p.Fate)
	}
	for i, name := range hostile.Names() {
		put("names/"+name.Name, rawrpm.Package(fmt.Sprint("name-", i)), name.Fate)
	}
	for location, fate := range specialFiles(s) {
		fates[location] = fate
	}
	return fates
}

// specialFiles are those that are no files, or have none.
func specialFiles(s *site) map[string]hostile.Fate {
	s.t.Helper()
	t, good := s.t, rawrpm.Package("special")
	at := func(name string) string { return s.path("base", "special", name) }
	s.write(good, "base", "special", "directory.rpm", "inside.rpm")
	s.write(nil, "base", "special", "empty.rpm")
	s.write(good, "base", "special", "below", "p.rpm")
	s.write(good, "base", "special", "p.rpm")
	for link, to := range map[string]string{
		"dangling.rpm": "nowhere", "itself.rpm": "itself.rpm", "circle": ".", "below/up": "..", "linked.rpm": "p.rpm", "this.rpm": ".",
		"null.rpm": "/dev/null", "zero.rpm": "/dev/zero",
	} {
		require.NoError(t, os.Symlink(to, at(link)))
	}
	require.NoError(t, syscall.Mkfifo(at("pipe.rpm"), 0o644))
	// A socket's path is short: it is made elsewhere, and moved.
	dir, err := os.MkdirTemp("", "s")
	require.NoError(t, err)
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is empty
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	require.NoError(t, os.Rename(filepath.Join(dir, "s"), at("socket.rpm")))
	if err := syscall.Mknod(at("device.rpm"), syscall.S_IFCHR|0o666, 1<<8|5); err != nil {
		require.ErrorIs(t, err, syscall.EPERM)
	}
	// A terabyte of nothing.
	f, err := os.Create(at("sparse.rpm"))
	require.NoError(t, err)
	require.NoError(t, errors.Join(f.Truncate(1<<40), f.Close()))
	// A header as large as rpm allows, of which there are a few bytes.
	s.write(slices.Concat(rawrpm.Lead(), rawrpm.Assemble(0, 256<<20, nil), make([]byte, 1000)), "base", "special", "announced.rpm")
	return map[string]hostile.Fate{
		"special/p.rpm": hostile.Good, "special/below/p.rpm": hostile.Good, "special/linked.rpm": hostile.Good,
		"special/empty.rpm": hostile.Bad, "special/dangling.rpm": hostile.Bad, "special/itself.rpm": hostile.Bad,
		"special/sparse.rpm": hostile.Bad, "special/announced.rpm": hostile.Bad,
	}
}

// requireTalk checks that what was said cannot move a cursor, and that nobody
// else can say something in gorepo's name.
func (o outcome) requireTalk() {
	o.t.Helper()
	require.True(o.t, utf8.ValidString(o.stderr))
	for _, r := range o.stderr {
		require.True(o.t, r == '\n' || r >= ' ' && (r < 0x7f || r > 0x9f), "%q", r)
	}
}

// leftOut are the locations that were named, from --json, and the reasons.
func leftOut(t testing.TB, stdout string) map[string]string {
	t.Helper()
	reasons := map[string]string{}
	for line := range strings.Lines(stdout) {
		var e struct{ Event, Location, Error string }
		require.NoError(t, json.Unmarshal([]byte(line), &e), line)
		if e.Event != "failure" {
			continue
		}
		require.NotEmpty(t, e.Location, line)
		require.NotContains(t, reasons, e.Location)
		reason, ok := strings.CutPrefix(e.Error, "left out: ")
		require.True(t, ok, line)
		require.NotEmpty(t, reason)
		reasons[e.Location] = reason
	}
	return reasons
}

// asSaid is how a location stands in JSON: with a replacement for each byte that
// is not UTF-8.
func asSaid(location string) string { return string([]rune(location)) }

// Of a tree of everything all good packages are listed, and all others named,
// with the reason, in a line each.
func TestHostileTree(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	fates := hostileTree(s, few(150, 6000))
	args := []string{"createrepo", "--revision", "1", "--set-timestamp-to-revision", "--changelog-limit", "-1", s.path("base")}
	start := time.Now()
	o := s.process(append(args, "--json")...)
	took := time.Since(start)
	require.Equal(t, statusPartial, o.status, o.stderr)
	require.Empty(t, o.stderr)
	listed, _ := s.whole("base")
	s.requireXML("base")
	reasons := leftOut(t, o.stdout)
	listedSet := map[string]bool{}
	for _, location := range listed {
		require.Contains(t, fates, location)
		listedSet[location] = true
	}
	named := map[string]bool{}
	for location, fate := range fates {
		said := asSaid(location)
		_, left := reasons[said]
		require.NotEqual(t, left, listedSet[location], "%q is either listed or named", location)
		switch fate {
		case hostile.Good:
			require.False(t, left, "%q: %s", location, reasons[said])
		case hostile.Bad:
			require.True(t, left, "%q", location)
		}
		if left {
			named[said] = true
		}
	}
	require.Len(t, reasons, len(named), "nothing else is named")

	// In words, and by one worker: the same metadata, a line each.
	repomd := s.read("base", "repodata", "repomd.xml")
	o = s.process(append(args, "--workers", "1")...)
	require.Equal(t, statusPartial, o.status)
	require.Equal(t, string(repomd), string(s.read("base", "repodata", "repomd.xml")))
	o.requireTalk()
	lines := slices.DeleteFunc(o.lines(), func(line string) bool { return strings.Contains(line, ": warning: ") })
	require.Len(t, lines, len(named))
	for _, line := range lines {
		require.True(t, strings.HasPrefix(line, "gorepo: "+s.path("base")+": "), line)
		require.Contains(t, line, ": left out: ")
	}
	// Once more: what was bad stays bad, and the rest is not read.
	o = s.process(append(args, "--update", "--json")...)
	require.Equal(t, statusPartial, o.status)
	require.Equal(t, reasons, leftOut(t, o.stdout))
	var again jsonSummary
	require.NoError(t, json.Unmarshal([]byte(o.stdout[strings.LastIndex(o.stdout, "\n{")+1:]), &again))
	// What has a name of 10,000 bytes, or was built before 1970, is not believed.
	require.LessOrEqual(t, len(listed)-again.Reused, 5)
	require.Equal(t, string(repomd), string(s.read("base", "repodata", "repomd.xml")))

	if !soaking() {
		return // the race detector's memory is another
	}
	clean := newSite(t)
	good := testRPMs(t)
	for i := range fates {
		clean.write(good[len(i)%len(good)], "base", fmt.Sprintf("%x.rpm", hexOf([]byte(i))))
	}
	c := clean.process("createrepo", clean.path("base"))
	require.Zero(t, c.status, c.stderr)
	h := s.process("createrepo", s.path("base"))
	t.Logf("%d files: %d listed, %d left out, in %v; peak RSS %d MiB, of as many good packages %d MiB",
		len(fates), len(listed), len(named), took.Round(time.Millisecond), h.peak>>20, c.peak>>20)
	assert.Less(t, h.peak-c.peak, int64(64<<20))
}

// createrepo_c beside it: which packages it lists and gorepo does not, and the
// other way round.
func TestHostileBesideCreaterepo(t *testing.T) {
	t.Parallel()
	peer.Need(t, "createrepo_c")
	s := newSite(t)
	kinds := map[string]hostile.Package{}
	for _, p := range hostile.Packages(few(150, 6000), 2, testRPMs(t)...) {
		s.write(p.Data, "base", p.Name)
		kinds[p.Name] = p
	}
	o := s.run("createrepo", "--json", s.path("base"))
	require.Equal(t, statusPartial, o.status)
	reasons := leftOut(t, o.stdout)
	ours, _ := s.whole("base")

	names := make([]string, 0, len(kinds))
	for name := range kinds {
		// Of one it would make gigabytes.
		if !strings.Contains(reasons[name], "out of proportion") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	theirs, crashes := map[string]bool{}, map[string]int{}
	s.createrepoOf(names, theirs, func(name string) { crashes[kinds[name].Kind+": "+generalized(reasons[name])]++ })
	onlyOurs, onlyTheirs := map[string]int{}, map[string]int{}
	for _, location := range ours {
		if !theirs[location] {
			onlyOurs[kinds[location].Kind]++
		}
		delete(theirs, location)
	}
	for location := range theirs {
		onlyTheirs[kinds[location].Kind+": "+generalized(reasons[location])]++
		if kinds[location].Kind == "cut" {
			t.Errorf("%s is cut, and createrepo_c lists it", location)
		}
	}
	t.Logf("of %d gorepo lists %d; only gorepo lists %v; only createrepo_c lists %v; createrepo_c dies of %v",
		len(names), len(ours), onlyOurs, onlyTheirs, crashes)
}

// createrepoOf has createrepo_c list packages of base, and adds what it lists to
// listed. Where it dies it is given half of them, down to those that it dies of.
func (s *site) createrepoOf(names []string, listed map[string]bool, dies func(name string)) {
	s.t.Helper()
	out := s.path("theirs")
	require.NoError(s.t, os.RemoveAll(out))
	require.NoError(s.t, os.MkdirAll(out, 0o755))
	list := s.write([]byte(strings.Join(names, "\n")), "list")
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, peer.Need(s.t, "createrepo_c"), "--quiet", "--general-compress-type=gz", "--no-database", "-i", list, "-o", out, s.path("base"))
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"}
	said, err := cmd.CombinedOutput()
	var status *exec.ExitError
	if err != nil {
		require.ErrorAs(s.t, err, &status, "%s", said)
	}
	var p primary
	if err == nil || status.Exited() {
		if _, p, err = s.local("theirs").all(); err == nil {
			for _, l := range p.Packages {
				listed[l.Location.Href] = true
			}
			return
		}
	}
	if len(names) == 1 {
		dies(names[0])
		return
	}
	s.createrepoOf(names[:len(names)/2], listed, dies)
	s.createrepoOf(names[len(names)/2:], listed, dies)
}

// generalized is a reason without its numbers.
func generalized(reason string) string {
	return strings.Join(strings.FieldsFunc(reason, func(r rune) bool { return r >= '0' && r <= '9' }), "N")
}

// What the user may not read is named too; nothing else suffers.
func TestHostileUnreadable(t *testing.T) {
	t.Parallel()
	s := packageDir(t, hello212, chrono)
	s.write(rpms(t, weak)[0].Data, "base", "unreadable.rpm")
	require.NoError(t, os.Chmod(s.path("base", "unreadable.rpm"), 0))
	cmd := s.gorepo("createrepo", s.path("base"))
	if os.Geteuid() == 0 {
		s.asNobody(cmd)
	}
	o := s.processOf(cmd)
	o.ended(statusPartial, says("unreadable.rpm: left out: ", "permission denied"))
	locations, _ := s.whole("base")
	assert.Equal(t, []string{chrono + ".rpm", hello212 + ".rpm"}, locations)
}

// Metadata that another user has made is replaced, and its files cannot be removed:
// that is said at once, and again when it is in the way.
func TestMetadataOfAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	s := packageDir(t, hello212)
	s.ok("createrepo", s.path("base"))
	cmd := s.gorepo("createrepo", s.path("base"), "--changelog-limit=1", "--revision=2")
	s.asNobody(cmd)
	require.NoError(t, os.Chown(s.path("base", "repodata"), 0, 0))
	again := s.gorepo("createrepo", s.path("base"))
	again.Path, again.SysProcAttr = cmd.Path, cmd.SysProcAttr
	s.processOf(cmd).ended(0, says("has to be removed before the next run", ".repodata-gorepo"))
	s.processOf(again).ended(1, says(".repodata-gorepo is of an earlier run, and has to be removed first"))
	s.whole("base")
}

// asNobody has the command run by a user who owns the site, and nothing else.
func (s *site) asNobody(cmd *exec.Cmd) {
	s.t.Helper()
	const nobody = 65534
	exe := filepath.Join(s.dir, "program")
	require.NoError(s.t, os.WriteFile(exe, mustRead(s.t, cmd.Path), 0o755)) //nolint:gosec // it is a program
	require.NoError(s.t, os.Chmod(filepath.Dir(s.dir), 0o755))              //nolint:gosec // nobody has to get there
	require.NoError(s.t, filepath.WalkDir(s.dir, func(file string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(file, nobody, nobody))
	}))
	cmd.Path = exe
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody, NoSetGroups: true}}
}

// Packages that are written to, cut, replaced and removed all the time: what is
// listed of one is true of one of its contents, and the others do not suffer.
func TestHostileChange(t *testing.T) {
	t.Parallel()
	s := packageDir(t, hello212, chrono, rich, weak)
	contents := map[string]string{} // checksum: name of the package
	var versions [2][]byte
	for i, name := range []string{"even", "odds"} {
		versions[i] = append(rawrpm.Package(name, rawrpm.Files(rawrpm.Entry{Dir: "/usr/bin/", Base: name})...), make([]byte, 3<<20)...)
		contents[hexOf(versions[i])] = name
	}
	for n := 1; n < 4; n++ {
		contents[hexOf(versions[0][:1000*n])] = "even" // the payload is cut, which does not matter
	}
	inPlace := func(file string, n int) error {
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		_, err = f.WriteAt(versions[n%2], 0)
		return errors.Join(err, f.Close())
	}
	changes := map[string]func(file string, n int) error{
		"overwritten.rpm": inPlace,
		"written.rpm":     func(file string, n int) error { return os.WriteFile(file, versions[n%2], 0o644) },
		"replaced.rpm": func(file string, n int) error {
			return errors.Join(os.WriteFile(file+".new", versions[n%2], 0o644), os.Rename(file+".new", file))
		},
		"removed.rpm": func(file string, n int) error {
			_ = os.Remove(file)
			time.Sleep(time.Millisecond)
			return inPlace(file, n)
		},
		"cut.rpm": func(file string, n int) error {
			if n%4 == 0 {
				return inPlace(file, 0)
			}
			return os.Truncate(file, int64(n%4)*1000)
		},
		"pipe.rpm": func(file string, n int) error {
			_ = os.Remove(file)
			if n%2 == 0 {
				return os.WriteFile(file, versions[0], 0o644)
			}
			return syscall.Mkfifo(file, 0o644)
		},
	}
	for name := range changes {
		s.write(versions[0], "base", name)
	}
	stop := make(chan struct{})
	done := make(chan error, len(changes))
	for name, change := range changes {
		go func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
				if err := change(s.path("base", name), n); err != nil {
					done <- fmt.Errorf("%s: %w", name, err)
					return
				}
				// Sometimes it rests for long enough to be read.
				time.Sleep(time.Duration(n%20) * 3 * time.Millisecond)
			}
		}()
	}
	listed := map[string]int{}
	runs := few(4, 100)
	for range runs {
		o := s.process("createrepo", s.path("base"), "--update")
		if o.status != statusOK && o.status != statusPartial {
			require.Fail(t, "status", "%d: %s", o.status, o.stderr)
		}
		o.requireTalk()
		_, p, err := s.local("base").all()
		require.NoError(t, err)
		stable := 0
		for _, l := range p.Packages {
			location := path.Base(l.Location.Href)
			if changes[location] == nil {
				stable++
				continue
			}
			require.Equal(t, contents[l.Checksum.Hex], l.Name, "%s is described as a whole", location)
			listed[location]++
		}
		require.Equal(t, 4, stable)
	}
	close(stop)
	for range changes {
		require.NoError(t, <-done)
	}
	t.Logf("of %d runs, so many listed it: %v", runs, listed)
	// Not --update: metadata has mtimes in seconds, in which much happened.
	o := s.process("createrepo", s.path("base"))
	assert.Subset(t, []int{statusOK, statusPartial}, []int{o.status}, o.stderr)
	s.whole("base")
}

// A repository that the server may not read looks like none at all, so that is said:
// in one line, as many as there are. So is a key that all of them name.
func TestServeSaysWhatItMayNotRead(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can run it as somebody else")
	}
	s := newSite(t, "[a]\nbaseurl=http://a.invalid/\ngpgkey=file:///none/key\n", "[b]\nbaseurl=http://b.invalid/\ngpgkey=file:///none/key\n")
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		writeFile(t, "x", s.root, id, "repodata", "repomd.xml")
	}
	cmd := s.gorepo("serve", "--listen=127.0.0.1:0")
	s.asNobody(cmd)
	require.NoError(t, os.Chmod(filepath.Join(s.root, "a"), 0))
	require.NoError(t, os.Chmod(filepath.Join(s.root, "b", "repodata"), 0))
	for _, id := range []string{"c", "d"} {
		require.NoError(t, os.Chmod(filepath.Join(s.root, id, "repodata", "repomd.xml"), 0))
	}
	p := s.serveBy(1, cmd)
	p.says(1, `warning: clients cannot be given 4 repositories \(a, b, c and 1 more\), which this user may not read: .*permission denied`)
	p.says(1, `warning: gpgkey: clients of 2 repositories do not get it \(a, b\): `)
	p.stop()
}
