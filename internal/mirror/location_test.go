package mirror

import (
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheckLocation(t *testing.T) {
	long := strings.Repeat("a", 251)
	good := map[string]string{
		"a.rpm":                               "a.rpm",
		"Packages/a/a-1-1.noarch.rpm":         "Packages/a/a-1-1.noarch.rpm",
		"./a.rpm":                             "a.rpm",
		"././Packages//a.rpm":                 "Packages/a.rpm",
		"Packages/./a.rpm":                    "Packages/a.rpm",
		"a+b~c^d e%2B.rpm":                    "a+b~c^d e%2B.rpm",
		"Packages/.a.rpm":                     "Packages/.a.rpm",
		"Packages/repodata/a.rpm":             "Packages/repodata/a.rpm",
		"repodata2/a.rpm":                     "repodata2/a.rpm",
		"Packages/a..b.rpm":                   "Packages/a..b.rpm",
		"Packages/...rpm":                     "Packages/...rpm",
		"größe-1.rpm":                         "größe-1.rpm",
		long + ".rpm":                         long + ".rpm",
		strings.Repeat("a/", 2045) + "ab.rpm": strings.Repeat("a/", 2045) + "ab.rpm", // 4096 bytes
	}
	for in, want := range good {
		got, err := CheckLocation(in)
		require.NoError(t, err, "%q", in)
		assert.Equal(t, want, got)
	}
	bad := map[string]string{
		"":                                   "empty",
		"/a.rpm":                             "absolute",
		"//a.rpm":                            "absolute",
		"../a.rpm":                           `".."`,
		"Packages/../a.rpm":                  `".."`,
		"Packages/../../a.rpm":               `".."`,
		"a/..":                               `".."`,
		"..":                                 `".."`,
		"http://example.com/a.rpm":           "URL",
		"file:///etc/a.rpm":                  "URL",
		"a\x00.rpm":                          "control",
		"a\n.rpm":                            "control",
		"a\x7f.rpm":                          "control",
		"a\u0085.rpm":                        "control",
		`..\a.rpm`:                           "backslash",
		`C:\a.rpm`:                           "backslash",
		"a\xff.rpm":                          "UTF-8",
		"repodata/a.rpm":                     "repodata",
		"./repodata/a.rpm":                   "repodata",
		".gorepo/x/a.rpm":                    "hidden",
		".repodata/a.rpm":                    "hidden",
		".repodata-gorepo/a.rpm":             "hidden",
		"./.a.rpm":                           "hidden",
		"Packages/.hidden/a.rpm":             "hidden directory",
		"a/b/.c/d/e.rpm":                     "hidden directory",
		"a/.../e.rpm":                        "hidden directory",
		".":                                  "hidden",
		"./":                                 "hidden",
		"a.txt":                              ".rpm",
		"a.rpm/":                             ".rpm",
		"a.RPM":                              ".rpm",
		"Packages/":                          ".rpm",
		long + "a.rpm":                       "longer than 255",
		"a/" + long + "a.rpm":                "longer than 255",
		strings.Repeat("a/", 2100) + "a.rpm": "longer than 4096",
	}
	for in, want := range bad {
		_, err := CheckLocation(in)
		var le *LocationError
		require.ErrorAs(t, err, &le, "%q", in)
		assert.Equal(t, in, le.Location)
		assert.Contains(t, le.Reason, want, "%q", in)
		assert.NotContains(t, err.Error(), "\n", "one line")
		assert.Less(t, len(err.Error()), 1200, "%q", in)
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"repomd.xml", "repomd.xml.asc", strings.Repeat("0", 64) + "-primary.xml.gz", "comps x.xml"} {
		assert.NoError(t, CheckName(name), name)
	}
	for _, name := range []string{"", ".", "..", ".x", "a/b", "/a", `a\b`, "a\x00", "a\n", "a\xff", strings.Repeat("a", 256)} {
		var le *LocationError
		assert.ErrorAs(t, CheckName(name), &le, "%q", name)
	}
}

func TestRecordName(t *testing.T) {
	name, err := RecordName("repodata/abc-primary.xml.gz")
	require.NoError(t, err)
	assert.Equal(t, "abc-primary.xml.gz", name)
	name, err = RecordName("../../../etc/primary.xml")
	require.NoError(t, err)
	assert.Equal(t, "primary.xml", name)
	for _, bad := range []string{"", "repodata/", "repodata/..", "repodata/.x", `repodata\x`} {
		_, err := RecordName(bad)
		var le *LocationError
		require.ErrorAs(t, err, &le, "%q", bad)
		assert.Equal(t, bad, le.Location)
	}
}

func FuzzCheckLocation(f *testing.F) {
	for _, s := range []string{"a.rpm", "./a//b.rpm", "../x.rpm", "/x.rpm", "http://h/x.rpm", "repodata/x.rpm", "a/./.../b.rpm", ".x/a.rpm", "a\x00.rpm"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, location string) {
		clean, err := CheckLocation(location)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x00\x1b") {
				t.Fatalf("raw control characters in %q", err.Error())
			}
			return
		}
		again, err := CheckLocation(clean)
		if err != nil || again != clean {
			t.Fatalf("%q: not stable: %q, %v", clean, again, err)
		}
		if !filepath.IsLocal(clean) || path.Clean(clean) != clean || !strings.HasSuffix(clean, ".rpm") {
			t.Fatalf("%q accepted as %q", location, clean)
		}
		first, _, _ := strings.Cut(clean, "/")
		if first == "repodata" || first[0] == '.' || strings.ContainsAny(clean, "\x00\\\n") {
			t.Fatalf("%q accepted as %q", location, clean)
		}
	})
}
