package genrpm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path"
	"strconv"
	"strings"
	"time"
)

// The random streams. Each package has its own, so that it does not matter
// which goroutine makes it; what one source package's four names share (its
// version, say) comes from the source's stream.
const (
	streamChange uint64 = iota << 56
	streamSource
	streamPackage
	streamPayload
)

// The four packages of a source, in the order of their indices. The libraries
// come first: whatever the number of packages is, what others require is
// there.
const (
	roleLibs = iota
	roleMain
	roleDevel
	roleDoc
	roles
	roleSource = roles
)

// plan says which package has which index: 0 to Packages-1 are binary ones,
// all versions of a name together; source packages follow.
type plan struct {
	Options
	names, sources int
}

func newPlan(o Options) plan {
	names := (o.Packages + o.Versions - 1) / o.Versions
	return plan{Options: o, names: names, sources: (names + roles - 1) / roles}
}

func (p plan) total() int {
	if p.Sources {
		return p.Packages + p.sources
	}
	return p.Packages
}

// exists reports whether a source's package of that role and version is
// within the tree.
func (p plan) exists(source, role, version int) bool {
	return (source*roles+role)*p.Versions+version < p.Packages
}

// stem makes the source's name: syllables of a number that an odd factor
// scatters, which keeps names distinct and spreads them over the alphabet.
func (p plan) stem(source int) string {
	if source == 0 {
		return "glibc" // what the rest requires: the C library and a shell
	}
	const consonants, vowels = "bdfghjklmnprstvz", "aeio"
	bits := 18
	if p.sources > 1<<bits {
		bits = 24
	}
	x := uint64(source)*0x9e3779b1 + p.Seed*0x85ebca6b
	var b strings.Builder
	for shift := bits - 6; shift >= 0; shift -= 6 {
		s := x >> shift & 63
		b.WriteByte(consonants[s>>2])
		b.WriteByte(vowels[s&3])
	}
	return b.String()
}

// source is what the packages of one source package have in common.
type source struct {
	stem    string
	epoch   uint32
	version string // of the version that is asked for
	release int
	soname  int
	built   time.Time
	group   string
	license string
}

func (p plan) source(index, version int) source {
	r := rand.New(rand.NewPCG(p.Seed, streamSource|uint64(index)))
	s := source{
		stem:    p.stem(index),
		soname:  1 + r.IntN(9),
		release: 1 + r.IntN(20),
		group:   pick(r, groups),
		license: pick(r, licenses),
	}
	major, minor, patch := r.IntN(6), r.IntN(30), r.IntN(10)
	s.version = fmt.Sprintf("%d.%d.%d", major, minor, patch+version)
	if r.IntN(20) == 0 {
		s.epoch = 1 + uint32(r.IntN(2))
	}
	// Within the five years before 2024.
	age := r.IntN(5 * 365 * 24 * 3600)
	s.built = time.Unix(1704067200-int64(age)+int64(version)*30*24*3600, 0)
	return s
}

// evr is the epoch, where there is one, and version: what siblings require.
// It has no release, so that one of them can be replaced without the others.
func (s source) evr() string {
	if s.epoch == 0 {
		return s.version
	}
	return fmt.Sprintf("%d:%s", s.epoch, s.version)
}

func (s source) soProvides() string {
	return fmt.Sprintf("lib%s.so.%d()(64bit)", s.stem, s.soname)
}

// description is all that is known about one package.
type description struct {
	source
	plan        plan
	index       int // of the package
	sourceIndex int
	versionNo   int
	role        int
	bump        int
	name, arch  string
	buildTime   time.Time
	files       int
	payload     int
	changelogs  int
}

// describe gives the package with an index, bump releases after the one that
// Generate made.
func (p plan) describe(index, bump int) description {
	d := description{plan: p, index: index, bump: bump}
	if index >= p.Packages {
		d.sourceIndex, d.role = index-p.Packages, roleSource
	} else {
		name := index / p.Versions
		d.sourceIndex, d.role, d.versionNo = name/roles, name%roles, index%p.Versions
	}
	d.source = p.source(d.sourceIndex, d.versionNo)
	d.release += bump
	d.buildTime = d.built.Add(time.Duration(bump) * 24 * time.Hour)
	d.name = d.stem + [...]string{"-libs", "", "-devel", "-doc", ""}[d.role]
	d.arch = "x86_64"
	if d.role == roleDoc {
		d.arch = "noarch"
	}

	r := rand.New(rand.NewPCG(p.Seed, streamPackage|uint64(index)))
	d.files = longTailed(r, p.FilesPerPackage)
	d.payload = p.PayloadBytes/2 + r.IntN(p.PayloadBytes+1)
	d.changelogs = 1 + r.IntN(2*p.Changelogs-1)
	return d
}

// longTailed draws a log-normal number, half of which are below 0.38 of the
// average, cut off at 50 times the average.
func longTailed(r *rand.Rand, average int) int {
	const sigma = 1.4
	mu := math.Log(float64(average)) - sigma*sigma/2
	n := int(math.Round(math.Exp(mu + sigma*r.NormFloat64())))
	return min(max(n, 2), 50*average)
}

func (d description) fullRelease() string { return strconv.Itoa(d.release) + ".el9" }

func (d description) sourceRPM() string {
	return fmt.Sprintf("%s-%s-%s.src.rpm", d.stem, d.version, d.fullRelease())
}

// location is the package's path below the tree.
func (d description) location() string {
	file := fmt.Sprintf("%s-%s-%s.%s.rpm", d.name, d.version, d.fullRelease(), d.arch)
	if d.role == roleSource {
		file = d.sourceRPM()
	}
	return path.Join(packagesDir, d.name[:1], file)
}

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

var (
	groups   = []string{"Unspecified", "Applications/System", "Development/Libraries", "System Environment/Base", "Applications/Internet"}
	licenses = []string{"MIT", "GPL-2.0-or-later", "LGPL-2.1-or-later AND BSD-3-Clause", "Apache-2.0", "MPL-2.0", "GPLv3+ and (MIT or BSD)"}
	locales  = []string{"ar", "bg", "ca", "cs", "da", "de", "el", "es", "fi", "fr", "hu", "it", "ja", "ko", "nl", "pl", "pt_BR", "ru", "sv", "tr", "uk", "zh_CN"}
	people   = []string{
		"Ada Example <ada@example.com>", "Jürgen Größe <jg@example.com>", "Release Robot <robot@example.com>",
		"Zoë Ångström <zoe@example.com>", "Bob \"B\" Builder <bob@example.com>",
	}
	words = strings.Fields(`a the of and with for library tool server client data file network simple fast small common
		support format reader writer parser interface module system user access control message queue protocol
		implementation provides contains using written portable secure modern lightweight command line graphical
		configuration daemon service object storage image audio text C++ Python & <XML> Größe`)
)

// prose makes a text of n words.
func prose(r *rand.Rand, n int) string {
	var b strings.Builder
	line := 0
	for i := range n {
		w := pick(r, words)
		switch {
		case i == 0:
		case line+len(w) > 76:
			b.WriteByte('\n')
			line = 0
		default:
			b.WriteByte(' ')
		}
		b.WriteString(w)
		line += len(w) + 1
	}
	return b.String()
}
