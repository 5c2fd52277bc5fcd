//go:build unix

package main

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a line is about is named once in it, however many libraries have a say.
func TestMessagesNameThingsOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, "[a]\nbaseurl=http://a.invalid/\n")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	file, empty := writeFile(t, "x", s.dir, "file"), s.dir+"/empty"
	require.NoError(t, os.Mkdir(empty, 0o755))
	require.NoError(t, os.MkdirAll(s.path(".gorepo", "a", "state.json"), 0o755))
	socket := s.dir + "/none/socket"
	for _, c := range []struct {
		args []string
		line string // its end
	}{
		{[]string{"serve", "--listen", taken.Addr().String()}, "error: --listen " + taken.Addr().String() + ": address already in use (ss -ltnp shows by whom)"},
		{[]string{"serve", "--listen", "nowhere"}, "error: --listen nowhere: missing port in address"},
		{[]string{"serve", "--listen", "127.0.0.1:99999"}, "error: --listen 127.0.0.1:99999: invalid port"},
		{[]string{"serve", "--listen", "192.0.2.1:8080"}, "error: --listen 192.0.2.1:8080: cannot assign requested address"},
		{[]string{"serve", "--listen", "unix:" + socket}, "error: --listen unix:" + socket + ": no such file or directory"},
		{[]string{"serve", "--listen", "unix:" + file}, "error: --listen unix:" + file + ": it is there, and is no socket"},
		{[]string{"serve", "--metrics-listen", "http://" + taken.Addr().String(), "--listen=127.0.0.1:0"}, "error: --metrics-listen http://" + taken.Addr().String() + ": address already in use (ss -ltnp shows by whom)"},
		{[]string{"serve", "--root", s.dir + "/none"}, "error: open " + s.dir + "/none: no such file or directory: nothing is mirrored there yet (gorepo sync), or it is not the mirror (--root DIR)"},
		{[]string{"serve", "--htpasswd", empty}, "error: passwords: read " + empty + ": is a directory"},
		{[]string{"serve", "--htpasswd", s.dir + "/none"}, "error: passwords: open " + s.dir + "/none: no such file or directory (htpasswd -B -c FILE USER makes it)"},
		{[]string{"repolist", "--config", empty}, "gorepo: configuration: read " + empty + ": is a directory"},
		{[]string{"repolist"}, "gorepo: a: warning: " + s.path(".gorepo", "a", "state.json") + ": state not usable, starting without: is a directory"},
		{[]string{"repolist", "--metrics-file", s.dir + "/none/x"}, "gorepo: --metrics-file " + s.dir + "/none/x: no such file or directory"},
		{[]string{"modifyrepo", file, empty}, "gorepo: " + empty + ": it is not called repodata; a repository's directory repodata is wanted, with repomd.xml in it"},
		{[]string{"sqliterepo", "none"}, "gorepo: none: it is not there; a repository's directory repodata is wanted"},
		{[]string{"sync", "--download-path", file}, "gorepo: mirror " + file + ": not a directory"},
	} {
		lines := s.run(c.args...).lines()
		require.NotEmpty(t, lines, c.args)
		last := lines[len(lines)-1]
		assert.True(t, strings.HasSuffix(last, c.line), "%s\nis said; should be\n%s", last, c.line)
	}
}
