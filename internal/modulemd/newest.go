package modulemd

import (
	"maps"
	"slices"
	"strings"

	"gorepo/internal/rpmpkg"
)

// KeepNewest gives, in their order, the refs that are kept of a repository of
// which the n newest versions are wanted:
//
//   - of the packages that no stream lists, the n newest of each name and
//     architecture;
//   - of each stream (name:stream), all packages of its n newest versions, in
//     whatever context or architecture they were built;
//   - and, where the newest package of a name and architecture among all that
//     the stream ever listed is in an older version, all packages of that
//     version; of several such versions, those of the highest.
//
// With n of 1 that is what dnf 4's reposync keeps with --newest-only, which has
// no other n. For larger ones the last rule stays as it is: an old version of a
// stream comes along for the sake of its newest package, not for its second newest.
//
// Streams are told apart by what they list, not by a package's own
// ModularityLabel, which primary metadata does not have. Whatever else is to
// be left out by name is taken out of refs beforehand, whatever by
// architecture afterwards.
func KeepNewest(streams []Stream, refs []rpmpkg.Ref, n int) []rpmpkg.Ref {
	index := newArtifactIndex(refs)
	modular := make([]bool, len(refs))
	for _, s := range streams {
		for _, i := range index.find(s.Artifacts) {
			modular[i] = true
		}
	}
	var plain []int
	for i := range refs {
		if !modular[i] {
			plain = append(plain, i)
		}
	}

	keep := make([]bool, len(refs))
	for _, i := range rpmpkg.NewestAmong(refs, plain, n) {
		keep[i] = true
	}
	for _, versions := range byNameStream(streams) {
		for _, i := range versions.newest(index, refs, n) {
			keep[i] = true
		}
	}

	var kept []rpmpkg.Ref
	for i := range refs {
		if keep[i] {
			kept = append(kept, refs[i])
		}
	}
	return kept
}

// builds are those of one stream by version: of each as many as there are
// contexts and architectures.
type builds map[uint64][]Stream

func byNameStream(streams []Stream) map[string]builds {
	all := make(map[string]builds)
	for _, s := range streams {
		b := all[s.NameStream()]
		if b == nil {
			b = make(builds)
			all[s.NameStream()] = b
		}
		b[s.Version] = append(b[s.Version], s)
	}
	return all
}

// newest gives the indices of the refs that are kept of one stream.
func (b builds) newest(index artifactIndex, refs []rpmpkg.Ref, n int) []int {
	inVersion := make(map[int]uint64) // ref to the highest version that lists it
	for version, streams := range b {
		for _, s := range streams {
			for _, i := range index.find(s.Artifacts) {
				inVersion[i] = max(inVersion[i], version)
			}
		}
	}
	versions := make(map[uint64]bool)
	descending := slices.Sorted(maps.Keys(b))
	slices.Reverse(descending)
	for _, version := range descending[:min(n, len(descending))] {
		versions[version] = true
	}
	for _, i := range rpmpkg.NewestAmong(refs, slices.Collect(maps.Keys(inVersion)), 1) {
		versions[inVersion[i]] = true
	}
	var kept []int
	for version := range versions {
		for _, s := range b[version] {
			kept = append(kept, index.find(s.Artifacts)...)
		}
	}
	return kept
}

// artifactIndex finds refs by what an artifact calls them. A repository may
// have one package at several locations.
type artifactIndex map[string][]int

func newArtifactIndex(refs []rpmpkg.Ref) artifactIndex {
	index := make(artifactIndex, len(refs))
	for i := range refs {
		name := artifactName(refs[i].NEVRA)
		index[name] = append(index[name], i)
	}
	return index
}

func (x artifactIndex) find(artifacts []string) []int {
	var found []int
	for _, a := range artifacts {
		found = append(found, x[withEpoch(a)]...)
	}
	return found
}

// artifactName writes a package as artifacts are written, with the epoch.
func artifactName(n rpmpkg.NEVRA) string {
	epoch := n.Epoch
	if epoch == "" {
		epoch = "0"
	}
	return n.Name + "-" + epoch + ":" + n.Version + "-" + n.Release + "." + n.Arch
}

// withEpoch puts in the epoch that an artifact should have and some lack.
func withEpoch(artifact string) string {
	release := strings.LastIndexByte(artifact, '-')
	if release < 0 {
		return artifact
	}
	version := strings.LastIndexByte(artifact[:release], '-') + 1
	if version == 0 || strings.IndexByte(artifact[version:release], ':') >= 0 {
		return artifact
	}
	return artifact[:version] + "0:" + artifact[version:]
}
