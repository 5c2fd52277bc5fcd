package main

import "path/filepath"

// tools are the programs in whose place gorepo works when it is called by their
// name, through a symbolic link: each is a verb.
var tools = map[string]string{
	"createrepo_c": "createrepo",
	"createrepo":   "createrepo",
	"mergerepo_c":  "mergerepo",
	"mergerepo":    "mergerepo",
	"modifyrepo_c": "modifyrepo",
	"modifyrepo":   "modifyrepo",
	"sqliterepo_c": "sqliterepo",
	"sqliterepo":   "sqliterepo",
	"reposync":     "sync",
}

// tool is the tool that the program is called as, and its verb; "" for gorepo.
func (p process) tool() (name, verb string) {
	name = filepath.Base(p.name)
	verb = tools[name]
	if verb == "" {
		return "", ""
	}
	return name, verb
}

// arguments are those of the command line, verb first.
func (p process) arguments() []string {
	if _, verb := p.tool(); verb != "" {
		return append([]string{verb}, p.args...)
	}
	return p.args
}

// check refuses what makes no sense for any verb, and under the name of a tool what
// the verb does and the tool does not.
func (p process) check(line *commandLine) error {
	name, verb := p.tool()
	switch {
	case line.Quiet && line.Verbose && name == "": // with the tools -q counts
		return usagef("--quiet and --verbose can't be used together")
	case verb == "createrepo" && len(line.Createrepo.Dirs) == 0:
		return usagef("%s needs a directory of packages; gorepo createrepo makes the metadata of the mirror without one", name)
	case verb == "createrepo" && len(line.Createrepo.Dirs) > 1 && !line.Createrepo.Split:
		return usagef("%s takes one directory, and with --split those of a media set; gorepo createrepo takes several", name)
	}
	return nil
}

// statusOf is the exit status that scripts of a tool know: reposync has 1 for
// whatever is not done.
func (p process) statusOf(status int) int {
	if p.isReposync() {
		return statusFailed
	}
	return status
}

// isReposync reports whether the program is called by that name: it then reads
// what reposync reads and works where reposync works.
func (p process) isReposync() bool {
	name, _ := p.tool()
	return name == "reposync"
}

// usageStatus is the exit status of wrong usage: scripts know the tools' own.
func (p process) usageStatus() int {
	if name, _ := p.tool(); name != "" {
		return statusFailed
	}
	return statusUsage
}
