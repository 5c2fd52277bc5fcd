# What libsolv makes of a repository: argv[1] is its directory; then come the locations of primary, filelists and other.
import json, os, solv, sys

directory, primary, filelists, other = sys.argv[1:5]
pool = solv.Pool()
pool.setarch("x86_64")
repo = pool.add_repo("r")


def opened(name):
    f = solv.xfopen(os.path.join(directory, name))
    assert f, name
    return f


assert repo.add_repomdxml(opened("repodata/repomd.xml"), 0), pool.errstr
assert repo.add_rpmmd(opened(primary), None, 0), pool.errstr
assert repo.add_rpmmd(opened(filelists), None, solv.Repo.REPO_EXTEND_SOLVABLES), pool.errstr
assert repo.add_rpmmd(opened(other), None, solv.Repo.REPO_EXTEND_SOLVABLES), pool.errstr


def say(pkg, field, value=""):
    print(json.dumps({"pkg": pkg, "field": field, "value": str(value)}))


DEPENDENCIES = ["PROVIDES", "REQUIRES", "CONFLICTS", "OBSOLETES", "RECOMMENDS", "SUGGESTS", "SUPPLEMENTS", "ENHANCES"]
STRINGS = ["SUMMARY", "DESCRIPTION", "PACKAGER", "URL", "LICENSE", "GROUP", "BUILDHOST", "SOURCENAME", "SOURCEEVR", "SOURCEARCH"]
NUMBERS = ["BUILDTIME", "INSTALLSIZE", "DOWNLOADSIZE", "HEADEREND", "MEDIANR"]

for s in repo.solvables:
    location, medianr = s.lookup_location()
    pkg = location
    say(pkg, "nevra", str(s))
    say(pkg, "vendor", s.vendor)
    say(pkg, "medianr", medianr)
    say(pkg, "mediabase", s.lookup_str(solv.SOLVABLE_MEDIABASE))
    checksum = s.lookup_checksum(solv.SOLVABLE_CHECKSUM)
    say(pkg, "checksum", checksum)
    say(pkg, "sourcepkg", s.lookup_sourcepkg())
    for k in STRINGS:
        say(pkg, k.lower(), s.lookup_str(getattr(solv, "SOLVABLE_" + k)))
    for k in NUMBERS:
        say(pkg, k.lower(), s.lookup_num(getattr(solv, "SOLVABLE_" + k)))
    for k in DEPENDENCIES:
        # A marker stands between the requirements of the package and those of its scripts.
        for where, marker in (("", -1), (" behind the marker", 1)):
            for dep in s.lookup_deparray(getattr(solv, "SOLVABLE_" + k), marker):
                say(pkg, k.lower() + where + " " + str(dep))
    for di in s.Dataiterator(solv.SOLVABLE_FILELIST, None, solv.Dataiterator.SEARCH_FILES | solv.Dataiterator.SEARCH_COMPLETE_FILELIST):
        say(pkg, "file " + di.str)
    for entry in s.Dataiterator(0):
        say(pkg, "has " + entry.key_idstr, entry.type_idstr)
    for entry in s.Dataiterator(solv.SOLVABLE_CHANGELOG):
        at = entry.pos()
        author, text = at.lookup_str(solv.SOLVABLE_CHANGELOG_AUTHOR), at.lookup_str(solv.SOLVABLE_CHANGELOG_TEXT)
        say(pkg, "changelog %d %s" % (at.lookup_num(solv.SOLVABLE_CHANGELOG_TIME), author), text)
