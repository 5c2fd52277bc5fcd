package mirror

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

const (
	inventoryFile = "inventory"
	// inventoryFormat changes with what a line means, or what a sync proves.
	inventoryFormat = "gorepo inventory 1"
)

// Inventory is what CheckInventory found.
type Inventory struct {
	Packages int   // that are listed, and in their places
	Size     int64 // theirs, in bytes
	Others   int   // packages in the tree that are not listed
}

// SaveInventory writes down which packages a sync found or put in their places.
// The key, one line, stands for all that made it choose them: CheckInventory
// wants to hear it again.
func (r *Repo) SaveInventory(key string, packages []Package) error {
	packages = slices.Clone(packages)
	slices.SortFunc(packages, func(a, b Package) int { return compareWalk(a.Location, b.Location) })
	out := make([]byte, 0, 100*(len(packages)+1))
	out = append(out, inventoryFormat+" "+key+"\n"...)
	for _, p := range packages {
		if strings.ContainsRune(p.Location, '\n') {
			return nil // a name that a line cannot hold: every sync looks at all of it then
		}
		out = appendLine(out, p)
	}
	return writeFileAtomic(r.statePath(inventoryFile), out)
}

// appendLine adds a package as the inventory has it.
func appendLine(to []byte, p Package) []byte {
	to = strconv.AppendInt(to, p.Size, 10)
	to = append(to, ' ')
	to = strconv.AppendInt(to, p.MTime, 10)
	to = append(to, ' ')
	to = append(to, p.Location...)
	return append(to, '\n')
}

// lineLocation is the location in a line.
func lineLocation(line []byte) string {
	_, rest, _ := bytes.Cut(line, []byte(" "))
	_, location, _ := bytes.Cut(rest, []byte(" "))
	return string(bytes.TrimSuffix(location, []byte("\n")))
}

// CheckInventory reports whether an inventory was saved with this key, and every
// package of it is in its place with its size and mtime. It walks the tree and
// the list side by side. Whatever keeps it from being sure is a no.
func (r *Repo) CheckInventory(ctx context.Context, key string) (found Inventory, ok bool) {
	f, err := os.Open(r.statePath(inventoryFile))
	if err != nil {
		return found, false
	}
	defer f.Close() //nolint:errcheck // only read
	list := bufio.NewReaderSize(f, 64<<10)
	line, err := list.ReadSlice('\n')
	if err != nil || string(line) != inventoryFormat+" "+key+"\n" {
		return found, false
	}
	var here []byte
	line, err = list.ReadSlice('\n')
	for p, walkErr := range r.Packages(ctx) {
		if walkErr != nil {
			return found, false
		}
		here = appendLine(here[:0], p)
		if err == nil && bytes.Equal(here, line) {
			found.Packages++
			found.Size += p.Size
			line, err = list.ReadSlice('\n')
			continue
		}
		if err == nil && compareWalk(p.Location, lineLocation(line)) >= 0 {
			return found, false // it is another file, or the one that is listed is missing
		}
		found.Others++
	}
	// The list has to end here: with its last whole line.
	return found, err != nil && len(line) == 0 && ctx.Err() == nil
}

// compareWalk compares locations as Packages orders them: component by component.
func compareWalk(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] == b[i] {
			continue
		}
		switch {
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		}
		return int(a[i]) - int(b[i])
	}
	return len(a) - len(b)
}

// ForgetInventory has the next sync look at everything: what it builds on has
// turned out to be damaged.
func (r *Repo) ForgetInventory() error {
	err := os.Remove(r.statePath(inventoryFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
