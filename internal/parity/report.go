package main

import (
	"errors"
	"slices"
	"strings"
)

// shownDifferences of one case are printed; there may be one for each package.
const shownDifferences = 20

// report prints what was found, part by part, and fails if it is not what
// should be.
func (p *parity) report(list []finding) error {
	type part struct {
		name                                  string
		cases, packages, fields, bad, allowed int
	}
	var parts []*part
	total := &part{name: "all"}
	failed := false
	for _, f := range list {
		name, _, _ := strings.Cut(f.name, ": ")
		i := slices.IndexFunc(parts, func(q *part) bool { return q.name == name })
		if i < 0 {
			i, parts = len(parts), append(parts, &part{name: name})
		}
		for _, q := range []*part{parts[i], total} {
			q.cases++
			q.packages += f.packages
			q.fields += f.fields
			q.bad += len(f.bad)
			q.allowed += f.deliberate()
		}
		if p.verbose || len(f.bad) > 0 || len(f.unused) > 0 {
			p.printFinding(f)
		}
		failed = failed || len(f.bad) > 0 || len(f.unused) > 0
	}
	p.print("\n%-12s %6s %9s %11s %12s %11s\n", "", "cases", "packages", "fields", "differences", "deliberate")
	for _, q := range append(parts, total) {
		p.print("%-12s %6d %9d %11d %12d %11d\n", q.name, q.cases, q.packages, q.fields, q.bad, q.allowed)
	}
	p.print("\n")
	for _, r := range rules {
		n := 0
		for _, f := range list {
			n += f.allowed[r.id]
		}
		if n > 0 {
			p.print("%d deliberate, %s: %s\n", n, r.id, r.reason)
		}
	}
	if failed {
		return errors.New("gorepo createrepo differs from createrepo_c")
	}
	return nil
}

func (p *parity) printFinding(f finding) {
	switch {
	case len(f.bad) == 0 && len(f.unused) == 0:
		p.print("%s: %d packages, %d fields, the same", f.name, f.packages, f.fields)
		if n := f.deliberate(); n > 0 {
			p.print(" but for %d deliberate differences", n)
		}
		p.print("\n")
	default:
		p.print("%s: %d DIFFERENCES\n", f.name, len(f.bad)+len(f.unused))
		for i, d := range f.bad {
			if i == shownDifferences {
				p.print("  and %d more\n", len(f.bad)-i)
				break
			}
			p.print("  %s\n", d)
		}
		for _, id := range f.unused {
			p.print("  there should be a difference by the rule %q, and there is none\n", id)
		}
	}
}
