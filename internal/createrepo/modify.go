package createrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
)

// A Change adds a file to published metadata, as a record in the place of
// those of its type, or removes the records of a type.
type Change struct {
	Remove bool
	File   string // what is added
	// Type is the record's; "" is the name of the file up to its first dot.
	Type    string
	NewName string // what the file is called in repodata; "": its own name
	// Plain files are not compressed, others by CompressType; "": gz.
	Plain        bool
	CompressType string
	// Zchunk adds a zchunk copy besides, as a record of the type TYPE_zck. A
	// dictionary for it is in ZchunkDictDir, unless that is "".
	Zchunk        bool
	ZchunkDictDir string
	Checksum      string // type of the record's checksums; "": sha256
	SimpleName    bool   // no checksum in the file's name
}

// recordType is the type that the change is about.
func (c Change) recordType() (string, error) {
	name := filepath.Base(c.File)
	if c.NewName != "" {
		name = filepath.Base(c.NewName)
	}
	t := c.Type
	if t == "" {
		t, _, _ = strings.Cut(name, ".")
	}
	if t == "" || t == string(filepath.Separator) || strings.ContainsFunc(t, unicode.IsControl) {
		return "", fmt.Errorf("%q is no type of a record: name one with --mdtype, or type in a batch file", t)
	}
	return t, nil
}

func (c Change) addition(recordType string) (repodata.Addition, error) {
	a := repodata.Addition{
		Type: recordType, File: c.File, Plain: c.Plain, Checksum: c.Checksum, SimpleName: c.SimpleName,
	}
	if c.NewName != "" {
		a.Name = filepath.Base(c.NewName)
	}
	if c.CompressType == "" {
		return a, nil
	}
	var err error
	a.Compression, err = repodata.ParseCompression(c.CompressType)
	return a, err
}

// ModifyOptions say how metadata is modified.
type ModifyOptions struct {
	LockTimeout time.Duration // as in Options
	Signer      Signer        // as in Options
	OnWarning   func(text string)
}

// Modify makes changes to the metadata that is published in repodataDir, all of
// them or none, and reports whether it was changed. Everything else stays as it
// is, the revision too. Metadata that has these records already is left alone.
func Modify(ctx context.Context, repodataDir string, changes []Change, o ModifyOptions) (changed bool, err error) {
	m, unlock, err := openModification(ctx, repodataDir, o)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return m.make(ctx, func(staging *mirror.Staging, next *repodata.Repomd) error {
		for _, c := range changes {
			if err := m.apply(staging, next, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// openModification locks the repository whose repodata is repodataDir, and opens
// its metadata.
func openModification(ctx context.Context, repodataDir string, o ModifyOptions) (_ *modification, unlock func() error, err error) {
	dir, err := repositoryOf(repodataDir)
	if err != nil {
		return nil, nil, err
	}
	m := &modification{o: o, dir: dir}
	if unlock, err = m.lock(ctx); err != nil {
		return nil, nil, err
	}
	switch m.published, err = repodata.OpenLocal("the published metadata", filepath.Join(dir, "repodata")); {
	case m.state.Sync.Copied:
		err = fmt.Errorf("%s is upstream's own metadata (download_metadata), of which the next sync makes a copy again", repodataDir)
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("%s has no repomd.xml: make the metadata with gorepo createrepo first", repodataDir)
	}
	if err != nil {
		return nil, nil, errors.Join(err, unlock())
	}
	return m, unlock, nil
}

// repositoryOf finds the directory whose repodata is dir, which may be a link
// to it.
func repositoryOf(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if filepath.Base(abs) != "repodata" {
		if real, err := filepath.EvalSymlinks(abs); err == nil {
			abs = real
		}
	}
	switch {
	case !exists(abs):
		return "", errors.New("it is not there; a repository's directory repodata is wanted")
	case filepath.Base(abs) != "repodata":
		return "", errors.New("it is not called repodata; a repository's directory repodata is wanted, with repomd.xml in it")
	}
	return filepath.Dir(abs), nil
}

// modification is one generation that is made of another.
type modification struct {
	o         ModifyOptions
	dir       string
	repo      *mirror.Repo // nil: a plain directory
	state     mirror.State
	published *repodata.OldMetadata
}

// lock takes the directory, as the repository of a mirror that it may be.
func (m *modification) lock(ctx context.Context) (unlock func() error, err error) {
	repos, err := mirror.ReposAt(m.dir)
	if err != nil {
		return nil, err
	}
	if len(repos) != 1 {
		// Whoever works on one of several in one ROOT locks the directory too.
		return mirror.LockDir(ctx, m.dir, m.o.LockTimeout)
	}
	m.repo = repos[0]
	release, err := m.repo.Lock(ctx, m.o.LockTimeout)
	if err != nil {
		return nil, errors.Join(err, m.repo.Close())
	}
	var warning error
	if m.state, warning = m.repo.State(); warning != nil {
		m.o.OnWarning(warning.Error())
	}
	return func() error { return errors.Join(release(), m.repo.Close()) }, nil
}

// make publishes what change makes of a copy of the metadata. change writes new
// files into staging.
func (m *modification) make(ctx context.Context, change func(staging *mirror.Staging, next *repodata.Repomd) error) (changed bool, err error) {
	staging, err := mirror.NewStaging(m.dir)
	if err != nil {
		return false, err
	}
	defer staging.Discard() //nolint:errcheck // what is left of it goes with the next one
	next := *m.published.Repomd
	if err := change(staging, &next); err != nil {
		return false, err
	}
	if _, ok := next.Find("primary"); !ok {
		return false, errors.New("without primary there is no repository: it can be replaced, but not removed")
	}
	if slices.EqualFunc(next.Records, m.published.Repomd.Records, sameRecord) {
		if err := staging.Discard(); err != nil {
			return false, err
		}
		return signPublished(ctx, m.dir, m.o.Signer, time.Time{}, m.o.OnWarning)
	}
	if err := m.complete(ctx, staging, &next); err != nil {
		return false, err
	}
	if err := staging.Write("repomd.xml", next.Append(nil)); err != nil {
		return false, err
	}
	if err := sign(ctx, staging, m.o.Signer, time.Time{}); err != nil {
		return false, err
	}
	return true, m.publish(ctx, staging, &next)
}

// sameRecord compares all but the time.
func sameRecord(a, b repodata.Record) bool {
	a.Timestamp = b.Timestamp
	return a == b
}

func (m *modification) apply(staging *mirror.Staging, next *repodata.Repomd, c Change) error {
	recordType, err := c.recordType()
	if err != nil {
		return err
	}
	if slices.Contains(m.state.Publish.Carried, recordType) {
		m.o.OnWarning(fmt.Sprintf("%s comes from upstream: the next createrepo takes upstream's again", recordType))
	}
	if c.Remove {
		if !next.Remove(recordType) {
			m.o.OnWarning(fmt.Sprintf("there is no record %s to remove", recordType))
		}
		return nil
	}
	a, err := c.addition(recordType)
	if err != nil {
		return err
	}
	next.Remove(recordType)
	rec, err := a.Write(staging, next.Records)
	if err != nil {
		return err
	}
	next.Put(rec)
	if !c.Zchunk {
		return nil
	}
	z, err := m.zchunkCopy(a, rec, c.ZchunkDictDir)
	if err != nil {
		return err
	}
	if rec, err = z.Write(staging, next.Records); err != nil {
		return err
	}
	next.Put(rec)
	return nil
}

// zchunkCopy is the zchunk copy of an addition that was made as rec.
func (m *modification) zchunkCopy(a repodata.Addition, rec repodata.Record, dictDir string) (repodata.Addition, error) {
	a.Type += "_zck"
	a.Plain, a.Compression = false, repodata.Zchunk
	if dictDir == "" {
		return a, nil
	}
	var err error
	a.Dict, err = repodata.ZchunkDict(dictDir, rec.ContentName())
	if errors.Is(err, fs.ErrNotExist) {
		m.o.OnWarning(fmt.Sprintf("%s has no dictionary %s.zdict: the zchunk copy is made without", dictDir, rec.ContentName()))
		err = nil
	}
	return a, err
}

// complete brings in the files of the records that stay, and takes out what a
// later change has replaced.
func (m *modification) complete(ctx context.Context, staging *mirror.Staging, next *repodata.Repomd) error {
	made, err := staging.Names()
	if err != nil {
		return err
	}
	named := map[string]bool{}
	for _, rec := range next.Records {
		if rec.Base != "" || path.Dir(rec.Location) != "repodata" {
			continue // not here
		}
		name := rec.Name()
		if named[name] || slices.Contains(made, name) {
			named[name] = true
			continue
		}
		named[name] = true
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.published.Verify(rec); err != nil {
			return fmt.Errorf("the metadata is damaged already: make it anew with gorepo createrepo: %w", err)
		}
		if err := staging.Link(filepath.Join(m.dir, "repodata", name), name); err != nil {
			return err
		}
	}
	for _, name := range made {
		if !named[name] {
			if err := staging.Remove(name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *modification) publish(ctx context.Context, staging *mirror.Staging, next *repodata.Repomd) error {
	was, err := sumOfRepomd(filepath.Join(m.dir, "repodata"))
	if err != nil {
		return err
	}
	built, err := sumOfRepomd(staging.Dir())
	if err != nil {
		return err
	}
	if m.repo != nil {
		if err := m.noteHistory(ctx, staging, next, built); err != nil {
			return err
		}
	}
	published, err := staging.Publish(ctx, keepFiles(m.published.Repomd))
	if err != nil {
		return err
	}
	warnOfPublished(published, m.o.OnWarning)
	if m.repo == nil {
		return nil
	}
	m.state.Publish.Time = time.Now().UTC().Truncate(time.Second)
	m.state.Publish.Trimmed = "" // what was changed may be of that
	if was == m.state.Publish.Built && sameLists(m.published.Repomd, next) {
		m.state.Publish.Built = built // the entries are ours still
	}
	return m.repo.SaveState(m.state)
}

// sameLists reports whether two generations share the lists of packages, of which
// entries are used again; databases, which are not, may differ.
func sameLists(a, b *repodata.Repomd) bool {
	lists := func(m *repodata.Repomd) []repodata.Record {
		return slices.DeleteFunc(slices.Clone(m.Records), func(rec repodata.Record) bool {
			return !rec.IsPackageList() || rec.DatabaseVersion > 0
		})
	}
	return slices.EqualFunc(lists(a), lists(b), sameRecord)
}
