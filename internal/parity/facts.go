package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// The scripts print facts, one JSON object a line.
//
//go:embed testdata/facts_*.py
var scripts embed.FS

// A fact is one thing that a program has read: a field of a package, of a group,
// of a row.
type fact struct {
	Pkg, Field, Value string
}

// facts runs one of the scripts.
func facts(ctx context.Context, script string, args ...string) ([]fact, error) {
	source, err := scripts.ReadFile("testdata/facts_" + script + ".py")
	if err != nil {
		return nil, err
	}
	text, err := output(ctx, nil, systemPython, append([]string{"-c", string(source)}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", script, err)
	}
	var list []fact
	d := json.NewDecoder(bytes.NewReader(text))
	for {
		var f fact
		switch err := d.Decode(&f); {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", script, err)
		}
		list = append(list, f)
	}
}

// facts compares what two runs of a script have said.
func (c *comparison) facts(in string, theirs, ours []fact) {
	type group struct {
		pkg   string
		facts []fact
	}
	grouped := func(list []fact) (groups []group) {
		for _, f := range list {
			if n := len(groups); n == 0 || groups[n-1].pkg != f.Pkg {
				groups = append(groups, group{pkg: f.Pkg})
			}
			g := &groups[len(groups)-1]
			g.facts = append(g.facts, f)
		}
		return groups
	}
	for _, m := range align(grouped(theirs), grouped(ours), func(g *group) string { return g.pkg }) {
		switch {
		case m.ours == nil:
			c.tell(in, m.theirs.pkg, "package", "is there", absent)
			continue
		case m.theirs == nil:
			c.tell(in, m.ours.pkg, "package", absent, "is there")
			continue
		case m.moved:
			c.tell(in, m.ours.pkg, "package (order)", "later", "earlier")
		}
		d := c.differ(in, m.ours.pkg)
		for _, f := range align(m.theirs.facts, m.ours.facts, func(f *fact) string { return f.Field }) {
			switch {
			case f.ours == nil:
				d.value(f.theirs.Field, "is there: "+f.theirs.Value, absent)
			case f.theirs == nil:
				d.value(f.ours.Field, absent, "is there: "+f.ours.Value)
			default:
				if f.moved {
					d.tell(f.ours.Field+" (order)", "later", "earlier")
				}
				d.value(f.ours.Field, f.theirs.Value, f.ours.Value)
			}
		}
		c.fields += d.fields
	}
}

// readers are programs that read repositories: dnf, libsolv with python3-solv,
// and createrepo_c's library.
var readers = []string{"libsolv", "createrepo_c", "dnf"}

// reader compares what one of them reads from the two repositories. dir is for
// what dnf leaves.
func (c *comparison) reader(ctx context.Context, reader, dir string) error {
	var read [2][]fact
	for i, r := range []*repository{c.theirs, c.ours} {
		args := []string{r.dir}
		if reader == "dnf" {
			args = append(args, filepath.Join(dir, fmt.Sprint("dnf-", i)))
		} else {
			for _, kind := range []string{"primary", "filelists", "other"} {
				rec := r.record(kind)
				if rec == nil {
					return fmt.Errorf("%s: repomd.xml has no %s", r.dir, kind)
				}
				args = append(args, "repodata/"+filepath.Base(rec.file))
			}
		}
		var err error
		if read[i], err = facts(ctx, reader, args...); err != nil {
			return err
		}
	}
	c.facts(reader, read[0], read[1])
	return nil
}

// database compares two records that are sqlite databases.
func (c *comparison) database(ctx context.Context, theirs, ours *record) error {
	var read [2][]fact
	for i, side := range []struct {
		repo *repository
		rec  *record
	}{{c.theirs, theirs}, {c.ours, ours}} {
		file, err := os.CreateTemp("", "parity-*.sqlite")
		if err != nil {
			return err
		}
		_, err = file.Write(side.rec.plain)
		if err = errors.Join(err, file.Close()); err == nil {
			read[i], err = facts(ctx, "sqlite", file.Name())
		}
		if err = errors.Join(err, os.Remove(file.Name())); err != nil {
			return err
		}
		// The database names the XML file that it goes with by its checksum.
		xml := side.repo.record(strings.TrimSuffix(side.rec.kind, "_db"))
		if xml == nil {
			return errors.New("the XML file that the database goes with is not in repomd.xml")
		}
		for j, f := range read[i] {
			if strings.HasPrefix(f.Pkg, "db_info ") && f.Field == "checksum" && f.Value == "str "+xml.checksum {
				read[i][j].Value = "that of " + xml.kind
			}
		}
	}
	c.facts(ours.kind, read[0], read[1])
	return nil
}
