package repodata

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// ask returns the first column of what a query finds in the database of a kind.
func (b built) ask(t testing.TB, k Kind, query string) (rows []string) {
	t.Helper()
	rec, ok := b.Repomd.Find(k.databaseType())
	require.True(t, ok, k)
	path := filepath.Join(t.TempDir(), "db")
	require.NoError(t, os.WriteFile(path, content(t, b.dir, rec), 0o644))
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, sqlitex.ExecuteTransient(conn, query, &sqlitex.ExecOptions{ResultFunc: func(stmt *sqlite.Stmt) error {
		rows = append(rows, stmt.ColumnText(0))
		return nil
	}}))
	return rows
}

var databaseTypes = []string{"primary_db", "filelists_db", "other_db"}

func (b built) types() (types []string) {
	for _, rec := range b.Repomd.Records {
		types = append(types, rec.Type)
	}
	return types
}

func TestDatabases(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	o := Options{Dir: dir, Databases: true, DatabaseCompression: Bzip2, Extras: []Extra{extra("comps.xml", "group", true, []byte(compsText))}}
	b := build1(t, o)
	assert.Equal(t, append(append([]string{"primary", "filelists", "other"}, databaseTypes...), "group"), b.types())
	for _, k := range kinds {
		rec, _ := b.Repomd.Find(k.databaseType())
		assert.Equal(t, rec.Checksum.Hex+"-"+k.String()+".sqlite.bz2", rec.Name())
		assert.Equal(t, 10, rec.DatabaseVersion)
		xml, _ := b.Repomd.Find(k.String())
		assert.Equal(t, []string{"10 " + xml.Checksum.Hex}, b.ask(t, k, "SELECT dbversion || ' ' || checksum FROM db_info"))
		assert.Equal(t, b.ask(t, Primary, "SELECT pkgId FROM packages ORDER BY pkgKey"), b.ask(t, k, "SELECT pkgId FROM packages ORDER BY pkgKey"))
	}
	assert.Equal(t, b.Locations, b.ask(t, Primary, "SELECT location_href FROM packages ORDER BY pkgKey"))

	// Any number of workers and either place give the same bytes.
	o.TimestampFromRevision = true
	var files map[string]string
	for _, local := range []bool{false, true} {
		for _, workers := range []int{1, 3} {
			o.LocalDatabases, o.Workers = local, workers
			b := build1(t, o)
			if files == nil {
				files = b.files(t)
			}
			assert.True(t, maps.Equal(files, b.files(t)), "%v, %d workers", local, workers)
		}
	}
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	for _, e := range left { // the tests' own directories are there too
		assert.False(t, strings.HasPrefix(e.Name(), "gorepo-sqlite"), e.Name())
	}
}

// TestDatabasesAgain: the same flags change nothing, others do, and databases are
// never taken along.
func TestDatabasesAgain(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	first := build1(t, Options{Dir: dir, Databases: true, DatabaseCompression: Gzip})
	with := func(o Options) Options {
		o.Databases, o.Extras = true, first.old(t).Extras()
		return o
	}
	assert.Empty(t, first.old(t).Extras())
	assert.True(t, again(t, dir, first.old(t), with(Options{})).Unchanged)
	for name, o := range map[string]Options{
		"none":          {},
		"compression":   with(Options{DatabaseCompression: Bzip2}),
		"simple names":  with(Options{SimpleNames: true}),
		"checksum type": with(Options{RepomdChecksum: "sha512"}),
	} {
		b := again(t, dir, first.old(t), o)
		assert.False(t, b.Unchanged, name)
		b.requireWhole(t)
		assert.Empty(t, b.packages, "%s: read", name)
		want := []string{"primary", "filelists", "other"}
		if o.Databases {
			want = append(want, databaseTypes...)
		}
		assert.Equal(t, want, b.types(), name)
		if o.Databases {
			assert.Equal(t, first.ask(t, Primary, "SELECT name FROM requires"), b.ask(t, Primary, "SELECT name FROM requires"))
		}
	}
	plain := build1(t, Options{Dir: dir})
	assert.False(t, again(t, dir, plain.old(t), Options{Databases: true}).Unchanged)

	// A generation whose databases are damaged, or are of another version, is not left.
	for name, damage := range map[string]func(b built){
		"version": func(b built) { replaceIn(t, b.dir, "<database_version>10<", "<database_version>9<") },
		"one":     func(b built) { replaceIn(t, b.dir, `"other_db"`, `"else_db"`) },
		"bytes": func(b built) {
			rec, _ := b.Repomd.Find("filelists_db")
			require.NoError(t, os.WriteFile(filepath.Join(b.dir, rec.Name()), []byte("x"), 0o644))
		},
	} {
		b := build1(t, Options{Dir: dir, Databases: true})
		damage(b)
		assert.False(t, again(t, dir, b.old(t), Options{Databases: true}).Unchanged, name)
	}
}

func replaceIn(t *testing.T, dir, old, new string) {
	t.Helper()
	path := filepath.Join(dir, "repomd.xml")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(data), old)
	require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(data), old, new)), 0o644))
}

// TestDatabasesFail: what cannot be made ends the build.
func TestDatabasesFail(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("TMPDIR is not asked there")
	}
	dir := newTree(t, testPackages(t)...)
	t.Setenv("TMPDIR", filepath.Join(dir, "none"))
	_, err := tryBuild(t, Options{Dir: dir, Databases: true, LocalDatabases: true})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "the database of ")
}

// TestAddDatabases adds them to lists of any compression.
func TestAddDatabases(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	for _, lists := range compressions {
		b := build1(t, Options{Dir: dir, Compression: lists, Checksum: "sha1", SimpleNames: true})
		old, out := b.old(t), dirOutput(t.TempDir())
		next := *old.Repomd
		require.NoError(t, old.AddDatabases(t.Context(), out, &next, DatabaseOptions{Compression: XZ}))
		assert.Len(t, old.Repomd.Records, 3, "it is left as it was")
		assert.False(t, old.Repomd.HasDatabases())
		assert.True(t, next.HasDatabases())
		b.Repomd, b.dir = &next, string(out)
		assert.Equal(t, append([]string{"primary", "filelists", "other"}, databaseTypes...), b.types())
		assert.Equal(t, []string{fmt.Sprint(len(b.Locations))}, b.ask(t, Other, "SELECT count(*) FROM packages"))
		rec, _ := next.Find("other_db")
		assert.Equal(t, "other.sqlite.xz sha1", rec.Name()+" "+rec.Checksum.Type)
		assert.Len(t, b.files(t), 3, "nothing else is left")

		// Over those that are there.
		again := next
		require.NoError(t, old.AddDatabases(t.Context(), dirOutput(t.TempDir()), &again, DatabaseOptions{Compression: Gzip, Checksum: "sha256"}))
		assert.Equal(t, next.Records[:3], again.Records[:3])
		require.Len(t, again.Records, 6)
		assert.Equal(t, "primary.sqlite.gz sha256", again.Records[3].Name()+" "+again.Records[3].Checksum.Type)
	}
}
