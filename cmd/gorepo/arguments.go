package main

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// flagsFirst puts the flags that follow a verb before its other arguments, which
// may stand anywhere among them: the parser takes several of those only where they
// stand together. Both stay in their order.
func flagsFirst(node *kong.Node, args []string) []string {
	var flags, others []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--": // flags end here
			return slices.Concat(flags, []string{arg}, others, args[i+1:])
		case len(arg) > 1 && arg[0] == '-':
			flags = append(flags, arg)
			if !wantsValue(node, arg) {
				continue
			}
			if i++; i == len(args) {
				return args // no other argument is its value: the parser says so
			}
			flags = append(flags, args[i])
		case node.Type == kong.ApplicationNode:
			verb := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == arg })
			if verb < 0 {
				return args // the parser says what is wrong
			}
			return slices.Concat(flags, []string{arg}, flagsFirst(node.Children[verb], args[i+1:]))
		default:
			others = append(others, arg)
		}
	}
	return append(flags, others...)
}

// verbFirst puts flags of a verb that stand before its name behind it, as dnf takes
// them in both places: a script's `dnf -y --repo=x reposync` becomes `gorepo -y
// --repo=x sync`. Flags of every verb stay where they are.
func verbFirst(app *kong.Node, args []string) []string {
	for i, arg := range args {
		n := slices.IndexFunc(app.Children, func(n *kong.Node) bool { return n.Name == arg })
		if n < 0 {
			continue
		}
		if own, others, ok := splitFlags(app, app.Children[n], args[:i]); ok {
			return slices.Concat(own, []string{arg}, others, args[i+1:])
		}
	}
	return args
}

// splitFlags parts flags into those of the program and those that only the verb
// has. It is not ok where there is anything else among them, or the last one
// lacks its value.
func splitFlags(app, verb *kong.Node, args []string) (own, others []string, ok bool) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if len(arg) < 2 || arg[0] != '-' || arg == "--" {
			return nil, nil, false
		}
		to := &others
		if knows(app, arg) {
			to = &own
		}
		*to = append(*to, arg)
		if wantsValue(verb, arg) {
			if i++; i == len(args) {
				return nil, nil, false
			}
			*to = append(*to, args[i])
		}
	}
	return own, others, true
}

// knows reports whether all flags in arg are the node's.
func knows(node *kong.Node, arg string) bool {
	if name, long := strings.CutPrefix(arg, "--"); long {
		name, _, _ = strings.Cut(name, "=")
		return findFlag(node, func(f *kong.Flag) bool { return f.Name == name || slices.Contains(f.Aliases, name) }) != nil
	}
	for _, short := range arg[1:] {
		if findFlag(node, func(f *kong.Flag) bool { return f.Short == short }) == nil {
			return false
		}
	}
	return true
}

// wantsValue reports whether the next argument is the value of a flag in arg,
// which may be several short ones.
func wantsValue(node *kong.Node, arg string) bool {
	if name, long := strings.CutPrefix(arg, "--"); long {
		flag := findFlag(node, func(f *kong.Flag) bool { return f.Name == name || slices.Contains(f.Aliases, name) })
		return flag != nil && !flag.IsBool() // with = it has another name
	}
	for i, short := range arg[1:] {
		flag := findFlag(node, func(f *kong.Flag) bool { return f.Short == short })
		if flag == nil {
			return false
		}
		if !flag.IsBool() {
			return arg[1+i:] == string(short) // what follows is the value
		}
	}
	return false
}

func findFlag(node *kong.Node, is func(f *kong.Flag) bool) *kong.Flag {
	for _, group := range node.AllFlags(false) {
		if i := slices.IndexFunc(group, is); i >= 0 {
			return group[i]
		}
	}
	return nil
}
