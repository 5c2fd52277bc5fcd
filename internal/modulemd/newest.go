package modulemd

import (
	"strings"

	"gorepo/internal/rpmpkg"
)

// KeepNewest gives, in their order, the refs that dnf 4's reposync keeps of a
// repository with --newest-only:
//
//   - of the packages that no stream lists, the newest of each name and
//     architecture;
//   - of each stream (name:stream), all packages of its newest version, in
//     whatever context or architecture it was built;
//   - and, where the newest package of a name and architecture among all that
//     the stream ever listed is in an older version, all packages of that
//     version; of several such versions, those of the highest.
//
// Streams are told apart by what they list, not by a package's own
// ModularityLabel, which primary metadata does not have. Whatever else is to
// be left out by name is taken out of refs beforehand, whatever by
// architecture afterwards.
func KeepNewest(streams []Stream, refs []rpmpkg.Ref) []rpmpkg.Ref {
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
	for _, i := range rpmpkg.NewestAmong(refs, plain) {
		keep[i] = true
	}
	for _, versions := range byNameStream(streams) {
		for _, i := range versions.newest(index, refs) {
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
func (b builds) newest(index artifactIndex, refs []rpmpkg.Ref) []int {
	var latest uint64
	inVersion := make(map[int]uint64) // ref to the highest version that lists it
	for version, streams := range b {
		latest = max(latest, version)
		for _, s := range streams {
			for _, i := range index.find(s.Artifacts) {
				inVersion[i] = max(inVersion[i], version)
			}
		}
	}
	listed := make([]int, 0, len(inVersion))
	for i := range inVersion {
		listed = append(listed, i)
	}
	versions := map[uint64]bool{latest: true}
	for _, i := range rpmpkg.NewestAmong(refs, listed) {
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
