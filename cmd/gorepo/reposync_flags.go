package main

import (
	"slices"

	"github.com/alecthomas/kong"

	"gorepo/internal/config"
)

// reposyncFlags are those of the three reposyncs, yum-utils', dnf 4's and dnf
// 5's, that gorepo sync has in another way, and those that mean nothing to it:
// they are about a cache, plugins, questions and transactions, of which there are none.
type reposyncFlags struct {
	GPGCheck        bool     `name:"gpgcheck" short:"g" help:"Check the packages of repositories that do not say gpgcheck = 0."`
	NoGPGCheck      bool     `name:"nogpgcheck" aliases:"no-gpgchecks,no-gpgcheck" help:"Check no signatures, whatever the files say."`
	ConfigFile      string   `name:"config-file" short:"c" hidden:"" placeholder:"FILE" help:"The same as --config."`
	DisableExcludes []string `name:"disableexcludes" aliases:"disableexcludepkgs" hidden:"" placeholder:"ID" help:"As --setopt disable_excludes=ID."`
	IPv4            bool     `name:"ipv4" short:"4" hidden:"" help:"As --setopt ip_resolve=4."`
	IPv6            bool     `name:"ipv6" short:"6" hidden:"" help:"As --setopt ip_resolve=6."`

	InstallRoot        string `name:"installroot" hidden:"" help:"Not supported, but for /."`
	AllowPathTraversal bool   `name:"allow-path-traversal" hidden:"" help:"Not supported."`

	CacheDir       string   `name:"cachedir" short:"e" hidden:"" ignored:""`
	TempCache      bool     `name:"tempcache" short:"t" hidden:"" ignored:""`
	Plugins        bool     `name:"plugins" short:"l" hidden:"" ignored:""`
	NoPlugins      bool     `name:"noplugins" aliases:"no-plugins" hidden:"" ignored:""`
	EnablePlugin   []string `name:"enableplugin" aliases:"enable-plugin" hidden:"" ignored:""`
	DisablePlugin  []string `name:"disableplugin" aliases:"disable-plugin" hidden:"" ignored:""`
	AssumeYes      bool     `name:"assumeyes" short:"y" hidden:"" ignored:""`
	AssumeNo       bool     `name:"assumeno" hidden:"" ignored:""`
	Refresh        bool     `name:"refresh" hidden:"" ignored:""`
	CacheOnly      bool     `name:"cacheonly" short:"C" hidden:"" ignored:""`
	RandomWait     int      `name:"randomwait" short:"R" hidden:"" ignored:""`
	DebugLevel     int      `name:"debuglevel" hidden:"" ignored:""`
	ErrorLevel     int      `name:"errorlevel" hidden:"" ignored:""`
	DebugSolver    bool     `name:"debugsolver" hidden:"" ignored:""`
	RPMVerbosity   string   `name:"rpmverbosity" hidden:"" ignored:""`
	Color          string   `name:"color" hidden:"" ignored:""`
	Comment        string   `name:"comment" sep:"none" hidden:"" ignored:""`
	Best           bool     `name:"best" short:"b" hidden:"" ignored:""`
	NoBest         bool     `name:"nobest" aliases:"no-best" hidden:"" ignored:""`
	SkipBroken     bool     `name:"skip-broken" hidden:"" ignored:""`
	AllowErasing   bool     `name:"allowerasing" hidden:"" ignored:""`
	NoDocs         bool     `name:"nodocs" aliases:"no-docs" hidden:"" ignored:""`
	NoAutoremove   bool     `name:"noautoremove" hidden:"" ignored:""`
	Obsoletes      bool     `name:"obsoletes" hidden:"" ignored:""`
	ShowDuplicates bool     `name:"showduplicates" hidden:"" ignored:""`
	DownloadOnly   bool     `name:"downloadonly" hidden:"" ignored:""`
}

// check refuses what would have another outcome than who gives it expects.
func (f *reposyncFlags) check() error {
	switch {
	case f.GPGCheck && f.NoGPGCheck:
		return usagef("--gpgcheck and --nogpgcheck can't be used together")
	case f.IPv4 && f.IPv6:
		return usagef("-4 and -6 can't be used together")
	case f.InstallRoot != "" && f.InstallRoot != "/":
		return usagef("--installroot is not supported: name the configuration with --config, and the release with --releasever")
	case f.AllowPathTraversal:
		return usagef("--allow-path-traversal is not supported: packages are stored below the repository's directory only")
	}
	return nil
}

// configureTool tells the configuration. Under the name reposync packages are checked only
// when that is asked for, as reposync does it.
func (f *reposyncFlags) configureTool(a *app, o *config.Options) {
	if f.ConfigFile != "" {
		a.Config = f.ConfigFile
	}
	o.Host = a.isReposync()
	o.GPGCheck = f.GPGCheck
	var set []string
	if f.NoGPGCheck || o.Host && !f.GPGCheck {
		set = append(set, "*.gpgcheck=0", "*.pkg_gpgcheck=0")
	}
	if f.NoGPGCheck {
		set = append(set, "*.repo_gpgcheck=0")
	}
	if len(f.DisableExcludes) > 0 {
		set = append(set, "disable_excludes="+list(f.DisableExcludes))
	}
	if f.IPv4 {
		set = append(set, "ip_resolve=4")
	}
	if f.IPv6 {
		set = append(set, "ip_resolve=6")
	}
	a.Setopt = slices.Concat(set, a.Setopt) // what is said in words goes before it
}

// noteIgnored says which of the flags mean nothing, to who wants to know.
func (a *app) noteIgnored(command *kong.Context) {
	for _, flag := range command.Flags() {
		if flag.Set && flag.Tag.Has("ignored") {
			a.out.Note("", "--"+flag.Name+" means nothing to gorepo")
		}
	}
}
