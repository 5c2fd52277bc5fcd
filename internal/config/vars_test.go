package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var testVars = Vars{
	"releasever": "9", "basearch": "x86_64", "a": "A", "e": "", "n1": "N", "_x": "U", "self": "$a", "UP": "up",
}

// varCases hold what libdnf of every version does; TestVarsAgainstLibdnf asks
// the one that is installed.
var varCases = [][2]string{
	{"", ""},
	{"plain", "plain"},
	{"$a", "A"},
	{"$ab", "$ab"},
	{"${a}", "A"},
	{"${a}b", "Ab"},
	{"$a-b", "A-b"},
	{"$a.b", "A.b"},
	{"$$a", "$A"},
	{"$$$a", "$$A"},
	{"$", "$"},
	{"$$", "$$"},
	{"a$", "a$"},
	{"${", "${"},
	{"${}", "${}"},
	{"${a", "${a"},
	{"$}", "$}"},
	{"${a b}", "${a b}"},
	{"${ a }", "${ a }"},
	{"${$a}", "${A}"},
	{"${u${a}}", "${uA}"},
	{"$unknown", "$unknown"},
	{"${unknown}", "${unknown}"},
	{"$e", ""},
	{"${e}", ""},
	{"$self", "$a"},
	{"$A", "$A"},
	{"$UP", "up"},
	{"$up", "$up"},
	{"$releasever2", "$releasever2"},
	{"$releasever/x", "9/x"},
	{"$n1", "N"},
	{"$_x", "U"},
	{"$a$unknown$a", "A$unknownA"},
	{"${a}}", "A}"},
	{"{$a}", "{A}"},
	{"$ a", "$ a"},
	{"$é", "$é"},
	{"$aé", "Aé"},
	{"$releasever}", "9}"},
	{`back\slash`, `back\slash`},
}

// newVarCases hold what came with libdnf 0.72 and dnf 5.
var newVarCases = [][2]string{
	{"${a:-w}", "A"},
	{"${u:-w}", "w"},
	{"${e:-w}", "w"},
	{"${u:-}", ""},
	{"${a:+w}", "w"},
	{"${u:+w}", ""},
	{"${e:+w}", ""},
	{"${u:-${a}}", "A"},
	{"${u:-$a-$u}", "A-$u"},
	{"${u:-${v:-${a:+deep}}}x", "deepx"},
	{"${a:+${releasever}/os}", "9/os"},
	{"${u:-a b,c}", "a b,c"},
	{"${u:?w}", "${u:?w}"},
	{"${u:-w", "${u:-w"},
	{"${:-w}", "${:-w}"},
	{"$a ${u:-$a", "A ${u:-$a"},
	{`\$a`, "$a"},
	{`\${a}`, "${a}"},
	{`\\$a`, `\A`},
	{`${u:-\}}`, "}"},
	{`a\`, `a\`},
	{`DOM\user`, `DOM\user`},
}

func TestExpand(t *testing.T) {
	for _, c := range append(append([][2]string{}, varCases...), newVarCases...) {
		got, err := testVars.Expand(c[0])
		require.NoError(t, err)
		assert.Equal(t, c[1], got, "%q", c[0])
	}
}

func TestExpandMissing(t *testing.T) {
	for text, want := range map[string][]string{
		"$a":               nil,
		"$u/${v}":          {"u", "v"},
		"${u:-w}":          nil,
		"${u:-$v}":         {"v"},
		"${a:-$v}":         nil,
		"${u:+$v}":         nil,
		`\$u`:              nil,
		"${e:-$v}${a:+$w}": {"v", "w"},
	} {
		x, err := testVars.expand(text)
		require.NoError(t, err)
		if len(want) == 0 {
			assert.Empty(t, x.missing, text)
		} else {
			assert.Equal(t, want, x.missing, text)
		}
	}
}

func TestExpandBounds(t *testing.T) {
	vars := Vars{"big": strings.Repeat("x", maxVarSize)}
	_, err := vars.Expand(strings.Repeat("$big", 1000))
	require.ErrorIs(t, err, errTooLong)

	start := time.Now()
	for _, text := range []string{
		strings.Repeat("${a:-", 20000), strings.Repeat("${a:-", 20000) + strings.Repeat("}", 20000),
		strings.Repeat("${u:+$", 20000), strings.Repeat("${", 20000), strings.Repeat("$", 50000),
	} {
		_, err := testVars.Expand(text)
		require.NoError(t, err)
	}
	assert.Less(t, time.Since(start), 5*time.Second)
}

func TestVarsApply(t *testing.T) {
	v := Vars{}
	v.apply(Vars{"arch": "i686"})
	assert.Equal(t, Vars{"arch": "i686", "basearch": "i386"}, v)
	v.apply(Vars{"basearch": "aarch64", "releasever": "8.10"})
	assert.Equal(t, Vars{"arch": "aarch64", "basearch": "aarch64", "releasever": "8.10", "releasever_major": "8", "releasever_minor": "10"}, v)
	v.apply(Vars{"releasever": "9"})
	assert.Equal(t, "9", v["releasever_major"])
	assert.NotContains(t, v, "releasever_minor", "a minor of another release")
	v.apply(Vars{"releasever": "10.1", "releasever_minor": "x", "basearch": "i386", "arch": "i586"})
	assert.Equal(t, "x", v["releasever_minor"])
	assert.Equal(t, "i586", v["arch"])
	assert.Equal(t, "i386", v["basearch"])
	v.apply(Vars{"releasever": ""})
	assert.NotContains(t, v, "releasever")
	assert.NotContains(t, v, "releasever_major")
}

func TestReadVarsDir(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"stream": "9-stream\nsecond line\n", "crlf": "x\r\n", "empty": "", "nonl": "y",
		"old.rpmnew": "no", ".hidden": "no", "a-b": "no",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	vars, warnings := readVarsDir(dir)
	assert.Empty(t, warnings)
	assert.Equal(t, Vars{"stream": "9-stream", "crlf": "x", "empty": "", "nonl": "y"}, vars)

	vars, warnings = readVarsDir(filepath.Join(dir, "none"))
	assert.Empty(t, vars)
	assert.Empty(t, warnings)
}

func TestEnvVars(t *testing.T) {
	assert.Equal(t, Vars{"DNF0": "z", "My_1": "v=w", "e": ""}, envVars([]string{
		"DNF0=z", "DNF_VAR_My_1=v=w", "DNF_VAR_e=", "DNF10=x", "DNFx=x", "DNF_VAR_=x", "DNF_VAR_a-b=x", "HOME=/", "broken",
	}))
}

func TestReleaseOf(t *testing.T) {
	for text, want := range map[string]string{
		"ID=fedora\nVERSION_ID=42\n":                                          "42",
		"ID=\"rhel\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"9.4\"\n":               "9",
		"ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"8.10\"\n": "8",
		"ID=\"opensuse-leap\"\nVERSION_ID=\"15.6\"\n":                         "15.6",
		"ID=\"amzn\"\nID_LIKE=\"centos rhel fedora\"\nVERSION_ID=\"2\"\n":     "",
		"ID=debian\nVERSION_ID=\"12\"\n":                                      "",
		"":                                                                    "",
	} {
		assert.Equal(t, want, releaseOf(osRelease(strings.NewReader(text))), "%q", text)
	}
}

func TestHostRelease(t *testing.T) {
	root := t.TempDir()
	assert.Empty(t, hostRelease(root))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "usr/lib"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "usr/lib/os-release"), []byte("ID=fedora\nVERSION_ID=41\n"), 0o644))
	assert.Equal(t, "41", hostRelease(root))
}

func FuzzExpand(f *testing.F) {
	for _, c := range append(append([][2]string{}, varCases...), newVarCases...) {
		f.Add(c[0], "A")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		vars := Vars{"a": value, "e": ""}
		got, err := vars.Expand(text)
		if err != nil {
			require.ErrorIs(t, err, errTooLong)
			return
		}
		if !strings.ContainsAny(text, `$\`) {
			require.Equal(t, text, got)
		}
		// Escaping everything that has a meaning gives the text back.
		escaped := strings.NewReplacer(`\`, `\\`, "$", `\$`).Replace(text)
		plain, err := vars.Expand(escaped)
		require.NoError(t, err)
		require.Equal(t, text, plain, fmt.Sprintf("%q", escaped))
	})
}
