package genrpm

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	kgzip "github.com/klauspost/compress/gzip"

	"github.com/google/rpmpack"
)

// Repodata writes the metadata that a tree of these options would have, without its
// packages, into the directory dir/repodata, which is new. What a package's
// checksum and size are only the packages could tell: they are made up.
func Repodata(dir string, o Options) (err error) {
	if o, err = o.withDefaults(); err != nil {
		return err
	}
	out := filepath.Join(dir, "repodata")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("genrpm: make directory: %w", err)
	}
	p := newPlan(o)
	var lists [len(listNames)]*list
	for i := range lists {
		if lists[i], err = createList(out, i, p.total()); err != nil {
			return fmt.Errorf("genrpm: %w", err)
		}
	}
	for index := range p.total() {
		if err := p.describe(index, 0).addTo(lists); err != nil {
			return fmt.Errorf("genrpm: %w", err)
		}
	}
	var repomd bytes.Buffer
	repomd.WriteString(xml.Header + `<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">` + "\n  <revision>1704067200</revision>\n")
	for _, l := range lists {
		record, closeErr := l.close()
		err = errors.Join(err, closeErr)
		repomd.WriteString(record)
	}
	repomd.WriteString("</repomd>\n")
	if err != nil {
		return fmt.Errorf("genrpm: %w", err)
	}
	return os.WriteFile(filepath.Join(out, "repomd.xml"), repomd.Bytes(), 0o644)
}

const (
	listPrimary = iota
	listFiles
	listOther
)

var listNames = [...]struct{ name, root string }{
	{"primary", `metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm"`},
	{"filelists", `filelists xmlns="http://linux.duke.edu/metadata/filelists"`},
	{"other", `otherdata xmlns="http://linux.duke.edu/metadata/other"`},
}

// list is one of the files that list packages, while it is written.
type list struct {
	*bufio.Writer // what goes into it, uncompressed
	kind          int
	dir           string
	file          *os.File
	zip           *kgzip.Writer
	sum, openSum  hash.Hash
	openSize      counter
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func createList(dir string, kind, packages int) (*list, error) {
	l := &list{kind: kind, dir: dir, sum: sha256.New(), openSum: sha256.New()}
	var err error
	if l.file, err = os.Create(filepath.Join(dir, listNames[kind].name+".xml.gz")); err != nil {
		return nil, err
	}
	if l.zip, err = kgzip.NewWriterLevel(io.MultiWriter(l.file, l.sum), gzip.BestSpeed); err != nil {
		return nil, err
	}
	l.Writer = bufio.NewWriterSize(io.MultiWriter(l.zip, l.openSum, &l.openSize), 1<<20)
	_, err = fmt.Fprintf(l, "%s<%s packages=\"%d\">\n", xml.Header, listNames[kind].root, packages)
	return l, err
}

// close ends the file, and gives its record.
func (l *list) close() (record string, err error) {
	root, _, _ := strings.Cut(listNames[l.kind].root, " ")
	_, err = fmt.Fprintf(l, "</%s>", root)
	err = errors.Join(err, l.Flush(), l.zip.Close())
	fi, statErr := l.file.Stat()
	if err = errors.Join(err, statErr, l.file.Close()); err != nil {
		return "", err
	}
	name := listNames[l.kind].name
	sum := hex.EncodeToString(l.sum.Sum(nil))
	record = fmt.Sprintf("  <data type=%q>\n    <checksum type=\"sha256\">%s</checksum>\n    <open-checksum type=\"sha256\">%x</open-checksum>\n"+
		"    <location href=\"repodata/%s-%s.xml.gz\"/>\n    <timestamp>1704067200</timestamp>\n    <size>%d</size>\n    <open-size>%d</open-size>\n  </data>\n",
		name, sum, l.openSum.Sum(nil), sum, name, fi.Size(), int64(l.openSize))
	return record, os.Rename(l.file.Name(), filepath.Join(l.dir, sum+"-"+name+".xml.gz"))
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes all
	return b.String()
}

// addTo writes the package's entries. Errors stay with the writers.
func (d description) addTo(lists [len(listNames)]*list) error {
	r := rand.New(rand.NewPCG(d.plan.Seed, streamPackage|1<<48|uint64(d.index)))
	summary, about := prose(r, 3+r.IntN(6)), prose(r, 15+r.IntN(60))
	var meta rpmpack.RPMMetaData
	if err := d.relations(r, &meta); err != nil {
		return err
	}
	d.payload = 0 // nobody sees what is in files
	files := d.fileList()
	id := fmt.Sprintf("%x", sha256.Sum256([]byte(d.location())))
	arch, sourceRPM := d.arch, d.sourceRPM()
	if d.role == roleSource {
		arch, sourceRPM = "src", ""
	}
	version := fmt.Sprintf(`<version epoch="%d" ver="%s" rel="%s"/>`, d.epoch, d.version, d.fullRelease())
	size := 2000 + d.index*7919%900000

	p := lists[listPrimary]
	_, _ = fmt.Fprintf(p, "<package type=\"rpm\">\n  <name>%s</name>\n  <arch>%s</arch>\n  %s\n  <checksum type=\"sha256\" pkgid=\"YES\">%s</checksum>\n", d.name, arch, version, id)
	_, _ = fmt.Fprintf(p, "  <summary>%s</summary>\n  <description>%s</description>\n  <packager>Test Builder &lt;builder@example.com&gt;</packager>\n  <url>https://example.com/%s</url>\n", escape(summary), escape(about), d.stem)
	_, _ = fmt.Fprintf(p, "  <time file=\"%d\" build=\"%d\"/>\n  <size package=\"%d\" installed=\"%d\" archive=\"%d\"/>\n  <location href=\"%s\"/>\n", d.buildTime.Unix(), d.buildTime.Unix(), size, 3*size, 3*size+500, d.location())
	_, _ = fmt.Fprintf(p, "  <format>\n    <rpm:license>%s</rpm:license>\n    <rpm:vendor>Gorepo Test Suite</rpm:vendor>\n    <rpm:group>%s</rpm:group>\n    <rpm:buildhost>builder.example.com</rpm:buildhost>\n", escape(d.license), d.group)
	_, _ = fmt.Fprintf(p, "    <rpm:sourcerpm>%s</rpm:sourcerpm>\n    <rpm:header-range start=\"4504\" end=\"%d\"/>\n", sourceRPM, 5000+size/10)
	for _, section := range []struct {
		name string
		list rpmpack.Relations
	}{
		{"provides", meta.Provides},
		{"requires", meta.Requires},
		{"conflicts", meta.Conflicts},
		{"obsoletes", meta.Obsoletes},
		{"suggests", meta.Suggests},
		{"recommends", meta.Recommends},
	} {
		addRelations(p, section.name, section.list)
	}
	f := lists[listFiles]
	_, _ = fmt.Fprintf(f, "<package pkgid=\"%s\" name=\"%s\" arch=\"%s\">\n  %s\n", id, d.name, arch, version)
	for _, file := range files {
		kind := ""
		switch {
		case file.Mode&0o170000 == modeDir&0o170000:
			kind = ` type="dir"`
		case file.Type == rpmpack.GhostFile:
			kind = ` type="ghost"`
		}
		line := "<file" + kind + ">" + escape(file.Name) + "</file>\n"
		_, _ = f.WriteString("  ")
		_, _ = f.WriteString(line)
		if strings.HasPrefix(file.Name, "/etc/") || strings.Contains(file.Name, "bin/") {
			_, _ = p.WriteString("    ")
			_, _ = p.WriteString(line)
		}
	}
	_, _ = p.WriteString("  </format>\n</package>\n")
	_, _ = f.WriteString("</package>\n")

	o := lists[listOther]
	_, _ = fmt.Fprintf(o, "<package pkgid=\"%s\" name=\"%s\" arch=\"%s\">\n  %s\n", id, d.name, arch, version)
	at := d.built.Unix()
	for i := range min(d.changelogs, 10) {
		_, _ = fmt.Fprintf(o, "  <changelog author=\"%s - %s-%d.el9\" date=\"%d\">- %s</changelog>\n",
			escape(pick(r, people)), d.evr(), max(d.release-i, 1), at+int64(i)*86400, escape(prose(r, 4+r.IntN(30))))
	}
	_, err := o.WriteString("</package>\n")
	return err
}

func addRelations(w io.Writer, section string, list rpmpack.Relations) {
	if len(list) == 0 {
		return
	}
	_, _ = fmt.Fprintf(w, "    <rpm:%s>\n", section)
	for _, r := range list {
		flags := ""
		switch r.Sense & (rpmpack.SenseLess | rpmpack.SenseGreater | rpmpack.SenseEqual) {
		case rpmpack.SenseLess:
			flags = "LT"
		case rpmpack.SenseGreater:
			flags = "GT"
		case rpmpack.SenseEqual:
			flags = "EQ"
		case rpmpack.SenseLess | rpmpack.SenseEqual:
			flags = "LE"
		case rpmpack.SenseGreater | rpmpack.SenseEqual:
			flags = "GE"
		}
		_, _ = fmt.Fprintf(w, "      <rpm:entry name=\"%s\"", escape(r.Name))
		if flags != "" {
			epoch, version, found := strings.Cut(r.Version, ":")
			if !found {
				epoch, version = "0", r.Version
			}
			version, release, found := strings.Cut(version, "-")
			_, _ = fmt.Fprintf(w, " flags=\"%s\" epoch=\"%s\" ver=\"%s\"", flags, epoch, version)
			if found {
				_, _ = fmt.Fprintf(w, " rel=\"%s\"", release)
			}
		}
		_, _ = io.WriteString(w, "/>\n")
	}
	_, _ = fmt.Fprintf(w, "    </rpm:%s>\n", section)
}
