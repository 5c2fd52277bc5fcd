package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"gorepo/internal/testrepo"
)

// TestMirrorZck: a repository of the mirror has a copy of all that comes along,
// until it is not to have one any more.
func TestMirrorZck(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{
		Comps: mustRead(t, "../../testdata/comps.xml"), Modules: mustRead(t, "../../testdata/modules.yaml"),
		Extra: map[string][]byte{"productid": []byte("PEM")}, DB: true, Zck: true,
	}, rpms(t, hello212, chrono)...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	plain := []string{"primary", "filelists", "other", "group", "modules", "productid"}
	for _, tt := range []struct {
		flags []string
		types []string
	}{
		{nil, plain},
		{[]string{"--zck"}, []string{
			"primary", "filelists", "other", "primary_zck", "filelists_zck", "other_zck",
			"group", "group_zck", "modules", "modules_zck", "productid", "productid_zck",
		}},
		{[]string{"--zck", "--discard-additional-metadata"}, []string{"primary", "filelists", "other", "primary_zck", "filelists_zck", "other_zck"}},
		{nil, plain},
	} {
		args := append([]string{"createrepo", "--update"}, tt.flags...)
		b := s.runJSON(args...)
		assert.Equal(t, []any{"complete", tt.types}, []any{b.Outcome, s.recordTypes("base")}, tt.flags)
		_, records := s.whole("base")
		for _, recordType := range tt.types {
			content, err := unpacked(records[recordType])
			assert.NoError(t, err)
			assert.NotEmpty(t, content, recordType)
		}
		assert.Equal(t, "unchanged", s.runJSON(args...).Outcome)
	}
	s.run("createrepo", "--zck-dict-dir", "/").ended(statusUsage, says("--zck-dict-dir needs --zck"))
}
