package createrepo

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"sync"

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
// told of them. What they say of packages that upstream itself does not have
// stays: groups name those of other repositories, modules their sources and
// debuginfo. They are always made from upstream's own, so that with the packages
// everything comes back.
func (r *repository) trimExtras(ctx context.Context) {
	trimmed := !r.aside && r.own != nil && r.own.Ours && r.state.Publish.Trimmed != "" && r.state.Publish.Trimmed == r.state.Sync.Repomd
	t := trimming{upstream: sync.OnceValues(func() (iter.Seq[rpmpkg.NEVRA], error) { return r.upstreamPackages(ctx) }), warn: func(text string) { r.o.OnWarning("", text) }}
	for i := range r.build.Extras {
		e := &r.build.Extras[i]
		e.Trimmed = trimmed
		switch e.Type {
		case "group":
			e.Trim = t.groups
		case "modules":
			e.Trim = t.modules()
		case "updateinfo":
			e.Trim = t.updates
		}
	}
}

// namesOf, artifactsOf and newestOf are what groups, modules and advisories call
// packages by.
func namesOf(packages iter.Seq[rpmpkg.NEVRA]) map[string]bool {
	names := map[string]bool{}
	for n := range packages {
		names[n.Name] = true
	}
	return names
}

func artifactsOf(packages iter.Seq[rpmpkg.NEVRA]) modulemd.Artifacts {
	artifacts := modulemd.Artifacts{}
	for n := range packages {
		artifacts.Add(n)
	}
	return artifacts
}

type nameArch struct{ name, arch string }

func newestOf(packages iter.Seq[rpmpkg.NEVRA]) map[nameArch]rpmpkg.EVR {
	newest := map[nameArch]rpmpkg.EVR{}
	for n := range packages {
		key := nameArch{n.Name, n.Arch}
		if have, ok := newest[key]; !ok || n.Compare(have) > 0 {
			newest[key] = n.EVR
		}
	}
	return newest
}

// upstreamPackages are those that upstream's metadata lists.
func (r *repository) upstreamPackages(ctx context.Context) (iter.Seq[rpmpkg.NEVRA], error) {
	var list []rpmpkg.NEVRA
	if r.upstream == nil {
		return slices.Values(list), nil
	}
	err := r.upstream.EachRef(ctx, func(ref rpmpkg.Ref) error {
		list = append(list, ref.NEVRA)
		return nil
	}, func(error) error { return nil }) // the sync has told of it
	r.untrimmed = err != nil
	return slices.Values(list), err
}

// trimming cuts extras down.
type trimming struct {
	upstream func() (iter.Seq[rpmpkg.NEVRA], error)
	warn     func(text string)
}

type openFunc = func() (io.ReadCloser, error)

// groups has comps.xml not name packages that are left out in every version and
// architecture.
func (t trimming) groups(w io.Writer, open openFunc, listed iter.Seq[rpmpkg.NEVRA]) (changed bool, err error) {
	upstream, err := t.upstream()
	if err != nil {
		return false, err
	}
	here, there := namesOf(listed), namesOf(upstream)
	return reading(open, func(r io.Reader) (bool, error) {
		return comps.Trim(w, r, func(name string) bool { return here[name] || !there[name] })
	})
}

// modules has streams not list packages that are left out.
func (t trimming) modules() func(io.Writer, openFunc, iter.Seq[rpmpkg.NEVRA]) (bool, error) {
	told := map[string]bool{} // it may be done twice
	return func(w io.Writer, open openFunc, listed iter.Seq[rpmpkg.NEVRA]) (changed bool, err error) {
		upstream, err := t.upstream()
		if err != nil {
			return false, err
		}
		packages := modulemd.Selection{Upstream: artifactsOf(upstream), Here: artifactsOf(listed)}
		return modulemd.Trim(w, open, packages, func(err error) {
			if text := err.Error(); !told[text] && len(told) < maxTold {
				told[text] = true
				t.warn(text + " (it stays as it is)")
			}
		})
	}
}

// updates has advisories list packages that are there in the version that
// corrects something, or a newer one: that an older one was a security fix is
// what lets a client that skipped it see that the newest one is one too.
func (t trimming) updates(w io.Writer, open openFunc, listed iter.Seq[rpmpkg.NEVRA]) (changed bool, err error) {
	upstream, err := t.upstream()
	if err != nil {
		return false, err
	}
	here, there := newestOf(listed), newestOf(upstream)
	return reading(open, func(r io.Reader) (bool, error) {
		return updateinfo.Trim(w, r, func(p updateinfo.Package) updateinfo.Presence {
			key := nameArch{p.Name, p.Arch}
			if have, ok := here[key]; ok && have.Compare(rpmpkg.EVR{Epoch: p.Epoch, Version: p.Version, Release: p.Release}) >= 0 {
				return updateinfo.Here
			}
			if _, ok := there[key]; ok {
				return updateinfo.LeftOut
			}
			return updateinfo.Elsewhere
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
