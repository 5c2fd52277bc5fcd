package reposync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"gorepo/internal/mirror"
	"gorepo/internal/rpmpkg"
	"gorepo/internal/treeinfo"
)

// maxExtra bounds the files beside a tree that are asked for by name, in bytes.
const maxExtra = 4 << 20

// PlannedFile is a file that a sync would bring.
type PlannedFile struct {
	Path string
	Size int64 // bytes; -1 where upstream does not say
	URL  string
}

// treePlan is an installation tree as upstream has it, compared with what is
// here.
type treePlan struct {
	state    mirror.TreeState // Files are those that are in place, and are to stay
	data     []byte           // of the treeinfo
	changed  bool             // it is not the one that is in place
	modified time.Time        // of it, as the server says
	source   Source           // that gave it: what has no checksum has to come from there too
	fetch    []treeFile
	nested   []string // directories of repositories inside
}

// treeFile is a file of the tree that is not here.
type treeFile struct {
	mirror.File
	proof    string
	data     []byte // where it came already
	modified time.Time
	extra    bool
	optional bool // upstream need not have it
}

// errNoTree tells that upstream has no treeinfo.
var errNoTree = errors.New("there is neither .treeinfo nor treeinfo: upstream has no installation tree")

// planTree finds out what is to be done for the installation tree: nil where
// none is asked for or can be had, which is reported. It changes nothing. An error
// is about the whole sync.
func (s *run) planTree(ctx context.Context) (*treePlan, error) {
	if !s.o.Treeinfo {
		return nil, nil
	}
	p, err := s.readTree(ctx)
	switch {
	case errors.Is(err, errNoTree) && s.state.Tree.Name == "":
		s.o.OnWarning(err.Error())
		return nil, nil
	case fatal(ctx, err):
		return nil, err
	case err != nil:
		s.failTree(err)
		if len(s.state.Tree.Nested) > 0 {
			s.unsure = "what lies inside the installation tree is not known"
		}
		return nil, nil
	}
	return p, nil
}

// readTree reads the treeinfo and compares. What the tree cannot have is
// reported.
func (s *run) readTree(ctx context.Context) (*treePlan, error) {
	p, err := s.fetchTreeinfo(ctx)
	if err != nil {
		return nil, err
	}
	url := s.o.Source.URL("", p.state.Name)
	t, err := treeinfo.Parse(p.data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	bad := 0
	failed := func(err error) {
		if bad++; bad <= maxTold {
			s.failTree(fmt.Errorf("%s: %w", url, err))
		}
	}
	for _, err := range t.Bad {
		failed(err)
	}
	wanted := map[string]treeFile{}
	for _, f := range t.Files {
		want, err := p.want(f)
		if err != nil {
			failed(err)
		} else if want.Path != "" {
			merge(wanted, want)
		}
	}
	p.nested = s.inside(t.Repositories, failed)
	if err := s.extras(ctx, p, t, wanted, failed); err != nil {
		return nil, err
	}
	if bad > maxTold {
		s.o.OnFailure(fmt.Errorf("%s: and %d more such", url, bad-maxTold))
	}
	s.treeSums = map[rpmpkg.Checksum]bool{}
	for _, f := range wanted {
		s.treeSums[f.Checksum] = true
	}
	return p, s.compareTree(ctx, p, wanted)
}

// fetchTreeinfo brings the treeinfo, under the name that upstream has for it.
func (s *run) fetchTreeinfo(ctx context.Context) (*treePlan, error) {
	was := s.state.Tree
	names := []string{".treeinfo", "treeinfo"}
	if was.Name == names[1] {
		slices.Reverse(names)
	}
	var refused error // servers that hide hidden files may do so with another status
	for _, name := range names {
		known := Validators{}
		stored, err := s.o.Repo.ReadFile(name, treeinfo.MaxSize)
		here := err == nil && name == was.Name && sumHex(stored) == was.SHA256
		if here {
			known = Validators{ETag: was.ETag, LastModified: was.LastModified, URL: was.Source, SHA256: was.SHA256}
		}
		small, err := s.getFile(ctx, s.o.Source, name, treeinfo.MaxSize, known)
		switch {
		case fatal(ctx, err):
			return nil, err
		case small.NotFound:
			continue
		case err == nil && isWebPage(small.Data):
			err = fmt.Errorf("%s: is an HTML page: a login page or proxy in between?", small.URL)
		}
		if err != nil {
			if refused == nil {
				refused = err
			}
			continue
		}
		p := &treePlan{state: mirror.TreeState{Name: name}, data: small.Data, modified: modified(small.LastModified), source: small.Same}
		if small.NotModified {
			p.data, small.Validators, small.URL = stored, known, was.Source
		}
		p.changed = !here || !bytes.Equal(p.data, stored)
		p.state.Source, p.state.ETag, p.state.LastModified = small.URL, small.ETag, small.LastModified
		p.state.SHA256 = sumHex(p.data)
		p.state.Searched = !p.changed && was.Searched
		return p, nil
	}
	if refused != nil {
		return nil, refused
	}
	return nil, errNoTree
}

// modified reads a Last-Modified; zero where there is none.
func modified(header string) time.Time {
	t, err := http.ParseTime(header)
	if err != nil {
		return time.Time{}
	}
	return t
}

func (s *run) getFile(ctx context.Context, from Source, name string, limit int64, known Validators) (Small, error) {
	if err := s.o.Slots.take(ctx); err != nil {
		return Small{}, err
	}
	defer s.o.Slots.free()
	return from.Get(ctx, name, limit, known)
}

// want is a file of the treeinfo; without a path it is one that comes with
// metadata, or the treeinfo itself.
func (p *treePlan) want(f treeinfo.File) (treeFile, error) {
	if slices.Contains(strings.Split(f.Path, "/"), "repodata") {
		return treeFile{}, nil
	}
	clean, err := mirror.CheckFile(f.Path)
	if err != nil || clean == p.state.Name {
		return treeFile{}, err
	}
	want := treeFile{File: mirror.File{Path: clean, Size: f.Size, Checksum: f.Checksum}, proof: f.Checksum.String()}
	if f.Checksum == (rpmpkg.Checksum{}) {
		want.proof = "treeinfo:" + p.state.SHA256
	}
	return want, nil
}

// merge adds a file, of which another spelling may be there already: what is
// known of it counts.
func merge(wanted map[string]treeFile, f treeFile) {
	have, ok := wanted[f.Path]
	if !ok || have.Checksum == (rpmpkg.Checksum{}) {
		wanted[f.Path] = f
	}
}

// inside are those of a tree's repositories that lie in a directory of their own
// inside this one. Others are upstreams of their own.
func (s *run) inside(repositories []string, failed func(error)) []string {
	var list []string
	for _, dir := range repositories {
		switch {
		case path.Clean(dir) == ".":
			continue
		case mirror.LeadsOut(dir), strings.HasPrefix(dir, "/"), strings.Contains(dir, "://"):
			s.o.OnNote(fmt.Sprintf("the repository %s of the installation tree lies outside of this one, and is not brought: configure it by itself", dir))
			continue
		}
		clean, err := mirror.CheckDir(dir)
		if err != nil {
			failed(err)
			continue
		}
		list = append(list, clean)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// extras adds the files that no treeinfo names: those of extra_files.json, or
// those that trees were known to have before there was one. They are searched for
// once for every treeinfo.
func (s *run) extras(ctx context.Context, p *treePlan, t *treeinfo.Tree, wanted map[string]treeFile, failed func(error)) error {
	known := map[string]treeFile{}
	for _, f := range s.state.Tree.Files {
		want := treeFile{File: mirror.File{Path: f.Path, Size: f.Size}, proof: f.Proof, extra: true}
		kind, digits, _ := strings.Cut(f.Proof, ":")
		var err error
		want.Checksum, err = rpmpkg.ParseChecksum(kind, digits)
		if f.Extra && (err == nil || f.Proof == "treeinfo:"+p.state.SHA256) {
			known[f.Path] = want
		}
	}
	if p.state.Searched {
		for _, want := range known {
			merge(wanted, want)
		}
		return nil
	}
	p.state.Searched = true
	ask := func(name string, limit int64) ([]byte, error) {
		small, err := s.getFile(ctx, p.source, name, limit, Validators{})
		switch {
		case fatal(ctx, err):
			return nil, err
		case err == nil && isWebPage(small.Data) && known[name].Path != "":
			err = fmt.Errorf("%s: is an HTML page", small.URL)
		}
		if err != nil {
			s.o.OnNote(err.Error())
			p.state.Searched = false // perhaps next time
			return nil, nil
		}
		if small.NotFound || isWebPage(small.Data) {
			return nil, nil
		}
		sum := rpmpkg.Checksum{Type: "sha256", Hex: sumHex(small.Data)}
		merge(wanted, treeFile{
			File:  mirror.File{Path: name, Size: int64(len(small.Data)), Checksum: sum},
			proof: sum.String(), data: small.Data, modified: modified(small.LastModified), extra: true,
		})
		return small.Data, nil
	}
	const listName = "extra_files.json"
	data, err := ask(listName, treeinfo.MaxSize)
	if err != nil {
		return err
	}
	names := []string{".discinfo", "media.repo"}
	if data == nil {
		names = append(names, licences(t)...)
	} else {
		files, err := treeinfo.ParseExtraFiles(data)
		if err != nil {
			failed(fmt.Errorf("%s: %w", listName, err))
		}
		for _, f := range files {
			want, err := p.want(f)
			if want.extra = true; err != nil {
				failed(err)
			} else if want.Path != "" {
				merge(wanted, want)
			}
		}
	}
	for _, name := range names {
		if _, err := ask(name, maxExtra); err != nil {
			return err
		}
	}
	if t.Plain { // the installer of EL5 asks for these by name
		for _, name := range []string{"images/minstg2.img", "images/stage2.img"} {
			merge(wanted, treeFile{File: mirror.File{Path: name, Size: -1}, proof: "treeinfo:" + p.state.SHA256, extra: true, optional: true})
		}
	}
	return nil
}

// licences are the names under which trees without extra_files.json have their
// licences and keys.
func licences(t *treeinfo.Tree) []string {
	names := []string{"EULA", "GPL"}
	major, _, _ := strings.Cut(t.Version, ".")
	switch {
	case strings.HasPrefix(t.Family, "Red Hat"):
		names = append(names, "RPM-GPG-KEY-redhat-beta", "RPM-GPG-KEY-redhat-release")
	case strings.HasPrefix(t.Family, "CentOS") && major != "" && strings.Trim(major, "0123456789") == "":
		names = append(names, "RPM-GPG-KEY-CentOS-"+major, "RPM-GPG-KEY-CentOS-Testing-"+major)
	}
	return names
}

// compareTree finds out which files are here. What was brought by the same proof
// and has size and mtime of then is; else a checksum tells.
func (s *run) compareTree(ctx context.Context, p *treePlan, wanted map[string]treeFile) error {
	was := map[string]mirror.TreeFile{}
	for _, f := range s.state.Tree.Files {
		was[f.Path] = f
	}
	for _, f := range sortedTree(wanted) {
		info, ok, err := s.o.Repo.StatFile(f.Path)
		if err != nil {
			return err
		}
		now := mirror.TreeFile{Path: f.Path, Size: info.Size, MTime: info.MTime, Proof: f.proof, Extra: f.extra}
		right := ok && was[f.Path] == now
		if ok && !right && f.Checksum != (rpmpkg.Checksum{}) {
			if right, err = s.o.Repo.Holds(ctx, f.File); err != nil {
				return err
			}
		}
		if right {
			p.state.Files = append(p.state.Files, now)
		} else {
			p.fetch = append(p.fetch, f)
		}
	}
	return nil
}

func sortedTree(files map[string]treeFile) []treeFile {
	list := make([]treeFile, 0, len(files))
	for _, f := range files {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b treeFile) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// obsolete are the files of the former tree that upstream's has no more.
func (p *treePlan) obsolete(was mirror.TreeState) []mirror.TreeFile {
	wanted := map[string]bool{p.state.Name: true}
	for _, f := range p.state.Files {
		wanted[f.Path] = true
	}
	for _, f := range p.fetch {
		wanted[f.Path] = true
	}
	files := slices.Clone(was.Files)
	if was.Name != "" {
		files = append(files, mirror.TreeFile{Path: was.Name})
	}
	return slices.DeleteFunc(files, func(f mirror.TreeFile) bool { return wanted[f.Path] })
}

// plannedFiles are what bringing the tree would fetch.
func (s *run) plannedFiles(p *treePlan) []PlannedFile {
	var list []PlannedFile
	if p.changed {
		list = append(list, PlannedFile{p.state.Name, int64(len(p.data)), s.o.Source.URL("", p.state.Name)})
	}
	for _, f := range p.fetch {
		list = append(list, PlannedFile{f.Path, f.Size, s.o.Source.URL("", f.Path)})
	}
	return list
}
