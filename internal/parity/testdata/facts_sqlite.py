# All that an sqlite database holds: argv[1] is the file.
import json, sqlite3, sys

db = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
db.text_factory = lambda b: b.decode("utf-8", "backslashreplace")


def say(pkg, field, value=""):
    print(json.dumps({"pkg": pkg, "field": field, "value": str(value)}))


for pragma in ("application_id", "user_version", "encoding", "auto_vacuum", "integrity_check"):
    say("", "pragma " + pragma, db.execute("PRAGMA " + pragma).fetchall())
for kind, name, table, sql in db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY tbl_name, type, name"):
    say("schema of " + table, kind + " " + name, " ".join(sql.split()) if sql else sql)
tables = [t for (t,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
names = {}
if "packages" in tables and any(c[1] == "name" for c in db.execute("PRAGMA table_info(packages)")):
    names = dict(db.execute("SELECT pkgKey, name FROM packages"))
for table in tables:
    # The directories of a package are in the order of a hash table: it says nothing.
    unordered = table == "filelist"
    rows = db.execute('SELECT rowid, * FROM "%s" ORDER BY %s' % (table, "pkgKey, dirname" if unordered else "rowid"))
    columns = [c[0] for c in rows.description][1:]
    key = columns.index("pkgKey") + 1 if "pkgKey" in columns else None
    for row in rows:
        label = "%s row %d" % (table, row[0])
        if unordered:
            label = "%s of package %d, %s" % (table, row[key], row[columns.index("dirname") + 1])
        # Where it is known, with the package that the row is of.
        elif key and row[key] in names:
            label += " of/" + names[row[key]]
        for column, value in zip(columns, row[1:]):
            say(label, column, "%s %s" % (type(value).__name__, value))
