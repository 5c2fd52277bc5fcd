package sqlitedb

import "fmt"

// Version is that of the schema, which repomd.xml names.
const Version = 10

// The schema's text is kept to the letter: so it can be compared with that of
// createrepo_c's databases.

const createInfo = "CREATE TABLE db_info (dbversion INTEGER, checksum TEXT)"

func createPrimary() []string {
	schema := []string{
		createInfo,
		"CREATE TABLE packages (  pkgKey INTEGER PRIMARY KEY,  pkgId TEXT,  name TEXT,  arch TEXT,  version TEXT,  epoch TEXT,  release TEXT," +
			"  summary TEXT,  description TEXT,  url TEXT,  time_file INTEGER,  time_build INTEGER,  rpm_license TEXT,  rpm_vendor TEXT," +
			"  rpm_group TEXT,  rpm_buildhost TEXT,  rpm_sourcerpm TEXT,  rpm_header_start INTEGER,  rpm_header_end INTEGER," +
			"  rpm_packager TEXT,  size_package INTEGER,  size_installed INTEGER,  size_archive INTEGER,  location_href TEXT," +
			"  location_base TEXT,  checksum_type TEXT)",
		"CREATE TABLE files (  name TEXT,  type TEXT,  pkgKey INTEGER)",
	}
	remove := "DELETE FROM files WHERE pkgKey = old.pkgKey;"
	for _, s := range Sections {
		extra := ""
		if s == Requires {
			extra = ", pre BOOLEAN DEFAULT FALSE"
		}
		schema = append(schema, fmt.Sprintf(
			"CREATE TABLE %s (  name TEXT,  flags TEXT,  epoch TEXT,  version TEXT,  release TEXT,  pkgKey INTEGER %s)", s, extra))
		remove += fmt.Sprintf("    DELETE FROM %s WHERE pkgKey = old.pkgKey;", s)
	}
	return append(schema, "CREATE TRIGGER removals AFTER DELETE ON packages  BEGIN    "+remove+"  END")
}

func indexPrimary() []string {
	indexes := []string{
		"CREATE INDEX packagename ON packages (name)",
		"CREATE INDEX packageId ON packages (pkgId)",
		"CREATE INDEX filenames ON files (name)",
		"CREATE INDEX pkgfiles ON files (pkgKey)",
	}
	for _, s := range Sections {
		indexes = append(indexes, fmt.Sprintf("CREATE INDEX pkg%s on %s (pkgKey)", s, s))
		if s == Requires || s == Provides {
			indexes = append(indexes, fmt.Sprintf("CREATE INDEX %sname ON %s (name)", s, s))
		}
	}
	return indexes
}

const createIDs = "CREATE TABLE packages (  pkgKey INTEGER PRIMARY KEY,  pkgId TEXT)"

func createFilelists() []string {
	return []string{
		createInfo,
		createIDs,
		"CREATE TABLE filelist (  pkgKey INTEGER,  dirname TEXT,  filenames TEXT,  filetypes TEXT)",
		"CREATE TRIGGER remove_filelist AFTER DELETE ON packages  BEGIN    DELETE FROM filelist WHERE pkgKey = old.pkgKey;  END",
	}
}

func indexFilelists() []string {
	return []string{
		"CREATE INDEX keyfile ON filelist (pkgKey)",
		"CREATE INDEX pkgId ON packages (pkgId)",
		"CREATE INDEX dirnames ON filelist (dirname)",
	}
}

func createOther() []string {
	return []string{
		createInfo,
		createIDs,
		"CREATE TABLE changelog (  pkgKey INTEGER,  author TEXT,  date INTEGER,  changelog TEXT)",
		"CREATE TRIGGER remove_changelogs AFTER DELETE ON packages  BEGIN    DELETE FROM changelog WHERE pkgKey = old.pkgKey;  END",
	}
}

func indexOther() []string {
	return []string{
		"CREATE INDEX keychange ON changelog (pkgKey)",
		"CREATE INDEX pkgId ON packages (pkgId)",
	}
}
