# What createrepo_c's library reads from a repository: argv[1] is its directory; then come the locations of primary, filelists and other.
import createrepo_c as cr, json, os, sys

directory, primary, filelists, other = sys.argv[1:5]


def say(pkg, field, value=""):
    print(json.dumps({"pkg": pkg, "field": field, "value": "" if value is None else str(value)}))


def warn(kind, message):
    say("", "warning", message)
    return True


packages, by_id = [], {}


def primary_done(p):
    packages.append(p)
    by_id.setdefault(p.pkgId, []).append(p)


def new(pkgid, name, arch):
    # Packages of the same content have one pkgid.
    p = cr.Package()
    extra.setdefault(pkgid, []).append(p)
    return p


path = lambda name: os.path.join(directory, name)
cr.xml_parse_primary(path(primary), None, primary_done, warn, False)
extra = {}
cr.xml_parse_filelists(path(filelists), new, None, warn)
for pkgid, copies in extra.items():
    for p, e in zip(by_id[pkgid], copies, strict=True):
        p.files = e.files
extra = {}
cr.xml_parse_other(path(other), new, None, warn)
for pkgid, copies in extra.items():
    for p, e in zip(by_id[pkgid], copies, strict=True):
        p.changelogs = e.changelogs

LISTS = {"requires", "provides", "conflicts", "obsoletes", "suggests", "enhances", "recommends", "supplements", "files", "changelogs"}
FIELDS = [f for f in dir(cr.Package) if not f.startswith("_") and f not in LISTS | {"copy"}]
for p in packages:
    for f in FIELDS:
        value = getattr(p, f)
        say(p.location_href, f, value() if callable(value) else value)
    for k in sorted(LISTS):
        for item in getattr(p, k):
            say(p.location_href, k + " " + " | ".join(str(v) for v in item))

repomd = cr.Repomd(path("repodata/repomd.xml"))
for tag in ("content_tags", "distro_tags", "repo_tags", "contenthash", "repoid"):
    say("", tag, getattr(repomd, tag))
