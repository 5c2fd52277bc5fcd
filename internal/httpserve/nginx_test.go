package httpserve_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

// startNginx serves root as a mirror's administrator would have it served,
// until the test ends.
func startNginx(t testing.TB, root string) (addr string) {
	t.Helper()
	nginx := peer.Need(t, "nginx")
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr = l.Addr().String()
	require.NoError(t, l.Close())
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n" // temporary directories are their owner's only
	}
	temp := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp += fmt.Sprintf("%s_temp_path %s;\n", kind, filepath.Join(dir, kind))
	}
	conf := write(t, fmt.Sprintf(`%sdaemon off; worker_processes auto; pid %s/pid; error_log %s/error.log;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; %s
server { listen %s; root %s; autoindex on; location ~ "/\.(?!(treeinfo|discinfo)$)" { return 404; } } }
`, user, dir, dir, temp, addr, root), dir, "nginx.conf")
	cmd := exec.Command(nginx, "-c", conf, "-e", filepath.Join(dir, "error.log"))
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		assert.NoError(t, cmd.Process.Signal(os.Interrupt))
		_ = cmd.Wait() // stopped by a signal, which is what was asked
	})
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, 5*time.Second, 20*time.Millisecond, "nginx does not answer")
	return addr
}

const mtime = "Mon, 06 May 2024 07:08:09 GMT" // what write gives files
