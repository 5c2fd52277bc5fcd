package main

import (
	"reflect"

	"github.com/alecthomas/kong"

	"gorepo/internal/config"
)

// repoFlags are dnf's, of the verbs that work on configured repositories: which
// of them, and what to take for them in this run.
type repoFlags struct {
	EnableRepo   []string `name:"enablerepo" aliases:"enable-repo" type:"enablerepo" placeholder:"ID" help:"Take this repository too: an id or a glob. May be repeated, or a list; of this and --disablerepo the last word counts."`
	DisableRepo  []string `name:"disablerepo" aliases:"disable-repo" type:"disablerepo" placeholder:"ID" help:"Leave this repository out."`
	RepoFromPath []string `name:"repofrompath" sep:"none" placeholder:"ID,URL" help:"One more repository, for this run: a URL or a directory. May be repeated."`
	ReleaseVer   string   `name:"releasever" placeholder:"VERSION" help:"The variable releasever, of every repository, whatever the files say."`
	SetVar       []string `name:"setvar" sep:"none" placeholder:"NAME=VALUE" help:"Any variable, in the same way. May be repeated."`
	ForceArch    string   `name:"forcearch" placeholder:"ARCH" help:"The variable arch, and basearch after it, in the same way."`
}

// configure tells the configuration.
func (f *repoFlags) configure(o *config.Options) {
	o.FromPath, o.ReleaseVer, o.Arch, o.Vars = f.RepoFromPath, f.ReleaseVer, f.ForceArch, f.SetVar
}

// given reports whether there is any flag of these.
func (f *repoFlags) given() bool {
	return len(f.EnableRepo)+len(f.DisableRepo)+len(f.RepoFromPath)+len(f.SetVar) > 0 || f.ReleaseVer != "" || f.ForceArch != ""
}

// repoSwitches gathers --enablerepo and --disablerepo in the order of the command
// line, which two flags by themselves do not keep.
type repoSwitches struct{ list []config.Switch }

func (s *repoSwitches) mapper(enable bool) kong.Mapper {
	return kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		var text string
		if err := ctx.Scan.PopValueInto("id", &text); err != nil {
			return err
		}
		for _, pattern := range config.List(text) {
			s.list = append(s.list, config.Switch{Pattern: pattern, Enable: enable})
			target.Set(reflect.Append(target, reflect.ValueOf(pattern)))
		}
		return nil
	})
}
