package reposync

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"time"

	"golang.org/x/sync/errgroup"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
)

const (
	repomdFile    = "repomd.xml"
	signatureFile = "repomd.xml.asc"
	keyFile       = "repomd.xml.key"

	// maxSmall bounds signatures and keys, in bytes.
	maxSmall = 1 << 20
	// maxRecord bounds a metadata file whose record does not give its size.
	maxRecord = 4 << 30
)

// upstream is the metadata of the upstream that a sync works by.
type upstream struct {
	files      map[string][]byte    // repomd.xml, and its signature and key where they matter
	times      map[string]time.Time // when they were modified, as far as the server has just said so
	repomd     *repodata.Repomd
	url        string
	validators Validators
	source     Source           // the server that gave repomd.xml
	unchanged  bool             // it is that of the last complete sync
	before     *repodata.Repomd // that of the last complete sync; nil: none
	weak       []string         // what Result.Weak may have to say of the signature
}

// maxRepomds is how many mirrors are asked for a repomd.xml that is right: where
// all of these are wrong, something else is.
const maxRepomds = 5

// fetchRepomd brings repomd.xml, and believes it only if its signature is right
// where one is asked for. A mirror whose repomd.xml is not right, or older than
// what is stored, is left out as long as there is another one.
func (s *run) fetchRepomd(ctx context.Context) (*upstream, error) {
	for try := 1; ; try++ {
		stored, known := s.storedRepomd()
		small, err := s.get(ctx, s.o.Source, repomdFile, repodata.MaxRepomd, known)
		if err != nil {
			return nil, err
		}
		if small.NotFound {
			return nil, &UnavailableError{fmt.Errorf("%s: not found: is its baseurl right?", s.o.Source.URL("", "repodata/"+repomdFile))}
		}
		u, err := s.readRepomd(ctx, small, stored, known)
		wrong := err
		if err == nil {
			wrong = u.wentBack()
		}
		if wrong == nil || ctx.Err() != nil || try == maxRepomds || small.Reject == nil || !small.Reject(wrong) {
			return u, err
		}
	}
}

// readRepomd makes of a repomd.xml, and what belongs to it, what a sync works by.
func (s *run) readRepomd(ctx context.Context, small Small, stored map[string][]byte, known Validators) (*upstream, error) {
	u := &upstream{files: map[string][]byte{}, url: small.URL, validators: small.Validators, source: small.Same}
	u.times = map[string]time.Time{}
	if small.NotModified {
		u.files, u.validators = maps.Clone(stored), known
		if s.o.DownloadMetadata && stored[signatureFile] == nil { // some are signed late
			if err := s.fetchCompanions(ctx, u, signatureFile); err != nil {
				return nil, err
			}
			if u.files[signatureFile] != nil {
				if err := s.fetchCompanions(ctx, u, keyFile); err != nil {
					return nil, err
				}
			}
		}
	} else {
		if isWebPage(small.Data) {
			return nil, fmt.Errorf("%s: is an HTML page: a login page or proxy in between, or a wrong baseurl?", u.url)
		}
		u.times[repomdFile] = modified(small.LastModified)
		u.files[repomdFile] = small.Data
		if err := s.fetchCompanions(ctx, u, s.companions()...); err != nil {
			return nil, err
		}
	}
	err := s.checkRepomd(u)
	if err != nil && small.NotModified { // it may have been signed anew
		if err := s.fetchCompanions(ctx, u, s.companions()...); err != nil {
			return nil, err
		}
		err = s.checkRepomd(u)
	}
	if err != nil {
		return nil, err
	}
	u.repomd, err = repodata.ParseRepomd(u.files[repomdFile])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u.url, err)
	}
	u.unchanged = maps.EqualFunc(u.files, stored, bytes.Equal)
	if before, err := repodata.ParseRepomd(stored[repomdFile]); err == nil && !u.unchanged {
		u.before = before
	}
	return u, nil
}

func isWebPage(data []byte) bool {
	start := bytes.ToLower(bytes.TrimSpace(data[:min(len(data), 1000)]))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}

func (s *run) get(ctx context.Context, from Source, name string, limit int64, known Validators) (Small, error) {
	return s.getFile(ctx, from, "repodata/"+name, limit, known)
}

// storedRepomd returns repomd.xml and what belongs to it as the last complete
// sync left them, with what to ask the server whether that is still so.
func (s *run) storedRepomd() (map[string][]byte, Validators) {
	stored := map[string][]byte{}
	u, err := s.o.Repo.Upstream()
	if err != nil {
		return stored, Validators{}
	}
	defer u.Close() //nolint:errcheck // only read
	for _, name := range []string{repomdFile, signatureFile, keyFile} {
		if data, err := u.ReadFile(name); err == nil {
			stored[name] = data
		}
	}
	sync := s.state.Sync
	switch {
	case stored[repomdFile] == nil, sync.Repomd != sumHex(stored[repomdFile]),
		s.o.CheckMetadata != nil && stored[signatureFile] == nil,
		s.o.DownloadMetadata && !sync.Copied && sync.CopiedTo == "": // signature and key were not asked for
		return stored, Validators{}
	}
	return stored, Validators{ETag: sync.ETag, LastModified: sync.LastModified, URL: sync.Source, SHA256: sync.Repomd}
}

func sumHex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// companions are what belongs to repomd.xml: the signature where it is checked or
// copied, and the key where it is copied.
func (s *run) companions() []string {
	switch {
	case s.o.DownloadMetadata:
		return []string{signatureFile, keyFile}
	case s.o.CheckMetadata != nil:
		return []string{signatureFile}
	}
	return nil
}

// fetchCompanions brings what upstream has of these names.
func (s *run) fetchCompanions(ctx context.Context, u *upstream, names ...string) error {
	for _, name := range names {
		small, err := s.get(ctx, u.source, name, maxSmall, Validators{})
		if err != nil {
			return err
		}
		if delete(u.files, name); !small.NotFound {
			u.files[name], u.times[name] = small.Data, modified(small.LastModified)
		}
	}
	return nil
}

func (s *run) checkRepomd(u *upstream) error {
	if s.o.CheckMetadata == nil {
		return nil
	}
	signature := u.files[signatureFile]
	if signature == nil {
		return &UntrustedError{fmt.Errorf("%s: there is no %s beside it, and repo_gpgcheck=1 asks for a signature", u.url, signatureFile)}
	}
	weak, err := s.o.CheckMetadata(u.files[repomdFile], signature)
	if err != nil {
		return &UntrustedError{fmt.Errorf("%s: %w", u.url, err)}
	}
	u.weak = weak
	return nil
}

// wantedRecords are the metadata files that a sync brings: of a repository that
// is copied all, of one that is rebuilt those that the build reads.
func (s *run) wantedRecords(m *repodata.Repomd) []repodata.Record {
	if s.o.DownloadMetadata {
		return m.Records
	}
	var wanted []repodata.Record
	for _, k := range []repodata.Kind{repodata.Primary, repodata.Filelists, repodata.Other} {
		if rec, ok := m.Find(k.String()); ok {
			wanted = append(wanted, rec)
		}
	}
	return append(wanted, m.Extras()...)
}

// gather brings the metadata into a stage: from the last sync what is still
// right, from upstream the rest.
func (s *run) gather(ctx context.Context, repo *mirror.Repo, u *upstream, records []repodata.Record) (*mirror.UpstreamStage, error) {
	stage, err := repo.StageUpstream()
	if err != nil {
		return nil, &StopError{err}
	}
	names := map[string]bool{}
	for _, rec := range records {
		names[rec.Name()] = true
	}
	if err := stage.Prune(names); err != nil {
		return nil, &StopError{errors.Join(err, stage.Close())}
	}
	grp, gctx := errgroup.WithContext(ctx)
	grp.SetLimit(s.o.Parallel)
	for _, rec := range distinct(records) {
		grp.Go(func() error {
			if err := s.o.Slots.take(gctx); err != nil {
				return err
			}
			defer s.o.Slots.free()
			err := s.record(gctx, stage, u, rec)
			if err != nil && s.moved(gctx, u) {
				return &movedError{err}
			}
			return s.spare(gctx, rec, err)
		})
	}
	err = grp.Wait()
	for _, name := range []string{repomdFile, signatureFile, keyFile} {
		if data := u.files[name]; err == nil && data != nil {
			err = stage.Write(name, data)
			if t := s.remoteTime(u.times[name]); err == nil && !t.IsZero() {
				err = stage.SetTime(name, t)
			}
		}
	}
	if err != nil {
		return nil, errors.Join(err, stage.Close())
	}
	return stage, nil
}

// spare decides whether a sync can go on without a record that did not come. A
// rebuild makes filelists and other by itself. Of the rest, dnf needs what it
// reads; anything else is reported and left out.
func (s *run) spare(ctx context.Context, rec repodata.Record, err error) error {
	var stop *StopError
	var distrust *UntrustedError
	if err == nil || s.o.DownloadMetadata || ctx.Err() != nil || errors.As(err, &stop) {
		return err
	}
	switch rec.Type {
	case "primary", "group", "group_gz", "modules", "updateinfo":
		return err
	case "filelists", "other":
		err = fmt.Errorf("upstream's %s is not used, createrepo makes it from the packages: %w", rec.Type, err)
		if !errors.As(err, &distrust) {
			s.o.OnWarning(err.Error())
			return nil
		}
	default:
		err = fmt.Errorf("record %s is left out: %w", rec.Type, err)
	}
	s.fail(err)
	return nil
}

// distinct leaves out records that name a file which another one names.
func distinct(records []repodata.Record) []repodata.Record {
	var list []repodata.Record
	seen := map[string]bool{}
	for _, rec := range records {
		key := rec.Location + " " + rec.Checksum.String()
		if !seen[key] {
			list = append(list, rec)
		}
		seen[key] = true
	}
	return list
}

func (s *run) record(ctx context.Context, stage *mirror.UpstreamStage, u *upstream, rec repodata.Record) error {
	name, err := mirror.RecordName(rec.Location)
	if err != nil {
		return fmt.Errorf("%s: record %s: %w", u.url, rec.Type, err)
	}
	have, err := stage.Have(ctx, name, rec.Checksum, rec.Size)
	if have || err != nil {
		return err
	}
	sink, err := stage.Record(ctx, name, rec.Checksum, rec.Size)
	if err != nil {
		return err
	}
	if sink.Complete() { // an earlier run got as far as that
		if sink.Finish() == nil {
			return nil
		}
		if err := sink.Restart(); err != nil {
			return &StopError{errors.Join(err, sink.Discard())}
		}
	}
	limit := rec.Size
	if limit < 0 {
		limit = maxRecord
	}
	download := s.o.Progress.Begin(name, rec.Size, sink.Offset(), false)
	defer download.End()
	var to Sink = &countingSink{Sink: sink, progress: download}
	if s.o.RemoteTime {
		to = datedRecord{to, sink}
	}
	if err := s.o.Source.Download(ctx, rec.Base, rec.Location, to, limit); err != nil {
		return errors.Join(err, sink.Keep())
	}
	return nil
}

// datedRecord is a record that gets the server's time.
type datedRecord struct {
	Sink
	record *mirror.Record
}

// SetModified implements DatedSink. A time that cannot be set harms nothing.
func (d datedRecord) SetModified(t time.Time) { _ = d.record.SetTime(t) }

// generation presents metadata in dir as one that packages are read from.
func (u *upstream) generation(open func(name string) (io.ReadCloser, error)) *repodata.OldMetadata {
	return &repodata.OldMetadata{
		Name:   "upstream's metadata",
		Repomd: u.repomd,
		Open: func(rec repodata.Record) (io.ReadCloser, error) {
			return open(path.Base(rec.Location))
		},
	}
}

// stored returns the metadata of the last complete sync if it is what upstream
// has now, and all of the records are there: then nothing needs to be gathered.
// What is damaged is to be fetched again, so primary is read, and all of what is
// copied; createrepo can do without the rest and looks itself.
func (s *run) stored(ctx context.Context, u *upstream, records []repodata.Record) *repodata.OldMetadata {
	if !u.unchanged {
		return nil
	}
	dir, err := s.o.Repo.Upstream()
	if err != nil {
		return nil
	}
	defer dir.Close() //nolint:errcheck // only read
	for _, rec := range records {
		fi, err := os.Stat(dir.Path(rec.Name()))
		if err != nil || rec.Size >= 0 && fi.Size() != rec.Size {
			return nil
		}
		list := rec.Type == repodata.Filelists.String() || rec.Type == repodata.Other.String()
		if list && !s.o.DownloadMetadata {
			continue // large, and what is wrong with them costs time only
		}
		if whole, err := dir.Verify(ctx, rec.Name(), rec.Checksum, rec.Size); err != nil || !whole {
			return nil
		}
	}
	return previous(s.o.Repo)
}

// previous returns upstream's metadata of the last complete sync, nil where
// there is none that can be read.
func previous(repo *mirror.Repo) *repodata.OldMetadata {
	u, err := repo.Upstream()
	if err != nil {
		return nil
	}
	defer u.Close() //nolint:errcheck // only read
	m, err := repodata.OpenLocal("upstream's metadata", u.Path("."))
	if err != nil {
		return nil
	}
	return m
}

// published returns the generation that clients see, nil where there is none.
// One that is there and cannot be read is an error.
func published(repo *mirror.Repo) (*repodata.OldMetadata, error) { return publishedIn(repo.Dir()) }

func publishedIn(dir string) (*repodata.OldMetadata, error) {
	m, err := repodata.OpenLocal("the published metadata", path.Join(dir, "repodata"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return m, err
}
