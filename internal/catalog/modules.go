package catalog

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"gorepo/internal/modulemd"
	"gorepo/internal/rpmpkg"
)

// Module is a module in a list, with its streams.
type Module struct {
	Name    string
	Summary string
	Streams []ModuleStream // in the order of their names' versions, the newest first
}

// ModuleStream is a stream of a module.
type ModuleStream struct {
	Stream   string
	Default  bool     // it is the module's default stream
	Profiles []string // of the newest build
	Builds   int      // different versions and contexts
	Arches   []string
	Obsolete *ModuleEnd // nil if nothing says that it is
	// Here and Missing count the packages of the newest build, sources and debug
	// packages apart, that the repository has, and has not.
	Here, Missing int
}

// ModuleEnd says that a stream, or a build of it, is out of support.
type ModuleEnd struct {
	Message string
	// Date is from when on; it is zero where it is so already.
	Date time.Time
	// By is name:stream of what to use instead, "" if there is nothing.
	By string
}

// ModuleDetail is all about a stream.
type ModuleDetail struct {
	Name   string
	Others []ModuleStream // the module's other streams
	ModuleStream
	Summary, Description              string   // of the newest build, as the next
	Licenses                          []string // of the module
	Community, Documentation, Tracker string   // URLs
	// Versions are its builds, the newest first. More counts those beyond them.
	Versions []ModuleBuild
	More     int
}

// ModuleBuild is a build of a stream: a version and a context.
type ModuleBuild struct {
	Version  uint64
	Context  string
	Arch     string
	Obsolete *ModuleEnd
	// Requires are alternatives, each a list of module:stream,stream and so on.
	Requires [][]string
	Profiles []ModuleProfile
	// Packages are its artifacts. More counts those beyond them.
	Packages []ModulePackage
	More     int
}

// ModuleProfile is a set of packages to install.
type ModuleProfile struct {
	Name, Description string
	Default           bool     // it is installed where nobody chooses
	Packages          []string // names
}

// ModulePackage is a package of a build.
type ModulePackage struct {
	rpmpkg.NEVRA
	Here bool // the repository has it
}

// ModuleRef names a stream.
type ModuleRef struct{ Name, Stream string }

// Bounds on what is kept of modules. The largest repositories have a thousand
// builds of some hundred streams.
const (
	maxModules        = 256 << 20 // bytes
	maxStreams        = 5000
	maxBuilds         = 50    // that are shown of one stream
	maxBuildPackages  = 5000  // that are kept of one build
	maxShownPackages  = 20000 // of all builds that are shown, about
	maxProfiles       = 100
	maxLicenses       = 100
	maxProfileNames   = 2000 // names of packages in all profiles of a build
	maxRequires       = 1000 // modules that one build requires
	maxBadDocuments   = 3    // that are told of
	maxModuleArtifact = 1000 // bytes
	maxModuleText     = 8 << 10
)

var modulesExtra = extra{
	words: "the modules",
	schema: []string{
		"CREATE TABLE modulelist (place INTEGER NOT NULL)",                                                                     // of []Module
		"CREATE TABLE modulestream (id INTEGER PRIMARY KEY, name TEXT NOT NULL, stream TEXT NOT NULL, place INTEGER NOT NULL)", // of a storedStream
		"CREATE UNIQUE INDEX modulestream_name ON modulestream (name, stream)",
		// Versions are 8 bytes, the highest first.
		"CREATE TABLE modulebuild (stream INTEGER, version BLOB, number INTEGER, place INTEGER NOT NULL, PRIMARY KEY (stream, version, number)) WITHOUT ROWID", // of a storedBuild
		"CREATE TABLE modulepackage (package INTEGER, stream INTEGER, PRIMARY KEY (package, stream) ON CONFLICT IGNORE) WITHOUT ROWID",
	},
	tables: []string{"modulelist", "modulestream", "modulebuild", "modulepackage"},
	add:    (*builder).addModules,
}

// storedStream is what is kept of a stream beside its builds.
type storedStream struct {
	ModuleStream
	Summary, Description              string
	Licenses                          []string
	Community, Documentation, Tracker string
	DefaultProfiles                   []string
	Ends                              map[string]*ModuleEnd // by context, of those that have one
}

// storedBuild is a ModuleBuild as it is kept: each package is a mark and the artifact.
type storedBuild struct {
	ModuleBuild
	Artifacts []string
}

const (
	artifactHere    = "+"
	artifactMissing = "-"
)

// addModules reads modules.
func (b *builder) addModules(ctx context.Context) error {
	in, err := b.openBounded(ctx, maxModules, "modules")
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	w, err := b.newModuleWriter()
	if err != nil {
		return err
	}
	err = modulemd.Read(in, w.bad, func(d modulemd.Document) error {
		b.progress()
		if d.Build != nil {
			return w.add(d.Build)
		}
		if !w.known.Add(d) && !w.forgot {
			w.forgot = true
			b.missing("defaults and ends of modules beyond the first")
		}
		return nil
	})
	if err := b.partly(ctx, err, "modules after the first %d builds", w.builds); err != nil {
		return err
	}
	if n := w.unread - maxBadDocuments; n > 0 {
		b.missing("%d more documents of modules cannot be read", n)
	}
	return w.finish()
}

// moduleWriter makes the tables of modules.
type moduleWriter struct {
	b          *builder
	out        *blockWriter
	build, pkg *row
	find       *finder
	known      modulemd.Known
	streams    []*streamBuilds // by id, from 0
	byName     map[ModuleRef]*streamBuilds
	builds     int
	unread     int // documents that cannot be read
	beyond     int // builds of streams beyond those that are kept
	forgot     bool
}

// streamBuilds is a stream while its builds are gathered.
type streamBuilds struct {
	ModuleRef
	id       int64
	stored   storedStream
	contexts map[string]bool
	version  uint64 // of the newest build
	context  string
}

func (b *builder) newModuleWriter() (w *moduleWriter, err error) {
	w = &moduleWriter{
		b: b, out: b.newBlockWriter(), find: b.newFinder(false), byName: map[ModuleRef]*streamBuilds{},
	}
	if w.build, err = b.insert("modulebuild", "stream", "version", "number", "place"); err != nil {
		return nil, err
	}
	w.pkg, err = b.insert("modulepackage", "package", "stream")
	return w, err
}

// bad notes a document that cannot be read.
func (w *moduleWriter) bad(err error) {
	if w.unread++; w.unread <= maxBadDocuments {
		w.b.missing("%s", cut(err.Error(), maxListText))
	}
}

// stream returns the stream of a build, nil beyond as many as are kept.
func (w *moduleWriter) stream(d *modulemd.Build) *streamBuilds {
	key := ModuleRef{d.Name, d.Stream.Stream}
	s := w.byName[key]
	if s == nil && len(w.streams) < maxStreams && len(key.Name)+len(key.Stream) <= maxModuleArtifact {
		s = &streamBuilds{ModuleRef: key, id: int64(len(w.streams)), contexts: map[string]bool{}}
		w.byName[key] = s
		w.streams = append(w.streams, s)
	}
	return s
}

func (w *moduleWriter) add(d *modulemd.Build) error {
	s := w.stream(d)
	if s == nil {
		if w.beyond++; w.beyond == 1 {
			w.b.missing("module streams beyond the first %d", maxStreams)
		}
		return nil
	}
	w.builds++
	const mostContexts = 1000
	if s.stored.Builds++; len(s.contexts) < mostContexts {
		s.contexts[d.Context] = true
	}
	if d.Arch != "" && len(s.stored.Arches) < 20 && !slices.Contains(s.stored.Arches, d.Arch) {
		s.stored.Arches = append(s.stored.Arches, d.Arch)
	}
	stored := storedBuild{ModuleBuild: ModuleBuild{
		Version: d.Version, Context: d.Context, Arch: d.Arch, Requires: requirements(d.Requires), Profiles: profiles(d.Profiles),
	}}
	here, missing, err := w.packages(s, d.Artifacts, &stored)
	if err != nil {
		return err
	}
	if s.stored.Builds == 1 || d.Version >= s.version {
		s.describe(d)
		s.stored.Here, s.stored.Missing = here, missing
	}
	at, err := addJSON(w.out, stored)
	if err != nil {
		return err
	}
	w.build.integer(s.id)
	w.build.bytes(binary.BigEndian.AppendUint64(nil, d.Version))
	w.build.integer(int64(w.builds))
	w.build.integer(int64(at))
	return w.build.add()
}

// packages looks for the artifacts of a build.
func (w *moduleWriter) packages(s *streamBuilds, artifacts []string, to *storedBuild) (here, missing int, err error) {
	for _, artifact := range artifacts {
		n, _, ok := parseNEVRA(artifact)
		if !ok || len(artifact) > maxModuleArtifact {
			continue
		}
		mark := artifactMissing
		list, err := w.find.named(n.Name)
		if err != nil {
			return 0, 0, err
		}
		for _, c := range list {
			if c.arch == n.Arch && c.evr.Version == n.Version && c.evr.Release == n.Release && orZero(c.evr.Epoch) == orZero(n.Epoch) {
				mark = artifactHere
				if err := w.link(c.id, s.id); err != nil {
					return 0, 0, err
				}
			}
		}
		switch {
		case isBeside(n):
		case mark == artifactHere:
			here++
		default:
			missing++
		}
		if len(to.Artifacts) == maxBuildPackages {
			to.More++
			continue
		}
		to.Artifacts = append(to.Artifacts, mark+artifact)
	}
	return here, missing, nil
}

// isBeside tells sources and debug packages, which are in repositories of their own
// as a rule.
func isBeside(n rpmpkg.NEVRA) bool {
	return n.Arch == "src" || n.Arch == "nosrc" || strings.HasSuffix(n.Name, "-debuginfo") || strings.HasSuffix(n.Name, "-debugsource")
}

// link notes that a package is in a stream.
func (w *moduleWriter) link(pkg, stream int64) error {
	w.pkg.integer(pkg)
	w.pkg.integer(stream)
	return w.pkg.add()
}

func requirements(all [][]modulemd.Requirement) (list [][]string) {
	n := 0
	for _, alternative := range all {
		var words []string
		for _, r := range alternative {
			if n += 1 + len(r.Streams); n > maxRequires {
				break
			}
			s := r.Module
			if len(r.Streams) > 0 {
				s += ":" + strings.Join(r.Streams, ",")
			}
			words = append(words, cut(s, maxListText))
		}
		if len(words) > 0 {
			list = append(list, words)
		}
	}
	return list
}

func profiles(all []modulemd.Profile) (list []ModuleProfile) {
	n := 0
	for _, p := range all[:min(len(all), maxProfiles)] {
		names := p.Packages[:min(len(p.Packages), maxProfileNames-n)]
		n += len(names)
		list = append(list, ModuleProfile{Name: cut(p.Name, maxListText), Description: cut(p.Description, maxListText), Packages: names})
	}
	return list
}

// finish writes what is known of streams when all was read.
func (w *moduleWriter) finish() error {
	row, err := w.b.insert("modulestream", "id", "name", "stream", "place")
	if err != nil {
		return err
	}
	var modules []Module
	at := map[string]int{}
	newest := map[string]uint64{}
	for _, s := range w.streams {
		w.complete(s)
		i, ok := at[s.Name]
		if !ok {
			i = len(modules)
			at[s.Name] = i
			modules = append(modules, Module{Name: s.Name})
		}
		if !ok || s.version > newest[s.Name] {
			newest[s.Name], modules[i].Summary = s.version, s.stored.Summary
		}
		modules[i].Streams = append(modules[i].Streams, s.stored.ModuleStream)
		where, err := addJSON(w.out, s.stored)
		if err != nil {
			return err
		}
		row.integer(s.id)
		row.text(s.Name)
		row.text(s.Stream)
		row.integer(int64(where))
		if err := row.add(); err != nil {
			return err
		}
	}
	slices.SortFunc(modules, func(x, y Module) int { return cmp.Compare(x.Name, y.Name) })
	for _, m := range modules {
		slices.SortStableFunc(m.Streams, func(x, y ModuleStream) int {
			return cmp.Or(rpmpkg.Vercmp(y.Stream, x.Stream), cmp.Compare(y.Stream, x.Stream))
		})
	}
	w.b.info.Modules = len(modules)
	where, err := addJSON(w.out, modules)
	if err != nil {
		return err
	}
	list, err := w.b.insert("modulelist", "place")
	if err != nil {
		return err
	}
	list.integer(int64(where))
	if err := list.add(); err != nil {
		return err
	}
	return w.out.flush()
}

// describe takes what the newest build says of a stream.
func (s *streamBuilds) describe(d *modulemd.Build) {
	to := &s.stored
	s.version, s.context = d.Version, d.Context
	to.Summary, to.Description = cut(d.Summary, maxListText), cut(d.Description, maxModuleText)
	to.Community, to.Documentation, to.Tracker = cut(d.Community, maxListText), cut(d.Documentation, maxListText), cut(d.Tracker, maxListText)
	to.Licenses, to.Profiles = nil, nil
	for _, license := range d.Licenses[:min(len(d.Licenses), maxLicenses)] {
		to.Licenses = append(to.Licenses, cut(license, maxListText))
	}
	for _, p := range d.Profiles[:min(len(d.Profiles), maxProfiles)] {
		to.Profiles = append(to.Profiles, cut(p.Name, maxListText))
	}
}

// complete adds to a stream what other documents say of it.
func (w *moduleWriter) complete(s *streamBuilds) {
	to, stream := &s.stored, s.Stream
	to.Stream = stream
	to.Default = w.known.DefaultStream(s.Name) == stream
	defaults := w.known.DefaultProfiles(s.Name, stream)
	to.DefaultProfiles = defaults[:min(len(defaults), maxProfiles)]
	to.Obsolete = moduleEnd(w.known.Obsoletes(s.Name, stream, s.context))
	to.Ends = map[string]*ModuleEnd{}
	for context := range s.contexts {
		if end := moduleEnd(w.known.Obsoletes(s.Name, stream, context)); end != nil {
			to.Ends[context] = end
		}
	}
	slices.Sort(to.Arches)
}

func moduleEnd(o *modulemd.Obsoletes) *ModuleEnd {
	if o == nil {
		return nil
	}
	return &ModuleEnd{Message: cut(o.Message, maxListText), Date: o.EOL, By: cut(o.By, maxListText)}
}

// Modules returns all modules by their names. There being none is no error.
func (c *Catalog) Modules(ctx context.Context) (list []Module, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		list, err = modules(conn)
		return err
	})
	return list, err
}

func modules(conn *sqlite.Conn) (list []Module, err error) {
	at, err := onePlace(conn, "SELECT place FROM modulelist")
	if err != nil {
		return nil, noneIsNoError(err)
	}
	return list, readJSON(conn, at, &list)
}

// Module returns all about a stream, or ErrNotFound.
func (c *Catalog) Module(ctx context.Context, name, stream string) (d ModuleDetail, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		d, err = module(conn, name, stream)
		return err
	})
	return d, err
}

func module(conn *sqlite.Conn, name, stream string) (d ModuleDetail, err error) {
	var id int64
	at := nowhere
	err = eachRow(conn, "SELECT id, place FROM modulestream WHERE name = ? AND stream = ?", func(stmt *sqlite.Stmt) error {
		id, at = stmt.ColumnInt64(0), place(stmt.ColumnInt64(1))
		return nil
	}, name, stream)
	if err == nil && at == nowhere {
		err = ErrNotFound
	}
	var stored storedStream
	if err == nil {
		err = readJSON(conn, at, &stored)
	}
	if err != nil {
		return d, err
	}
	d = ModuleDetail{
		Name: name, ModuleStream: stored.ModuleStream, Summary: stored.Summary, Description: stored.Description, Licenses: stored.Licenses,
		Community: stored.Community, Documentation: stored.Documentation, Tracker: stored.Tracker,
	}
	if d.Versions, err = moduleBuilds(conn, id, &stored); err != nil {
		return d, err
	}
	d.More = max(0, d.Builds-len(d.Versions))
	list, err := modules(conn)
	if err != nil {
		return d, err
	}
	if i := slices.IndexFunc(list, func(m Module) bool { return m.Name == name }); i >= 0 {
		d.Others = slices.DeleteFunc(list[i].Streams, func(s ModuleStream) bool { return s.Stream == stream })
	}
	return d, nil
}

// moduleBuilds reads the newest builds of a stream.
func moduleBuilds(conn *sqlite.Conn, id int64, stored *storedStream) (list []ModuleBuild, err error) {
	var places []place
	query := fmt.Sprintf("SELECT place FROM modulebuild WHERE stream = ? ORDER BY version DESC, number DESC LIMIT %d", maxBuilds)
	err = eachRow(conn, query, func(stmt *sqlite.Stmt) error {
		places = append(places, place(stmt.ColumnInt64(0)))
		return nil
	}, id)
	if err != nil {
		return nil, err
	}
	shown := 0
	in := jsonReader{conn: conn}
	for _, at := range places {
		if shown > maxShownPackages {
			break
		}
		var kept storedBuild
		if err := in.read(at, &kept); err != nil {
			return nil, err
		}
		b := kept.ModuleBuild
		for _, artifact := range kept.Artifacts {
			if n, _, ok := parseNEVRA(artifact[min(1, len(artifact)):]); ok {
				b.Packages = append(b.Packages, ModulePackage{NEVRA: n, Here: strings.HasPrefix(artifact, artifactHere)})
			}
		}
		shown += len(b.Packages)
		b.Obsolete = stored.Ends[b.Context]
		for i := range b.Profiles {
			b.Profiles[i].Default = slices.Contains(stored.DefaultProfiles, b.Profiles[i].Name)
		}
		list = append(list, b)
	}
	return list, nil
}

// ModulesOf returns the streams that a package, by Package.ID, belongs to.
func (c *Catalog) ModulesOf(ctx context.Context, id int64) (list []ModuleRef, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		return eachRow(conn, "SELECT name, modulestream.stream FROM modulepackage JOIN modulestream ON id = modulepackage.stream WHERE package = ? ORDER BY name, modulestream.stream",
			func(stmt *sqlite.Stmt) error {
				list = append(list, ModuleRef{stmt.ColumnText(0), stmt.ColumnText(1)})
				return nil
			}, id)
	})
	return list, err
}
