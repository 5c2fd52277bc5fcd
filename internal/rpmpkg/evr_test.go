package rpmpkg

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

// vercmpCases are versions in pairs, with what rpm makes of them. Each is also
// asked of rpm itself, and tried the other way round.
var vercmpCases = []struct {
	a, b string
	want int
}{
	{"1.0", "1.0", 0},
	{"1.0", "2.0", -1},
	{"2.0.1", "2.0", 1},
	{"2.0.1a", "2.0.1", 1},
	{"5.5p1", "5.5p2", -1},
	{"5.5p1", "5.5p10", -1},
	{"10xyz", "10.1xyz", -1},
	{"xyz10", "xyz10.1", -1},
	{"xyz.4", "8", -1},
	{"xyz.4", "2", -1},
	{"5.5p2", "5.6p1", -1},
	{"5.6p1", "6.5p1", -1},
	{"6.0.rc1", "6.0", 1},
	{"10b2", "10a1", 1},
	{"7.6", "7.06", 0},
	{"1.9", "1.10", -1},

	// Zeros lead numbers and count for nothing; a zero alone is a number.
	{"1.05", "1.5", 0},
	{"000", "0", 0},
	{"0", "00.0", -1},
	{"0001.0", "1.00", 0},
	{"1.", "1", 0},
	{"1.0", "1", 1},
	{"99999999999999999999999999", "100000000000000000000000000", -1},
	{"18446744073709551616", "0", 1},

	// Letters: case counts, and they are older than numbers.
	{"a", "b", -1},
	{"A", "a", -1},
	{"a", "1", -1},
	{"1a", "1.a", 0},
	{"1a1", "1a", 1},
	{"alpha", "alphabet", -1},
	{"1.fc39", "1.fc40", -1},
	{"1.el9_2", "1.el9_10", -1},

	// What separates does not matter, how much of it neither.
	{"2.0", "2_0", 0},
	{"2+0", "2..0", 0},
	{"+", "_", 0},
	{"_+", "+_", 0},
	{"+", "1", -1},
	{"2.", "2", 0},
	{"1.1é", "1.1", 0},
	{"1é2", "1.2", 0},
	{"é", "ü", 0},
	{"\x00", ".", 0},

	// Before everything, even the end.
	{"1.0~rc1", "1.0", -1},
	{"1.0~rc1", "1.0~rc2", -1},
	{"1.0~rc1~git123", "1.0~rc1", -1},
	{"1.0~~", "1.0~", -1},
	{"~", "~~", 1},
	{"~1", "1", -1},
	{"1.~1", "1~1", 0},
	{"1.0~", "1.0", -1},

	// After the end, before anything else.
	{"1.0^", "1.0", 1},
	{"1.0^git1", "1.0", 1},
	{"1.0^git1", "1.0^git2", -1},
	{"1.0^git1", "1.01", -1},
	{"1.0^20160101", "1.0.1", -1},
	{"1.0^20160102", "1.0^20160101^git1", 1},
	{"1.0^^", "1.0^", 1},
	{"^", "~", 1},
	{"^1", "1", -1},

	// Both.
	{"1.0~rc1^git1", "1.0~rc1", 1},
	{"1.0^git1~pre", "1.0^git1", -1},
	{"1.0^~", "1.0^", -1},
	{"1.0~^", "1.0~", 1},
	{"1.0^git1", "1.0~rc1", 1},
}

func TestVercmp(t *testing.T) {
	for _, test := range vercmpCases {
		assert.Equal(t, test.want, Vercmp(test.a, test.b), "%q and %q", test.a, test.b)
		assert.Equal(t, -test.want, Vercmp(test.b, test.a), "%q and %q", test.b, test.a)
		a, b := EVR{Version: test.a, Release: "1"}, EVR{Version: test.b, Release: "01"}
		assert.Equal(t, test.want == 0, a.Canonical() == b.Canonical(), "the keys of %q and %q", test.a, test.b)
	}
	for _, s := range []string{"1", ".", "a", "^"} {
		want := 1
		if s == "." {
			want = 0
		}
		assert.Equal(t, want, Vercmp(s, ""), "%q and nothing", s)
	}
	assert.Equal(t, -1, Vercmp("~", ""))
	assert.Equal(t, 0, Vercmp("", ""))
}

func TestCompare(t *testing.T) {
	older := EVR{"0", "2", "1"}
	for _, newer := range []EVR{{"1", "1", "1"}, {"0", "3", "0"}, {"", "2", "2"}, {"", "2.0", "1"}} {
		assert.Positive(t, newer.Compare(older), newer)
		assert.Negative(t, older.Compare(newer), newer)
	}
	assert.Zero(t, older.Compare(EVR{"", "2", "1"}), "no epoch is epoch 0")
	assert.Equal(t, older.Canonical(), EVR{"", "2", "1"}.Canonical())
	assert.Negative(t, EVR{"9", "1", "1"}.Compare(EVR{"10", "1", "1"}), "epochs are numbers")
}

func TestStrings(t *testing.T) {
	assert.Equal(t, "1-2", EVR{"", "1", "2"}.String())
	assert.Equal(t, "1-2", EVR{"0", "1", "2"}.String())
	assert.Equal(t, "3:1-2", EVR{"3", "1", "2"}.String())
	assert.Equal(t, "a-b-3:1-2.noarch", NEVRA{"a-b", EVR{"3", "1", "2"}, "noarch"}.String())
}

// TestVercmpPeer compares with the installed rpm, in one process: every pair
// of the table and random ones. '-' and ':' are left out because Lua's
// rpm.vercmp takes whole EVRs, which those bytes divide; the empty string
// because it refuses that.
func TestVercmpPeer(t *testing.T) {
	rpm := peer.Need(t, "rpm")
	var pairs [][2]string
	for _, test := range vercmpCases {
		if !strings.Contains(test.a+test.b, "\x00") {
			pairs = append(pairs, [2]string{test.a, test.b}, [2]string{test.b, test.a})
		}
	}
	r := rand.New(rand.NewPCG(2, 7))
	for range 3000 {
		a := randomVersion(r)
		pairs = append(pairs, [2]string{a, changed(r, a)}, [2]string{a, randomVersion(r)})
	}

	got := rpmVercmp(t, rpm, pairs)
	require.Len(t, got, len(pairs), "an old rpm without Lua's rpm.vercmp?")
	seen := map[string]int{}
	for i, p := range pairs {
		assert.Equal(t, got[i], fmt.Sprint(Vercmp(p[0], p[1])), "%q and %q", p[0], p[1])
		seen[got[i]]++
	}
	assert.Greater(t, min(seen["-1"], seen["0"], seen["1"]), 100, "pairs are of all kinds: %v", seen)
}

// TestComparePeer does the same with whole EVRs, which rpm.vercmp takes: with
// epochs and without, long numbers, parts that are almost nothing.
func TestComparePeer(t *testing.T) {
	rpm := peer.Need(t, "rpm")
	r := rand.New(rand.NewPCG(4, 7))
	random := func() EVR {
		return EVR{[]string{"", "0", "1", "2", "10", "00", "01", "4294967295"}[r.IntN(8)], randomVersion(r), randomVersion(r)}
	}
	text := func(e EVR) string {
		s := e.Version + "-" + e.Release
		if e.Epoch != "" {
			s = e.Epoch + ":" + s
		}
		return s
	}
	var evrs [][2]EVR
	var pairs [][2]string
	for range 2000 {
		a, b := random(), random()
		switch r.IntN(4) { // most differ in the first part
		case 0:
			b.Epoch = a.Epoch
		case 1:
			b.Epoch, b.Version = a.Epoch, a.Version
		case 2:
			b = EVR{strings.TrimLeft(a.Epoch, "0"), a.Version, changed(r, a.Release)}
		}
		evrs, pairs = append(evrs, [2]EVR{a, b}), append(pairs, [2]string{text(a), text(b)})
	}
	got := rpmVercmp(t, rpm, pairs)
	require.Len(t, got, len(pairs), "an old rpm without Lua's rpm.vercmp?")
	seen := map[string]int{}
	for i, p := range evrs {
		assert.Equal(t, got[i], fmt.Sprint(p[0].Compare(p[1])), "%q and %q", pairs[i][0], pairs[i][1])
		assert.Equal(t, got[i] == "0", p[0].Canonical() == p[1].Canonical(), "the keys of %q and %q", pairs[i][0], pairs[i][1])
		seen[got[i]]++
	}
	assert.Greater(t, min(seen["-1"], seen["0"], seen["1"]), 50, "pairs are of all kinds: %v", seen)
}

// rpmVercmp has rpm's Lua read the pairs from a file, so that nothing has to
// be quoted for a macro.
func rpmVercmp(t *testing.T, rpm string, pairs [][2]string) []string {
	t.Helper()
	var in bytes.Buffer
	for _, p := range pairs {
		fmt.Fprintf(&in, "%s\n%s\n", p[0], p[1])
	}
	file := filepath.Join(t.TempDir(), "pairs")
	require.NoError(t, os.WriteFile(file, in.Bytes(), 0o600))
	script := `%{lua: local f = io.open("` + file + `"); while true do local a = f:read(); if not a then break end; print(rpm.vercmp(a, f:read()) .. "\n") end}`
	cmd := exec.Command(rpm, "--eval", script)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var results []string
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		if s.Text() != "" {
			results = append(results, s.Text())
		}
	}
	return results
}

var versionParts = []string{"0", "00", "1", "01", "2", "9", "10", "a", "b", "rc", "el9", "A", ".", ".", ".", "_", "+", "~", "^", "é", "18446744073709551616", "018446744073709551617"}

func randomVersion(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(6) {
		b.WriteString(versionParts[r.IntN(len(versionParts))])
	}
	return b.String()
}

// changed gives a neighbour of s: most pairs of random versions differ at once
// and would try nothing that comes later.
func changed(r *rand.Rand, s string) string {
	part := versionParts[r.IntN(len(versionParts))]
	switch r.IntN(3) {
	case 0:
		return s + part
	case 1:
		return part + s
	default:
		return s + part + randomVersion(r)
	}
}

func FuzzVercmp(f *testing.F) {
	for _, test := range vercmpCases {
		f.Add(test.a, test.b)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if Vercmp(a, a) != 0 || Vercmp(b, b) != 0 {
			t.Fatalf("%q or %q differs from itself", a, b)
		}
		there, back := Vercmp(a, b), Vercmp(b, a)
		if there != -back || there < -1 || there > 1 {
			t.Fatalf("%q to %q is %d, and back %d", a, b, there, back)
		}
		if (there == 0) != (canonicalVersion(a) == canonicalVersion(b)) {
			t.Fatalf("%q to %q is %d, and their keys are %q and %q", a, b, there, canonicalVersion(a), canonicalVersion(b))
		}
	})
}
