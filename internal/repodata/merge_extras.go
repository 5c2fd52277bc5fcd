package repodata

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gorepo/internal/comps"
	"gorepo/internal/modulemd"
	"gorepo/internal/rpmpkg"
)

// extras adds what goes along with the lists of packages: groups, modules and
// advisories of all sources, and the list of origins.
func (m *merger) extras(ctx context.Context) error {
	for _, e := range []struct {
		recordType, name string
		leaveOut         bool
		merge            func(w io.Writer, parts []io.Reader) error
	}{
		{"group", "comps.xml", m.o.NoGroups || m.o.Group != nil, comps.Merge},
		{"modules", "modules.yaml", false, modulemd.Merge},
		{"updateinfo", "updateinfo.xml", m.o.NoUpdates, mergeUpdates},
	} {
		if e.leaveOut {
			continue
		}
		if err := m.extra(ctx, e.recordType, e.name, e.merge); err != nil {
			return err
		}
	}
	if m.o.Group != nil {
		if err := m.add(m.o.Group.write(m.g)); err != nil {
			return fmt.Errorf("groups: %w", err)
		}
	}
	if m.o.Origins {
		return m.origins()
	}
	return nil
}

func (m *merger) add(rec Record, err error) error {
	if err == nil {
		m.g.records = append(m.g.records, rec)
	}
	return err
}

// extra adds one type's record. That of a single source is taken as it is.
func (m *merger) extra(ctx context.Context, recordType, name string, merge func(io.Writer, []io.Reader) error) error {
	var parts []Extra
	var whose []string
	for _, source := range m.o.Sources {
		for _, e := range source.Extras() {
			if base, _ := contentType(e.Type); base == recordType {
				parts, whose = append(parts, e), append(whose, source.Name)
			}
		}
	}
	if len(parts) == 0 {
		return nil
	}
	if len(parts) == 1 {
		if err := m.add(parts[0].write(m.g)); err != nil {
			return fmt.Errorf("%s: %s: %w", whose[0], recordType, err)
		}
		return nil
	}
	f, err := m.g.createCompressed(recordType, name, m.g.o.ExtraCompression)
	if err != nil {
		return err
	}
	readers := make([]io.Reader, len(parts))
	for i, e := range parts {
		p := &part{ctx: ctx, name: whose[i], extra: e}
		defer p.close()
		readers[i] = p
	}
	if err := f.end(merge(f, readers)); err != nil {
		return m.g.abandon(f, fmt.Errorf("%s: %w", recordType, err))
	}
	return m.add(m.g.publishAs(f))
}

// part reads a source's file, uncompressed. It is open from the first read to
// the last: there may be many.
type part struct {
	ctx     context.Context //nolint:containedctx // lives as long as one file is read
	name    string          // of the source, for messages
	extra   Extra
	content *recordReader
	ended   error
}

func (p *part) Read(b []byte) (n int, err error) {
	if p.ended != nil {
		return 0, p.ended
	}
	if p.content == nil {
		var in io.ReadCloser
		if in, err = p.extra.Open(); err == nil {
			p.content, err = openRecord(p.ctx, in, p.extra.Record)
		}
	}
	if err == nil {
		n, err = p.content.Read(b)
	}
	if err != nil {
		if p.ended = err; !errors.Is(err, io.EOF) {
			p.ended = fmt.Errorf("%s: %w", p.name, err)
		}
		p.close()
	}
	return n, p.ended
}

func (p *part) close() {
	if p.content != nil {
		_ = p.content.Close() // it was only read
		p.content = nil
	}
}

// mergeUpdates writes the advisories of several updateinfo.xml as one, in their
// order. Of those that are the same byte for byte there is one; others may
// share an id, as where each repository has its packages of an advisory.
func mergeUpdates(w io.Writer, files []io.Reader) error {
	if _, err := io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n<updates>\n"); err != nil {
		return err
	}
	seen := map[[sha256.Size]byte]bool{}
	for _, file := range files {
		s, err := newSplitter(file, "updates", "update")
		for err == nil {
			var element []byte
			if element, err = s.Next(); err != nil {
				break
			}
			sum := sha256.Sum256(element)
			if seen[sum] {
				continue
			}
			seen[sum] = true
			if err = fitToCopy(element); err == nil {
				_, err = fmt.Fprintf(w, "  %s\n", element)
			}
		}
		if !errors.Is(err, io.EOF) {
			return err
		}
	}
	_, err := io.WriteString(w, "</updates>\n")
	return err
}

// origins adds the list of origins that Koji reads: a line for each package,
// name-version-release.arch, a tab, and the URL of the first repository that it
// was found in.
func (m *merger) origins() error {
	byRepository := slices.Clone(m.chosen)
	slices.SortStableFunc(byRepository, func(a, b *candidate) int { return a.from - b.from })
	f, err := m.g.createCompressed("origin", "pkgorigins", Gzip)
	if err != nil {
		return err
	}
	listed := make(map[rpmpkg.NEVRA]bool, len(byRepository))
	for _, c := range byRepository {
		if listed[c.NEVRA] {
			continue
		}
		listed[c.NEVRA] = true
		nvra := c.Name + "-" + c.Version + "-" + c.Release + "." + c.Arch
		source := m.o.Sources[c.from]
		if strings.ContainsAny(nvra, "\t\r\n") {
			err = fmt.Errorf("%s: the package %q cannot stand in the list of origins", source.Name, nvra)
		} else {
			_, err = io.WriteString(f, nvra+"\t"+source.URL+"\n")
		}
		if err != nil {
			break
		}
	}
	if err := f.end(err); err != nil {
		return m.g.abandon(f, err)
	}
	return m.add(m.g.publishAs(f))
}
