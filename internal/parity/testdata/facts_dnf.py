# What dnf makes of a repository: argv[1] is the directory, argv[2] one of its own.
import dnf, json, os, sys

directory, own = sys.argv[1:3]
conf = dnf.conf.Conf()
conf.cachedir = own + "/cache"
conf.persistdir = own + "/state"
conf.logdir = own + "/log"
os.makedirs(conf.logdir, exist_ok=True)
conf.installroot = own + "/root"
conf.plugins = False
conf.zchunk = False
conf.substitutions["releasever"] = "9"
conf.substitutions["arch"] = conf.substitutions["basearch"] = "x86_64"
conf.module_platform_id = "platform:el9"
base = dnf.Base(conf)
repo = base.repos.add_new_repo("r", conf, baseurl=["file://" + directory], gpgcheck=False)
repo.load_metadata_other = True
base.fill_sack(load_system_repo=False)
base.read_comps()


def say(pkg, field, value=""):
    print(json.dumps({"pkg": pkg, "field": field, "value": "" if value is None else str(value)}))


LISTS = ["provides", "requires", "requires_pre", "regular_requires", "conflicts", "obsoletes", "recommends", "suggests", "supplements", "enhances"]
FIELDS = ["arch", "baseurl", "buildtime", "chksum", "debug_name", "description", "downloadsize", "epoch", "evr", "group", "hdr_chksum",
          "hdr_end", "installsize", "license", "location", "medianr", "name", "packager", "release", "size", "source_debug_name",
          "source_name", "sourcerpm", "summary", "url", "vendor", "version"]
for p in sorted(base.sack.query().filter(reponame="r"), key=lambda p: (p.location, str(p))):
    for f in FIELDS:
        say(p.location, f, getattr(p, f))
    for k in LISTS:
        for dep in getattr(p, k):
            say(p.location, k + " " + str(dep))
    for f in p.files:
        say(p.location, "file " + f)
    for c in p.changelogs:
        say(p.location, "changelog %s %s" % (c["timestamp"], c["author"]), c["text"])
for g in sorted(base.comps.groups, key=lambda g: g.id):
    say("group " + g.id, "name", g.ui_name)
    say("group " + g.id, "description", g.ui_description)
    say("group " + g.id, "visible", g.visible)
    for p in g.packages_iter():
        say("group " + g.id, "package %s %s %s" % (p.name, p.option_type, p.requires))
for e in sorted(base.comps.environments, key=lambda e: e.id):
    say("environment " + e.id, "name", e.ui_name)
    for k in ("mandatory_groups", "optional_groups"):
        say("environment " + e.id, k, sorted(g.id for g in getattr(e, k)))
for c in sorted(base.comps.categories, key=lambda c: c.id):
    say("category " + c.id, "name", c.ui_name)
base.close()
