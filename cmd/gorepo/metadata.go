package main

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gorepo/internal/fetch"
	"gorepo/internal/repodata"
	"gorepo/internal/rpmpkg"
)

// A metadataOpener opens the metadata of repositories that are named by a
// directory or a URL. What comes over the network goes into a temporary
// directory, which close removes.
type metadataOpener struct {
	note   func(url string) // is told of what was fetched; nil: nobody
	lists  []string         // lists of packages that are opened besides primary, filelists and other
	extras []string         // what is opened besides the lists of packages: group, modules, ...
	client *fetch.Client
	dir    string
}

// openedMetadata is a repository's metadata, and where that is.
type openedMetadata struct {
	*repodata.OldMetadata
	dir string // absolute path; "" of one on a server
	url string // without credentials, and without a slash at the end
}

func (o *metadataOpener) close() {
	if o.client != nil {
		o.client.Close()
	}
	if o.dir != "" {
		_ = os.RemoveAll(o.dir)
	}
}

// isRemote reports whether a repository is on a server.
func isRemote(repo string) bool {
	scheme, _, found := strings.Cut(repo, "://")
	return found && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// open opens the metadata of one repository.
func (o *metadataOpener) open(ctx context.Context, repo string) (openedMetadata, error) {
	if isRemote(repo) {
		return o.fetch(ctx, repo)
	}
	dir, err := localDir(repo)
	if err != nil {
		return openedMetadata{}, err
	}
	m, err := repodata.OpenLocal(repo, filepath.Join(dir, "repodata"))
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s: there is no repodata/repomd.xml: is it a repository?", repo)
	}
	return openedMetadata{m, dir, (&url.URL{Scheme: "file", Path: dir}).String()}, err
}

// localDir is the absolute path of a directory that is named by its path or by
// a file URL.
func localDir(repo string) (string, error) {
	if !strings.Contains(repo, "://") {
		return filepath.Abs(repo)
	}
	u, err := url.Parse(repo)
	if err != nil || u.Scheme != "file" || u.Host != "" && u.Host != "localhost" || !strings.HasPrefix(u.Path, "/") {
		return "", fmt.Errorf("%s: a repository is a directory, or a URL of file, http or https", repo)
	}
	return filepath.Clean(u.Path), nil
}

const (
	// maxMetadata bounds one metadata file, in bytes.
	maxMetadata = 4 << 30
	// maxRecords bounds how many files are fetched of one repository.
	maxRecords = 1000
)

// fetch brings what is used of a repository's metadata.
func (o *metadataOpener) fetch(ctx context.Context, repo string) (openedMetadata, error) {
	if o.client == nil {
		o.client = fetch.NewClient()
	}
	source, err := o.client.Source([]string{repo}, fetch.Options{})
	if err != nil {
		return openedMetadata{}, err
	}
	data, info, err := source.Get(ctx, "repodata/repomd.xml", repodata.MaxRepomd, fetch.Condition{})
	if err != nil {
		return openedMetadata{}, err
	}
	repomd, err := repodata.ParseRepomd(data)
	if err != nil {
		return openedMetadata{}, fmt.Errorf("%s: %w", info.URL, err)
	}
	if len(repomd.Records) > maxRecords {
		return openedMetadata{}, fmt.Errorf("%s: has %d records, more than %d are refused", info.URL, len(repomd.Records), maxRecords)
	}
	name := strings.TrimSuffix(source.URL("", "repodata/repomd.xml"), "/repodata/repomd.xml")
	files := map[repodata.Record]string{}
	for _, rec := range o.used(repomd) {
		if files[rec], err = o.download(ctx, source.From(info), rec); err != nil {
			return openedMetadata{}, err
		}
		if o.note != nil {
			o.note(source.URL(rec.Base, rec.Location))
		}
	}
	m := &repodata.OldMetadata{Name: name, Repomd: repomd, Open: func(rec repodata.Record) (io.ReadCloser, error) {
		file, ok := files[rec]
		if !ok {
			return nil, fmt.Errorf("%s was not fetched", rec.Location)
		}
		return os.Open(file)
	}}
	return openedMetadata{m, "", name}, nil
}

// used are the records that are made use of.
func (o *metadataOpener) used(m *repodata.Repomd) []repodata.Record {
	var list []repodata.Record
	for _, recordType := range append([]string{"primary", "filelists", "other"}, o.lists...) {
		if rec, ok := m.Find(recordType); ok {
			list = append(list, rec)
		}
	}
	for _, rec := range m.Extras() {
		content, _, _ := strings.Cut(rec.Type, "_") // group_gz holds what group does
		if slices.Contains(o.extras, content) {
			list = append(list, rec)
		}
	}
	return list
}

// download brings the file of a record, verified, into the temporary
// directory, and returns its path.
func (o *metadataOpener) download(ctx context.Context, source *fetch.Source, rec repodata.Record) (path string, err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "gorepo-"); err != nil {
			return "", err
		}
	}
	f, err := os.CreateTemp(o.dir, "")
	if err != nil {
		return "", err
	}
	limit := rec.Size
	if limit < 0 || limit > maxMetadata {
		limit = maxMetadata
	}
	sum, err := rpmpkg.NewHash(rec.Checksum.Type)
	if err == nil {
		_, err = source.Download(ctx, rec.Base, rec.Location, &recordSink{file: f, rec: rec, sum: sum}, limit)
	}
	return f.Name(), errors.Join(err, f.Close())
}

// recordSink takes a metadata file, and verifies it.
type recordSink struct {
	file *os.File
	rec  repodata.Record
	sum  hash.Hash
	size int64
}

// Write implements fetch.Sink, as all below do.
func (s *recordSink) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	s.sum.Write(p[:n])
	s.size += int64(n)
	return n, err
}

func (s *recordSink) Offset() int64 { return s.size }

func (s *recordSink) Restart() error {
	s.sum.Reset()
	s.size = 0
	if err := s.file.Truncate(0); err != nil {
		return err
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return err
}

func (s *recordSink) Finish() error {
	got := rpmpkg.Sum(s.rec.Checksum.Type, s.sum)
	switch {
	case s.rec.Size >= 0 && s.size != s.rec.Size:
		return fmt.Errorf("has %d bytes, and repomd.xml says %d", s.size, s.rec.Size)
	case !got.Equal(s.rec.Checksum):
		return fmt.Errorf("has the checksum %s, and repomd.xml says %s", got, s.rec.Checksum)
	}
	return nil
}
