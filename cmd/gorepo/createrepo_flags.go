package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gorepo/internal/createrepo"
	"gorepo/internal/repodata"
)

// createrepoFlags are those of createrepo_c that few repositories need.
type createrepoFlags struct {
	Split          bool     `help:"Make one repository of several DIRs, the volumes of a media set: the metadata is made in the first, and every package has the number of its DIR in its xml:base (media:#N)."`
	Pkglist        string   `short:"i" placeholder:"FILE" help:"List the packages that FILE names, one path below DIR a line, and search no directory."`
	Includepkg     []string `short:"n" sep:"none" placeholder:"PATH" help:"List this package, a path below DIR, and search no directory. May be repeated, and goes with --pkglist."`
	SkipSymlinks   bool     `short:"S" help:"Pass over packages that are symbolic links, unless they are named."`
	Baseurl        string   `short:"u" placeholder:"URL" help:"Write URL to every package as the place that its location is below (xml:base)."`
	LocationPrefix string   `placeholder:"PREFIX" help:"Put PREFIX before the location of every package."`
	CutDirs        int      `placeholder:"N" help:"Cut so many leading directories from the location of every package."`

	UpdateMDPath   []string `name:"update-md-path" sep:"none" placeholder:"PATH" help:"With --update, use entries of the metadata in PATH/repodata too; PATH may be a URL (file, http, https). May be repeated."`
	SkipStat       bool     `help:"With --update, take a package for unchanged if one of its name was listed, whatever its size and time."`
	RecyclePkglist bool     `help:"With --update, search no directory but list the packages that were listed, without those that are gone, and those of --pkglist and --includepkg."`
	Cachedir       string   `short:"c" placeholder:"DIR" help:"Remember the checksums of packages in DIR, as createrepo_c does, and read only the headers of those that are there. Relative to the directory that repodata is in."`
	ReadPkgsList   string   `placeholder:"FILE" help:"Write to FILE the locations of the packages that were read."`
	RetainByAge    *age     `name:"retain-old-md-by-age" placeholder:"AGE" help:"Keep the files of older generations that are not older than AGE: a number and m, h or d. Not with --retain-old-md."`
	IgnoreLock     bool     `help:"Remove the directory .repodata, createrepo_c's lock, if one is there."`
	Basedir        string   `placeholder:"DIR" help:"What a relative DIR is below."`
	ErrorExitVal   bool     `help:"End with status 2 if a package was left out: it is always so. For scripts that say so."`

	Deltas          bool     `hidden:""`
	Oldpackagedirs  []string `hidden:"" sep:"none"` // these three are for --deltas
	NumDeltas       int      `hidden:""`
	MaxDeltaRPMSize int64    `name:"max-delta-rpm-size" hidden:""`

	DuplicatedNevra string `name:"duplicated-nevra" default:"keep" enum:"keep,keep-last" placeholder:"WHAT" help:"Of packages with the same name, version and architecture list all (keep, the default) or the one that was built last (keep-last). A warning names them."`

	FilelistsExt bool `name:"filelists-ext" help:"Make filelists-ext too: filelists with the digest of every file."`

	Distro  []string `sep:"none" placeholder:"[CPEID,]TEXT" help:"Distribution that the repository is for, a tag in repomd.xml. May be repeated."`
	Content []string `sep:"none" placeholder:"TEXT" help:"Tag in repomd.xml for what the repository holds. May be repeated."`
	Repo    []string `sep:"none" placeholder:"TEXT" help:"Tag in repomd.xml for the repository itself. May be repeated."`
}

// databaseFlags are about sqlite databases.
type databaseFlags struct {
	Database    bool `short:"d" help:"Make sqlite databases too, which the yum of EL7 and before reads faster than XML. In bz2, unless a compression is given."`
	NoDatabase  bool `help:"Make no sqlite databases, whatever else is said. The default."`
	LocalSqlite bool `help:"Make databases in the directory for temporary files ($$TMPDIR), before they are compressed into place: for a DIR on a slow network file system."`
}

// check refuses what makes no sense; dirs is how many DIR there are.
func (f *createrepoFlags) check(dirs int) error {
	if f.CutDirs < 0 {
		return usagef("--cut-dirs is %d, and is to be 0 or more", f.CutDirs)
	}
	if f.Deltas {
		return usagef("--deltas: drpms are not made: no distribution's createrepo_c makes them any more, and dnf 5 ignores them")
	}
	if f.RecyclePkglist && (f.CutDirs != 0 || f.LocationPrefix != "") {
		return usagef("--recycle-pkglist finds packages by their locations, which --cut-dirs and --location-prefix change")
	}
	switch {
	case f.Split && dirs == 0:
		return usagef("--split needs the directories of a media set")
	case f.Split || dirs == 1:
		return nil
	}
	for _, flag := range []struct {
		name string
		set  bool
	}{
		{"--pkglist", f.Pkglist != ""},
		{"--includepkg", len(f.Includepkg) > 0},
		{"--baseurl", f.Baseurl != ""},
		{"--location-prefix", f.LocationPrefix != ""},
		{"--cut-dirs", f.CutDirs != 0},
		{"--read-pkgs-list", f.ReadPkgsList != ""},
		{"--update-md-path", len(f.UpdateMDPath) > 0},
	} {
		if flag.set {
			return usagef("%s is for one DIR, and there are %d", flag.name, dirs)
		}
	}
	return nil
}

// apply sets what the flags say.
func (f *createrepoFlags) apply(o *createrepo.Options) error {
	o.SkipLinks = f.SkipSymlinks
	o.CacheDir = f.Cachedir
	o.Base, o.LocationPrefix, o.CutDirs = f.Baseurl, f.LocationPrefix, f.CutDirs
	o.TrustNames, o.RecycleList = f.SkipStat, f.RecyclePkglist
	o.KeepLast = f.DuplicatedNevra == "keep-last"
	o.IgnoreOther = f.IgnoreLock
	if f.RetainByAge != nil {
		o.KeepYounger = time.Duration(*f.RetainByAge)
	}
	o.Tags = repodata.Tags{Content: f.Content, Repo: f.Repo}
	for _, tag := range f.Distro {
		cpe, name, found := strings.Cut(tag, ",")
		if !found {
			cpe, name = "", tag
		}
		o.Tags.Distro = append(o.Tags.Distro, repodata.Distro{CPEID: cpe, Name: name})
	}
	if f.Pkglist == "" && len(f.Includepkg) == 0 {
		return nil
	}
	o.Listed = append([]string{}, f.Includepkg...)
	if f.Pkglist == "" {
		return nil
	}
	list, err := os.ReadFile(f.Pkglist)
	if err != nil {
		return fmt.Errorf("--pkglist: %w", err)
	}
	for line := range strings.Lines(string(list)) {
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) != "" {
			o.Listed = append(o.Listed, line)
		}
	}
	return nil
}

// openUpdateFrom opens the metadata of --update-md-path. What cannot be had is
// warned of: without it all takes longer only.
func (f *createrepoFlags) openUpdateFrom(ctx context.Context, opener *metadataOpener, warn func(text string)) (list []*repodata.OldMetadata) {
	for _, place := range f.UpdateMDPath {
		m, err := opener.open(ctx, place)
		if err != nil {
			warn("the metadata of --update-md-path is not used: " + err.Error())
			continue
		}
		m.Name = "the metadata in " + m.Name
		list = append(list, m.OldMetadata)
	}
	return list
}

// age is a time span as createrepo_c writes it.
type age time.Duration

// UnmarshalText reads one.
func (a *age) UnmarshalText(text []byte) error {
	units := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}
	if len(text) > 1 {
		unit, known := units[text[len(text)-1]]
		n, err := strconv.ParseUint(string(text[:len(text)-1]), 10, 16)
		if err == nil && known {
			*a = age(time.Duration(n) * unit)
			return nil
		}
	}
	return fmt.Errorf("%q is no age: it is a number up to 65535 and m, h or d, as in 30d", text)
}

// readList gathers the locations of packages that were read.
type readList struct {
	mu        sync.Mutex
	locations map[string]bool
}

func (l *readList) add(location string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.locations == nil {
		l.locations = map[string]bool{}
	}
	l.locations[location] = true
}

func (l *readList) write(file string, href func(location string) string) error {
	var text strings.Builder
	for _, location := range slices.Sorted(maps.Keys(l.locations)) {
		text.WriteString(href(location) + "\n")
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o666); err != nil {
		return fmt.Errorf("--read-pkgs-list: %w", err)
	}
	return nil
}
