package main

import "gorepo/internal/repodata"

// zchunkFlags are createrepo_c's and modifyrepo_c's.
type zchunkFlags struct {
	Zck        bool   `help:"A zchunk copy of each file besides, from which clients download only what changed."`
	ZckDictDir string `placeholder:"DIR" help:"With --zck, compress with the dictionary DIR/NAME.zdict, where NAME is primary.xml, filelists.xml, other.xml and so on."`
}

// checkZchunk refuses what makes no sense. Metadata that is in zchunk alone is
// read by nobody: createrepo_c has no such compression either.
func (f zchunkFlags) checkZchunk(compressions ...*repodata.Compression) error {
	if f.ZckDictDir != "" && !f.Zck {
		return usagef("--zck-dict-dir needs --zck")
	}
	for _, c := range compressions {
		if c != nil && *c == repodata.Zchunk {
			return usagef("zck is no compression for all that clients read: --zck makes zchunk copies besides")
		}
	}
	return nil
}
