package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"gorepo/internal/catalog"
	"gorepo/internal/health"
	"gorepo/internal/pages"
)

// Commands of a repository that wants a login or a certificate show one: the plugins
// that fetch a .repo file do not.
func TestUseOfGuarded(t *testing.T) {
	var login, certificate bool
	h := pages.New(pages.Options{
		Repos: func(*http.Request) []pages.Repo {
			return []pages.Repo{{ID: "a:b", Health: health.Repo{Published: true}}}
		},
		Catalog: func(string) (pages.Catalog, func(), catalog.Status) {
			return nil, nil, catalog.Status{Failed: "x"}
		},
		Base:         func(*http.Request) (string, bool) { return "http://m", true },
		ClientConfig: func(*http.Request, string) string { return "x" },
		Wants:        func(*http.Request, string) (bool, bool) { return login, certificate },
	})
	open := check(t, get(t, h, "/-/repos/a:b/").Body.String()).text
	assert.Contains(t, open, "sudo dnf config-manager --add-repo http://m/a:b.repo")
	assert.Contains(t, check(t, get(t, h, "/").Body.String()).text, "sudo curl -fo /etc/yum.repos.d/gorepo.repo http://m/gorepo.repo")

	login = true
	page := check(t, get(t, h, "/-/repos/a:b/").Body.String()).text
	assert.NotContains(t, page, "--add-repo")
	for _, want := range []string{
		"sudo curl -u NAME -fo /etc/yum.repos.d/a:b.repo http://m/a:b.repo",
		`printf '%s\n' username='NAME' password='PASSWORD' | sudo tee -a /etc/yum.repos.d/a:b.repo`,
		"sudo zypper addrepo 'http://m/a:b/?credentials=a:b' a:b", "/etc/zypp/credentials.d/a:b",
		"--setopt=a:b.username=NAME --setopt=a:b.password=PASSWORD",
	} {
		assert.Contains(t, page, want)
	}
	home := check(t, get(t, h, "/").Body.String()).text
	assert.Contains(t, home, "sudo curl -u NAME -fo /etc/yum.repos.d/gorepo.repo http://m/gorepo.repo")
	assert.Contains(t, home, "which of them want a login")

	login, certificate = false, true
	page = check(t, get(t, h, "/-/repos/a:b/").Body.String()).text
	for _, want := range []string{
		"sudo curl --cert CERTIFICATE --key KEY -fo", `printf '%s\n' sslclientcert=CERTIFICATE sslclientkey=KEY |`,
		"'http://m/a:b/?ssl_clientcert=CERTIFICATE&ssl_clientkey=KEY'",
	} {
		assert.Contains(t, page, want)
	}
}

// An index that cannot be made leaves clients alone only where it is not the metadata's
// fault.
func TestIndexThatFails(t *testing.T) {
	for _, unwritable := range []bool{true, false} {
		h := pages.New(pages.Options{
			Repos: func(*http.Request) []pages.Repo {
				return []pages.Repo{{ID: "a", Health: health.Repo{Published: true}}}
			},
			Catalog: func(string) (pages.Catalog, func(), catalog.Status) {
				return nil, nil, catalog.Status{Published: true, Failed: "because", Unwritable: unwritable}
			},
		})
		text := check(t, get(t, h, "/-/repos/a/packages").Body.String()).text
		assert.Contains(t, text, "because.")
		assert.Equal(t, unwritable, strings.Contains(text, "Clients are not affected"), text)
		assert.Equal(t, !unwritable, strings.Contains(text, "gorepo createrepo makes it anew"), text)
	}
}

// What cannot be read is no repository that nothing was published of.
func TestMetadataThatCannotBeRead(t *testing.T) {
	h := pages.New(pages.Options{Repos: func(*http.Request) []pages.Repo {
		return []pages.Repo{{ID: "a", Health: health.Repo{Level: health.Failing, Reason: "repomd.xml cannot be read"}}}
	}})
	w := get(t, h, "/-/repos/a/packages")
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	text := check(t, w.Body.String()).text
	assert.Contains(t, text, "The metadata cannot be used")
	assert.Contains(t, text, "repomd.xml cannot be read.")
	assert.NotContains(t, text, "Nothing is published")
}

// An upstream that goes back brings no update.
func TestOlderVersions(t *testing.T) {
	s := sample()
	f := s.catalogs["epel-9"]
	for i, c := range []struct{ pkg, from string }{
		{"aa-2.10-1.noarch", "2.12-1"}, {"bb-2.12-1.noarch", "2.10-1"}, {"cc-x-3-1.x86_64", "1:1-1"}, {"dd-1:1-1.x86_64", "3-1"},
	} {
		f.changed = append(f.changed, catalog.PackageChange{Publication: 3, Time: f.published[0].Time, Kind: catalog.ChangeUpdated, Name: "x" + string(rune('a'+i)), Package: c.pkg, From: c.from})
	}
	text := strings.Join(strings.Fields(check(t, get(t, s.handler(), "/-/repos/epel-9/changes?q=x").Body.String()).text), " ")
	for _, want := range []string{"↓older version aa-2.10-1.noarch from 2.12-1", "↑updated bb-2.12-1.noarch", "↓older version cc-x-3-1.x86_64", "↑updated dd-1:1-1.x86_64"} {
		assert.Contains(t, text, want)
	}
}
