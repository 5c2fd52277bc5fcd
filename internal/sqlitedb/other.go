package sqlitedb

import (
	"context"
	"errors"
)

// Other is other.sqlite while it is made.
type Other struct {
	*database
	packages  idTable
	changelog *row
}

// CreateOther makes the file at path, which is empty or not there.
func CreateOther(ctx context.Context, path string) (*Other, error) {
	d, err := create(ctx, path, createOther(), indexOther())
	if err != nil {
		return nil, err
	}
	o := &Other{database: d}
	if o.packages, err = d.idTable(); err == nil {
		o.changelog, err = d.insert("changelog", "pkgKey", "author", "date", "changelog")
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return o, nil
}

// AddChange adds an entry to the changelog of the package that AddPackage ends;
// date is in Unix seconds.
func (o *Other) AddChange(author Text, date int64, text string) error {
	r := o.changelog
	r.integer(o.key)
	r.nullable(author)
	r.integer(date)
	r.text(text)
	return r.add()
}

// AddPackage adds a package, whose changelog was added before.
func (o *Other) AddPackage(id string) error {
	o.key++
	return o.packages.addPackage(o.key-1, id)
}
