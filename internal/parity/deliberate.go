package main

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// A rule covers differences that are meant to be: a row of the table in
// docs/createrepo.md. Cases name the rules that apply to them: there each has to
// cover something, and elsewhere it covers nothing.
type rule struct {
	id     string
	reason string
	row    string // what the row begins with, where createrepo.md has one
	until  string // the version of createrepo_c that does as gorepo does; "" if none
	covers func(d difference) bool
}

// What the rules are called.
const (
	scriptsRule      = "scripts before the transaction"
	groupsRule       = "groups once"
	controlRule      = "control characters"
	hiddenRule       = "where packages are not looked for"
	namesRule        = "names that metadata cannot hold"
	listsRule        = "lists that do not fit"
	twiceRule        = "the same content twice"
	comparisonRule   = "databases: versions without a comparison"
	emptyRule        = "databases: empty fields"
	encodingsRule    = "databases: two encodings"
	timesRule        = "databases: times"
	zchunkGroupsRule = "zchunk: groups"
	zchunkTimesRule  = "zchunk: times"
)

// rules are all deliberate differences that show in metadata.
var rules = []rule{
	{
		id:     scriptsRule,
		reason: "requirements of %pretrans and %posttrans have pre=\"1\", as createrepo_c writes since 1.1.1",
		row:    "what a `%pretrans` or `%posttrans` requires",
		until:  "1.1.1",
		covers: func(d difference) bool {
			if d.in == "primary_zck" && strings.HasPrefix(d.field, "chunk ") {
				theirs, err := strconv.Atoi(d.theirs)
				ours, err2 := strconv.Atoi(d.ours)
				return err == nil && err2 == nil && ours > theirs && (ours-theirs)%len(` pre="1"`) == 0
			}
			name := path.Base(d.pkg)
			if !slices.ContainsFunc(transactionScripts, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
				return false
			}
			switch d.in {
			case "primary":
				return strings.HasSuffix(d.field, "@pre") && d.theirs == absent && d.ours == "1"
			case "libsolv", "createrepo_c", "dnf":
				// The marker in libsolv's list of requirements comes earlier, or comes at all.
				return strings.HasPrefix(d.field, "requires") || strings.HasPrefix(d.field, "regular_requires") || d.field == "has solvable:requires"
			case "primary_db":
				return d.field == "pre" && d.ours == "str TRUE"
			}
			return false
		},
	},
	{
		id:     groupsRule,
		reason: "comps is one record, compressed, as createrepo_c writes it since 1.0, and not two",
		row:    "`--groupfile`",
		until:  "1.0.0",
		covers: func(d difference) bool {
			compressed := strings.HasPrefix(d.field, "/data[group]/open-") || d.field == "/data[group]/location@href"
			return d.in == "repomd.xml" && (compressed && d.theirs != d.ours || strings.HasPrefix(d.field, "/data[group_") && d.ours == absent && d.field != "/data[group_zck]")
		},
	},
	{
		id:     controlRule,
		reason: "a package with a control character is listed without the character, not left out",
		row:    "control character in a field",
		covers: func(d difference) bool {
			return isNumberOfPackages(d) || strings.HasPrefix(path.Base(d.pkg), "control-") && d.field == "package" && d.theirs == absent ||
				d.in == "exit status" && d.theirs == "2" && d.ours == "0"
		},
	},
	{
		id:     hiddenRule,
		reason: "hidden directories, repodata, directories named like packages and links in circles are passed over",
		row:    "links in circles, hidden directories, `repodata`, directories named `*.rpm`",
		covers: func(d difference) bool {
			odd := strings.Contains(d.pkg, "/.") || strings.HasPrefix(d.pkg, ".hidden/") || strings.HasPrefix(d.pkg, "repodata/") || strings.HasPrefix(d.pkg, "directory.rpm/") || strings.HasPrefix(d.pkg, "loop/again/")
			return isNumberOfPackages(d) || odd && d.field == "package" && d.ours == absent
		},
	},
	{
		id:     namesRule,
		reason: "a package whose file name is not UTF-8 or has control characters is left out, and the status is 2: no client could ask for it",
		row:    "file names that are not UTF-8 or have control characters",
		covers: func(d difference) bool {
			return isNumberOfPackages(d) || strings.HasPrefix(d.pkg, "unnamable/") && d.field == "package" && d.ours == absent ||
				d.in == "exit status" && d.theirs == "0" && d.ours == "2"
		},
	},
	{
		id:     listsRule,
		reason: "with --pkglist a package is listed once, by its plain path, and what is not there makes the status 2",
		row:    "`--pkglist`, `--includepkg`",
		covers: func(d difference) bool {
			return isNumberOfPackages(d) || (d.field == "package" && (d.ours == absent || d.pkg == "sub/weak-1.0-1.noarch.rpm")) || strings.HasSuffix(d.field, "(order)") ||
				d.in == "exit status" && d.theirs == "0" && d.ours == "2"
		},
	},
	{
		id:     twiceRule,
		reason: "--update finds the entries of packages that lie in several places, all of which createrepo_c forgets",
		row:    "`--update`, packages of the same content in several places",
		covers: func(d difference) bool {
			return isNumberOfPackages(d) || d.in == "--read-pkgs-list" && d.ours == absent || d.field == "package" && d.theirs == absent
		},
	},
	{
		id:     comparisonRule,
		reason: "a dependency with a version that nothing is compared with has none in the databases either, as in the XML",
		row:    "`--database`: versions that nothing is compared with, fields that are empty",
		covers: func(d difference) bool {
			return d.in == "primary_db" && (d.field == "epoch" || d.field == "version" || d.field == "release") && d.ours == "NoneType None"
		},
	},
	{
		id:     emptyRule,
		reason: "a field that the header has, but empty, is NULL as one that it lacks: the XML does not tell them apart",
		row:    "`--database`: versions that nothing is compared with, fields that are empty",
		covers: func(d difference) bool {
			return strings.HasSuffix(d.in, "_db") && d.theirs == "str " && d.ours == "NoneType None"
		},
	},
	{
		id:     encodingsRule,
		reason: "each file name is read as UTF-8 or Latin-1 for itself, not all of a directory together",
		row:    "`--database`: file names of two encodings in one directory",
		covers: func(d difference) bool {
			return d.in == "filelists_db" && d.field == "filenames" && strings.HasSuffix(d.pkg, ", /usr/share/odd")
		},
	},
	{
		id:     timesRule,
		reason: "times after 2038 are what they are, not negative",
		covers: func(d difference) bool {
			return strings.HasSuffix(d.in, "_db") && (strings.HasPrefix(d.field, "time_") || d.field == "date") && strings.HasPrefix(d.theirs, "int -")
		},
	},
	{
		id:     zchunkGroupsRule,
		reason: "the open-checksum and open-size of group_zck are those of what is in the file, not of another compression of it",
		until:  "1.0.0",
		covers: func(d difference) bool {
			return d.in == "repomd.xml" && strings.HasPrefix(d.field, "/data[group_zck]")
		},
	},
	{
		id:     zchunkTimesRule,
		reason: "--set-timestamp-to-revision is for the records of zchunk files too",
		row:    "`--zck` with `--set-timestamp-to-revision`",
		covers: func(d difference) bool {
			return d.in == "repomd.xml" && strings.Contains(d.field, "_zck]/timestamp")
		},
	},
}

// transactionScripts begin the names of packages that have such scripts, or
// the flags that say so.
var transactionScripts = []string{"requires-for-pretrans", "requires-for-posttrans", "pretrans-", "posttrans-", "bits-requires", "transaction-"}

// isNumberOfPackages is for rules about packages that only one side lists.
func isNumberOfPackages(d difference) bool { return d.field == "@packages" }

// judge tells the differences that a case may have, counted by rules, from those
// it may not. unused are the rules that the case names for nothing.
func judge(differences []difference, expected []string, peer string) (bad []difference, allowed map[string]int, unused []string) {
	allowed = map[string]int{}
	for _, d := range differences {
		i := slices.IndexFunc(rules, func(r rule) bool {
			return slices.Contains(expected, r.id) && r.applies(peer) && r.covers(d)
		})
		if i < 0 {
			bad = append(bad, d)
			continue
		}
		allowed[rules[i].id]++
	}
	for _, id := range expected {
		i := slices.IndexFunc(rules, func(r rule) bool { return r.id == id })
		if i < 0 || rules[i].applies(peer) && allowed[id] == 0 {
			unused = append(unused, id)
		}
	}
	return bad, allowed, unused
}

func (r rule) applies(peer string) bool { return r.until == "" || older(peer, r.until) }

// older reports whether version a comes before b.
func older(a, b string) bool {
	return slices.Compare(numbers(a), numbers(b)) < 0
}

func numbers(version string) (list []int) {
	for part := range strings.SplitSeq(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			break
		}
		list = append(list, n)
	}
	return list
}
