package sqlitedb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"gorepo/internal/rpmpkg"
)

// query returns the rows of a query, with a bar between columns. NULL is that,
// and text is quoted.
func query(t testing.TB, path, q string) (rows []string) {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, sqlitex.ExecuteTransient(conn, q, &sqlitex.ExecOptions{ResultFunc: func(stmt *sqlite.Stmt) error {
		var columns []string
		for i := range stmt.ColumnCount() {
			switch stmt.ColumnType(i) {
			case sqlite.TypeNull:
				columns = append(columns, "NULL")
			case sqlite.TypeText:
				columns = append(columns, "'"+stmt.ColumnText(i)+"'")
			default:
				columns = append(columns, stmt.ColumnText(i))
			}
		}
		rows = append(rows, strings.Join(columns, "|"))
		return nil
	}}))
	return rows
}

func some(s string) Text { return Text{s, true} }

func TestPrimary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	p, err := CreatePrimary(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, p.AddDependency(Requires, &Dependency{Name: some("a"), Flags: some("GE"), Epoch: some("0"), Version: some("1"), Release: some(""), Pre: true}))
	require.NoError(t, p.AddDependency(Requires, &Dependency{Name: some("b")}))
	require.NoError(t, p.AddDependency(Supplements, &Dependency{Name: some("c"), Pre: true}))
	require.NoError(t, p.AddFile("/etc/x", rpmpkg.RegularFile))
	require.NoError(t, p.AddPackage(&Package{ID: "1"}))
	require.NoError(t, p.AddFile("/bin/d", rpmpkg.Directory))
	require.NoError(t, p.AddFile("/bin/g", rpmpkg.Ghost))
	require.NoError(t, p.AddPackage(&Package{
		ID: "2", ChecksumType: "sha", Name: "n", Arch: "a", Epoch: some("0"), Version: some("v"), Release: some("r"), Summary: "s", Description: "d",
		Packager: "p", URL: "u", FileTime: 1, BuildTime: 2, License: "l", Vendor: "ve", Group: "g", BuildHost: "b", SourceRPM: "src",
		HeaderStart: 3, HeaderEnd: 4, Size: 5, Installed: 6, ArchiveSize: 1 << 40, Location: some("h"), Base: "ba",
	}))
	require.NoError(t, p.Finish("abc"))
	require.NoError(t, p.Close(), "again")

	assert.Equal(t, []string{
		"1|'1'|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|0|0|NULL|''|NULL|NULL|''|0|0|NULL|0|0|0|NULL|NULL|NULL",
		"2|'2'|'n'|'a'|'v'|'0'|'r'|'s'|'d'|'u'|1|2|'l'|'ve'|'g'|'b'|'src'|3|4|'p'|5|6|1099511627776|'h'|'ba'|'sha'",
	}, query(t, path, "SELECT * FROM packages"))
	assert.Equal(t, []string{"'a'|'GE'|'0'|'1'|''|1|'TRUE'", "'b'|NULL|NULL|NULL|NULL|1|'FALSE'"}, query(t, path, "SELECT * FROM requires"))
	assert.Equal(t, []string{"'c'|NULL|NULL|NULL|NULL|1"}, query(t, path, "SELECT * FROM supplements"))
	assert.Equal(t, []string{"'/etc/x'|'file'|1", "'/bin/d'|'dir'|2", "'/bin/g'|'ghost'|2"}, query(t, path, "SELECT * FROM files"))
	assert.Equal(t, []string{"10|'abc'"}, query(t, path, "SELECT * FROM db_info"))
	assert.Equal(t, []string{"'ok'"}, query(t, path, "PRAGMA integrity_check"))
}

// TestRemovals: the triggers work.
func TestRemovals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	p, err := CreatePrimary(t.Context(), path)
	require.NoError(t, err)
	for _, id := range []string{"1", "2"} {
		for _, s := range Sections {
			require.NoError(t, p.AddDependency(s, &Dependency{Name: some(id)}))
		}
		require.NoError(t, p.AddPackage(&Package{ID: id}))
	}
	require.NoError(t, p.Finish(""))
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	require.NoError(t, err)
	require.NoError(t, sqlitex.ExecuteTransient(conn, "DELETE FROM packages WHERE pkgKey = 1", nil))
	require.NoError(t, conn.Close())
	for _, s := range Sections {
		assert.Equal(t, []string{"'2'"}, query(t, path, "SELECT name FROM "+s.String()))
	}
}

func TestFilelists(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	f, err := CreateFilelists(t.Context(), path)
	require.NoError(t, err)
	for _, file := range []string{"/b/1", "/a/2", "/b/3", "/top", "source.spec", "", "/b/", "/b//4"} {
		require.NoError(t, f.AddFile(file, rpmpkg.RegularFile))
	}
	require.NoError(t, f.AddFile("/b/c", rpmpkg.Directory))
	require.NoError(t, f.AddFile("/b/g", rpmpkg.Ghost))
	require.NoError(t, f.AddPackage("one"))
	require.NoError(t, f.AddPackage("none"))
	require.NoError(t, f.AddFile("/b/5", rpmpkg.RegularFile))
	require.NoError(t, f.AddPackage("two"))
	require.NoError(t, f.Finish("abc"))
	assert.Equal(t, []string{
		"1|'/b'|'1/3///c/g'|'fffdg'", "1|'/a'|'2'|'f'", "1|'/'|'top'|'f'", "1|'.'|'source.spec//'|'ff'", "1|'/b'|'4'|'f'", "3|'/b'|'5'|'f'",
	}, query(t, path, "SELECT * FROM filelist"))
	assert.Equal(t, []string{"1|'one'", "2|'none'", "3|'two'"}, query(t, path, "SELECT * FROM packages"))
}

// TestFilelistsBound: a package that has more than is kept in memory loses
// nothing.
func TestFilelistsBound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	f, err := CreateFilelists(t.Context(), path)
	require.NoError(t, err)
	f.most = 1 << 12
	name := strings.Repeat("n", 100)
	for i := range 100 {
		require.NoError(t, f.AddFile(fmt.Sprintf("/d%d/%s", i%2, name), rpmpkg.RegularFile))
		require.LessOrEqual(t, f.size, f.most)
	}
	require.NoError(t, f.AddPackage("one"))
	require.NoError(t, f.Finish(""))
	assert.Equal(t, []string{"100|1|6"}, query(t, path, "SELECT sum(length(filetypes)), max(pkgKey), count(*) FROM filelist"))
}

func TestOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	o, err := CreateOther(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, o.AddChange(some("me"), 4102444800, "- text"))
	require.NoError(t, o.AddChange(Text{}, -1, ""))
	require.NoError(t, o.AddPackage("one"))
	require.NoError(t, o.AddPackage("two"))
	require.NoError(t, o.Finish("abc"))
	assert.Equal(t, []string{"1|'me'|4102444800|'- text'", "1|NULL|-1|''"}, query(t, path, "SELECT * FROM changelog"))
	assert.Equal(t, []string{"1|'one'", "2|'two'"}, query(t, path, "SELECT * FROM packages"))
}

// TestSameBytes: beyond the memory that is used, too.
func TestSameBytes(t *testing.T) {
	make1 := func() string {
		path := filepath.Join(t.TempDir(), "db")
		f, err := CreateFilelists(t.Context(), path)
		require.NoError(t, err)
		for p := range 300 {
			for i := range 10 {
				dir := fmt.Sprintf("/%d/%s/%d/", i*7919%61, strings.Repeat("d", 2000), p)
				require.NoError(t, f.AddFile(dir+"f", rpmpkg.FileType(i%3)))
			}
			require.NoError(t, f.AddPackage(fmt.Sprintf("%064d", p)))
		}
		require.NoError(t, f.Finish(""))
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Greater(t, len(data), cacheSize<<10)
		return string(data)
	}
	first := make1()
	require.True(t, first == make1())
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o, err := CreateOther(ctx, filepath.Join(t.TempDir(), "db"))
	require.NoError(t, err)
	require.NoError(t, o.AddPackage("one"))
	cancel()
	require.Error(t, o.AddPackage("two"))
	require.Error(t, o.Finish(""))
	_, err = CreateOther(t.Context(), filepath.Join(t.TempDir(), "no", "db"))
	require.Error(t, err)
}
