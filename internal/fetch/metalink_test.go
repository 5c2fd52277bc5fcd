package fetch

import (
	"crypto/sha512"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

func TestParseMetalink(t *testing.T) {
	now, before, old := []byte("<repomd>3</repomd>"), []byte("<repomd>2</repomd>"), []byte("<repomd>1</repomd>")
	m, err := parseMetalink(testrepo.Metalink(
		testrepo.Version{Repomd: now, Timestamp: 300},
		[]testrepo.Version{{Repomd: old, Timestamp: 100, Hashes: []string{"md5"}}, {Repomd: before, Timestamp: 200, Hashes: []string{"sha384", "sha224"}}},
		"http://a/x", "rsync://a/x", "https://b/x",
	))
	require.NoError(t, err)
	assert.Equal(t, []metalinkURL{
		{"http://a/x/repodata/repomd.xml", 100}, {"rsync://a/x/repodata/repomd.xml", 99}, {"https://b/x/repodata/repomd.xml", 98},
	}, m.urls)
	require.Len(t, m.versions, 3)
	for i, data := range [][]byte{now, before, old} { // the newest of the earlier ones first
		for j, v := range m.versions {
			assert.Equal(t, i == j, v.is(data), "%d %d", i, j)
		}
	}
	sum := sha512.Sum512(now)
	assert.True(t, m.versions[0].has("sha512", hex.EncodeToString(sum[:])))
	assert.False(t, m.versions[0].has("sha512", ""))
}

const metalinkHead = `<metalink version="3.0" xmlns="http://www.metalinker.org/"><files>`

// What librepo takes is taken; what is no metalink is said in words.
func TestMetalinkOddities(t *testing.T) {
	const urls = `<resources><url preference="7">http://a/r/repodata/repomd.xml</url><url preference="101">http://b/</url><url preference="8">
		http://c/ </url><url> </url></resources></file>`
	for name, text := range map[string]string{
		"no prefix":       metalinkHead + `<file name="repomd.xml"><timestamp>1</timestamp>` + urls + `</files></metalink>`,
		"other files":     metalinkHead + `<file name="x"><resources><url>http://x/</url></resources></file><file name="repomd.xml">` + urls + `</files></metalink>`,
		"a second one":    metalinkHead + `<file name="repomd.xml">` + urls + `<file name="repomd.xml"><resources><url>http://x/</url></resources></file></files></metalink>`,
		"unknown":         metalinkHead + `<file name="repomd.xml"><what><url>http://x/</url></what><!-- x -->` + urls + `</files></metalink>`,
		"deep in another": metalinkHead + `<file name="x">` + strings.Repeat("<a>", 15) + strings.Repeat("</a>", 15) + `</file><file name="repomd.xml">` + urls + `</files></metalink>`,
	} {
		m, err := parseMetalink([]byte(text))
		require.NoError(t, err, name)
		assert.Equal(t, []metalinkURL{{"http://c/", 8}, {"http://a/r/repodata/repomd.xml", 7}, {"http://b/", 0}}, m.urls, name)
	}
	for text, want := range map[string]string{
		"":                                   "not a metalink",
		"http://a/\n":                        "not a metalink",
		"<html><body>no</body></html>":       "not a metalink",
		metalinkHead + "</files>":            "not a metalink",
		metalinkHead + "</files></metalink>": "for repomd.xml",
		`<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="repomd.xml"/></metalink>`: "version 3",
		strings.Repeat("<a>", 1000000):                                 "too many elements",
		metalinkHead + `<file name="x">` + strings.Repeat("<a>", 1000): "too many elements",
		metalinkHead + `<file name="repomd.xml"><verification>` + strings.Repeat(`<hash type="md5">0</hash>`, 21) + `</verification></file></files></metalink>`: "20 hashes",
		metalinkHead + `<file name="repomd.xml"><alternates>` + strings.Repeat(`<alternate></alternate>`, 1001) + `</alternates></file></files></metalink>`:     "1000 alternates",
		`<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>` + metalinkHead + `<file name="repomd.xml"><size>&b;</size></file></files></metalink>`:     "not a metalink",
	} {
		_, err := parseMetalink([]byte(text))
		require.Error(t, err, "%.60s", text)
		assert.Contains(t, err.Error(), want, "%.60s", text)
		assert.NotContains(t, err.Error(), "\n")
	}
}

func TestParseMirrorlist(t *testing.T) {
	assert.Equal(t, []string{"http://a/x/", "ftp://b/x", "/srv/x", "file:///srv/y", "https://c/$basearch"}, parseMirrorlist([]byte(
		"# repo = x\n#http://not/this\n\n  http://a/x/ \t\nftp://b/x\r\nnothing\n/srv/x\n\nfile:///srv/y\nhttps://c/$basearch")))
	assert.Empty(t, parseMirrorlist(nil))
}

func FuzzMetalink(f *testing.F) {
	f.Add(testrepo.Metalink(testrepo.Version{Repomd: []byte("x"), Timestamp: 2}, []testrepo.Version{{Repomd: []byte("y"), Timestamp: 1}}, "http://a/x", "rsync://a/x"))
	f.Add([]byte(metalinkHead + `<file name="repomd.xml"><resources><url preference="7">http://a/</url></resources></file></files></metalink>`))
	f.Add([]byte(strings.Repeat("<a>", 50)))
	f.Add([]byte("# list\nhttp://a/x\n/srv/x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, u := range parseMirrorlist(data) {
			assert.NotContains(t, u, "\n")
		}
		m, err := parseMetalink(data)
		if err != nil {
			return
		}
		require.NotEmpty(t, m.versions)
		for i, u := range m.urls {
			assert.NotEmpty(t, u.url)
			assert.LessOrEqual(t, u.preference, 100)
			if i > 0 {
				assert.LessOrEqual(t, u.preference, m.urls[i-1].preference)
			}
		}
		for _, v := range m.versions {
			assert.LessOrEqual(t, len(v.hashes), maxHashes)
			_ = v.is(data)
		}
	})
}
