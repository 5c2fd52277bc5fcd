package createrepo

import (
	"errors"
	"io"
	"iter"

	"gorepo/internal/comps"
	"gorepo/internal/modulemd"
	"gorepo/internal/rpmpkg"
	"gorepo/internal/updateinfo"
)

// maxTold is how much of a kind that is wrong with metadata is told of one by
// one.
const maxTold = 20

// trimExtras has upstream's groups, modules and advisories cut down to the
// packages that are there: a sync has left others out, and clients are not to be
// told of them. They are always made from upstream's own, so that with the
// packages everything comes back.
func (r *repository) trimExtras() {
	trimmed := !r.aside && r.own != nil && r.own.Ours && r.state.Publish.Trimmed != "" && r.state.Publish.Trimmed == r.state.Sync.Repomd
	for i := range r.build.Extras {
		e := &r.build.Extras[i]
		e.Trimmed = trimmed
		switch e.Type {
		case "group":
			e.Trim = trimGroups
		case "modules":
			e.Trim = r.trimModules()
		case "updateinfo":
			e.Trim = trimUpdates
		}
	}
}

type openFunc = func() (io.ReadCloser, error)

// trimGroups has comps.xml name packages that are there, of whatever version and
// architecture.
func trimGroups(w io.Writer, open openFunc, listed iter.Seq[rpmpkg.NEVRA]) (changed bool, err error) {
	names := map[string]bool{}
	for n := range listed {
		names[n.Name] = true
	}
	return reading(open, func(r io.Reader) (bool, error) {
		return comps.Trim(w, r, func(name string) bool { return names[name] })
	})
}

// trimModules has streams list packages that are there.
func (r *repository) trimModules() func(io.Writer, openFunc, iter.Seq[rpmpkg.NEVRA]) (bool, error) {
	told := map[string]bool{} // it may be done twice
	return func(w io.Writer, open openFunc, listed iter.Seq[rpmpkg.NEVRA]) (changed bool, err error) {
		have := modulemd.Artifacts{}
		for n := range listed {
			have.Add(n)
		}
		return modulemd.Trim(w, open, have, func(err error) {
			if text := err.Error(); !told[text] && len(told) < maxTold {
				told[text] = true
				r.o.OnWarning("", text+" (it stays as it is)")
			}
		})
	}
}

// trimUpdates has advisories list packages that are there in the version that
// corrects something, or a newer one: that an older one was a security fix is
// what lets a client that skipped it see that the newest one is one too.
func trimUpdates(w io.Writer, open openFunc, listed iter.Seq[rpmpkg.NEVRA]) (changed bool, err error) {
	type nameArch struct{ name, arch string }
	newest := map[nameArch]rpmpkg.EVR{}
	for n := range listed {
		key := nameArch{n.Name, n.Arch}
		if have, ok := newest[key]; !ok || n.Compare(have) > 0 {
			newest[key] = n.EVR
		}
	}
	return reading(open, func(r io.Reader) (bool, error) {
		return updateinfo.Trim(w, r, func(p updateinfo.Package) bool {
			have, ok := newest[nameArch{p.Name, p.Arch}]
			return ok && have.Compare(rpmpkg.EVR{Epoch: p.Epoch, Version: p.Version, Release: p.Release}) >= 0
		})
	})
}

// reading calls f with an open file.
func reading(open openFunc, f func(io.Reader) (bool, error)) (changed bool, err error) {
	in, err := open()
	if err != nil {
		return false, err
	}
	changed, err = f(in)
	return changed, errors.Join(err, in.Close())
}
