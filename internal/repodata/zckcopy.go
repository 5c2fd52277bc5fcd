package repodata

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sync/errgroup"

	"gorepo/internal/rpmpkg"
	"gorepo/internal/zchunk"
)

// zchunkType is the type of the record of another's zchunk copy; "" where the
// file is in zchunk itself.
func zchunkType(rec Record) string {
	if suffixOf(rec.Name()) == Zchunk.suffix() {
		return ""
	}
	base, variant := contentType(rec.Type)
	if variant == "_db" {
		return ""
	}
	return base + "_zck"
}

// zchunkDict is the dictionary for the copy of a record's file, nil where there
// is none.
func (o *Options) zchunkDict(rec Record) ([]byte, error) {
	if o.ZchunkDictDir == "" {
		return nil, nil
	}
	dict, err := ZchunkDict(o.ZchunkDictDir, rec.ContentName())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return dict, err
}

// zchunkPublished reports whether the published generation has the zchunk copies
// that would be made, and how many they are.
func (o *Options) zchunkPublished(p *OldMetadata) (n int, ok bool) {
	if !o.Zchunk {
		return 0, true
	}
	var types []string
	for _, k := range o.kinds() {
		types = append(types, k.String())
	}
	for _, e := range o.Extras {
		types = append(types, e.Type)
	}
	for _, t := range types {
		rec, found := p.Repomd.Find(t)
		if !found {
			return 0, false
		}
		copyType := zchunkType(rec)
		if copyType == "" {
			continue
		}
		n++
		copied, found := p.Repomd.Find(copyType)
		if !found || !sameNaming(copied, o) || !o.isZchunkCopy(p, copied, rec) {
			return 0, false
		}
	}
	return n, true
}

// isZchunkCopy reports whether copied is the zchunk copy that would be made of
// a record's file. Where its chunks end is not looked at.
func (o *Options) isZchunkCopy(p *OldMetadata, copied, rec Record) bool {
	if zchunkType(copied) != "" || copied.OpenChecksum.Hex == "" || !copied.OpenChecksum.Equal(rec.contentChecksum()) {
		return false
	}
	want, err := o.zchunkDict(rec)
	if err != nil {
		return false
	}
	file, err := p.Open(copied)
	if err != nil {
		return false
	}
	defer file.Close() //nolint:errcheck // only read
	z, err := zchunk.NewReader(file)
	if err != nil {
		return false
	}
	defer z.Close() //nolint:errcheck // only read
	return bytes.Equal(z.Dict(), want)
}

// zchunkCopies makes a zchunk copy of each file, if Options.Zchunk asks for
// them. packages is how many packages primary, filelists and other list.
func (g *generation) zchunkCopies(ctx context.Context, packages int) error {
	if !g.o.Zchunk {
		return nil
	}
	// What primary says of sources, filelists and other are told.
	filelists, other, ext := make(chan bool, packages), make(chan bool, packages), make(chan bool, packages)
	copies := make([]*metaFile, len(g.records))
	grp, gctx := errgroup.WithContext(ctx)
	grp.SetLimit(len(g.o.kinds())) // the lists, which wait for each other, come first
	for i, rec := range g.records {
		if zchunkType(rec) == "" {
			continue
		}
		var list *listCopy
		switch rec.Type {
		case Primary.String():
			list = &listCopy{Primary, packages, bySource(filelists, other, ext)}
		case Filelists.String():
			list = &listCopy{Filelists, packages, likePrimary(gctx, filelists)}
		case Other.String():
			list = &listCopy{Other, packages, likePrimary(gctx, other)}
		case FilelistsExt.String():
			list = &listCopy{FilelistsExt, packages, likePrimary(gctx, ext)}
		}
		grp.Go(func() (err error) {
			if copies[i], err = g.zchunkCopy(gctx, rec, list); err != nil {
				return fmt.Errorf("the zchunk copy of %s: %w", rec.Type, err)
			}
			return nil
		})
	}
	if err := grp.Wait(); err != nil {
		return err
	}
	for _, f := range copies {
		if f == nil {
			continue
		}
		rec, err := g.publishAs(f)
		if err != nil {
			return err
		}
		g.records = append(g.records, rec)
	}
	return nil
}

// zchunkCopy makes the zchunk copy of a record's file; list is nil where that
// is not a list of packages.
func (g *generation) zchunkCopy(ctx context.Context, rec Record, list *listCopy) (*metaFile, error) {
	dict, err := g.o.zchunkDict(rec)
	if err != nil {
		return nil, err
	}
	if dict == nil && g.o.ZchunkDictDir != "" && list != nil {
		g.o.OnWarning("", fmt.Sprintf("%s has no dictionary %s.zdict: the zchunk copy is made without", g.o.ZchunkDictDir, rec.ContentName()))
	}
	file, err := os.Open(g.out.Path(rec.Name()))
	if err != nil {
		return nil, err
	}
	in, err := openRecord(ctx, file, rec)
	if err != nil {
		return nil, err
	}
	f, err := g.createZchunk(zchunkType(rec), rec.ContentName(), dict)
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	if list != nil {
		err = list.copy(f, in)
	} else {
		_, err = io.Copy(f, in)
	}
	if err == nil && !rpmpkg.Sum(g.o.repomdChecksum(), f.openSum).Equal(rec.contentChecksum()) {
		err = errors.New("it has not the same content")
	}
	return f, f.end(errors.Join(err, in.Close()))
}

// A listCopy says how a list of packages is cut into chunks. As createrepo_c has
// it, the first chunk is what stands before the first package, and another one
// begins with each package that does not come from the same source package as
// the one before: what one source package gives changes together.
type listCopy struct {
	kind     Kind
	packages int
	// begins reports whether a chunk begins with a package.
	begins func(element []byte) (bool, error)
}

// copy copies a list, which is as writeKind writes it.
func (l *listCopy) copy(out *metaFile, in io.Reader) error {
	split, err := NewSplitter(in, l.kind)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "%s%d\">\n", l.kind.header(), l.packages); err != nil {
		return err
	}
	if err := out.endChunk(); err != nil {
		return err
	}
	for n := range l.packages {
		element, err := split.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("it lists %d packages, and should %d", n, l.packages)
		}
		if err == nil {
			err = l.element(out, element)
		}
		if err != nil {
			return err
		}
	}
	if _, err := split.Next(); !errors.Is(err, io.EOF) {
		return errors.Join(err, fmt.Errorf("it does not end behind %d packages", l.packages))
	}
	if _, err := io.WriteString(out, l.kind.footer()); err != nil {
		return err
	}
	// The file is known to be whole only behind its end.
	_, err = io.Copy(io.Discard, in)
	return err
}

func (l *listCopy) element(out *metaFile, element []byte) error {
	begins, err := l.begins(element)
	if err == nil && begins {
		err = out.endChunk()
	}
	if err != nil {
		return err
	}
	return out.writeElement(element)
}

// bySource begins a chunk where primary's packages come to be from another source
// package, and tells the others of every package whether it does.
func bySource(tell ...chan<- bool) func(element []byte) (bool, error) {
	var before []byte
	return func(element []byte) (bool, error) {
		source := sourceOf(element)
		begins := !bytes.Equal(source, before)
		before = append(before[:0], source...)
		for _, c := range tell {
			c <- begins // it has room for all of them
		}
		return begins, nil
	}
}

// likePrimary begins a chunk where primary does.
func likePrimary(ctx context.Context, told <-chan bool) func(element []byte) (bool, error) {
	return func([]byte) (bool, error) {
		select {
		case begins := <-told:
			return begins, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// sourceOf is the file name of the source package in an entry of primary, as
// it is written there; empty for source packages.
func sourceOf(element []byte) []byte {
	_, after, _ := bytes.Cut(element, []byte("<rpm:sourcerpm>"))
	source, _, _ := bytes.Cut(after, []byte("<"))
	return source
}
