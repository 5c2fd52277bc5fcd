package createrepo

import (
	"context"
	"time"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
)

// noteHistory writes down what is about to be published. Nothing depends on it.
func noteHistory(repo *mirror.Repo, now *repodata.Repomd, sum string, before *repodata.OldMetadata, d *repodata.Difference, warn func(text string)) {
	p := mirror.Publication{
		Time: time.Now(), Revision: now.Revision, Repomd: sum, Primary: now.PrimaryChecksum(), Packages: d.Packages,
	}
	if before != nil {
		p.Before = before.Repomd.PrimaryChecksum()
		p.Was = &mirror.WasRepomd{Timestamp: before.Repomd.Timestamp()}
	}
	// The same primary again, of which the file was damaged, changes no package.
	same := d.Incomplete != nil && before != nil && p.Primary == p.Before
	if p.Gap = d.Incomplete != nil && !same; !p.Gap && !same && before != nil { // else all came, which is not listed
		p.Compare(d.Versions())
	}
	if err := repo.AppendHistory(p); err != nil {
		warn(err.Error())
	}
}

// noteHistory is for a primary that is put in the place of another by hand.
func (m *modification) noteHistory(ctx context.Context, staging *mirror.Staging, next *repodata.Repomd, sum string) error {
	if next.PrimaryChecksum() == m.published.Repomd.PrimaryChecksum() {
		return nil
	}
	made, err := repodata.OpenLocal("the new metadata", staging.Dir())
	if err != nil {
		return err
	}
	d, err := repodata.Compare(ctx, m.published, made)
	if err != nil {
		if ctx.Err() == nil {
			m.o.OnWarning("the history does not tell of it: " + err.Error())
		}
		return ctx.Err()
	}
	noteHistory(m.repo, next, sum, m.published, d, m.o.OnWarning)
	return nil
}
