package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
)

// A difference is one field that the two repositories do not have in common.
type difference struct {
	in           string // repomd.xml, primary, primary_db, libsolv, …
	pkg          string // the location or the name of the package that it is of
	field        string
	theirs, ours string
}

// String is it in three lines: first what createrepo_c has.
func (d difference) String() string {
	return fmt.Sprintf("%s: %s %s\n    - %s\n    + %s", d.in, d.pkg, d.field, shorten(d.theirs), shorten(d.ours))
}

func shorten(s string) string {
	const most = 300
	s = strconv.Quote(s)
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// A result is what comparisons have found.
type result struct {
	packages, fields int
	differences      []difference
}

// A comparison is of two repositories that were made of one tree.
type comparison struct {
	theirs, ours  *repository
	fixedRevision bool // --revision was given
	fixedTimes    bool // and --set-timestamp-to-revision

	result
}

// compare opens and compares what the two tools have made below two
// directories.
func compare(ctx context.Context, theirs, ours string, fixedRevision, fixedTimes bool) (*comparison, error) {
	c := &comparison{fixedRevision: fixedRevision, fixedTimes: fixedTimes}
	var err error
	if c.theirs, err = openRepository(ctx, theirs); err != nil {
		return nil, fmt.Errorf("createrepo_c: %w", err)
	}
	if c.ours, err = openRepository(ctx, ours); err != nil {
		return nil, fmt.Errorf("gorepo: %w", err)
	}
	for _, m := range align(c.theirs.records, c.ours.records, func(r **record) string { return (*r).kind }) {
		if err := c.records(ctx, m); err != nil {
			return nil, err
		}
	}
	c.repomd()
	return c, nil
}

func (c *comparison) tell(in, pkg, field, theirs, ours string) {
	c.differences = append(c.differences, difference{in, pkg, field, theirs, ours})
}

func (c *comparison) differ(in, pkg string) *differ {
	return &differ{tell: func(path, theirs, ours string) { c.tell(in, pkg, path, theirs, ours) }}
}

// repomd compares what stands outside the records.
func (c *comparison) repomd() {
	d := c.differ("repomd.xml", "")
	for _, r := range []*repository{c.theirs, c.ours} {
		for _, n := range r.other {
			// It is the time, which is not the same for both.
			if _, err := strconv.Atoi(n.text); err == nil && n.name == "revision" && !c.fixedRevision {
				n.text = "NOW"
			}
		}
	}
	c.theirs.root.children, c.ours.root.children = c.theirs.other, c.ours.other
	d.nodes("", c.theirs.root, c.ours.root)
	c.fields += d.fields
}

// records compares the files of a kind, and then what repomd.xml says of them.
func (c *comparison) records(ctx context.Context, m match[*record]) error {
	if m.ours == nil || m.theirs == nil {
		d := c.differ("repomd.xml", "")
		if m.ours == nil {
			d.value("/data["+(*m.theirs).kind+"]", (*m.theirs).String(), absent)
		} else {
			d.value("/data["+(*m.ours).kind+"]", absent, (*m.ours).String())
		}
		c.fields += d.fields
		return nil
	}
	theirs, ours := *m.theirs, *m.ours
	if m.moved {
		c.tell("repomd.xml", "", "/data["+ours.kind+"] (order)", "later", "earlier")
	}
	before := len(c.differences)
	var err error
	switch kind := ours.kind; {
	case kind == "primary" || kind == "filelists" || kind == "other":
		err = c.packages(kind, theirs, ours)
	case strings.HasSuffix(kind, "_db"):
		err = c.database(ctx, theirs, ours)
	case strings.HasSuffix(kind, "_zck"):
		err = c.zchunk(ctx, theirs, ours)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", ours.kind, err)
	}
	if strings.HasSuffix(ours.kind, "_db") { // sqlite's pages depend on how they were filled
		theirs.blank(true)
		ours.blank(true)
	} else {
		same := bytes.Equal(theirs.plain, ours.plain)
		if c.fields++; !same && len(c.differences) == before {
			// The fields are the same, and still the bytes are not: order of attributes, white space.
			c.tell(ours.kind, "", "bytes of the file, unpacked", firstDifference(theirs.plain, ours.plain), firstDifference(ours.plain, theirs.plain))
		}
		theirs.blank(!same)
		ours.blank(!same)
	}
	c.say(theirs, ours)
	return nil
}

// blank takes out of what repomd.xml says of a record that which was compared
// with its file and which differs by what the file was packed with. contentToo
// is for files that differ, as is told elsewhere.
func (r *record) blank(contentToo bool) {
	for _, n := range r.children {
		switch n.name {
		case "checksum", "size", "header-checksum", "header-size":
			n.text = ""
		case "open-checksum", "open-size":
			if contentToo {
				n.text = ""
			}
		}
	}
}

// say compares two <data>.
func (c *comparison) say(theirs, ours *record) {
	d := c.differ("repomd.xml", "")
	d.value("/data["+ours.kind+"] (what it says of its file)", strings.Join(theirs.faults, "; "), strings.Join(ours.faults, "; "))
	for _, r := range []*record{theirs, ours} {
		// Its own checksum was taken out with the others.
		for i, a := range r.child("location").attrs {
			if a[0] == "href" {
				r.child("location").attrs[i][1] = r.hrefName
			}
		}
		if t := r.child("timestamp"); !c.fixedTimes {
			if _, err := strconv.Atoi(t.text); err == nil {
				t.text = "NOW"
			}
		}
	}
	if c.fixedTimes {
		d.value("/data["+ours.kind+"]/timestamp (of its file)", strconv.FormatInt(theirs.mtime, 10), strconv.FormatInt(ours.mtime, 10))
	}
	d.nodes("/data["+ours.kind+"]", theirs.node, ours.node)
	c.fields += d.fields
}

// packages compares primary, filelists or other.
func (c *comparison) packages(kind string, theirs, ours *record) error {
	theirRoot, theirPackages, err := readXML(bytes.NewReader(theirs.plain))
	if err != nil {
		return fmt.Errorf("createrepo_c: %w", err)
	}
	ourRoot, ourPackages, err := readXML(bytes.NewReader(ours.plain))
	if err != nil {
		return fmt.Errorf("gorepo: %w", err)
	}
	c.theirs.locate(kind, theirPackages)
	c.ours.locate(kind, ourPackages)
	root := c.differ(kind, "")
	root.nodes("", theirRoot, ourRoot)
	c.fields += root.fields
	for _, m := range align(theirPackages, ourPackages, func(p **node) string { return packageKey(*p) }) {
		c.pair(kind, m)
	}
	if kind == "primary" {
		c.result.packages += len(ourPackages)
	}
	return nil
}

func (c *comparison) pair(kind string, m match[*node]) {
	if m.ours == nil {
		c.tell(kind, (*m.theirs).location, "package", "is listed", absent)
		return
	}
	location := (*m.ours).location
	if m.theirs == nil {
		c.tell(kind, location, "package", absent, "is listed")
		return
	}
	if m.moved {
		c.tell(kind, location, "package (order)", "later", "earlier")
	}
	d := c.differ(kind, location)
	d.nodes("", *m.theirs, *m.ours)
	c.fields += d.fields
}

// packageKey is what makes two packages of two lists the same one.
func packageKey(p *node) string {
	return cmp.Or(p.attr("pkgid"), p.child("checksum").text) + " " + p.location
}

// firstDifference is what stands where a differs from b.
func firstDifference(a, b []byte) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	return fmt.Sprintf("at byte %d: %s", i, a[max(0, i-40):min(len(a), i+80)])
}
