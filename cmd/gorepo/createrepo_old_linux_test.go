package main

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

// oldMetadata is the published metadata of a directory, to be made worse. What
// is written to it is whole: repomd.xml has the right checksums.
type oldMetadata struct {
	*site
	xml map[string]string // of primary, filelists and other
}

func (s *site) oldMetadata() *oldMetadata {
	s.t.Helper()
	_, records := s.whole("base")
	return &oldMetadata{s, records}
}

func zipped(t testing.TB, data string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(data))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// record is one of repomd.xml that tells the truth about a file.
func (o *oldMetadata) record(kind, name string, data []byte, more string) string {
	o.t.Helper()
	o.write(data, "base", "repodata", name)
	return fmt.Sprintf(`<data type="%s"><checksum type="sha256">%s</checksum><location href="repodata/%s"/><size>%d</size>%s</data>`,
		kind, hexOf(data), name, len(data), more)
}

// publish writes repomd.xml with the three files and more.
func (o *oldMetadata) publish(more ...string) {
	o.t.Helper()
	var records []string
	for _, kind := range []string{"primary", "filelists", "other"} {
		records = append(records, o.record(kind, kind+".xml.gz", zipped(o.t, o.xml[kind]), fmt.Sprintf("<open-size>%d</open-size>", len(o.xml[kind]))))
	}
	o.repomd(append(records, more...)...)
}

func (o *oldMetadata) repomd(records ...string) {
	o.t.Helper()
	o.write([]byte(`<?xml version="1.0"?><repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision>`+
		strings.Join(records, "\n")+`</repomd>`), "base", "repodata", "repomd.xml")
}

// replace changes one of the files.
func (o *oldMetadata) replace(kind, from, to string) {
	o.t.Helper()
	require.Contains(o.t, o.xml[kind], from)
	o.xml[kind] = strings.Replace(o.xml[kind], from, to, 1)
}

// bomb publishes a file of a kind that is made by a shell command.
func (o *oldMetadata) bomb(kind, suffix, command, more string) {
	o.t.Helper()
	cmd := exec.Command("bash", "-c", command)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	data, err := cmd.Output()
	require.NoError(o.t, err, stderr.String())
	var records []string
	for _, k := range []string{"primary", "filelists", "other"} {
		if k == kind {
			records = append(records, o.record(k, k+".xml"+suffix, data, more))
			continue
		}
		records = append(records, o.record(k, k+".xml.gz", zipped(o.t, o.xml[k]), ""))
	}
	o.repomd(records...)
}

var heads = map[string]string{
	"primary":   `<metadata xmlns="http://linux.duke.edu/metadata/common" packages="4">`,
	"filelists": `<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="4">`,
	"other":     `<otherdata xmlns="http://linux.duke.edu/metadata/other" packages="4">`,
}

// hostileOld are ways to make metadata worse.
func hostileOld() map[string]func(o *oldMetadata) {
	cases := map[string]func(o *oldMetadata){
		"nothing": func(o *oldMetadata) { o.publish() },
		"entities in primary": func(o *oldMetadata) {
			o.replace("primary", "<metadata", `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><metadata`)
			o.publish()
		},
		"an entity in other": func(o *oldMetadata) { o.replace("other", "<changelog ", "<changelog x='&lol;' "); o.publish() },
		"deep": func(o *oldMetadata) {
			o.replace("filelists", "<version", strings.Repeat("<a>", 1_000_000)+strings.Repeat("</a>", 1_000_000)+"<version")
			o.publish()
		},
		"deep without end": func(o *oldMetadata) {
			o.replace("primary", "<summary", strings.Repeat("<a>", 1_000_000)+"<summary")
			o.publish()
		},
		"a count": func(o *oldMetadata) {
			o.replace("primary", `packages="4"`, `packages="99999999999999999999"`)
			o.publish()
		},
		"numbers": func(o *oldMetadata) {
			o.replace("primary", `<size package="`, `<size package="-99999999999999999999`)
			o.publish()
		},
		"up and out": func(o *oldMetadata) {
			o.replace("primary", `<location href="`, `<location href="../../../../etc/`)
			o.publish()
		},
		"absolute": func(o *oldMetadata) { o.replace("primary", `<location href="`, `<location href="/etc/`); o.publish() },
		"a base": func(o *oldMetadata) {
			o.replace("primary", `<location href="`, `<location xml:base="http://elsewhere/" href="`)
			o.publish()
		},
		"duplicates": func(o *oldMetadata) {
			for kind, x := range o.xml {
				start, end := strings.Index(x, "<package "), strings.LastIndex(x, "</package>")+len("</package>")
				o.xml[kind] = x[:start] + x[start:end] + "\n" + x[start:end] + x[end:]
			}
			o.publish()
		},
		"filelists in another order, and a package too few": func(o *oldMetadata) {
			x := o.xml["filelists"]
			first, second := strings.Index(x, "<package "), strings.Index(x, "</package>")+len("</package>\n")
			last := strings.LastIndex(x, "<package ")
			o.xml["filelists"] = x[:first] + x[last:strings.LastIndex(x, "</package>")] + "</package>\n" + x[second:last] + "</filelists>"
			o.publish()
		},
		"a control character": func(o *oldMetadata) { o.replace("primary", "<summary>", "<summary>\x1b[2J"); o.publish() },
		"not UTF-8":           func(o *oldMetadata) { o.replace("other", "<changelog ", "<changelog\xff "); o.publish() },
		"the checksum is wrong": func(o *oldMetadata) {
			o.publish()
			o.write(zipped(o.t, heads["other"]), "base", "repodata", "other.xml.gz")
		},
		"too large a repomd.xml": func(o *oldMetadata) { o.repomd(strings.Repeat("<data/>", 1<<20)) },
		"a repomd.xml that unpacks itself": func(o *oldMetadata) {
			o.write([]byte(`<!DOCTYPE r [<!ENTITY a "&a;">]><repomd>&a;</repomd>`), "base", "repodata", "repomd.xml")
		},
		"very many records": func(o *oldMetadata) {
			r := o.record("x", "x.xml", make([]byte, 1<<20), "")
			o.publish(slices.Repeat([]string{r}, 10_000)...)
		},
		"no repomd.xml but a pipe": func(o *oldMetadata) {
			require.NoError(o.t, os.Remove(o.path("base", "repodata", "repomd.xml")))
			require.NoError(o.t, syscall.Mkfifo(o.path("base", "repodata", "repomd.xml"), 0o644))
		},
		"no primary but a pipe": func(o *oldMetadata) {
			o.publish()
			require.NoError(o.t, os.Remove(o.path("base", "repodata", "primary.xml.gz")))
			require.NoError(o.t, syscall.Mkfifo(o.path("base", "repodata", "primary.xml.gz"), 0o644))
		},
		"no other but all zeros": func(o *oldMetadata) {
			o.publish()
			require.NoError(o.t, os.Remove(o.path("base", "repodata", "other.xml.gz")))
			require.NoError(o.t, os.Symlink("/dev/zero", o.path("base", "repodata", "other.xml.gz")))
		},
	}
	pack := map[string]string{".gz": "gzip -1", ".bz2": "bzip2 -1", ".xz": "xz -0", ".zst": "zstd -q -1", "": "cat"}
	for suffix, command := range pack {
		for kind, head := range heads {
			size := "100M"
			if soaking() && suffix != ".bz2" { // which is slow
				size = "2G"
			}
			endless := map[string]string{
				"spaces":   fmt.Sprintf(`{ echo '%s'; head -c %s /dev/zero | tr '\0' ' '; }`, head, size),
				"text":     fmt.Sprintf(`{ echo '%s<package pkgid="'; head -c %s /dev/zero | tr '\0' 'a'; }`, head, size),
				"packages": fmt.Sprintf(`{ echo '%s'; yes '<package/>' | head -c %s; }`, head, size),
			}
			for what, content := range endless {
				for announced, more := range map[string]string{"": "", ", announced": "<open-size>9000000000000000000</open-size>"} {
					if !soaking() && (kind != "primary" || what != "spaces" || announced == "" || suffix != ".gz" && suffix != ".zst") {
						continue
					}
					cases["endless "+what+" in "+kind+suffix+announced] = func(o *oldMetadata) {
						o.bomb(kind, suffix, content+" | "+command, more)
					}
				}
			}
		}
	}
	return cases
}

// Whatever the published metadata is, --update makes what is made without it.
func TestHostileOld(t *testing.T) {
	t.Parallel()
	peer.Need(t, "xz")
	peer.Need(t, "zstd")
	made := newSite(t)
	for _, p := range rpms(t, hello212, chrono, rich, weak) {
		made.write(p.Data, "base", p.FileName())
	}
	made.ok("createrepo", made.path("base"))
	_, want := made.whole("base")
	clean := made.process("createrepo", made.path("base"))
	for name, spoil := range hostileOld() {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			require.NoError(t, exec.Command("cp", "-a", made.path("."), s.root).Run())
			spoil(s.oldMetadata())
			start := time.Now()
			o := s.process("createrepo", "--update", s.path("base"))
			took := time.Since(start)
			assert.Zero(t, o.status, o.stderr)
			o.requireTalk()
			assert.LessOrEqual(t, len(o.lines()), 1, o.stderr)
			for _, line := range o.lines() {
				assert.True(t, strings.HasPrefix(line, "gorepo: "+s.path("base")+": warning: "), line)
				assert.Less(t, len(line), 1000)
			}
			_, got := s.whole("base")
			for _, kind := range []string{"primary", "filelists", "other"} {
				assert.Equal(t, want[kind], got[kind])
				require.NoError(t, xml.Unmarshal([]byte(got[kind]), new(struct{})))
			}
			assert.Less(t, took, time.Minute)
			left, _ := filepath.Glob(s.path("base", ".*"))
			assert.Empty(t, left)
			if soaking() {
				t.Logf("%v, %d MiB more than without", took.Round(time.Millisecond), (o.peak-clean.peak)>>20)
				assert.Less(t, o.peak-clean.peak, int64(512<<20))
			}
		})
	}
}
