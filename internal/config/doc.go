// Package config reads gorepo's configuration: yum's and dnf's language, with
// a few keys of gorepo's own. docs/configuration.md is the user's page.
//
// # Grammar
//
// A file is lines. A byte order mark at its start is skipped, and a carriage
// return at the end of a line is blank. What dnf does with the same file is
// the rule:
//
//   - "[id]" opens a section, indented or not; the same section again adds to
//     it. After the bracket only a comment may follow.
//   - "key = value" needs the "=", starts in the first column, and belongs to
//     the section above it. In one section the last of several equal keys wins.
//   - A line that starts with blanks continues the value above, joined by a
//     newline, whatever stands in it: "  # no comment" is part of the value.
//   - "#" and ";" start a comment in the first column only.
//   - An empty line or a comment ends a value; a line of blanks does not.
//   - One pair of equal quotes around a whole value is taken off.
//
// # Variables
//
// $name and ${name} stand for a variable, ${name:-word} for word where the
// variable is unset or empty, ${name:+word} for word where it is not; word may
// hold variables. A name is letters, digits and underscores, as many as there
// are. What has no value stays as it is written. A backslash takes the meaning
// from a following $, } or backslash.
//
// # Resolution
//
// What a repository does not say, [main] says for it, and what [main] does not
// say is the default. Every value is expanded with the repository's own
// variables, so that one host mirrors several releases and architectures.
// A repository that cannot be used as it is written carries that in Err; the
// others are not touched by it.
package config
