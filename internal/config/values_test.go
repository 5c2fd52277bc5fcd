package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// typed holds one kind's values and what they mean; an empty meaning is an
// error. TestTypesAgainstLibdnf reads the same tables.
type typed map[string]string

var (
	boolValues = typed{
		"1": "1", "yes": "1", "true": "1", "on": "1", "YES": "1", "True": "1", "oN": "1",
		"0": "0", "no": "0", "false": "0", "off": "0", "OFF": "0",
		"": "", "y": "", "n": "", "2": "", "enabled": "", "-1": "",
	}
	durationValues = typed{
		"30": "30", "1m": "60", "2h": "7200", "1d": "86400", "1.5m": "90", "30s": "30", "1M": "60", "1H": "3600",
		"1D": "86400", "+5": "5", "1e3": "1000", "0x10": "16", "5.": "5", "+1m": "60", "1.5.5": "", "1,5": "", "-1s": "", "0": "0", "-1": "-1", "never": "-1",
		"": "", "1w": "", "1 m": "", "abc": "", "1dd": "", "m": "", "-2": "",
	}
	byteValues = typed{
		"0": "0", "100": "100", "1k": "1024", "1K": "1024", "2M": "2097152", "2m": "2097152", "1G": "1073741824",
		"1.5M": "1572864", "1.5": "1", "+5": "5", ".5k": "512", "1e3": "1000", "0x10": "16", "5.": "5", "1b": "",
		"": "", "1kB": "", "10 k": "", "k": "", "1T": "", "-5": "", "x": "",
	}
)

func TestParseBool(t *testing.T) {
	for text, want := range boolValues {
		got, err := parseBool(text)
		if want == "" {
			assert.Error(t, err, text)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, want == "1", got, text)
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range durationValues {
		got, err := ParseDuration(text)
		switch want {
		case "":
			assert.Error(t, err, text)
		case "-1":
			require.NoError(t, err)
			assert.Equal(t, Never, got)
		default:
			require.NoError(t, err)
			assert.Equal(t, want, fmt.Sprint(got.Seconds()), text)
		}
	}
	_, err := ParseDuration("999999999999d")
	assert.Error(t, err)
	got, err := ParseDuration("0.5s")
	require.NoError(t, err)
	assert.Equal(t, 500*time.Millisecond, got)
}

func TestParseBytes(t *testing.T) {
	for text, want := range byteValues {
		got, err := parseBytes(text)
		if want == "" {
			assert.Error(t, err, text)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, want, fmt.Sprint(got), text)
	}
	_, err := parseBytes("999999999999999G")
	assert.Error(t, err)
}

func TestParseList(t *testing.T) {
	for text, want := range map[string][]string{
		"": nil, " , ": nil, "a": {"a"}, "a b": {"a", "b"}, "a,b": {"a", "b"}, "a\nb": {"a", "b"},
		" a , b ": {"a", "b"}, "a,,b": {"a", "b"}, ",a": {"a"}, "a;b": {"a;b"}, "\n\nc\t d": {"c", "d"},
	} {
		if got := parseList(text); len(want) > 0 || len(got) > 0 {
			assert.Equal(t, want, got, "%q", text)
		}
	}
}

func TestCheckID(t *testing.T) {
	for _, id := range []string{"a", "epel-8", "rhel-9-for-x86_64-baseos-rpms", "copr:copr.fedorainfracloud.org:u:p", "1", "-", "a..b", "a."} {
		assert.NoError(t, checkID(id), id)
	}
	for _, id := range []string{"", ".", "..", ".gorepo", ".x", "a b", "a/b", "../a", "a\\b", "ä", "a\n", "$v", strings.Repeat("a", maxIDLength+1)} {
		assert.Error(t, checkID(id), id)
	}
}

func TestMaskURL(t *testing.T) {
	for raw, want := range map[string]string{
		"":                                   "",
		"/srv/a@b":                           "/srv/a@b",
		"http://h/a@b":                       "http://h/a@b",
		"https://u:p@h/x":                    "https://***@h/x",
		"https://u@h:8443":                   "https://***@h:8443",
		"https://u:p%40@h/x@y?token=1":       "https://***@h/x@y?***",
		"https://h/x?a=b&c=d":                "https://h/x?***",
		"https://u:p/a@ss@h/x":               "https://***@h/x",
		"https://u:p a@h/x":                  "https://***@h/x",
		"https://u:100%@h/":                  "https://***@h/",
		"http://[::1]:80/x":                  "http://[::1]:80/x",
		"https://u:12#x@h/":                  "https://***@h/",
		"https://u:p#x@h/":                   "https://***@h/",
		"https://u:s3cret?@h/":               "https://***@h/",
		"https://user:s3cret@[::1]:8443/a/b": "https://***@[::1]:8443/a/b",
		"https://u:s3c":                      "https://u:***", // of "https://u:s3c ret@h/"
		"u:s3cret@h/x":                       "***@h/x",
		"https//u:s3cret@h/":                 "***@h/",
		"https:u:s3cret@h/":                  "***@h/",
		"https:///u:s3cret@h/":               "***@h/",
		"file:///srv/a:b@c":                  "file:///srv/a:b@c",
	} {
		got := MaskURL(raw)
		assert.Equal(t, want, got, raw)
	}
}

func TestMistypedURLs(t *testing.T) {
	for _, raw := range []string{"https://u:s3c,ret@h/", "https://u:s3c ret@h/", "https//u:s3cret@h/", "u:s3cret@h/", "https:u:s3cret@h/", "https:///u:s3cret@h/", `http:\\u:s3cret@h/`} {
		for _, key := range []string{"baseurl", "gpgkey"} {
			var r Repo
			err := keys[key].repo(&r, raw)
			require.Error(t, err, raw)
			assert.NotContains(t, err.Error(), "s3c", raw)
			assert.NotContains(t, maskURLs(raw), "s3c", raw)
		}
	}
}

func TestSecret(t *testing.T) {
	r := Repo{Password: "hunter2"}
	text := fmt.Sprintf("%v %+v %#v %s %q", r.Password, r, r, r.Password, r.Password)
	data, err := json.Marshal(r)
	require.NoError(t, err)
	assert.NotContains(t, text+string(data), "hunter2")
	assert.Equal(t, "hunter2", r.Password.Reveal())
	assert.Empty(t, Secret("").String())
}

// FuzzMaskURLs: whatever stands around it in a list, and even where the list is split
// inside of it, a password in a URL is not shown. (One with a slash makes another URL.)
func FuzzMaskURLs(f *testing.F) {
	for _, seed := range [][3]string{
		{"", "", ""}, {"http://a/,", "p,w", "@h/"}, {"https://h/x\n", " ", "?token"}, {"u", "@", ", https://u:p@h"}, {"ftp://u:", ":", "@"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, before, password, after string) {
		if strings.ContainsAny(password, "/?#") {
			t.Skip()
		}
		const secret = "hunter2-is-no-word-by-chance"
		value := before + " https://user:" + password + secret + password + "@host/" + after
		if shown := maskURLs(value); strings.Contains(shown, secret) {
			t.Errorf("%q is shown as %q", value, shown)
		}
	})
}
