package updateinfo

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

const whole = `<?xml version="1.0" encoding="UTF-8"?>
<updates>
  <update from="security@example.com" status="final" type="Security" version="3">
    <id>EXSA-2024:0001</id>
    <title>Important: kernel security update</title>
    <issued date="2024-03-15 00:00:00"/>
    <updated date="2024-03-16 12:00:01"/>
    <rights>Copyright 2024</rights>
    <release>Example Linux 9</release>
    <pushcount>2</pushcount>
    <severity>Important</severity>
    <summary>An update for kernel.</summary>
    <description>
The kernel &lt;core&gt;.

* use-after-free (<![CDATA[CVE-2024-0009 & more]]>)</description>
    <solution>Update.</solution>
    <reboot_suggested>True</reboot_suggested>
    <unknown><id>not this</id></unknown>
    <references>
      <reference href="https://example.com/EXSA-2024:0001" id="EXSA-2024:0001" type="self" title="EXSA-2024:0001"/>
      <reference href="https://example.com/bug?id=1&amp;x=2" id="1" type="bugzilla" title="CVE-2024-0002 kernel: crash [all]"/>
      <reference href="https://example.com/cve" id="cve-2024-0001" type="cve" title="CVE-2024-0001"/>
    </references>
    <pkglist>
      <collection short="EX9">
        <name>Example Linux 9 BaseOS</name>
        <package name="kernel" version="5.14.0" release="362.el9" epoch="0" arch="x86_64" src="kernel-5.14.0-362.el9.src.rpm">
          <filename>kernel-5.14.0-362.el9.x86_64.rpm</filename>
          <sum type="sha256">29be985e1f652cd0a29ceed6a1c49964d3618bddd22f0be3292421c8777d26c8</sum>
          <reboot_suggested/>
          <relogin_suggested>1</relogin_suggested>
        </package>
        <package name="kernel-doc" version="5.14.0" release="362.el9" arch="noarch"><restart_suggested>1</restart_suggested><reboot_suggested>0</reboot_suggested></package>
      </collection>
      <collection short="none"><name>Without packages</name></collection>
      <collection>
        <module name="m" stream="1.10" version="8030020200414101010" context="00000001" arch="x86_64"/>
        <package name="a" version="1" release="1.module+1" epoch="1" arch="noarch"/>
      </collection>
    </pkglist>
  </update>
  <update><title>without an id</title></update>
  <update type="bugfix"><id>FIRST-1</id><id>SECOND-1</id><issue date="1208823064"/><description>(CVE-2008-1837,
CVE-2008-1836, CVE-2008-1837) and cve-2008-12345x</description><pkglist><package name="b" version="2" release="3" arch="noarch"/></pkglist></update>
</updates>
`

var wholeAdvisories = []*Advisory{
	{
		ID: "EXSA-2024:0001", From: "security@example.com", Status: "final", Type: "security", Version: "3",
		Title: "Important: kernel security update", Severity: "Important", Summary: "An update for kernel.",
		Description: "The kernel <core>.\n\n* use-after-free (CVE-2024-0009 & more)", Solution: "Update.",
		Rights: "Copyright 2024", Release: "Example Linux 9",
		Issued: time.Date(2024, 3, 15, 0, 0, 0, 0, time.UTC), Updated: time.Date(2024, 3, 16, 12, 0, 1, 0, time.UTC),
		Suggests: Suggests{Reboot: true},
		References: []Reference{
			{Type: "self", ID: "EXSA-2024:0001", Href: "https://example.com/EXSA-2024:0001", Title: "EXSA-2024:0001"},
			{Type: "bugzilla", ID: "1", Href: "https://example.com/bug?id=1&x=2", Title: "CVE-2024-0002 kernel: crash [all]"},
			{Type: "cve", ID: "cve-2024-0001", Href: "https://example.com/cve", Title: "CVE-2024-0001"},
		},
		Collections: []Collection{
			{Short: "EX9", Name: "Example Linux 9 BaseOS", Packages: []Listed{
				{
					Package: Package{"kernel", "0", "5.14.0", "362.el9", "x86_64"}, Source: "kernel-5.14.0-362.el9.src.rpm",
					Filename: "kernel-5.14.0-362.el9.x86_64.rpm", Suggests: Suggests{Reboot: true, Relogin: true},
				},
				{Package: Package{"kernel-doc", "", "5.14.0", "362.el9", "noarch"}, Suggests: Suggests{Restart: true}},
			}},
			{
				Modules:  []Module{{"m", "1.10", "8030020200414101010", "00000001", "x86_64"}},
				Packages: []Listed{{Package: Package{"a", "1", "1", "1.module+1", "noarch"}}},
			},
		},
	},
	{
		ID: "FIRST-1", Type: "bugfix", Issued: time.Unix(1208823064, 0).UTC(),
		Description: "(CVE-2008-1837,\nCVE-2008-1836, CVE-2008-1837) and cve-2008-12345x",
		Collections: []Collection{{Packages: []Listed{{Package: Package{"b", "", "2", "3", "noarch"}}}}},
	},
}

// readAll gives all advisories that are read, and what it ended with.
func readAll(r io.Reader) (list []*Advisory, err error) {
	err = Read(r, func(a *Advisory) error { list = append(list, a); return nil })
	return list, err
}

func TestRead(t *testing.T) {
	for _, r := range []io.Reader{strings.NewReader(whole), iotest.OneByteReader(strings.NewReader(whole))} {
		list, err := readAll(r)
		require.NoError(t, err)
		assert.Equal(t, wholeAdvisories, list)
	}
	assert.Equal(t, []string{"CVE-2024-0001", "CVE-2024-0002"}, wholeAdvisories[0].CVEs())
	assert.Equal(t, []string{"CVE-2008-1836", "CVE-2008-1837"}, wholeAdvisories[1].CVEs())

	list, err := readAll(strings.NewReader("<updates/>"))
	require.NoError(t, err)
	assert.Empty(t, list)
}

func TestCVEs(t *testing.T) {
	for _, test := range []struct {
		a    Advisory
		want []string
	}{
		{Advisory{}, nil},
		{Advisory{Title: "Fix CVE-2020-1234 and (cve-2020-123456)"}, []string{"CVE-2020-1234", "CVE-2020-123456"}},
		{Advisory{Summary: "CVE-2020-123, XCVE-2020-1234, CVE-20-1234"}, nil},
		{Advisory{Title: "CVE-2020-1234", References: []Reference{{Type: "bugzilla", ID: "7", Title: "a bug"}}}, []string{"CVE-2020-1234"}},
		{Advisory{Title: "CVE-2020-1234", References: []Reference{{Type: "other", ID: "CVE-2021-0001"}}}, []string{"CVE-2021-0001"}},
		{Advisory{References: []Reference{{Type: "cve", ID: "1111", Title: "CVE-2999"}, {Type: "cve"}}}, []string{"1111"}},
		{Advisory{References: []Reference{{Type: "cve", ID: "1111", Title: "CVE-2999-0001"}}}, []string{"CVE-2999-0001"}},
	} {
		assert.Equal(t, test.want, test.a.CVEs(), "%+v", test.a)
	}
}

func TestParseTime(t *testing.T) {
	want := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2020-01-02 03:04:05":             want,
		" 2020-01-02 03:04:05\n":          want,
		"2020-01-02 03:04:05 UTC":         want,
		"2020-01-02 03:04:05Z":            want,
		"2020-01-02T03:04:05Z":            want,
		"2020-01-02T03:04:05":             want,
		"2020-01-02T05:04:05+02:00":       want,
		"2020-01-02T05:04:05+0200":        want,
		"2020-01-02 05:04:05+02:00":       want,
		"2020-01-02 01:04:05 -0200":       want,
		"2020-01-02 03:04:05.5":           want.Add(time.Second / 2),
		"2020-01-02 03:04":                want.Add(-5 * time.Second),
		"2020-01-02":                      want.Truncate(24 * time.Hour),
		"1577934245":                      want,
		"Thu Jan  2 03:04:05 2020":        want,
		"Thu Jan  2 03:04:05 UTC 2020":    want,
		"Thu, 02 Jan 2020 03:04:05 GMT":   want,
		"Thu, 02 Jan 2020 03:04:05 +0000": want,
		"":                                {},
		"0":                               {},
		"-1":                              {},
		"253402300800":                    {},
		"9223372036854775807":             {},
		"99999999999999999999":            {},
		"0000-01-02":                      {},
		"9999-12-31T23:59:59-01:00":       {},
		"2020-13-02 03:04:05":             {},
		"yesterday":                       {},
	} {
		assert.Equal(t, want, parseTime(text), text)
	}
}

func TestReadBroken(t *testing.T) {
	const begin = "<updates>\n<update><id>A</id></update>\n<update><id>B</id>"
	for text, want := range map[string]string{
		"":                 "no <updates>",
		"<html></html>":    "line 1: <html> where",
		begin:              "line 3: not well-formed XML: unexpected EOF",
		begin + "<a & b>":  "line 3: not well-formed",
		begin + "&own;":    "line 3: not well-formed",
		begin + "</upate>": "line 3: not well-formed",
		begin + "<pkglist>" + strings.Repeat("<collection>", maxDepth): "line 3: more than 64 elements",
		begin + strings.Repeat("<a>", maxDepth):                        "line 3: more than 64 elements",
		begin + "<references>" + strings.Repeat("<reference/>", maxItems/2) + "</references><pkglist>" + strings.Repeat("<package/>", maxItems/2+1): "line 3: more than 65536 packages",
		begin + "<pkglist>" + strings.Repeat("<module/>", maxItems+1):                                                                               "line 3: more than 65536 packages",
		begin + "<description>" + strings.Repeat(strings.Repeat("x", 1000)+"<!-- -->", maxAdvisory/1000):                                            "line 3: more than 16777216 bytes of one advisory",
		begin + "<description>" + strings.Repeat("x", maxTag+100_000):                                                                               "more than 1048576 bytes of one tag",
		"<?xml version='1.0' encoding='koi8-r'?>\n<updates/>":                                                                                       "UTF-8",
		"<!DOCTYPE updates [<!ENTITY a 'aaaa'>]>\n<updates><update><id>&a;</id></update></updates>":                                                 "line 2: not well-formed XML: invalid character entity &a;",
		"<updates>\n<update><id>A</id></update></updates><updates/>":                                                                                "line 2: <updates> where",
		"<updates>\n<update><id>A</id></update>" + strings.Repeat("<x>"+strings.Repeat("x", 1000)+"</x>", maxAdvisory/1000):                         "of one advisory",
	} {
		list, err := readAll(strings.NewReader(text))
		if assert.Error(t, err, "%.80s", text) {
			assert.Contains(t, err.Error(), want)
		}
		if strings.Contains(text, "<id>A") {
			assert.Len(t, list, 1, "what stands before is read: %.80s", text)
		}
	}
	broken := errors.New("broken")
	_, err := readAll(io.MultiReader(strings.NewReader(whole[:500]), iotest.ErrReader(broken)))
	assert.Equal(t, broken, err)
	n := 0
	err = Read(strings.NewReader(whole), func(*Advisory) error { n++; return broken })
	assert.Equal(t, broken, err)
	assert.Equal(t, 1, n)
}

// Memory does not grow with the file.
func TestReadMemory(t *testing.T) {
	var before, now runtime.MemStats
	source := advisories(6000)
	runtime.GC()
	runtime.ReadMemStats(&before)
	n, most := 0, int64(0)
	err := Read(source, func(*Advisory) error {
		if n++; n%500 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, int64(now.HeapAlloc)-int64(before.HeapAlloc)) //nolint:gosec // sizes of memory
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 6000, n)
	assert.Less(t, most, int64(1<<20))
}

// TestReadPeer compares with createrepo_c's own reader.
func TestReadPeer(t *testing.T) {
	python := "/usr/bin/python3" // the system's, whatever comes first in PATH
	if exec.Command(python, "-c", "import createrepo_c").Run() != nil {
		peer.Missing(t, "python3-createrepo-c", "apt-get install python3-createrepo-c")
	}
	const script = `
import createrepo_c, json, sys
for file in sys.argv[1:]:
    for u in createrepo_c.UpdateInfo(file).updates:
        print(json.dumps([u.id, u.title, u.type.lower(), u.status, u.version, u.severity or "", u.summary or "", (u.description or "").strip(),
            u.solution or "", u.rights or "", u.release or "", str(u.issued_date or ""), str(u.updated_date or ""), bool(u.reboot_suggested),
            [[r.type, r.id, r.href, r.title] for r in u.references],
            [[c.shortname or "", c.name or "", [c.module.name, c.module.stream, str(c.module.version), c.module.context, c.module.arch] if c.module else [],
              [[p.name, p.epoch or "", p.version, p.release, p.arch, p.src or "", p.filename or "", bool(p.reboot_suggested), bool(p.restart_suggested), bool(p.relogin_suggested)] for p in c.packages]]
             for c in u.collections]]))
`
	// What it makes something else of: packages outside of a collection, <issue>, a
	// second <id>, an advisory without one, a mark that says no, a collection without
	// packages, an escape in an attribute.
	const no = "<reboot_suggested>0</reboot_suggested>"
	text := whole[:strings.Index(whole, "  <update><title>")] + "</updates>\n"
	text = strings.NewReplacer(no, "", "?id=1&amp;x=2", "?id=1", `<collection short="none"><name>Without packages</name></collection>`, "").Replace(text)
	golden, err := os.ReadFile("../../testdata/updateinfo.xml")
	require.NoError(t, err)
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "updateinfo.xml"), filepath.Join(dir, "golden.xml")}
	require.NoError(t, os.WriteFile(files[0], []byte(text), 0o600))
	require.NoError(t, os.WriteFile(files[1], []byte(strings.ReplaceAll(string(golden), no, "")), 0o600))
	cmd := exec.Command(python, append([]string{"-c", script}, files...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	theirs, err := cmd.Output()
	require.NoError(t, err, stderr.String())

	var ours []string
	for _, name := range files {
		f, err := os.Open(name)
		require.NoError(t, err)
		defer f.Close()
		list, err := readAll(f)
		require.NoError(t, err)
		for _, a := range list {
			ours = append(ours, asJSON(t, a))
		}
	}
	lines := strings.Split(strings.TrimSpace(string(theirs)), "\n")
	require.Len(t, ours, len(lines))
	for i := range lines {
		assert.JSONEq(t, lines[i], ours[i])
	}
}

func asJSON(t testing.TB, a *Advisory) string {
	t.Helper()
	date := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.DateTime)
	}
	references, collections := []any{}, []any{}
	for _, r := range a.References {
		references = append(references, []string{r.Type, r.ID, r.Href, r.Title})
	}
	for _, c := range a.Collections {
		module, packages := []string{}, []any{}
		for _, m := range c.Modules {
			module = []string{m.Name, m.Stream, m.Version, m.Context, m.Arch}
		}
		for _, p := range c.Packages {
			packages = append(packages, []any{
				p.Name, p.Epoch, p.Version, p.Release, p.Arch, p.Source, p.Filename, p.Suggests.Reboot, p.Suggests.Restart, p.Suggests.Relogin,
			})
		}
		collections = append(collections, []any{c.Short, c.Name, module, packages})
	}
	data, err := json.Marshal([]any{
		a.ID, a.Title, a.Type, a.Status, a.Version, a.Severity, a.Summary, a.Description, a.Solution, a.Rights, a.Release,
		date(a.Issued), date(a.Updated), a.Suggests.Reboot, references, collections,
	})
	require.NoError(t, err)
	return string(data)
}

func BenchmarkRead(b *testing.B) {
	data, err := io.ReadAll(advisories(4000))
	require.NoError(b, err)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, Read(strings.NewReader(string(data)), func(*Advisory) error { return nil }))
	}
}

func FuzzRead(f *testing.F) {
	f.Add(whole)
	f.Add(untrimmed)
	f.Add("<updates><update><id><![CDATA[a]]></id><issued date='1'/><pkglist><collection><collection><package/></collection></collection></pkglist></update></updates>")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := readAll(strings.NewReader(text))
		if err != nil {
			return
		}
		// The standard library's own idea of what is in it.
		var want struct {
			Updates []struct {
				ID       []string   `xml:"id"`
				Packages []struct{} `xml:"pkglist>collection>package"`
				Refs     []struct{} `xml:"references>reference"`
			} `xml:"update"`
		}
		d := xml.NewDecoder(strings.NewReader(text))
		d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
		if err := d.Decode(&want); err != nil {
			t.Fatalf("read what is no XML: %v", err)
		}
		i := 0
		for _, u := range want.Updates {
			if strings.TrimSpace(strings.Join(u.ID, "")) == "" {
				continue
			}
			if i >= len(list) {
				t.Fatalf("%d advisories, not as many as %+v", len(list), want)
			}
			packages := 0
			for _, c := range list[i].Collections {
				packages += len(c.Packages)
			}
			if packages < len(u.Packages) || len(list[i].References) != len(u.Refs) {
				t.Fatalf("%+v is not %+v", list[i], u)
			}
			if list[i].CVEs(); !list[i].Issued.IsZero() && list[i].Issued.Year() > 9999 {
				t.Fatal(fmt.Errorf("issued %v", list[i].Issued))
			}
			i++
		}
		if i != len(list) {
			t.Fatalf("%d advisories, not %d", len(list), i)
		}
	})
}
