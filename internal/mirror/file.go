package mirror

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// WriteFile puts a file that is no package and no metadata beside the packages,
// such as comps.xml. One that is there is replaced in one step, when all of r
// could be read.
func (r *Repo) WriteFile(name string, content io.Reader) error {
	if err := CheckName(name); err != nil {
		return err
	}
	root, err := r.Root()
	if err != nil {
		return err
	}
	tmp := ".gorepo-new-" + name
	f, err := root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(tmp, name)
	}
	if err != nil {
		_ = root.Remove(tmp) // the error is what matters
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
