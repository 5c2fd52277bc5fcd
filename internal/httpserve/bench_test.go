package httpserve_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gorepo/internal/httpserve"
	"gorepo/internal/testrepo/peer"
)

// benchTree has a package of 10 MiB and a repomd.xml of the usual size.
func benchTree(b *testing.B) string {
	root := b.TempDir()
	write(b, strings.Repeat("0123456789abcdef", 10<<16), root, "r", "Packages", "big-1.0-1.el9.x86_64.rpm")
	write(b, strings.Repeat("<data type=\"primary\"/>\n", 140), root, "r", "repodata", "repomd.xml")
	return root
}

// BenchmarkServe fetches over kept-alive connections, gorepo and nginx side by
// side.
func BenchmarkServe(b *testing.B) {
	root := benchTree(b)
	servers := []struct{ name, addr string }{{"gorepo", start(b, httpserve.Options{Root: root})}}
	if _, ok := peer.Find("nginx"); ok {
		servers = append(servers, struct{ name, addr string }{"nginx", startNginx(b, root)})
	}
	for _, c := range []struct{ name, target string }{
		{"10MiB", "/r/Packages/big-1.0-1.el9.x86_64.rpm"},
		{"repomd", "/r/repodata/repomd.xml"},
		{"304", "/r/repodata/repomd.xml"},
	} {
		for _, s := range servers {
			b.Run(c.name+"/"+s.name, func(b *testing.B) { fetchMany(b, s.addr, c.target, c.name == "304") })
		}
	}
}

func fetchMany(b *testing.B, addr, target string, conditional bool) {
	res := raw(b, addr, http.MethodHead, target)
	require.Equal(b, http.StatusOK, res.StatusCode)
	request := "GET " + target + " HTTP/1.1\r\nHost: bench\r\n"
	if conditional {
		request += "If-None-Match: " + res.Header.Get("ETag") + "\r\n"
	} else {
		b.SetBytes(res.ContentLength)
	}
	request += "\r\n"
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		if err := fetchOn(addr, request, conditional, pb.Next); err != nil {
			b.Error(err)
		}
	})
}

// fetchOn sends one request after the other on one connection.
func fetchOn(addr, request string, conditional bool, next func() bool) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	in := bufio.NewReaderSize(conn, 64<<10)
	for next() {
		if _, err := io.WriteString(conn, request); err != nil {
			return err
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		if (res.StatusCode == http.StatusNotModified) != conditional {
			return fmt.Errorf("answered %s", res.Status)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkListing makes the page of a directory with 5,000 packages.
func BenchmarkListing(b *testing.B) {
	root := b.TempDir()
	for i := range 5000 {
		write(b, "", root, "r", fmt.Sprintf("package-%05d-1.0-1.el9.x86_64.rpm", i))
	}
	addr := start(b, httpserve.Options{Root: root})
	for b.Loop() {
		if n := len(body(b, get(b, addr, "/r/"))); n < 5000 {
			b.Fatal(n)
		}
	}
}
