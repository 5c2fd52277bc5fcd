package main

import (
	"fmt"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

// worksAs is the release of createrepo_c whose options and defaults its verbs
// have, compression apart: scripts look at it to learn what they may ask for.
const worksAs = "1.0.4"

// versionFlag prints what this is, and ends the program.
type versionFlag bool

// BeforeReset is called by the parser, once it knows the verb.
func (versionFlag) BeforeReset(parser *kong.Kong, line *kong.Context, p process) error {
	_, err := fmt.Fprintln(parser.Stdout, p.versionText(line.Selected()))
	parser.Exit(statusOK)
	return err
}

// versionText is what --version prints. Under the name of a tool its first line is
// the tool's own: "Version: X (Features: ...)".
func (p process) versionText(verb *kong.Node) string {
	if name, _ := p.tool(); name != "" && !p.isReposync() {
		return fmt.Sprintf("Version: %s (Features: %s )", worksAs, ownVersion())
	}
	text := ownVersion()
	if verb == nil {
		return text
	}
	for tool, does := range tools {
		if does == verb.Name && tool == verb.Name+"_c" {
			text += fmt.Sprintf("\n%s takes the place of %s %s", does, tool, worksAs)
		}
	}
	return text
}

func ownVersion() string {
	if version != "" {
		return "gorepo " + version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return "gorepo " + info.Main.Version
	}
	return "gorepo (devel)"
}
