package catalog_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/catalog"
	"gorepo/internal/testrepo"
)

// shop is a repository in which things can be found in many ways.
func shop() (list []*testrepo.Package) {
	add := func(nevra, summary, description string, files ...string) *testrepo.Package {
		p := testrepo.Fake(nevra, 10)
		p.Summary, p.Description, p.Files = summary, description, nil
		for _, f := range files {
			p.Files = append(p.Files, testrepo.File{Path: f})
		}
		list = append(list, p)
		return p
	}
	add("httpd-2.4.57-5.el9.x86_64", "Apache HTTP Server", "The web server of the world.", "/usr/sbin/httpd", "/etc/httpd/conf/httpd.conf", "/usr/share/httpd/icons/a.png")
	add("httpd-2.4.53-1.el9.x86_64", "Old Apache HTTP Server", "Old.", "/usr/sbin/httpd", "/usr/sbin/oldctl")
	add("httpd-tools-2.4.57-5.el9.x86_64", "Tools for the Apache HTTP Server", "ab and others.", "/usr/bin/ab", "/usr/bin/htpasswd")
	add("nginx-1:1.20.1-14.el9.x86_64", "A high performance web server and reverse proxy server", "Nginx.", "/usr/sbin/nginx", "/etc/nginx/nginx.conf")
	add("net-tools-2.0-0.62.el9.x86_64", "Basic networking tools", "The old ones.", "/usr/sbin/ifconfig", "/usr/bin/netstat", "/bin/a b")
	add("NetworkManager-1:1.42.2-1.el9.x86_64", "Network connection manager and user applications", "Manages.", "/usr/sbin/NetworkManager")
	add("libstdc++-11.3.1-4.el9.x86_64", "GNU Standard C++ Library", "For C++.", "/usr/lib64/libstdc++.so.6").Provides = []testrepo.Dep{{Name: "libstdc++.so.6()(64bit)"}, {Name: "libstdc++", Flags: "EQ", Version: "11.3.1"}}
	add("gtk+-2.24-1.el9.x86_64", "A toolkit", "For windows.", "/usr/lib64/libgtk.so")
	add("python3-foo-bar-1.0-1.noarch", "Foo for Python", "It foos.", "/usr/lib/python3.9/site-packages/foo_bar/__init__.py")
	add("perl-DBD-SQLite-1.66-1.x86_64", "SQLite DBI driver", "Data.", "/usr/share/man/man3/DBD::SQLite.3pm.gz").Provides = []testrepo.Dep{{Name: "perl(DBD::SQLite)"}, {Name: "perl(DBD::SQLite::GetInfo)"}}
	add("my_odd.name-1-1.noarch", "Überflüssig", "Größe ohne Maß", "/opt/größe/ü", "/opt/x/y z")
	return list
}

// search gives what is found, as "name" or "name by where" or "name by where: match".
func search(t *testing.T, c *catalog.Catalog, query string) (found []string) {
	t.Helper()
	hits, err := c.Search(t.Context(), query, 0, 0)
	require.NoError(t, err, query)
	assert.Len(t, hits.Hits, hits.Total, query)
	for _, h := range hits.Hits {
		text := h.Name + " by " + h.Where
		if h.Match != "" {
			text += ": " + h.Match
		}
		found = append(found, text)
	}
	return found
}

func TestSearch(t *testing.T) {
	c := open(t, publish(t, testrepo.Options{}, shop()...))
	for query, want := range map[string][]string{
		"httpd":                         {"httpd by name", "httpd-tools by name"},
		"HTTPD-T":                       {"httpd-tools by name"},
		"tools":                         {"httpd-tools by name", "net-tools by name"},
		"ifconfig":                      {"net-tools by file: /usr/sbin/ifconfig"},
		"ifconf":                        {"net-tools by file: /usr/sbin/ifconfig"},
		"a b":                           {"net-tools by file: /bin/a b"},
		"networkmanager":                {"NetworkManager by name"},
		"manager":                       {"NetworkManager by name"},
		"network man":                   {"NetworkManager by name"},
		"networ":                        {"NetworkManager by name", "net-tools by summary"},
		"libstdc++":                     {"libstdc++ by name"},
		"stdc":                          {"libstdc++ by name"},
		"gtk+":                          {"gtk+ by name"},
		"gtk":                           {"gtk+ by name"},
		"c++":                           {"libstdc++ by name"},
		"sqlite":                        {"perl-DBD-SQLite by name"},
		"perl(DBD::SQLite)":             {"perl-DBD-SQLite by provides: perl(DBD::SQLite)"},
		"perl(dbd::sqlite":              {"perl-DBD-SQLite by name"},
		"perl(dbd::sqlite::g":           {"perl-DBD-SQLite by provides: perl(DBD::SQLite::GetInfo)"},
		"getinfo":                       {"perl-DBD-SQLite by provides"},
		"libstdc++.so.6()(64bit)":       {"libstdc++ by provides: libstdc++.so.6()(64bit)"},
		"foo_bar":                       {"python3-foo-bar by name"},
		"bar foo":                       {"python3-foo-bar by name"},
		"python":                        {"python3-foo-bar by name"},
		"web server":                    {"nginx by summary", "httpd by description"},
		"server web":                    {"nginx by summary", "httpd by description"},
		"apache":                        {"httpd by summary", "httpd-tools by summary"},
		"world":                         {"httpd by description"},
		"überfl":                        {"my_odd.name by summary"},
		"MASS maß":                      nil,
		"maß":                           {"my_odd.name by description"},
		"odd.name":                      {"my_odd.name by name"},
		"my_odd":                        {"my_odd.name by name"},
		"httpd-2.4.57-5.el9.x86_64":     {"httpd by name"},
		"httpd-2.4.53-1.el9.x86_64.rpm": {"httpd by name"},
		"nginx-1:1.20.1-14.el9.x86_64":  {"nginx by name"},
		"1:nginx-1.20.1-14.el9":         {"nginx by name"},
		"httpd.x86_64":                  {"httpd by name"},
		"httpd-9":                       nil,
		"/usr/sbin/httpd":               {"httpd by file: /usr/sbin/httpd"},
		"/usr/sbin/oldctl":              {"httpd by file: /usr/sbin/oldctl"},
		"/etc/httpd":                    {"httpd by file: /etc/httpd/conf/httpd.conf"},
		"/etc/httpd/":                   {"httpd by file: /etc/httpd/conf/httpd.conf"},
		"/usr/sbin/n":                   {"nginx by file: /usr/sbin/nginx"},
		"/usr/sbin/N":                   {"NetworkManager by file: /usr/sbin/NetworkManager"},
		"/bin/a b":                      {"net-tools by file: /bin/a b"},
		"/opt/größe/":                   {"my_odd.name by file: /opt/größe/ü"},
		"/usr/sbin/":                    {"NetworkManager by file: /usr/sbin/NetworkManager", "httpd by file: /usr/sbin/httpd", "net-tools by file: /usr/sbin/ifconfig", "nginx by file: /usr/sbin/nginx"},
		"/nowhere":                      nil,
		"nothing":                       nil,
		"":                              nil,
		"  ":                            nil,
	} {
		assert.Equal(t, want, search(t, c, query), "%q", query)
	}
	hits, err := c.Search(t.Context(), "httpd", 0, 1)
	require.NoError(t, err)
	assert.Equal(t, 2, hits.Total)
	assert.False(t, hits.More)
	require.Len(t, hits.Hits, 1)
	assert.Equal(t, 2, hits.Hits[0].Versions)
	assert.Equal(t, "2.4.57", hits.Hits[0].Version, "the newest")
	hits, err = c.Search(t.Context(), "httpd", 1, 5)
	require.NoError(t, err)
	assert.Equal(t, "httpd-tools", hits.Hits[0].Name)
	hits, err = c.Search(t.Context(), "httpd", 7, 5)
	require.NoError(t, err)
	assert.Empty(t, hits.Hits)
}

// TestSearchForAnything: whatever is searched for is no error.
func TestSearchForAnything(t *testing.T) {
	c := open(t, publish(t, testrepo.Options{}, shop()...))
	for _, query := range []string{
		`"`, `""`, `'`, `a" OR "b`, "NEAR(a b)", "a AND", "OR", "NOT a", "name:x", "{name}:x", "-", "--", "*", "a*", "^a", "(", ")", "((a)", "a + b", "+", "++", "a\x00b", "\x00", "/\x00", "\xff\xfe", "a\nb", "\n",
		"%", "_", "'; DROP TABLE package; --", "/", "//", "/../", ".", "..", "a.b.c.d", "---", "-.-.-", "::", "1:", ":1", "1:-", "½ ² ⅷ", "日本語", "e\u0301", "\u200d", "İ", "ẞ", strings.Repeat("a", 256), strings.Repeat("a ", 128), strings.Repeat("/", 256),
		strings.Repeat("x", 1<<20), strings.Repeat("-.", 100), "[", "[a", "?*[", "\\",
	} {
		hits, err := c.Search(t.Context(), query, -5, -5)
		require.NoError(t, err, "%.100q", query)
		assert.LessOrEqual(t, len(hits.Hits), hits.Total)
		_, err = c.List(t.Context(), catalog.ListOptions{Filter: query, Arch: query})
		require.NoError(t, err, "%.100q", query)
		_, err = c.Find(t.Context(), query)
		require.ErrorIs(t, err, catalog.ErrNotFound, "%.100q", query)
		_, err = c.Providers(t.Context(), []string{query})
		require.NoError(t, err, "%.100q", query)
	}
}

func TestProviders(t *testing.T) {
	c := open(t, publish(t, testrepo.Options{}, shop()...))
	found, err := c.Providers(t.Context(), []string{"libstdc++.so.6()(64bit)", "httpd", "/usr/sbin/httpd", "/usr/share/httpd/icons/a.png", "perl(dbd::sqlite)", "perl(DBD::SQLite)", "none", ""})
	require.NoError(t, err)
	httpd := []catalog.Provider{{Name: "httpd", NEVRA: "httpd-2.4.57-5.el9.x86_64"}}
	assert.Equal(t, map[string][]catalog.Provider{
		"libstdc++.so.6()(64bit)": {{Name: "libstdc++", NEVRA: "libstdc++-11.3.1-4.el9.x86_64"}},
		"httpd":                   httpd, "/usr/sbin/httpd": httpd, "/usr/share/httpd/icons/a.png": httpd,
		"perl(DBD::SQLite)": {{Name: "perl-DBD-SQLite", NEVRA: "perl-DBD-SQLite-1.66-1.x86_64"}},
	}, found)
}
