package testrepo

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

// answer is what a test looks at of a response.
type answer struct {
	StatusCode    int
	Header        http.Header
	ContentLength int64
}

func get(t *testing.T, url string, header ...string) (answer, []byte, error) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, nil, err
	}
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, resp.Body.Close())
	return answer{resp.StatusCode, resp.Header, resp.ContentLength}, body, err
}

func TestParse(t *testing.T) {
	p := Parse("a-b-1:2.0~rc1-3.el9.x86_64")
	assert.Equal(t, []string{"a-b", "1", "2.0~rc1", "3.el9", "x86_64"}, []string{p.Name, p.Epoch, p.Version, p.Release, p.Arch})
	assert.Equal(t, "a-b-1:2.0~rc1-3.el9.x86_64", p.NEVRA())
	assert.Equal(t, "a-b-2.0~rc1-3.el9.x86_64.rpm", p.FileName())
	assert.Panics(t, func() { Parse("bash") })
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		glob, name string
		want       bool
	}{
		{"**", "", true},
		{"**", "a/b", true},
		{"*", "a/b", false},
		{"Packages/**", "Packages/b/bash.rpm", true},
		{"**/repomd.xml", "repodata/repomd.xml", true},
		{"**/repomd.xml", "repomd.xml", true},
		{"**/*.rpm", "a/b/c.rpm", true},
		{"repodata/*-primary.xml.*", "repodata/ab-primary.xml.gz", true},
		{"a+b.rpm", "a+b.rpm", true},
		{"a.rpm", "axrpm", false},
	} {
		assert.Equal(t, c.want, match(c.glob, c.name), "%s on %s", c.glob, c.name)
	}
}

func TestRender(t *testing.T) {
	comps := []byte("<comps/>")
	up := New(t, Options{
		Comps: comps, CompsAs: "both", Modules: []byte("---\n"), Updates: []byte("<updates/>"),
		Extra: map[string][]byte{"productid": []byte("PEM")}, DB: true, Zck: true,
		Sign: func(b []byte) []byte { return append([]byte("signed "), b[:5]...) },
	}, Fake("bash-5.2-1.x86_64", 1000))

	_, body, err := get(t, up.URL+"/repodata/repomd.xml")
	require.NoError(t, err)
	var md struct {
		Revision string `xml:"revision"`
		Data     []struct {
			Type     string `xml:"type,attr"`
			Checksum string `xml:"checksum"`
			Size     int    `xml:"size"`
			Location struct {
				Href string `xml:"href,attr"`
			} `xml:"location"`
		} `xml:"data"`
	}
	require.NoError(t, xml.Unmarshal(body, &md))
	assert.Equal(t, "1700000000", md.Revision)
	types := map[string]string{}
	for _, d := range md.Data {
		_, data, err := get(t, up.URL+"/"+d.Location.Href)
		require.NoError(t, err)
		assert.Equal(t, d.Checksum, digest("sha256", data))
		assert.Len(t, data, d.Size)
		assert.Equal(t, d.Location.Href, up.Metadata(d.Type))
		types[d.Type] = d.Location.Href
	}
	assert.Len(t, types, 3+6+2+3)
	assert.True(t, strings.HasSuffix(types["group"], "-comps.xml"))
	assert.True(t, strings.HasSuffix(types["group_gz"], "-comps.xml.gz"))

	z, err := gzip.NewReader(bytes.NewReader(up.File(types["primary"])))
	require.NoError(t, err)
	primary, err := io.ReadAll(z)
	require.NoError(t, err)
	assert.Contains(t, string(primary), `href="Packages/b/bash-5.2-1.x86_64.rpm"`)
	assert.Equal(t, "signed <?xml", string(up.File("repodata/repomd.xml.asc")))

	// The next night.
	up.Add(Fake("zsh-5.9-1.x86_64", 10))
	assert.Equal(t, 1, up.Remove("bash-*"))
	up.Render()
	assert.Equal(t, int64(1_700_000_001), up.Revision())
	assert.Nil(t, up.File(types["primary"]), "metadata of the old revision are gone")
	assert.Nil(t, up.File("Packages/b/bash-5.2-1.x86_64.rpm"))
	assert.Len(t, up.File("Packages/z/zsh-5.9-1.x86_64.rpm"), 10)
}

func TestLocations(t *testing.T) {
	hostile, based := Fake("evil-1-1.noarch", 10), Fake("far-1-1.noarch", 10)
	hostile.Location, hostile.Path = "../../etc/passwd", "evil"
	based.XMLBase = "http://example.com/x/"
	up := Render(Options{Compression: "plain", SimpleNames: true}, hostile, based)
	primary := string(up.File("repodata/primary.xml"))
	assert.Contains(t, primary, `href="../../etc/passwd"`)
	assert.Contains(t, primary, `xml:base="http://example.com/x/"`)
	assert.Len(t, up.File("evil"), 10)

	dir := t.TempDir()
	up.WriteTo(t, dir)
	st, err := os.Stat(filepath.Join(dir, "evil"))
	require.NoError(t, err)
	assert.Equal(t, int64(1_700_000_000), st.ModTime().Unix())
}

func TestFaults(t *testing.T) {
	data := Bytes("x", 100_000)
	fresh := func(t *testing.T, f Fault) *Upstream {
		up := Files(t, Options{}, map[string][]byte{"x": data})
		up.On("x", f)
		return up
	}
	t.Run("status, after and times", func(t *testing.T) {
		up := Files(t, Options{}, map[string][]byte{"x": data})
		up.On("x", Status(503, "Retry-After", "7")).After(1).Times(1)
		var codes []int
		for range 3 {
			resp, _, err := get(t, up.URL+"/x")
			require.NoError(t, err)
			codes = append(codes, resp.StatusCode)
			if resp.StatusCode == 503 {
				assert.Equal(t, "7", resp.Header.Get("Retry-After"))
			}
		}
		assert.Equal(t, []int{200, 503, 200}, codes)
		require.Len(t, up.Requests("x"), 3)
		assert.Equal(t, 503, up.Requests("x")[1].Status)
		assert.Equal(t, int64(200_000+len("status 503\n")), up.Bytes())
	})
	t.Run("reset", func(t *testing.T) {
		_, _, err := get(t, fresh(t, Reset()).URL+"/x")
		require.Error(t, err)
	})
	t.Run("truncate", func(t *testing.T) {
		resp, body, err := get(t, fresh(t, Truncate(40_000)).URL+"/x")
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.Equal(t, int64(100_000), resp.ContentLength)
		assert.Equal(t, data[:40_000], body)
	})
	t.Run("corrupt", func(t *testing.T) {
		_, body, err := get(t, fresh(t, Corrupt(70_000)).URL+"/x")
		require.NoError(t, err)
		require.Len(t, body, len(data))
		var wrong []int
		for i := range body {
			if body[i] != data[i] {
				wrong = append(wrong, i)
			}
		}
		assert.Equal(t, []int{70_000}, wrong)
	})
	t.Run("stall", func(t *testing.T) {
		up := fresh(t, Stall(10))
		client := http.Client{Timeout: 200 * time.Millisecond}
		resp, err := client.Get(up.URL + "/x")
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, resp.Body.Close())
		require.Error(t, err)
		assert.Len(t, body, 10)
	})
	t.Run("drip", func(t *testing.T) {
		start := time.Now()
		_, body, err := get(t, fresh(t, Drip(50_000, 30*time.Millisecond)).URL+"/x")
		require.NoError(t, err)
		assert.Equal(t, data, body)
		assert.GreaterOrEqual(t, time.Since(start), 60*time.Millisecond)
	})
	t.Run("ranges", func(t *testing.T) {
		for name, c := range map[string]struct {
			fault  Fault
			status int
			header string
			same   bool
		}{
			"good":   {func(x *Exchange) { x.Serve() }, 206, "bytes 60000-99999/100000", true},
			"ignore": {IgnoreRange(), 200, "", false},
			"shift":  {ShiftRange(-100), 206, "bytes 59900-99999/100000", false},
			"false":  {FalseRange(), 206, "bytes 60000-99999/100000", false},
			"piece":  {PieceRange(10), 206, "bytes 60000-60009/100000", false},
		} {
			resp, body, err := get(t, fresh(t, c.fault).URL+"/x", "Range", "bytes=60000-")
			require.NoError(t, err, name)
			assert.Equal(t, c.status, resp.StatusCode, name)
			assert.Equal(t, c.header, resp.Header.Get("Content-Range"), name)
			assert.Equal(t, c.same, bytes.Equal(body, data[60_000:]), name)
		}
	})
	t.Run("redirect, portal, chunked, then", func(t *testing.T) {
		up := Files(t, Options{}, map[string][]byte{"a b/x": data, "y": []byte("old")})
		other := Files(t, Options{}, map[string][]byte{"a b/x": []byte("other")})
		up.On("a b/x", Redirect(other.URL+"/", 302)).Times(1)
		_, body, err := get(t, up.URL+"/a%20b/x")
		require.NoError(t, err)
		assert.Equal(t, "other", string(body))

		up.On("a b/x", HTML()).Times(1)
		resp, _, err := get(t, up.URL+"/a%20b/x")
		require.NoError(t, err)
		assert.Contains(t, resp.Header.Get("Content-Type"), "text/html")

		up.On("a b/x", Chunked(3)).Times(1)
		resp, body, err = get(t, up.URL+"/a%20b/x")
		require.NoError(t, err)
		assert.Equal(t, int64(-1), resp.ContentLength)
		assert.Len(t, body, len(data)+3)

		up.On("y", Then(func() { up.Put("y", []byte("new")) }))
		_, body, err = get(t, up.URL+"/y")
		require.NoError(t, err)
		assert.Equal(t, "new", string(body))
	})
	t.Run("basic authentication", func(t *testing.T) {
		up := Files(t, Options{Username: "u", Password: "p"}, map[string][]byte{"x": data})
		resp, _, err := get(t, up.URL+"/x")
		require.NoError(t, err)
		assert.Equal(t, 401, resp.StatusCode)
	})
}

// dnf has to understand what we render, or tests against it prove nothing.
func TestDNFReads(t *testing.T) {
	dnf := peer.Need(t, "dnf")
	for _, compression := range []string{"gz", "xz", "zst", "plain"} {
		t.Run(compression, func(t *testing.T) {
			lib := Fake("libfoo-1:2.0-1.x86_64", 500)
			app := Fake("app-1.0~rc1-1.x86_64", 600)
			app.Requires = []Dep{{Name: "libfoo", Flags: "GE", Epoch: "1", Version: "1.5"}}
			comps := `<?xml version="1.0"?><comps><group><id>tools</id><name>Tools</name>` +
				`<packagelist><packagereq type="mandatory">app</packagereq></packagelist></group></comps>`
			up := New(t, Options{Compression: compression, Comps: []byte(comps)}, lib, app)
			out, err := exec.Command(dnf, "-q", "--disablerepo=*", "--repofrompath=t,"+up.URL, "--enablerepo=t",
				"--setopt=cachedir="+t.TempDir(), "--setopt=reposdir=/nonexistent", "--installroot="+t.TempDir(),
				"--releasever=1", "--setopt=gpgcheck=0", "--forcearch=x86_64",
				"repoquery", "--qf", "%{name}-%{epoch}:%{version}-%{release}.%{arch} %{size}", "--whatrequires", "libfoo").CombinedOutput()
			require.NoError(t, err, "%s", out)
			assert.Contains(t, string(out), "app-0:1.0~rc1-1.x86_64 600")
			assert.NotEmpty(t, up.Requests("repodata/*-filelists.xml*"))
		})
	}
}

// Real packages: the identities that createrepo_c finds in them are ours.
func TestRPMAgainstCreaterepo(t *testing.T) {
	dir := filepath.Join("..", "..", "testdata", "rpms")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("testdata/rpms is not there yet")
	}
	createrepo := peer.Need(t, "createrepo_c")
	tmp := t.TempDir()
	abs, err := filepath.Abs(dir)
	require.NoError(t, err)
	out, err := exec.Command(createrepo, "-q", "-o", tmp, "--simple-md-filenames", abs).CombinedOutput()
	require.NoError(t, err, "%s", out)
	theirs := readPrimary(t, gunzip(t, filepath.Join(tmp, "repodata", "primary.xml.gz")))

	up := Render(Options{Compression: "plain", SimpleNames: true}, Dir(t, dir)...)
	ours := readPrimary(t, up.File("repodata/primary.xml"))
	require.NotEmpty(t, ours)
	assert.Equal(t, theirs, ours)
}

type primaryFacts struct {
	Version struct {
		Epoch string `xml:"epoch,attr"`
		Ver   string `xml:"ver,attr"`
		Rel   string `xml:"rel,attr"`
	} `xml:"version"`
	Name string `xml:"name"`
	Arch string `xml:"arch"`
	Sum  string `xml:"checksum"`
	Time struct {
		Build string `xml:"build,attr"`
	} `xml:"time"`
	Size struct {
		Package   string `xml:"package,attr"`
		Installed string `xml:"installed,attr"`
		Archive   string `xml:"archive,attr"`
	} `xml:"size"`
	Format struct {
		Range struct {
			Start string `xml:"start,attr"`
			End   string `xml:"end,attr"`
		} `xml:"header-range"`
		SourceRPM string `xml:"sourcerpm"`
	} `xml:"format"`
}

func readPrimary(t *testing.T, data []byte) map[string]primaryFacts {
	t.Helper()
	var doc struct {
		Packages []primaryFacts `xml:"package"`
	}
	require.NoError(t, xml.Unmarshal(data, &doc))
	out := map[string]primaryFacts{}
	for _, p := range doc.Packages {
		out[p.Sum] = p
	}
	return out
}

func gunzip(t *testing.T, file string) []byte {
	t.Helper()
	packed, err := os.ReadFile(file)
	require.NoError(t, err)
	z, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	data, err := io.ReadAll(z)
	require.NoError(t, err)
	return data
}
