package reposync

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
	"gorepo/internal/rpmpkg"
)

// asBefore reports whether this sync has nothing to do: upstream's metadata is
// that of the last one, so is the selection, and the packages that it chose are
// all in their places. Then the metadata need not be read again.
func (s *run) asBefore(ctx context.Context, u *upstream, records []repodata.Record) (bool, error) {
	if !u.unchanged || s.state.Sync.Repomd != sumHex(u.files[repomdFile]) || // the state is not of that sync, or lost
		s.o.MetadataDir != "" || s.state.Bringing || s.recheck ||
		len(s.state.Condemned)+len(s.unchecked)+len(s.doubted) > 0 {
		return false, nil
	}
	key, ok := s.inventoryKey(u, records)
	if !ok || s.state.Sync.Inventory != key { // the state tells of another sync, which may not have come to its end
		return false, nil
	}
	found, ok := s.o.Repo.CheckInventory(ctx, key)
	if !ok || found.Others > 0 && s.o.Delete {
		return false, ctx.Err()
	}
	if s.o.DownloadMetadata {
		if same, err := sameCopy(ctx, u, s.copyDir()); !same || err != nil {
			return false, err
		}
	}
	if s.o.DownloadComps {
		stored := previous(s.o.Repo)
		if stored == nil {
			return false, nil
		}
		if err := s.writeComps(ctx, stored); err != nil {
			return false, ctx.Err() // they may be damaged; else it fails again
		}
	}
	s.found(u)
	s.o.Progress.Planned(0, 0)
	s.result.Packages, s.result.Present, s.result.Size = found.Packages, found.Packages, found.Size
	if err := s.bringTree(ctx); err != nil {
		return false, err
	}
	s.setPending(nil, nil)
	return true, s.cleanUp(ctx)
}

// takeInventory lets the next sync find out in the same way whether there is
// something to do.
func (s *run) takeInventory(u *upstream, records []repodata.Record, refs []rpmpkg.Ref) {
	if !s.result.Complete() || s.unsure != "" {
		return
	}
	key, ok := s.inventoryKey(u, records)
	if !ok {
		return
	}
	packages := make([]mirror.Package, len(refs))
	for i, ref := range refs {
		packages[i] = mirror.Package{Location: ref.Location, Size: ref.Size, MTime: ref.FileTime}
	}
	if err := s.o.Repo.SaveInventory(key, packages); err != nil {
		s.o.OnWarning(fmt.Sprintf("the next sync will take longer: %v", err))
		return
	}
	s.state.Sync.Inventory = key
}

// inventoryKey stands for all that decides which packages are wanted, and for
// the stored metadata: files that are touched may be damaged.
func (s *run) inventoryKey(u *upstream, records []repodata.Record) (string, bool) {
	dir, err := s.o.Repo.Upstream()
	if err != nil {
		return "", false
	}
	defer dir.Close() //nolint:errcheck // only looked at
	h := sha256.New()
	fmt.Fprintln(h, sumHex(u.files[repomdFile]), s.o.CheckPackage != nil, s.o.selection()) //nolint:errcheck // a hash never fails
	for _, rec := range distinct(records) {
		fi, err := os.Stat(dir.Path(rec.Name()))
		if err != nil || rec.Size >= 0 && fi.Size() != rec.Size {
			return "", false
		}
		fmt.Fprintln(h, rec.Name(), fi.Size(), fi.ModTime().UnixNano()) //nolint:errcheck // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil)), true
}
