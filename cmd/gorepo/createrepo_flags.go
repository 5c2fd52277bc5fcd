package main

import (
	"fmt"
	"os"
	"strings"

	"gorepo/internal/createrepo"
	"gorepo/internal/repodata"
)

// createrepoFlags are those of createrepo_c that few repositories need.
type createrepoFlags struct {
	Pkglist        string   `short:"i" placeholder:"FILE" help:"List the packages that FILE names, one path below DIR a line, and search no directory."`
	Includepkg     []string `short:"n" sep:"none" placeholder:"PATH" help:"List this package, a path below DIR, and search no directory. May be repeated, and goes with --pkglist."`
	SkipSymlinks   bool     `short:"S" help:"Pass over packages that are symbolic links, unless they are named."`
	Baseurl        string   `short:"u" placeholder:"URL" help:"Write URL to every package as the place that its location is below (xml:base)."`
	LocationPrefix string   `placeholder:"PREFIX" help:"Put PREFIX before the location of every package."`
	CutDirs        int      `placeholder:"N" help:"Cut so many leading directories from the location of every package."`

	Distro         []string `sep:"none" placeholder:"[CPEID,]TEXT" help:"Distribution that the repository is for, a tag in repomd.xml. May be repeated."`
	Content        []string `sep:"none" placeholder:"TEXT" help:"Tag in repomd.xml for what the repository holds. May be repeated."`
	Repo           []string `sep:"none" placeholder:"TEXT" help:"Tag in repomd.xml for the repository itself. May be repeated."`
	RepomdChecksum string   `default:"" enum:",sha256,sha512,sha1,sha" placeholder:"TYPE" help:"Checksum of the metadata in repomd.xml. Default: that of --checksum."`
}

// check refuses what makes no sense; dirs is how many DIR there are.
func (f *createrepoFlags) check(dirs int) error {
	if f.CutDirs < 0 {
		return usagef("--cut-dirs is %d, and is to be 0 or more", f.CutDirs)
	}
	if dirs == 1 {
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
	o.Base, o.LocationPrefix, o.CutDirs = f.Baseurl, f.LocationPrefix, f.CutDirs
	o.RepomdChecksum = f.RepomdChecksum
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
