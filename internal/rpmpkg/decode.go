package rpmpkg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/cavaliergopher/rpm"
)

// Tags of the header, by their names in rpm's rpmtag.h.
const (
	tagName          = 1000
	tagVersion       = 1001
	tagRelease       = 1002
	tagEpoch         = 1003
	tagSummary       = 1004
	tagDescription   = 1005
	tagBuildTime     = 1006
	tagBuildHost     = 1007
	tagSize          = 1009
	tagVendor        = 1011
	tagLicense       = 1014
	tagPackager      = 1015
	tagGroup         = 1016
	tagURL           = 1020
	tagArch          = 1022
	tagSourceRPM     = 1044
	tagProvideName   = 1047
	tagArchiveSize   = 1046
	tagChangelogTime = 1080
	tagChangelogName = 1081
	tagChangelogText = 1082
	tagSourcePackage = 1106
	tagLongSize      = 5009

	// Tags of the signature header.
	sigLongArchiveSize = 271
	sigPayloadSize     = 1007

	tagImmutable = 63 // HEADERIMMUTABLE
)

// Bounds on what is decoded of one tag: some kernel and texlive packages
// provide tens of thousands of things, and changelogs have thousands of entries,
// none near this.
const (
	maxValues = 1 << 17
	maxField  = 1 << 20 // bytes of a field that is no list
)

// fieldTags are those of which a package has one value.
var fieldTags = map[uint32]bool{
	tagName: true, tagVersion: true, tagRelease: true, tagEpoch: true, tagSummary: true, tagDescription: true,
	tagBuildTime: true, tagBuildHost: true, tagSize: true, tagVendor: true, tagLicense: true, tagPackager: true,
	tagGroup: true, tagURL: true, tagArch: true, tagSourceRPM: true, tagArchiveSize: true, tagSourcePackage: true,
	tagLongSize: true,
}

// decodedTags are those whose values are decoded, lists too.
var decodedTags = func() map[uint32]bool {
	tags := maps.Clone(fieldTags)
	tags[tagChangelogTime], tags[tagChangelogName], tags[tagChangelogText] = true, true, true
	for _, k := range dependencyKinds {
		tags[k.name], tags[k.flags], tags[k.version] = true, true, true
	}
	return tags
}()

var signatureTags = map[uint32]bool{sigLongArchiveSize: true, sigPayloadSize: true}

// Package decodes the preamble. cavaliergopher/rpm decodes the package's fields,
// but is handed only those that are needed and have passed the checks of
// ReadPreamble. Lists are most of a header, and are taken from it here: of those
// of strings it would make one string each.
func (p *Preamble) Package() (pkg *Package, err error) {
	files, err := newFileList(&p.Header)
	if err != nil {
		return nil, err
	}
	defer func() {
		// What the library does with a header that the checks let pass is not
		// in our hands.
		if r := recover(); r != nil {
			pkg, err = nil, fmt.Errorf("its header cannot be decoded: %v", r)
		}
	}()
	if err := p.Header.checkValues(decodedTags); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Write(leadMagic)
	b.Write([]byte{3, 0}) // any version: the lead of rpm 6 says 4, that of the others 3
	b.Write(p.Lead[6:])
	b.Write(p.Signature.only(signatureTags))
	for b.Len()%8 != 0 {
		b.WriteByte(0)
	}
	b.Write(p.Header.only(fieldTags))
	decoded, err := rpm.Read(&b)
	if err != nil {
		return nil, fmt.Errorf("its header cannot be decoded: %w", err)
	}
	pkg, err = fromTags(&decoded.Header, &decoded.Signature)
	if err != nil {
		return nil, err
	}
	pkg.files = files
	pkg.Changelog = changelog(&p.Header)
	if !p.Header.Has(tagSourcePackage) && !p.Header.Has(tagSourceRPM) {
		pkg.guessSource()
	}
	pkg.HeaderStart, pkg.HeaderEnd = p.HeaderStart, p.PayloadStart
	old := !p.Header.Has(tagImmutable)
	pkg.setDependencies(&p.Header, old)
	return pkg, nil
}

// checkValues refuses tags that would take far more memory decoded than any
// real package's do.
func (h *Header) checkValues(tags map[uint32]bool) error {
	for _, e := range h.entries {
		switch {
		case !tags[e.tag]:
		case e.count > maxValues:
			return fmt.Errorf("tag %d has %d values, more than the %d that are read", e.tag, e.count, maxValues)
		case e.kind != typeStringArray && e.length > maxField:
			return fmt.Errorf("tag %d has %d bytes, more than the %d that are read", e.tag, e.length, maxField)
		}
	}
	return nil
}

// only returns a header structure that holds the named tags of h and no others.
func (h *Header) only(tags map[uint32]bool) []byte {
	var keep []headerEntry
	size := 0
	for _, e := range h.entries {
		if tags[e.tag] && e.kind != typeNull {
			keep = append(keep, e)
			size += e.length
		}
	}
	b := make([]byte, 0, introSize+len(keep)*entrySize+size)
	b = append(b, headerMagic...)
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(keep)))
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	offset := uint32(0)
	for _, e := range keep {
		for _, v := range []uint32{e.tag, e.kind, offset, e.count} {
			b = binary.BigEndian.AppendUint32(b, v)
		}
		offset += uint32(e.length)
	}
	for _, e := range keep {
		b = append(b, h.value(e)...)
	}
	return b
}

func fromTags(h, sig *rpm.Header) (*Package, error) {
	str := func(tag int) string { return h.GetTag(tag).String() } // of translations, the first: the C locale's
	p := &Package{
		NEVRA: NEVRA{
			Name: str(tagName),
			EVR: EVR{
				Epoch:   strconv.FormatInt(h.GetTag(tagEpoch).Int64(), 10),
				Version: str(tagVersion),
				Release: str(tagRelease),
			},
			Arch: str(tagArch),
		},
		Summary:       str(tagSummary),
		Description:   str(tagDescription),
		Packager:      str(tagPackager),
		URL:           str(tagURL),
		License:       str(tagLicense),
		Vendor:        str(tagVendor),
		Group:         str(tagGroup),
		BuildHost:     str(tagBuildHost),
		SourceRPM:     str(tagSourceRPM),
		BuildTime:     h.GetTag(tagBuildTime).Int64(),
		InstalledSize: firstSize(h.GetTag(tagLongSize), h.GetTag(tagSize)),
		// rpm 4 and older write the archive's size into the signature header. Of
		// rpm 6's packages createrepo_c gives none, and nobody misses it.
		ArchiveSize: firstSize(sig.GetTag(sigLongArchiveSize), sig.GetTag(sigPayloadSize), h.GetTag(tagArchiveSize)),
	}
	if h.GetTag(tagSourcePackage).Int64() != 0 {
		p.Arch = "src"
	}
	for _, needed := range []struct{ what, value string }{
		{"name", p.Name}, {"version", p.Version}, {"release", p.Release}, {"architecture", p.Arch},
	} {
		if needed.value == "" {
			return nil, errors.New("its header has no " + needed.what)
		}
	}
	return p, nil
}

func firstSize(tags ...*rpm.Tag) uint64 {
	for _, t := range tags {
		if t != nil {
			return uint64(t.Int64())
		}
	}
	return 0
}

func changelog(h *Header) []ChangelogEntry {
	times := h.ints(tagChangelogTime)
	names := h.Strings(tagChangelogName)
	texts := h.Strings(tagChangelogText)
	entries := make([]ChangelogEntry, min(times.count, len(names), len(texts)))
	for i := range entries {
		entries[i] = ChangelogEntry{Author: names[i], Date: int64(times.at(i)), Text: texts[i]} //nolint:gosec // as it is written
	}
	return entries
}

// Bits of a dependency's flags (rpmds.h).
const (
	sensePosttrans  = 1 << 5
	sensePrereq     = 1 << 6
	sensePretrans   = 1 << 7
	senseScriptPre  = 1 << 9
	senseScriptPost = 1 << 10
	senseMissingOK  = 1 << 19
	senseStrong     = 1 << 27

	sensePre = sensePosttrans | sensePrereq | sensePretrans | senseScriptPre | senseScriptPost
)

// comparison gives the lower bits of a dependency's flags as metadata writes
// them.
var comparison = map[int64]string{2: "LT", 4: "GT", 8: "EQ", 10: "LE", 12: "GE"}

type dependencyKind struct {
	name, flags, version uint32
	add                  func(p *Package, d Dependency, flags int64)
}

// dependencyKinds are read in this order: what a package provides must be
// known before its requirements.
var dependencyKinds = []dependencyKind{
	{tagProvideName, 1112, 1113, func(p *Package, d Dependency, _ int64) { p.Provides = append(p.Provides, d) }},
	{1054, 1053, 1055, func(p *Package, d Dependency, _ int64) { p.Conflicts = append(p.Conflicts, d) }},
	{1090, 1114, 1115, func(p *Package, d Dependency, _ int64) { p.Obsoletes = append(p.Obsoletes, d) }},
	{1049, 1048, 1050, nil}, // requires: see addRequirements
	{5049, 5051, 5050, func(p *Package, d Dependency, _ int64) { p.Suggests = append(p.Suggests, d) }},
	{5055, 5057, 5056, func(p *Package, d Dependency, _ int64) { p.Enhances = append(p.Enhances, d) }},
	{5046, 5048, 5047, func(p *Package, d Dependency, _ int64) { p.Recommends = append(p.Recommends, d) }},
	{5052, 5054, 5053, func(p *Package, d Dependency, _ int64) { p.Supplements = append(p.Supplements, d) }},
	// SUSE's weak dependencies from before rpm 4.12: a strong suggestion is a
	// recommendation, a strong enhancement a supplement.
	{1156, 1158, 1157, func(p *Package, d Dependency, flags int64) {
		if flags&senseStrong != 0 {
			p.Recommends = append(p.Recommends, d)
		} else {
			p.Suggests = append(p.Suggests, d)
		}
	}},
	{1159, 1161, 1160, func(p *Package, d Dependency, flags int64) {
		if flags&senseStrong != 0 {
			p.Supplements = append(p.Supplements, d)
		} else {
			p.Enhances = append(p.Enhances, d)
		}
	}},
}

// rawDependency is a dependency as the header has it.
type rawDependency struct {
	name, version string
	flags         int64
}

// dependencyKey is what makes two dependencies the same.
type dependencyKey struct{ name, flags, version string }

func (d rawDependency) key() dependencyKey {
	return dependencyKey{d.name, comparison[d.flags&0xf], d.version}
}

func (p *Package) setDependencies(h *Header, old bool) {
	var provided map[dependencyKey]bool
	for _, kind := range dependencyKinds {
		list := rawDependencies(h, kind, old)
		if kind.add == nil {
			p.addRequirements(list, provided)
			continue
		}
		isProvides := kind.name == tagProvideName
		if isProvides && old && p.Arch != "src" {
			list = p.withSelf(list)
		}
		if isProvides {
			p.Provides = make([]Dependency, 0, len(list))
			provided = make(map[dependencyKey]bool, len(list))
		}
		for _, raw := range list {
			d, ok := p.dependency(raw)
			if !ok {
				continue
			}
			kind.add(p, d, raw.flags)
			if isProvides {
				provided[raw.key()] = true
			}
		}
	}
}

func rawDependencies(h *Header, kind dependencyKind, old bool) []rawDependency {
	names := h.Strings(int(kind.name))
	flags := h.ints(int(kind.flags))
	versions := h.Strings(int(kind.version))
	if old && kind.name == tagProvideName && versions == nil {
		// rpm 2 did not write them, and rpm completes the header as it reads it.
		list := make([]rawDependency, len(names))
		for i := range list {
			list[i].name = names[i]
		}
		return list
	}
	list := make([]rawDependency, min(len(names), flags.count, len(versions)))
	for i := range list {
		list[i] = rawDependency{name: names[i], version: versions[i], flags: int64(flags.at(i))} //nolint:gosec // bits
	}
	return list
}

// withSelf adds the package itself to its provides, as rpm does on reading a
// binary package from before rpm 4, whether or not it is there.
func (p *Package) withSelf(list []rawDependency) []rawDependency {
	self := rawDependency{name: p.Name, version: p.Version + "-" + p.Release, flags: 8}
	if p.Epoch != "0" {
		self.version = p.Epoch + ":" + self.version
	}
	return append(list, self)
}

func (p *Package) dependency(raw rawDependency) (Dependency, bool) {
	evr, ok := parseEVR(raw.version)
	if !ok {
		p.DroppedDependencies = append(p.DroppedDependencies, raw.name+" "+raw.version)
		return Dependency{}, false
	}
	return Dependency{Name: raw.name, Flags: comparison[raw.flags&0xf], EVR: evr}, true
}

// parseEVR splits a dependency's [epoch:]version[-release]. It fails where the
// epoch is no number.
func parseEVR(s string) (EVR, bool) {
	if s == "" {
		return EVR{}, true
	}
	evr := EVR{Epoch: "0"}
	if epoch, rest, found := strings.Cut(s, ":"); found {
		if epoch == "" {
			epoch = "0"
		}
		if _, err := strconv.ParseInt(strings.TrimLeft(epoch, " \t"), 10, 64); err != nil && !errors.Is(err, strconv.ErrRange) {
			return EVR{}, false
		}
		evr.Epoch, s = epoch, rest
	}
	evr.Version, evr.Release, _ = strings.Cut(s, "-")
	return evr, true
}

// addRequirements adds what the package needs from others: neither features of
// rpm itself, nor what it brings along, nor the same twice in a row. All
// requirements of glibc's symbol versions become the highest one.
func (p *Package) addRequirements(list []rawDependency, provided map[dependencyKey]bool) {
	if len(list) == 0 {
		return
	}
	own := p.ownFiles(list)
	type last struct {
		flags, version string
		pre            bool
	}
	seen := map[string]last{}
	var libc *Dependency
	p.Requires = make([]Dependency, 0, len(list))
	for _, raw := range list {
		if strings.HasPrefix(raw.name, "rpmlib(") || own[raw.name] || provided[raw.key()] {
			continue
		}
		pre := raw.flags&sensePre != 0
		this := last{comparison[raw.flags&0xf], raw.version, pre}
		if before, ok := seen[raw.name]; ok && before == this {
			continue
		}
		d, ok := p.dependency(raw)
		switch {
		case !ok:
		case raw.flags&senseMissingOK != 0:
			p.Recommends = append(p.Recommends, d)
		case strings.HasPrefix(d.Name, "libc.so.6"):
			d.Pre = pre
			if libc == nil || glibcOlder(libc.Name, d.Name) {
				libc = &d
			}
		default:
			d.Pre = pre
			p.Requires = append(p.Requires, d)
			seen[d.Name] = this
		}
	}
	if libc != nil {
		p.Requires = append(p.Requires, *libc)
	}
}

// ownFiles returns which of the required paths are primary files of the
// package itself.
func (p *Package) ownFiles(list []rawDependency) map[string]bool {
	wanted := map[string]bool{} // the paths that are required, until they are found
	for _, d := range list {
		if strings.HasPrefix(d.name, "/") {
			wanted[d.name] = false
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	var path []byte
	for dir, base := range p.paths {
		path = append(append(path[:0], dir...), base...)
		if _, ok := wanted[string(path)]; ok && IsPrimaryFile(dir, base) {
			wanted[string(path)] = true
		}
	}
	return wanted
}

func (p *Package) paths(yield func(dir, base []byte) bool) {
	p.files.each(func(dir, base []byte, _ FileType) bool { return yield(dir, base) })
}

// glibcOlder reports whether requirement a, of the form
// libc.so.6(GLIBC_2.4)(64bit), asks for less than b. The less of that form a
// name has, the less it asks for.
func glibcOlder(a, b string) bool {
	ra, va := symbolVersion(a)
	rb, vb := symbolVersion(b)
	if ra != rb {
		return ra < rb
	}
	return Vercmp(va, vb) < 0
}

// symbolVersion returns the digits and what follows them inside the first
// parentheses, and how much of the form is there.
func symbolVersion(name string) (rank int, version string) {
	_, rest, found := strings.Cut(name, "(")
	if !found {
		return 0, ""
	}
	inside, _, found := strings.Cut(rest, ")")
	if !found {
		return 1, ""
	}
	if inside == "" {
		return 2, ""
	}
	digit := strings.IndexAny(inside, "0123456789")
	if digit < 0 {
		return 3, ""
	}
	return 4, inside[digit:]
}
