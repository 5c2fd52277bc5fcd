package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Where things are looked for, below Options.SysRoot.
const (
	systemConfig   = "etc/gorepo/gorepo.conf"
	systemReposDir = "etc/gorepo/repos.d"
	yumReposDir    = "etc/yum.repos.d"
)

// What dnf, and yum before it, read on a host.
var (
	hostConfigs   = []string{"etc/dnf/dnf.conf", "etc/yum.conf"}
	hostReposDirs = []string{yumReposDir, "etc/yum/repos.d", "etc/distro.repos.d"}
)

var systemVarsDirs = []string{"etc/yum/vars", "etc/dnf/vars", "etc/gorepo/vars"}

// DefaultRoot is the mirror where nothing else is said.
const DefaultRoot = "/srv/gorepo"

// MaxWorkers is the most that workers may be.
const MaxWorkers = 1000

// ErrNone is returned where neither a configuration file nor a *.repo file is
// found.
var ErrNone = errors.New("no configuration")

// Options say where to read. The zero value reads what this machine has.
type Options struct {
	Path string   // --config; empty: GOREPO_CONFIG, then the usual places
	Root string   // --root; empty: GOREPO_ROOT, then the key root
	Set  []string // --setopt: key=value for [main], id.key=value for repositories
	// ReleaseVer and Arch are the variables releasever and arch of every
	// repository, whatever the files say; empty: what they say.
	ReleaseVer string
	Arch       string
	Vars       []string // further ones: name=value
	FromPath   []string // --repofrompath: ID,URL or ID,PATH
	Switches   []Switch // in their order
	// GPGCheck checks packages wherever neither a repository nor [main] says
	// whether to.
	GPGCheck bool
	// Host reads what dnf and yum read on this machine, where there is no
	// gorepo.conf. Path is then a file as dnf.conf is.
	Host    bool
	Environ []string // name=value; nil: the process's
	// Optional makes it no error that there is no configuration at all.
	Optional bool
	// SysRoot stands for / in the usual places; WorkDir for the current
	// directory. Tests set them.
	SysRoot string
	WorkDir string
}

func (o Options) withDefaults() Options {
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	if o.SysRoot == "" {
		o.SysRoot = "/"
	}
	if o.WorkDir == "" {
		o.WorkDir = "."
	}
	if o.Root == "" {
		o.Root = o.getenv("GOREPO_ROOT")
	}
	return o
}

func (o Options) getenv(name string) string {
	for i := len(o.Environ) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(o.Environ[i], name+"="); ok {
			return value
		}
	}
	return ""
}

// Load reads the configuration and resolves it. An error means that nothing of
// it can be used: the main file cannot be read or is malformed, or [main] or an
// override is wrong. What is wrong with a single repository or *.repo file is
// in Config.Errors and Repo.Err.
func Load(o Options) (*Config, error) {
	o = o.withDefaults()
	l := &loader{opts: o, conf: &Config{}, seen: map[string]entry{}}
	var err error
	if l.set, l.conf.Warnings, err = parseSet(o.Set); err != nil {
		return nil, err
	}
	if l.typedVars, err = o.commandLineVars(); err != nil {
		return nil, err
	}
	files, err := l.readMain()
	if err != nil {
		return nil, err
	}
	if err := l.resolveMain(files); err != nil {
		return nil, err
	}
	for _, f := range files {
		l.addSections(f.path, f.sections)
	}
	if err := l.readReposDirs(); err != nil {
		return nil, err
	}
	if err := l.addFromPath(); err != nil {
		return nil, err
	}
	for _, s := range l.set {
		if !s.used && s.id != "*" {
			l.conf.Warnings = append(l.conf.Warnings, Warning{File: "--setopt " + s.name(), Text: fmt.Sprintf("no repository %q", s.id)})
		}
	}
	if err := l.switchRepos(); err != nil {
		return nil, err
	}
	return l.conf, nil
}

// A loader carries what is known while a configuration is read.
type loader struct {
	opts      Options
	conf      *Config
	set       []*override
	defaults  map[string]entry // of [main], for repositories
	vars      Vars
	typedVars Vars             // of the command line
	seen      map[string]entry // repository ids, and where they were first read
	hostMain  bool             // the main file is dnf's or yum's
}

func (l *loader) sys(path string) string { return filepath.Join(l.opts.SysRoot, path) }

// readMain finds and parses the main file, and what it includes after it.
func (l *loader) readMain() ([]parsedFile, error) {
	named := l.opts.Path
	l.hostMain = l.opts.Host && named != ""
	if named == "" {
		named = l.opts.getenv("GOREPO_CONFIG")
	}
	if named != "" {
		return l.mainFile(named)
	}
	places := []string{filepath.Join(l.opts.WorkDir, "gorepo.conf"), l.sys(systemConfig)}
	own := len(places)
	if l.opts.Host {
		for _, path := range hostConfigs {
			places = append(places, l.sys(path))
		}
	}
	for i, path := range places {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			continue
		}
		l.hostMain = i >= own
		return l.mainFile(path)
	}
	l.hostMain = l.opts.Host
	return nil, nil
}

func (l *loader) mainFile(path string) ([]parsedFile, error) {
	l.conf.Path = path
	return readIncluding(path)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	_ = f.Close()    // only read from
	return data, err // which names path
}

// resolveMain works out [main], its variables and its defaults for
// repositories.
func (l *loader) resolveMain(files []parsedFile) error {
	entries, order := mainEntries(files)
	for _, name := range order {
		if k, ok := keys[name]; !ok || k.scope&inMain == 0 {
			l.warnKey(&l.conf.Warnings, name, entries[name], "[main]", ok)
			delete(entries, name)
		}
	}
	for _, s := range l.set {
		if s.id != "" {
			continue
		}
		put(entries, s.key, s.entry())
		s.used = true
	}
	if _, said := entries["gpgcheck"]; l.opts.GPGCheck && !said {
		entries["gpgcheck"] = entry{value: "1", file: "--gpgcheck"}
	}
	if err := l.resolveVars(entries); err != nil {
		return err
	}
	if err := l.applyMain(entries); err != nil {
		return err
	}
	l.defaults = entries
	return l.checkDefaults()
}

// resolveVars stacks the sources of variables, the weakest first.
func (l *loader) resolveVars(entries map[string]entry) error {
	host := hostArch()
	l.vars = Vars{}
	l.vars.apply(Vars{"arch": host, "basearch": baseArch(host), "releasever": hostRelease(l.opts.SysRoot)})
	dirs := make([]string, 0, len(systemVarsDirs)+1)
	for _, dir := range systemVarsDirs {
		dirs = append(dirs, l.sys(dir))
	}
	if e, ok := entries["varsdir"]; ok {
		for _, dir := range parseList(e.value) {
			dirs = append(dirs, l.fromFile(e, dir))
		}
	}
	for _, dir := range dirs {
		layer, warnings := readVarsDir(dir)
		l.vars.apply(layer)
		l.conf.Warnings = append(l.conf.Warnings, warnings...)
	}
	fromFile, fromSet := Vars{}, Vars{}
	for name, e := range entries {
		if !keys[name].variable {
			continue
		}
		value, err := l.vars.Expand(strings.TrimSpace(e.value))
		if err != nil {
			return fmt.Errorf("%s: %s: %w", e.pos(), name, err)
		}
		if e.line == 0 {
			fromSet[name] = value
		} else {
			fromFile[name] = value
		}
	}
	l.vars.apply(fromFile)
	l.vars.apply(envVars(l.opts.Environ))
	l.vars.apply(fromSet)
	l.vars.apply(l.typedVars)
	return nil
}

// fromFile makes a path that a file names absolute, or relative to that file.
func (l *loader) fromFile(e entry, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	if e.line == 0 { // given on the command line
		return filepath.Join(l.opts.WorkDir, path)
	}
	return filepath.Join(filepath.Dir(e.file), path)
}

func (l *loader) applyMain(entries map[string]entry) error {
	m := &l.conf.Main
	*m = Main{Root: DefaultRoot, LockTimeout: Never, MaxAge: DefaultMaxAge}
	for name, e := range entries {
		k := keys[name]
		if k.main == nil {
			continue
		}
		value, err := l.mainValue(name, e)
		if err != nil {
			return err
		}
		if err := k.main(m, value); err != nil {
			return fmt.Errorf("%s: %s: %w", e.pos(), name, err)
		}
	}
	if l.opts.Root != "" {
		m.Root = l.opts.Root
		if !filepath.IsAbs(m.Root) {
			m.Root = filepath.Join(l.opts.WorkDir, m.Root)
		}
	} else if e, ok := entries["root"]; ok {
		if m.Root == "" {
			return fmt.Errorf("%s: root is empty: it should be the mirror's directory", e.pos())
		}
		m.Root = l.fromFile(e, m.Root)
	}
	l.serveFiles(entries)
	for i, dir := range m.ReposDir {
		m.ReposDir[i] = l.fromFile(entries["reposdir"], dir)
	}
	for i, dir := range m.VarsDir {
		m.VarsDir[i] = l.fromFile(entries["varsdir"], dir)
	}
	root, err := filepath.Abs(m.Root)
	if err != nil {
		return fmt.Errorf("root: %w", err)
	}
	m.Root = root
	return nil
}

func (l *loader) mainValue(name string, e entry) (string, error) {
	x, err := l.vars.expand(trimValue(e.value))
	if err != nil {
		return "", fmt.Errorf("%s: %s: %w", e.pos(), name, err)
	}
	if v := missingRelease(x.missing); v != "" {
		return "", fmt.Errorf("%s: %s uses $%s, which has no value: set releasever in [main]", e.pos(), name, v)
	}
	return x.text, nil
}

// checkDefaults applies what [main] says for repositories to one that is not
// there, so that a mistake is reported once and at its line. Variables that
// only repositories have may stay open.
func (l *loader) checkDefaults() error {
	r := newRepo()
	var errs []error
	for name, last := range l.defaults {
		k := keys[name]
		for e := range last.all() {
			x, err := l.vars.expand(trimValue(e.value))
			if err == nil {
				switch {
				case len(x.missing) > 0:
				case k.refuse != nil:
					err = k.refuse(x.text)
				case k.repo != nil:
					err = k.repo(r, x.text)
				}
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %s: %w", e.pos(), name, err))
			}
		}
	}
	l.conf.Main.Access = r.Access
	return joinSorted(errs)
}

// readReposDirs reads every *.repo file of the configured directories.
func (l *loader) readReposDirs() error {
	dirs, found := l.conf.Main.ReposDir, 0
	looked := dirs
	switch {
	case len(dirs) > 0:
	case l.hostMain:
		for _, dir := range hostReposDirs {
			dirs = append(dirs, l.sys(dir))
		}
		looked = dirs
	default:
		dirs = []string{l.sys(systemReposDir)}
		looked = []string{l.sys(systemReposDir), l.sys(yumReposDir)}
		if l.conf.Path == "" {
			// Without a gorepo.conf, what this host itself is subscribed to.
			if files, _ := repoFiles(dirs[0]); len(files) == 0 {
				dirs = []string{l.sys(yumReposDir)}
			}
		}
	}
	for _, dir := range dirs {
		files, err := repoFiles(dir)
		if errors.Is(err, os.ErrNotExist) {
			if len(l.conf.Main.ReposDir) > 0 {
				l.conf.Warnings = append(l.conf.Warnings, Warning{File: dir, Text: "no such directory (reposdir)"})
			}
			continue
		}
		if err != nil {
			l.conf.Errors = append(l.conf.Errors, fmt.Errorf("reposdir: %w", err))
			continue
		}
		found += len(files)
		for _, file := range files {
			l.readRepoFile(file)
		}
	}
	if l.conf.Path == "" && found == 0 && !l.opts.Optional && len(l.opts.FromPath) == 0 {
		return fmt.Errorf("%w: neither ./gorepo.conf nor %s nor a *.repo file in %s: write one, or give --config FILE",
			ErrNone, l.sys(systemConfig), strings.Join(looked, " or "))
	}
	return nil
}

func (l *loader) readRepoFile(file string) {
	data, err := readFile(file)
	if err != nil {
		l.conf.Errors = append(l.conf.Errors, err)
		return
	}
	sections, err := parseINI(file, data)
	if err != nil {
		l.conf.Errors = append(l.conf.Errors, fmt.Errorf("%w (nothing of this file is used)", err))
		return
	}
	for _, s := range sections {
		if s.name == "main" {
			l.conf.Warnings = append(l.conf.Warnings, Warning{
				File: file, Line: s.line, Text: "[main] is passed over in a .repo file: it belongs into gorepo.conf",
			})
		}
	}
	l.addSections(file, sections)
}

func newRepo() *Repo {
	return &Repo{
		Enabled:   true,
		SSLVerify: true,

		ProxySSLVerify: true,

		Timeout:   30 * time.Second,
		Retries:   10,
		MinRate:   1000,
		MaxDelete: Portion{25, true},

		MaxAge: DefaultMaxAge,
	}
}
