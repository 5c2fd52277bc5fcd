package catalog

import (
	"encoding/binary"
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"
)

// Columns are what lists are chosen and sorted by, of all packages together: a
// few bytes a package, which are read as a whole much faster than rows are.
//
//	names    the names in lower case, in the order of their ids, each with a line feed
//	archs    the architectures, likewise
//	name     of each package the id of its name, 4 bytes
//	arch     the number of its architecture, 2 bytes
//	latest   1 if it is the newest of its name and architecture, or 0
//	size, built, added   8 bytes
const (
	columnNames  = "names"
	columnArchs  = "archs"
	columnName   = "name"
	columnArch   = "arch"
	columnLatest = "latest"
	columnSize   = "size"
	columnBuilt  = "built"
	columnAdded  = "added"
)

// columnWriter gathers the columns.
type columnWriter struct {
	names, archs []byte
	byArch       map[string]uint16
	data         map[string][]byte
}

func (c *columnWriter) init(n int) {
	c.byArch = map[string]uint16{}
	c.data = map[string][]byte{
		columnName: make([]byte, 0, 4*n), columnArch: make([]byte, 0, 2*n), columnLatest: make([]byte, 0, n),
		columnSize: make([]byte, 0, 8*n), columnBuilt: make([]byte, 0, 8*n), columnAdded: make([]byte, 0, 8*n),
	}
}

// name adds the next name. A line feed in it would be another name's.
func (c *columnWriter) name(key string) {
	c.names = append(c.names, strings.ReplaceAll(key, "\n", " ")...)
	c.names = append(c.names, '\n')
}

// maxArchs bounds the different architectures; those beyond it are one.
const maxArchs = 1000

func (c *columnWriter) add(p *packageRow, name int64, latest bool) {
	arch, ok := c.byArch[p.Arch]
	if !ok && len(c.byArch) < maxArchs {
		arch = uint16(len(c.byArch)) //nolint:gosec // no more than maxArchs
		c.byArch[p.Arch] = arch
		c.archs = append(c.archs, strings.ReplaceAll(p.Arch, "\n", " ")...)
		c.archs = append(c.archs, '\n')
	}
	d := c.data
	d[columnName] = binary.LittleEndian.AppendUint32(d[columnName], uint32(name)) //nolint:gosec // no more than maxPackages
	d[columnArch] = binary.LittleEndian.AppendUint16(d[columnArch], arch)
	is := byte(0)
	if latest {
		is = 1
	}
	d[columnLatest] = append(d[columnLatest], is)
	added := int64(0)
	if !p.Added.IsZero() {
		added = p.Added.Unix()
	}
	for _, v := range []struct {
		column string
		value  int64
	}{{columnSize, p.Size}, {columnBuilt, p.Built.Unix()}, {columnAdded, added}} {
		d[v.column] = binary.LittleEndian.AppendUint64(d[v.column], uint64(v.value)) //nolint:gosec // read back as it was
	}
}

func (c *columnWriter) write(b *builder) error {
	c.data[columnNames], c.data[columnArchs] = c.names, c.archs
	r, err := b.insert("columns", "name", "data")
	if err != nil {
		return err
	}
	for _, name := range []string{columnAdded, columnArch, columnArchs, columnBuilt, columnLatest, columnName, columnNames, columnSize} {
		r.text(name)
		r.bytes(c.data[name])
		if err := r.add(); err != nil {
			return err
		}
	}
	return nil
}

// readColumn returns a column, into buf if that is large enough.
func readColumn(conn *sqlite.Conn, name string, buf []byte) ([]byte, error) {
	stmt, err := conn.Prepare("SELECT data FROM columns WHERE name = ?")
	if err != nil {
		return nil, err
	}
	defer stmt.Reset() //nolint:errcheck // what it returns was returned
	stmt.BindText(1, name)
	switch found, err := stmt.Step(); {
	case err != nil:
		return nil, err
	case !found:
		return nil, damaged("there is no column %s", name)
	}
	n := stmt.ColumnLen(0)
	buf = slices.Grow(buf[:0], n)[:n]
	stmt.ColumnBytes(0, buf)
	return buf, nil
}

// readLines returns a column that is text.
func readLines(conn *sqlite.Conn, name string) ([]string, error) {
	data, err := readColumn(conn, name, nil)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n"), nil
}
