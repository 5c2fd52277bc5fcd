package fetch_test

import (
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/fetch"
	"gorepo/internal/testrepo"
)

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestCredentials(t *testing.T) {
	files := map[string][]byte{file: content}
	for name, c := range map[string]struct {
		userinfo string
		user, pw string
		ok       bool
	}{
		"options":        {"", "u", "p@ss", true},
		"url":            {"u:p%40ss@", "", "", true},
		"url before opt": {"u:p%40ss@", "other", "x", true},
		"wrong":          {"", "u", "hunter2", false},
		"wrong in url":   {"u:hunter2@", "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			up := testrepo.Files(t, testrepo.Options{Username: "u", Password: "p@ss"}, files)
			o := quick()
			o.Username, o.Password = c.user, c.pw
			s := source(t, o, strings.Replace(up.URL, "://", "://"+c.userinfo, 1))
			info, err := download(t, s, &sink{})
			assert.NotContains(t, s.URL("", file), "@")
			if c.ok {
				require.NoError(t, err)
				assert.NotContains(t, info.URL, "@")
				return
			}
			require.ErrorContains(t, err, "HTTP status 401 (Unauthorized)")
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
}

// Whatever a redirect or xml:base says, credentials and tokens stay with the
// host and scheme that they are for.
func TestCredentialsStay(t *testing.T) {
	files := map[string][]byte{file: content}
	o := quick()
	o.Username, o.Password = "u", "secret"

	t.Run("redirect to another host", func(t *testing.T) {
		up, other := testrepo.Files(t, testrepo.Options{}, files), testrepo.Files(t, testrepo.Options{}, files)
		up.On(file, testrepo.Redirect(other.URL+"/", 302))
		_, err := download(t, source(t, o, up.URL+"?token=t0ken"), &sink{})
		require.NoError(t, err)
		assert.Equal(t, basic("u", "secret"), up.Requests("**")[0].Header.Get("Authorization"))
		h := other.Requests("**")[0].Header
		assert.Empty(t, h.Get("Authorization"))
		assert.Empty(t, h.Get("Referer"))
		assert.Empty(t, h.Get("Cookie"))
	})
	t.Run("redirect on the same host", func(t *testing.T) {
		up := testrepo.Files(t, testrepo.Options{Username: "u", Password: "secret"}, map[string][]byte{"x/" + file: content})
		up.On(file, testrepo.Redirect("/x/", 301))
		_, err := download(t, source(t, o, up.URL), &sink{})
		require.NoError(t, err)
	})
	t.Run("redirect with another's credentials", func(t *testing.T) {
		up, other := testrepo.Files(t, testrepo.Options{}, files), testrepo.Files(t, testrepo.Options{}, files)
		up.On(file, testrepo.Redirect(strings.Replace(other.URL, "://", "://a:b@", 1)+"/", 302))
		_, err := download(t, source(t, o, up.URL), &sink{})
		require.NoError(t, err)
		assert.Empty(t, other.Requests("**")[0].Header.Get("Authorization"))
	})
	t.Run("https to http", func(t *testing.T) {
		up := testrepo.Files(t, testrepo.Options{TLS: true}, files)
		plain := testrepo.Files(t, testrepo.Options{}, files)
		up.On(file, testrepo.Redirect(plain.URL+"/?secret=1", 302))
		up.On(file, testrepo.Redirect(plain.URL+"/", 302))
		secure := o
		secure.TLS.CAFile = up.CAFile(t)
		_, err := download(t, source(t, secure, up.URL), &sink{})
		require.ErrorContains(t, err, "redirect from https to "+plain.URL)
		assert.Empty(t, plain.Requests("**"))
		assert.Len(t, up.Requests("**"), 1, "not tried again")

		secure.AllowDowngrade = true
		up.Repair()
		up.On(file, testrepo.Redirect(plain.URL+"/", 302))
		_, err = download(t, source(t, secure, up.URL), &sink{})
		require.NoError(t, err)
		assert.Empty(t, plain.Requests("**")[0].Header.Get("Authorization"))
	})
	t.Run("xml:base", func(t *testing.T) {
		up, other := testrepo.Files(t, testrepo.Options{}, files), testrepo.Files(t, testrepo.Options{}, files)
		s := source(t, o, up.URL+"/r?token=t0ken")
		for _, base := range []string{other.URL, strings.TrimPrefix(other.URL, "http:") + "/"} {
			_, err := s.Download(t.Context(), base, file, &sink{want: content}, int64(len(content)))
			require.NoError(t, err)
		}
		for _, r := range other.Requests("**") {
			assert.Empty(t, r.Header.Get("Authorization"))
			assert.NotContains(t, r.Raw, "t0ken")
		}
		_, err := s.Download(t.Context(), up.URL, file, &sink{want: content}, int64(len(content)))
		require.NoError(t, err)
		assert.Equal(t, basic("u", "secret"), up.Requests("**")[0].Header.Get("Authorization"), "its own host")
	})
}

func TestTLS(t *testing.T) {
	files := map[string][]byte{file: content}
	up := testrepo.Files(t, testrepo.Options{TLS: true}, files)
	ca := up.CAFile(t)

	_, err := download(t, source(t, quick(), up.URL), &sink{})
	require.ErrorContains(t, err, "certificate")
	assert.False(t, fetch.Temporary(err))
	assert.NotContains(t, err.Error(), "Get ", "one URL is enough")

	caDir := t.TempDir()
	data, err := os.ReadFile(ca)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(caDir, "x.crt"), data, 0o600))
	for _, tls := range []fetch.TLS{{CAFile: ca}, {CAFile: caDir}, {SkipVerify: true}} {
		o := quick()
		o.TLS = tls
		_, err = download(t, source(t, o, up.URL), &sink{})
		require.NoError(t, err)
	}
	o := quick()
	o.TLS.CAFile = ca
	wrongHost := strings.Replace(up.URL, "127.0.0.1", "localhost", 1)
	_, err = download(t, source(t, o, wrongHost), &sink{})
	require.Error(t, err)
	assert.False(t, fetch.Temporary(err))

	plain := testrepo.Files(t, testrepo.Options{}, files)
	_, err = download(t, source(t, quick(), "https"+strings.TrimPrefix(plain.URL, "http")), &sink{})
	require.ErrorIs(t, err, http.ErrSchemeMismatch)
	assert.False(t, fetch.Temporary(err))
}

func TestClientCertificate(t *testing.T) {
	cert, key, pool := testrepo.ClientCert(t)
	up := testrepo.Files(t, testrepo.Options{TLS: true, ClientCAs: pool}, map[string][]byte{file: content})
	o := quick()
	o.TLS.CAFile = up.CAFile(t)
	_, err := download(t, source(t, o, up.URL), &sink{})
	require.Error(t, err)

	o.TLS.ClientCert, o.TLS.ClientKey = cert, key
	_, err = download(t, source(t, o, up.URL), &sink{})
	require.NoError(t, err)

	// RHEL's entitlement files may hold both.
	both := filepath.Join(t.TempDir(), "both.pem")
	var all []byte
	for _, f := range []string{cert, key} {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		all = append(all, data...)
	}
	require.NoError(t, os.WriteFile(both, all, 0o600))
	o.TLS.ClientCert, o.TLS.ClientKey = both, ""
	_, err = download(t, source(t, o, up.URL), &sink{})
	require.NoError(t, err)
}

func TestTLSFiles(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, []byte("no PEM"), 0o600))
	for want, tls := range map[string]fetch.TLS{
		"authorities: /nonexistent.pem: file does not exist":       {CAFile: "/nonexistent.pem"},
		empty + ": no PEM certificate in it":                       {CAFile: empty},
		"client certificate " + empty:                              {ClientCert: empty},
		"a client key without a client cert":                       {ClientKey: empty},
		"client certificate /nonexistent.pem: file does not exist": {ClientCert: "/nonexistent.pem", ClientKey: empty},
	} {
		o := quick()
		o.TLS = tls
		_, err := fetch.New([]string{"https://h/"}, o)
		require.ErrorContains(t, err, want)
	}
}
