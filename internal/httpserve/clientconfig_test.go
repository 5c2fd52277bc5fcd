package httpserve_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/httpserve"
)

func TestClientConfig(t *testing.T) {
	root := t.TempDir()
	write(t, "x", root, "el9", "repodata", "repomd.xml")
	write(t, "x", root, "signed", "repodata", "repomd.xml")
	write(t, "x", root, "signed", "repodata", "repomd.xml.asc")
	write(t, "x", root, "here", "repodata", "repomd.xml")
	write(t, "x", root, "here", "repodata", "repomd.xml.asc")
	write(t, "x", root, "here", "repodata", "repomd.xml.key")
	write(t, "x", root, "other", "repodata", "repomd.xml")
	write(t, "x", root, "empty", "file")
	write(t, "my own\n", root, "written.repo")
	repos := []httpserve.RepoInfo{
		{ID: "el9", Name: "Enterprise\n[evil]\nLinux", GPGCheck: true, RepoGPGCheck: true, Keys: []byte("KEY 1\nKEY 2\n")},
		{ID: "signed", GPGCheck: true, RepoGPGCheck: true, KeyURLs: []string{
			"https://keys.example/a.asc", "file:///etc/pki/x", "https://user:pw@keys.example/", "http://k/\nenabled=0", "http://k/b",
		}},
		{ID: "later", GPGCheck: false, ModuleHotfixes: true},
		{ID: "here", SignedHere: true, Keys: []byte("KEY\n")},
		{ID: "unsigned", SignedHere: true},
		{ID: "written"},
	}
	options := httpserve.Options{Root: root, Repos: func() []httpserve.RepoInfo { return repos }}
	addr := start(t, options)

	for target, want := range map[string]string{
		"/el9.repo": "[el9]\nname=Enterprise [evil] Linux\nbaseurl=http://mirror.example/el9/\nenabled=1\n" +
			"gpgcheck=1\nrepo_gpgcheck=0\ngpgkey=http://mirror.example/-/keys/el9.asc\n",
		"/signed.repo": "[signed]\nname=signed\nbaseurl=http://mirror.example/signed/\nenabled=1\n" +
			"gpgcheck=1\nrepo_gpgcheck=1\ngpgkey=https://keys.example/a.asc\n       http://k/b\n",
		"/later.repo": "[later]\nname=later\nbaseurl=http://mirror.example/later/\nenabled=1\ngpgcheck=0\nrepo_gpgcheck=0\nmodule_hotfixes=1\n",
		"/here.repo": "[here]\nname=here\nbaseurl=http://mirror.example/here/\nenabled=1\ngpgcheck=0\nrepo_gpgcheck=1\n" +
			"gpgkey=http://mirror.example/-/keys/here.asc\n       http://mirror.example/here/repodata/repomd.xml.key\n",
		"/unsigned.repo": "[unsigned]\nname=unsigned\nbaseurl=http://mirror.example/unsigned/\nenabled=1\ngpgcheck=0\nrepo_gpgcheck=0\n",
		"/other.repo": "[other]\nname=other\nbaseurl=http://mirror.example/other/\nenabled=1\n" +
			"# Not configured on this mirror, so gpgcheck and gpgkey are not known here:\n" +
			"# the defaults of your /etc/dnf/dnf.conf or /etc/yum.conf hold.\n",
		"/written.repo":     "my own\n",
		"/-/keys/el9.asc":   "KEY 1\nKEY 2\n",
		"/%65l9%2Erepo?x=y": "",
	} {
		res := get(t, addr, target)
		require.Equal(t, 200, res.StatusCode, target)
		text := body(t, res)
		if want != "" {
			assert.Equal(t, want, text, target)
		}
		assert.Equal(t, "no-cache", res.Header.Get("Cache-Control"), target)
		assert.Equal(t, 304, get(t, addr, target, "If-None-Match: "+res.Header.Get("ETag")).StatusCode, target)
	}
	for _, target := range []string{
		"/empty.repo", "/none.repo", "/.repo", "/el9.repo/", "/el9.repo/x", "/r/el9.repo", "/-/el9.repo",
		"/-/keys/signed.asc", "/-/keys/none.asc", "/-/keys/", "/-/keys/el9", "/el9.repo%0a", "/..repo", "/%5bel9%5d.repo",
	} {
		assert.Equal(t, 404, get(t, addr, target).StatusCode, target)
	}

	// All that clients can use, in one file: as configured, then as it lies there.
	all := ""
	for _, id := range []string{"el9", "signed", "here", "other"} {
		all += "\n" + body(t, get(t, addr, "/"+id+".repo"))
	}
	assert.Equal(t, all, "\n"+body(t, get(t, addr, "/gorepo.repo")))
	none := httpserve.Options{Root: t.TempDir(), Repos: options.Repos}
	assert.Equal(t, 404, get(t, start(t, none), "/gorepo.repo").StatusCode, "nothing is published")

	// What the callback says later is what clients get later.
	repos = append(repos, httpserve.RepoInfo{ID: "other", GPGCheck: true})
	assert.Contains(t, body(t, get(t, addr, "/other.repo")), "gpgcheck=1\n")
	// A signature that is gone is not asked for.
	require.NoError(t, os.Remove(filepath.Join(root, "signed", "repodata", "repomd.xml.asc")))
	assert.Contains(t, body(t, get(t, addr, "/signed.repo")), "\nrepo_gpgcheck=0\n")

	options.PublicURL = "https://mirror.example:8443/el/"
	public := start(t, options)
	assert.Contains(t, body(t, get(t, public, "/el9.repo")), "\nbaseurl=https://mirror.example:8443/el/el9/\n")
	assert.Contains(t, body(t, get(t, public, "/el9.repo")), "\ngpgkey=https://mirror.example:8443/el/-/keys/el9.asc\n")
}

// A Host header is the client's to choose, and goes into a file that dnf reads
// as root.
func TestHostOfClientConfig(t *testing.T) {
	root := t.TempDir()
	write(t, "x", root, "r", "repodata", "repomd.xml")
	addr := start(t, httpserve.Options{Root: root})
	ask := func(request string) (int, string) {
		res := exchangeRaw(t, addr, request)
		return res.StatusCode, body(t, res)
	}
	for host, ok := range map[string]bool{
		"mirror": true, "mirror.example:8080": true, "10.0.0.1:80": true, "[::1]:8080": true, "[2001:db8::1]": true,
		"a_b.example": true, "XN--bcher-kva.example": true,
		"a b": false, "a;b": false, "a/b": false, "a@b": false, "user:pw@b": false, "a:port": false, "a%0ab": false,
		"[::1": false, "a,b": false, "$releasever.example": false, "": false, "a:80:80": false, "a'b": false, "[": false,
		strings.Repeat("a", 300): false,
	} {
		status, text := ask("GET /r.repo HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
		if ok {
			assert.Equal(t, 200, status, host)
			assert.Contains(t, text, "\nbaseurl=http://"+host+"/r/\n", host)
		} else if host != "" {
			assert.Equal(t, 400, status, host)
			assert.NotContains(t, text, "baseurl", host)
		}
	}
	for _, request := range []string{ // no host named: the address that was reached
		"GET /r.repo HTTP/1.0\r\n\r\n",
		"GET /r.repo HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n",
	} {
		status, text := ask(request)
		assert.Equal(t, 200, status)
		assert.Contains(t, text, "\nbaseurl=http://"+addr+"/r/\n")
	}
	// What another client may have put in between is not believed.
	res := get(t, addr, "/r.repo", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "Forwarded: host=evil.example")
	assert.Contains(t, body(t, res), "\nbaseurl=http://mirror.example/r/\n")
}

func TestPublicURLIsChecked(t *testing.T) {
	root := t.TempDir()
	for _, bad := range []string{"mirror.example", "ftp://mirror.example", "https://", "https://a b/", "https://u:p@mirror/", "https://m/?x", "https://m/#x", "https://m/%zz", "https://m\n/"} {
		_, err := httpserve.New(httpserve.Options{Root: root, PublicURL: bad})
		assert.ErrorContains(t, err, "public URL", bad)
	}
	_, err := httpserve.New(httpserve.Options{Root: filepath.Join(root, "none")})
	assert.ErrorIs(t, err, os.ErrNotExist)
	assert.ErrorContains(t, err, filepath.Join(root, "none"))
}
