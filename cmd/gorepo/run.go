package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"gorepo/internal/config"
	"gorepo/internal/mirror"
	"gorepo/internal/report"
)

const description = `Mirror yum and dnf repositories: download them, build their metadata, serve them.

A nightly run is:  gorepo sync && gorepo createrepo --update

What is mirrored stands in /etc/gorepo/gorepo.conf and /etc/gorepo/repos.d/*.repo, in yum's own language.

Exit status: 0 all is done; 1 it failed; 2 it is done in part; 3 something was not trusted and was left out; 64 wrong usage; 130 interrupted.`

// globals are the flags that every verb takes, before or after its name.
type globals struct {
	Config     string      `placeholder:"FILE" help:"Main configuration. Else $GOREPO_CONFIG, ./gorepo.conf, /etc/gorepo/gorepo.conf."`
	Root       string      `placeholder:"DIR" help:"The mirror's directory. Else $GOREPO_ROOT, the key root, /srv/gorepo."`
	Setopt     []string    `placeholder:"[ID.]KEY=VALUE" sep:"none" help:"Set a configuration key for this run; ID may be a glob. May be repeated."`
	Quiet      bool        `short:"q" help:"Print failures only."`
	Verbose    bool        `short:"v" help:"Print what is done."`
	JSON       bool        `name:"json" help:"Print one JSON object a line on stdout."`
	NoProgress bool        `help:"No live progress on a terminal."`
	Version    versionFlag `short:"V" help:"Print the version and exit."`
}

// commandLine is the whole tree of verbs.
type commandLine struct {
	globals `group:"global"`

	Sync       syncCmd       `cmd:"" help:"Bring packages and metadata from upstream."`
	Createrepo createrepoCmd `cmd:"" help:"Build repository metadata."`
	Modifyrepo modifyrepoCmd `cmd:"" help:"Add a file to published metadata, or remove one."`
	Sqliterepo sqliterepoCmd `cmd:"" help:"Add sqlite databases to published metadata."`
	Mergerepo  mergerepoCmd  `cmd:"" help:"Make the metadata of several repositories one."`
	Serve      serveCmd      `cmd:"" help:"Serve the mirror over HTTP."`
	Index      indexCmd      `cmd:"" help:"Make the indexes that the pages of serve look things up in."`
	Repolist   repolistCmd   `cmd:"" help:"List the repositories that are subscribed to, and their state."`
	History    historyCmd    `cmd:"" help:"List what came and what went, and when."`
}

// An app is what verbs work with.
type app struct {
	process
	globals
	switches []config.Switch // --enablerepo and --disablerepo
	out      *report.Printer
}

// run runs the program and returns its exit status.
func run(ctx context.Context, p process) (status int) {
	var line commandLine
	var switches repoSwitches
	parser, err := kong.New(
		&line,
		kong.Name("gorepo"),
		kong.Description(description),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(status int) { panic(exit(status)) }),
		kong.Bind(p),
		kong.NamedMapper("enablerepo", switches.mapper(true)),
		kong.NamedMapper("disablerepo", switches.mapper(false)),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.ExplicitGroups([]kong.Group{{Key: "global", Title: "Flags of every verb:"}}),
	)
	if err != nil {
		_, _ = fmt.Fprintln(p.stderr, "gorepo:", err) // a mistake in the tree itself
		return statusFailed
	}
	// Only --help and --version end the program from inside the parser.
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exit:
			status = int(r)
		default:
			panic(r)
		}
	}()
	command, err := parser.Parse(flagsFirst(parser.Model.Node, verbFirst(parser.Model.Node, joinNegative(p.arguments()))))
	if err != nil {
		early := report.New(report.Options{Stdout: p.stdout, Stderr: p.stderr, Journal: p.inJournal()})
		early.Error(fmt.Errorf("%s (%s --help shows what there is)", usageText(err), helpOf(err)))
		return p.usageStatus()
	}

	ctx, stop := withSignals(ctx)
	defer stop()
	a := &app{process: p, globals: line.globals, switches: switches.list, out: report.New(report.Options{
		Stdout: p.stdout, Stderr: p.stderr,
		Quiet: line.Quiet, Verbose: line.Verbose && !line.Quiet, JSON: line.JSON, NoProgress: line.NoProgress,
		Summaries: line.Sync.Summary, Server: command.Selected() != nil && command.Selected().Name == "serve", Journal: p.inJournal(),
	})}
	command.BindTo(ctx, (*context.Context)(nil))
	command.Bind(a)
	a.noteIgnored(command)
	if err = p.check(&line); err == nil {
		err = command.Run()
	}
	a.out.Close()
	if lost := a.out.Lost(); err == nil && lost != nil {
		err = fmt.Errorf("what was asked for is not all on stdout: %w", lost)
	}
	return a.finish(ctx, err)
}

// waiting says what a repository that another gorepo works on waits for.
func (a *app) waiting(id string) func(*mirror.LockedError) {
	return func(locked *mirror.LockedError) { a.out.Warn(id, "waiting for "+locked.Holder()+" to be done with it") }
}

// negative are the flags whose values may begin with a hyphen: -1 is all, or for
// ever, or what createrepo_c takes for its default.
var negative = []string{"--changelog-limit", "--lock-timeout", "--retain-old-md", "--workers", "--cut-dirs", "--num-deltas", "--max-delta-rpm-size"}

// joinNegative writes such a flag and its value as one argument: the parser
// takes no value that looks like a flag, so that a flag whose value was
// forgotten does not take the next one for it.
func joinNegative(args []string) []string {
	joined := make([]string, 0, len(args))
	for i, arg := range args {
		if arg == "--" {
			return append(joined, args[i:]...)
		}
		if n := len(joined); n > 0 && slices.Contains(negative, joined[n-1]) && negativeNumber.MatchString(arg) {
			joined[n-1] += "=" + arg
			continue
		}
		joined = append(joined, arg)
	}
	return joined
}

var negativeNumber = regexp.MustCompile(`^-[0-9]+$`)

// exit is the panic with which the parser leaves.
type exit int

// helpOf is the command whose help is worth reading after a usage error.
func helpOf(err error) string {
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil {
		if verb := parse.Context.Selected(); verb != nil {
			return "gorepo " + verb.Name
		}
	}
	return "gorepo"
}

// usageWords has the parser's own words for people.
var usageWords = []struct {
	was *regexp.Regexp
	is  string
}{
	{regexp.MustCompile(`expected \w+ value but got "EOL" \(<EOL>\)$|missing value, expecting "[^"]*"$`), "its value is missing"},
	{regexp.MustCompile(`expected a valid 64 bit int but got ("[^"]*")$`), "$1 is no whole number"},
	{regexp.MustCompile(`^(unknown flag -\w), did you mean .*`), "$1"}, // all short flags there are
}

func usageText(err error) string {
	text := err.Error()
	for _, w := range usageWords {
		text = w.was.ReplaceAllString(text, w.is)
	}
	return text
}

// finish reports how a verb ended and turns it into the exit status.
func (a *app) finish(ctx context.Context, err error) int {
	var status *statusError
	switch {
	case err == nil:
		return statusOK
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		a.out.Error(errors.New("interrupted; what is whole stays, and the next run goes on from there"))
		return statusInterrupted
	case errors.As(err, &status):
		if status.err != nil {
			a.out.Error(status.err)
		}
		if status.status == statusUsage {
			return a.usageStatus()
		}
		return a.statusOf(status.status)
	}
	a.out.Error(err)
	return statusFailed
}

// The exit statuses, the same for every verb.
const (
	statusOK          = 0
	statusFailed      = 1
	statusPartial     = 2
	statusUntrusted   = 3
	statusUsage       = 64
	statusInterrupted = 130
)

// A statusError ends the program with a status of its own. Without an error
// inside, all has been said already.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

func (e *statusError) Unwrap() error { return e.err }

// usagef is a mistake in how gorepo was called.
func usagef(format string, args ...any) error {
	return &statusError{status: statusUsage, err: fmt.Errorf(format, args...)}
}

func list(words []string) string { return strings.Join(words, ", ") }
