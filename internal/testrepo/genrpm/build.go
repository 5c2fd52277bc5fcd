package genrpm

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/rpmpack"
)

// Tags that rpmpack does not write by itself, or not as rpmbuild does.
const (
	tagSourceRPM      = 1044
	tagRPMVersion     = 1064
	tagChangelogTime  = 1080
	tagChangelogName  = 1081
	tagChangelogText  = 1082
	tagSourcePackage  = 1106
	tagFileDigestAlgo = 5011

	digestSHA256 = 8
)

// build makes the package's bytes.
func (d description) build() ([]byte, error) {
	r := rand.New(rand.NewPCG(d.plan.Seed, streamPackage|1<<48|uint64(d.index)))
	meta := rpmpack.RPMMetaData{
		Name:        d.name,
		Version:     d.version,
		Release:     d.fullRelease(),
		Epoch:       rpmpack.NoEpoch,
		Arch:        d.arch,
		Summary:     prose(r, 3+r.IntN(6)),
		Description: prose(r, 15+r.IntN(60)),
		Vendor:      "Gorepo Test Suite",
		Packager:    "Test Builder <builder@example.com>",
		URL:         "https://example.com/" + d.stem,
		Group:       d.group,
		Licence:     d.license,
		BuildHost:   "builder.example.com",
		BuildTime:   d.buildTime,
		// The fastest: contents do not compress anyway.
		Compressor: "zstd:fastest",
	}
	if d.epoch > 0 {
		meta.Epoch = d.epoch
	}
	if err := d.relations(r, &meta); err != nil {
		return nil, err
	}
	pkg, err := rpmpack.NewRPM(meta)
	if err != nil {
		return nil, err
	}
	for _, f := range d.fileList() {
		pkg.AddFile(f)
	}
	pkg.AddCustomTag(tagFileDigestAlgo, rpmpack.EntryInt32([]int32{digestSHA256}))
	pkg.AddCustomTag(tagRPMVersion, rpmpack.EntryString("4.16.1.3"))
	pkg.AddCustomTag(tagSourceRPM, rpmpack.EntryString(d.sourceRPM()))
	d.addChangelog(r, pkg)
	if d.role == roleSource {
		pkg.AddCustomTag(tagSourcePackage, rpmpack.EntryInt32([]int32{1}))
	}

	var b bytes.Buffer
	if err := pkg.Write(&b); err != nil {
		return nil, err
	}
	if d.role == roleSource {
		return b.Bytes(), makeSource(b.Bytes())
	}
	return b.Bytes(), nil
}

// relations fills in what the package provides, requires and so on.
func (d description) relations(r *rand.Rand, meta *rpmpack.RPMMetaData) error {
	if d.role == roleSource {
		return addAll(&meta.Requires, "libc.so.6()(64bit)", "glibc-libs >= 0")
	}
	evr := d.evr() + "-" + d.fullRelease()
	// The package provides itself; rpmpack would do so without the epoch.
	err := addAll(&meta.Provides, d.name+" = "+evr)
	if d.arch == "x86_64" {
		err = errors.Join(err, addAll(&meta.Provides, d.name+"(x86-64) = "+evr))
	}
	sibling := func(role int, suffix string) string {
		if !d.plan.exists(d.sourceIndex, role, d.versionNo) {
			return ""
		}
		return d.stem + suffix + " = " + d.evr()
	}
	switch d.role {
	case roleLibs:
		err = errors.Join(err, d.libRelations(r, meta))
	case roleMain:
		other := d.plan.source(r.IntN(d.sourceIndex+1), 0)
		err = errors.Join(err,
			addAll(&meta.Provides, "config("+d.name+") = "+evr, d.stem+"(plugin-api) = "+d.version),
			addAll(&meta.Requires, "/bin/sh", sibling(roleLibs, "-libs(x86-64)"), d.soProvides(), other.soProvides(), "libc.so.6()(64bit)"),
			addAll(&meta.Recommends, sibling(roleDoc, "-doc")),
			addAll(&meta.Suggests, "(bash-completion if bash)"),
			addAll(&meta.Obsoletes, d.stem+"-legacy < "+d.evr()),
			addAll(&meta.Conflicts, d.stem+"-compat <= 0.9-1"))
	case roleDevel:
		err = errors.Join(err,
			addAll(&meta.Provides, "pkgconfig("+d.stem+") = "+d.version),
			addAll(&meta.Requires, sibling(roleLibs, "-libs(x86-64)"), d.soProvides()))
	case roleDoc:
		err = errors.Join(err, addAll(&meta.Suggests, sibling(roleMain, "")))
	}
	return err
}

// libRelations makes libraries require the libraries of earlier sources.
func (d description) libRelations(r *rand.Rand, meta *rpmpack.RPMMetaData) error {
	err := addAll(&meta.Provides, d.soProvides(), fmt.Sprintf("lib%s.so.%d(%s_1.0)(64bit)", d.stem, d.soname, d.stem))
	if d.sourceIndex == 0 {
		return errors.Join(err, addAll(&meta.Provides,
			"/bin/sh", "libc.so.6()(64bit)", "libc.so.6(GLIBC_2.2.5)(64bit)", "libc.so.6(GLIBC_2.34)(64bit)", "rtld(GNU_HASH)"))
	}
	err = errors.Join(err, addAll(&meta.Requires,
		"libc.so.6()(64bit)", "libc.so.6(GLIBC_2.2.5)(64bit)", "libc.so.6(GLIBC_2.34)(64bit)", "rtld(GNU_HASH)"))
	for range r.IntN(5) {
		err = errors.Join(err, addAll(&meta.Requires, d.plan.source(r.IntN(d.sourceIndex), 0).soProvides()))
	}
	return err
}

// addAll adds what is not "" and not there yet.
func addAll(to *rpmpack.Relations, relations ...string) error {
	for _, r := range relations {
		if r == "" {
			continue
		}
		if err := to.Set(r); err != nil {
			return err
		}
	}
	return nil
}

// addChangelog adds entries, newest first; a replaced package has one more for
// each release. Now and then two have one date, as happens.
func (d description) addChangelog(r *rand.Rand, pkg *rpmpack.RPM) {
	n := d.changelogs + d.bump
	times, names, texts := make([]int32, n), make([]string, n), make([]string, n)
	const day = 24 * 60 * 60
	day0 := d.built.Truncate(day * time.Second)
	for i := range n - d.bump {
		at := d.bump + i
		times[at] = int32(day0.Unix() + day/2)
		names[at] = fmt.Sprintf("%s - %s-%d.el9", pick(r, people), d.evr(), max(d.release-at, 1))
		texts[at] = "- " + prose(r, 4+r.IntN(30))
		day0 = day0.Add(-time.Duration(r.IntN(90)) * day * time.Second)
	}
	for i := range d.bump {
		times[i] = int32(d.buildTime.Truncate(day*time.Second).Unix() + day/2 - int64(i)*day)
		names[i] = fmt.Sprintf("%s - %s-%d.el9", people[0], d.evr(), d.release-i)
		texts[i] = fmt.Sprintf("- Rebuild %d", d.bump-i)
	}
	pkg.AddCustomTag(tagChangelogTime, rpmpack.EntryInt32(times))
	pkg.AddCustomTag(tagChangelogName, rpmpack.EntryStringSlice(names))
	pkg.AddCustomTag(tagChangelogText, rpmpack.EntryStringSlice(texts))
}

// makeSource turns a package that rpmpack wrote, which always has the tag
// SOURCERPM, into a source package, which is one because it has not. The
// entry gets the tag of the string that has been unused for longest
// (EXCLUSIVE, between the same neighbours, as entries are sorted), and the
// header's digest is made again.
func makeSource(pkg []byte) error {
	const leadSize, intro, entrySize, exclusive = 96, 16, 16, 1042
	pkg[7] = 1 // the lead's type
	end := func(start int) int {
		count, size := binary.BigEndian.Uint32(pkg[start+8:]), binary.BigEndian.Uint32(pkg[start+12:])
		return start + intro + int(count)*entrySize + int(size)
	}
	sigEnd := end(leadSize)
	start := (sigEnd + 7) / 8 * 8
	header := pkg[start:end(start)]

	before := sha256.Sum256(header)
	entries := int(binary.BigEndian.Uint32(header[8:]))
	for i := range entries {
		tag := header[intro+i*entrySize:]
		if binary.BigEndian.Uint32(tag) == tagSourceRPM {
			binary.BigEndian.PutUint32(tag, exclusive)
		}
	}
	after := sha256.Sum256(header)

	at := bytes.Index(pkg[:sigEnd], []byte(hex.EncodeToString(before[:])))
	if at < 0 {
		return errors.New("the signature header lacks the header's digest")
	}
	hex.Encode(pkg[at:], after[:])
	return nil
}
