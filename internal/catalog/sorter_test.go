package catalog

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"zombiezen.com/go/sqlite"

	"gorepo/internal/repodata"
)

// TestSorter: with any memory it gives the same, and leaves nothing behind.
func TestSorter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	type record struct{ key, value string }
	var all []record
	for i := range 5000 {
		all = append(all, record{strings.Repeat("/dir", r.IntN(5)) + fmt.Sprint(r.IntN(300)), fmt.Sprint(i)})
	}
	all = append(all, record{"", "of an empty key"}, record{"k", ""})
	want := slices.Clone(all)
	slices.SortStableFunc(want, func(a, b record) int { return cmp.Compare(a.key, b.key) })
	for _, most := range []int{1, 1000, 20_000, 1 << 20} {
		dir := t.TempDir()
		s := &sorter{most: most, temp: func() (*os.File, error) {
			f, err := os.CreateTemp(dir, "*")
			require.NoError(t, err)
			return f, os.Remove(f.Name())
		}}
		list := all
		if most == 1 { // a run for each
			list = all[:200]
		}
		for _, rec := range list {
			require.NoError(t, s.add([]byte(rec.key), []byte(rec.value)))
		}
		require.NoError(t, s.add(bytes.Repeat([]byte("x"), maxRecord+1), nil), "which is left out")
		var got []record
		require.NoError(t, s.each(func(key, value []byte) error {
			got = append(got, record{string(key), string(value)})
			return nil
		}))
		if most == 1 {
			assert.True(t, slices.IsSortedFunc(got, func(a, b record) int { return cmp.Compare(a.key, b.key) }))
			assert.Len(t, got, len(list))
			continue
		}
		assert.Equal(t, want, got, "%d bytes", most)
		assert.Empty(t, s.runs)
	}
}

// TestPaths: a table of paths is the same however much is in memory, and every
// path, and every beginning of one, is found in it.
func TestPaths(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	files := map[int32][]string{}
	byPath := map[string][]int32{}
	for id := int32(1); id <= 40; id++ {
		seen := map[string]bool{}
		for range 400 {
			path := "/" + strings.Repeat("usr/", r.IntN(4)) + fmt.Sprintf("%d", r.IntN(5000))
			if r.IntN(50) == 0 {
				path += strings.Repeat("long", r.IntN(300))
			}
			if !seen[path] {
				seen[path] = true
				files[id] = append(files[id], path)
				byPath[path] = append(byPath[path], id)
			}
		}
	}
	byPath["spec"], files[7] = []int32{7}, append(files[7], "spec") // of a source package
	for _, most := range [][2]int{{sortMemory, maxInDirectory}, {10_000, 3000}} {
		path := filepath.Join(t.TempDir(), "db")
		b, err := newBuilder(t.Context(), path, &source{repomd: &repodata.Repomd{}}, BuildOptions{})
		require.NoError(t, err)
		s := b.newPathSorter()
		s.sorter.most, s.most = most[0], most[1]
		for id := int32(40); id >= 1; id-- {
			for i, f := range files[id] {
				if i == 100 {
					s.size = maxFiles // as if there were many more
				}
				require.NoError(t, s.add([]byte(f), id))
			}
			require.NoError(t, s.end(id))
		}
		require.NoError(t, s.finish())
		require.NoError(t, b.finish())
		require.NoError(t, b.close())

		conn, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
		require.NoError(t, err)
		last := ""
		found := map[string][]int32{}
		require.NoError(t, pathTable.scan(conn, nil, func(key []byte, ids []int32) error {
			require.Less(t, last, string(key))
			last = string(key)
			found[pathOf(key)] = slices.Clone(ids)
			return nil
		}))
		assert.Equal(t, byPath, found)
		few := 0
		for path, want := range byPath { // in any order
			if few++; few > 100 {
				break
			}
			ids, err := pathTable.get(conn, pathKey(path))
			require.NoError(t, err)
			require.Equal(t, want, ids, path)
		}
		ids, err := pathTable.get(conn, pathKey("/usr/none"))
		require.NoError(t, err)
		assert.Empty(t, ids)
		for _, prefix := range []string{"/usr/1", "/usr/usr/", "/", "/usr/usr/usr/4999", "/x", "s", ""} {
			want := 0
			for path := range byPath {
				if strings.HasPrefix(string(pathKey(path)), string(pathKey(prefix))) {
					want++
				}
			}
			got := 0
			require.NoError(t, pathTable.scan(conn, pathKey(prefix), func([]byte, []int32) error {
				got++
				return nil
			}))
			assert.Equal(t, want, got, prefix)
		}
		require.NoError(t, conn.Close())
	}
}

// TestSortFirst: the first are those of the whole list, sorted.
func TestSortFirst(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, size := range []int{0, 1, 7, 100, 3000} {
		var list []keyed
		for i := range size {
			list = append(list, keyed{r.Int64N(50) - 25, int32(i)})
		}
		want := slices.SortedFunc(slices.Values(list), keyed.compare)
		for _, n := range []int{-1, 0, 1, 2, 10, 99, 300, 5000} {
			got := slices.Clone(list)
			sortFirst(got, n)
			first := max(0, min(n, size))
			assert.Equal(t, want[:first], got[:first], "%d of %d", n, size)
			slices.SortFunc(got, keyed.compare)
			assert.Equal(t, want, got, "none is lost")
		}
	}
}
