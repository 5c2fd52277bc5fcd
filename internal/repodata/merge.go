package repodata

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
)

// A MergeSource is a repository that is merged into one with others.
type MergeSource struct {
	*OldMetadata
	// Base is written as the xml:base of the packages that have none; "": they
	// are left without.
	Base string
	// URL is what the list of origins calls it.
	URL string
}

// MergeOptions say what Merge makes. Of all but Sources the zero value gives
// mergerepo_c's defaults.
type MergeOptions struct {
	// Sources are the repositories, the preferred one first.
	Sources []MergeSource
	// Noarch is a repository whose entries are taken in the place of those of
	// noarch packages with the same file name, or nil.
	Noarch *MergeSource
	// Method tells which of the packages with one name and architecture is
	// taken.
	Method MergeMethod
	// All takes all packages, each name, version and architecture once, from the
	// first repository that has it.
	All bool
	// Arches are the architectures of the packages that are taken; nil: all.
	Arches []string
	// Koji takes all packages that were built from one source package: of a
	// name, the newest that the first repository with one of that name has.
	// Those without a source package are taken too.
	Koji bool
	// Blocked are names of source packages of which nothing is taken, with Koji.
	Blocked map[string]bool
	// Simple, with Koji, takes every package of every repository.
	Simple bool
	// Origins adds the list that says from which repository each package is.
	Origins bool

	// Group is the comps to add in the place of those that the sources have, or
	// nil. NoGroups and NoUpdates leave out what the sources have.
	Group               *Extra
	NoGroups, NoUpdates bool

	Compression Compression // of all files but databases
	SimpleNames bool
	Workers     int // as in Options
	// FilelistsExt makes filelists-ext too, which every source must have then.
	FilelistsExt bool
	// Databases adds sqlite databases, in DatabaseCompression. Zchunk and
	// ZchunkDictDir are as in Options.
	Databases, Zchunk   bool
	DatabaseCompression Compression
	ZchunkDictDir       string

	OnWarning func(text string) // nil: nobody is told
}

// generation are the options of the generation that is made.
func (o *MergeOptions) generation() Options {
	g := Options{
		Workers: o.Workers, SimpleNames: o.SimpleNames,
		Compression: o.Compression, ExtraCompression: o.Compression,
		FilelistsExt: o.FilelistsExt,
		Databases:    o.Databases, DatabaseCompression: o.DatabaseCompression,
		Zchunk: o.Zchunk, ZchunkDictDir: o.ZchunkDictDir,
	}
	if o.OnWarning != nil {
		g.OnWarning = func(_, text string) { o.OnWarning(text) }
	}
	return g.withDefaults()
}

// MergeResult says what Merge did.
type MergeResult struct {
	Repomd   *Repomd
	Packages int // that are listed
}

// Merge makes one generation of several. Entries are copied as bytes; only
// their xml:base is set. newOutput is called when there is something to write.
// What it wrote is complete when Merge returns without an error, and is the
// caller's to publish. A source that is not what its repomd.xml says is an
// error.
func Merge(ctx context.Context, newOutput func() (Output, error), o MergeOptions) (MergeResult, error) {
	chosen, err := o.choose(ctx)
	if err != nil {
		return MergeResult{}, err
	}
	out, err := newOutput()
	if err != nil {
		return MergeResult{}, err
	}
	opts := o.generation()
	m := &merger{o: &o, chosen: chosen, g: newGeneration(out, &opts, time.Now())}
	if err := m.lists(ctx); err != nil {
		return MergeResult{}, err
	}
	if err := m.g.addDatabases(ctx); err != nil {
		return MergeResult{}, err
	}
	if err := m.extras(ctx); err != nil {
		return MergeResult{}, err
	}
	if err := m.g.zchunkCopies(ctx, len(chosen)); err != nil {
		return MergeResult{}, err
	}
	repomd, err := m.g.finish()
	return MergeResult{Repomd: repomd, Packages: len(chosen)}, err
}

// merger is a generation that is being made of others.
type merger struct {
	o      *MergeOptions
	g      *generation
	chosen []*candidate // in the order in which they are listed
}

// lists writes primary, filelists and other side by side.
func (m *merger) lists(ctx context.Context) error {
	files := make([]*metaFile, len(m.g.o.kinds()))
	grp, gctx := errgroup.WithContext(ctx)
	for _, k := range m.g.o.kinds() {
		grp.Go(func() (err error) {
			files[k], err = m.list(gctx, k)
			var u *unusable
			if errors.As(err, &u) && gctx.Err() == nil {
				err = whatIsWrong(u.old, k, u.err)
			}
			return err
		})
	}
	if err := grp.Wait(); err != nil {
		return errors.Join(ctx.Err(), err)
	}
	for _, f := range files {
		rec, err := m.g.publishAs(f)
		if err != nil {
			return err
		}
		m.g.records = append(m.g.records, rec)
	}
	return nil
}

// whatIsWrong explains why a source's file cannot be used. If it is not the one
// that repomd.xml names, that is why, whatever was seen first.
func whatIsWrong(source *OldMetadata, k Kind, err error) error {
	if rec, ok := source.Repomd.Find(k.String()); ok {
		if damaged := source.Verify(rec); damaged != nil {
			return fmt.Errorf("%s: %w", source.Name, damaged)
		}
	}
	return fmt.Errorf("%s: %w", source.Name, err)
}

// list writes one of the files.
func (m *merger) list(ctx context.Context, k Kind) (_ *metaFile, err error) {
	f, err := m.g.createCompressed(k.String(), k.String()+".xml", m.g.o.Compression)
	if err != nil {
		return nil, err
	}
	defer func() { err = f.end(err) }()
	streams, err := m.open(ctx, k)
	defer func() {
		for _, s := range streams {
			_ = s.close() // it was read, or is gone
		}
	}()
	if err != nil {
		return f, err
	}
	if _, err := fmt.Fprintf(f, "%s%d\">\n", k.header(), len(m.chosen)); err != nil {
		return f, err
	}
	var based []byte
	for _, c := range m.chosen {
		element, err := streams[c.source].get(c.key(k))
		if err != nil {
			return f, err
		}
		if k == Primary && c.base == "" && c.source.Base != "" {
			if based, err = appendWithBase(based[:0], element, c.source.Base); err != nil {
				return f, fmt.Errorf("%s: %w", c.source.Name, err)
			}
			element = based
		}
		if err := f.writeElement(element); err != nil {
			return f, err
		}
		f.endEntry(c.Name)
	}
	for _, s := range streams {
		if err := s.finish(); err != nil {
			return f, err
		}
	}
	_, err = io.WriteString(f, k.footer())
	return f, err
}

// open opens one kind's files of the sources from which something is taken.
// What is open already is returned with an error too.
func (m *merger) open(ctx context.Context, k Kind) (map[*MergeSource]*entryStream, error) {
	wanted := map[*MergeSource]map[string]int{}
	for _, c := range m.chosen {
		if wanted[c.source] == nil {
			wanted[c.source] = map[string]int{}
		}
		wanted[c.source][c.key(k)]++
	}
	streams := map[*MergeSource]*entryStream{}
	for source, keys := range wanted {
		s, err := openStream(ctx, k, source.OldMetadata, keys, m.g.unnamedFile)
		if err != nil {
			return streams, err
		}
		streams[source] = s
	}
	return streams, nil
}
