// Package pages is what people open of a mirror, and the same as JSON.
//
//	/                                      all repositories, a search over them
//	/-/search?q=                           …
//	/-/changes                             what came and went in all: q, name, since, until, page
//	/-/repos/ID/                           what a repository is, and how to use it
//	/-/repos/ID/packages                   its packages: q, arch, latest, sort, order, page
//	/-/repos/ID/packages/NAME              every version and architecture of a name
//	/-/repos/ID/package/NEVRA              one package; ?list=files, changelog, requires, …: all of one list
//	/-/repos/ID/groups[/GROUP]
//	/-/repos/ID/modules[/NAME:STREAM]
//	/-/repos/ID/advisories[/ADVISORY]      q, severity, type, cve, fixable, page
//	/-/api/v1/…                            the same, for programs: docs/api.md
//	/-/static/HASH/…                       style, script and icon, for ever
//
// Pages are made here and need no script; the one that there is copies commands
// and filters lists as one types. All links are relative, so that a proxy may put
// a prefix in front.
//
// All that metadata says is hostile. html/template escapes it; tame makes
// visible, in the finished page, what would deceive a reader; only http and https
// are linked to; and what may have any length is cut, and said to be. The policy in
// the header lets a page load nothing but the files in static.
package pages
