package createrepo

import (
	"fmt"
	"strings"

	"gorepo/internal/repodata"
)

// A Profile is what the clients of a release can read.
type Profile struct {
	Compression, ExtraCompression repodata.Compression
	Checksum                      string // type of all checksums
	// Databases says that the clients want the lists of packages as sqlite
	// databases, or are slow without.
	Databases bool
	// PlainGroups says that they read comps only if it is not compressed.
	PlainGroups bool
}

// DefaultProfile is read by every client since EL 6, if not fast by yum.
var DefaultProfile = Profile{Checksum: "sha256"}

// profiles are those of the key compat. EL 5 knows no SHA-256, and its yum calls
// SHA-1 sha. The yums of EL 5 to 7 read sqlite, and plain comps only. dnf reads zstd
// since EL 8.4.
var profiles = []struct {
	name string
	Profile
}{
	{"el5", Profile{Checksum: "sha", Databases: true, PlainGroups: true}},
	{"el6", Profile{Checksum: "sha256", Databases: true, PlainGroups: true}},
	{"el7", Profile{Checksum: "sha256", Databases: true, PlainGroups: true}},
	{"el8", DefaultProfile},
	{"el9", Profile{Compression: repodata.Zstd, ExtraCompression: repodata.Zstd, Checksum: "sha256"}},
	{"modern", Profile{Compression: repodata.Zstd, ExtraCompression: repodata.Zstd, Checksum: "sha256"}},
}

// ParseProfile finds the profile for a value of the key compat: el5 to el9, or
// modern. "" is DefaultProfile.
func ParseProfile(name string) (Profile, error) {
	if name == "" {
		return DefaultProfile, nil
	}
	var names []string
	for _, p := range profiles {
		if strings.EqualFold(p.name, name) {
			return p.Profile, nil
		}
		names = append(names, p.name)
	}
	return Profile{}, fmt.Errorf("unknown clients %q: there are %s", name, strings.Join(names, ", "))
}
