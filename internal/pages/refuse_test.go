package pages_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"gorepo/internal/pages"
)

// A refusal looks like a page, wherever it is, and says nothing but its words.
func TestRefuse(t *testing.T) {
	s := sample()
	for path, up := range map[string]string{"/": "./", "/epel-9/Packages/b/": "../../../", "/-/repos/secret/": "../../../", "/none": "./"} {
		r := httptest.NewRequest(http.MethodGet, "http://mirror.example"+path, nil)
		w := httptest.NewRecorder()
		w.Header().Set("Cache-Control", "no-store")
		s.handler().Refuse(w, r, http.StatusUnauthorized, "A login is needed", "Load the page again.")
		assert.Equal(t, http.StatusUnauthorized, w.Code)
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		assert.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
		page := check(t, w.Body.String())
		assert.Equal(t, "A login is needed", page.h1)
		assert.Contains(t, page.text, "Load the page again.")
		assert.Contains(t, page.links, up, path)
		assert.NotContains(t, w.Body.String(), "secret")
		assert.NotContains(t, w.Body.String(), "epel")
	}
	assert.Zero(t, s.taken, "no index is looked at")
}

// Who might see more after a login is told where that is.
func TestLoginIsOffered(t *testing.T) {
	s := sample()
	none, offer := []pages.Repo{}, true
	h := pages.New(pages.Options{
		Repos: func(*http.Request) []pages.Repo { return append(none, s.repos...) },
		Login: func(*http.Request) bool { return offer },
	})
	assert.Contains(t, check(t, get(t, h, "/").Body.String()).links, "./?login")
	s.repos = nil
	page := check(t, get(t, h, "/").Body.String())
	assert.Contains(t, page.links, "./?login")
	assert.NotContains(t, page.text, "There is no repository here yet")
	offer = false
	assert.NotContains(t, check(t, get(t, h, "/").Body.String()).links, "./?login")
}
