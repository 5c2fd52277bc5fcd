package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

// TestVersionLineIsTheTools is about what scripts read from it.
func TestVersionLineIsTheTools(t *testing.T) {
	t.Parallel()
	form := `^Version: \d+\.\d+\.\d+ \(Features: .*\)\n$`
	s := newSite(t)
	for _, tool := range []string{"createrepo_c", "modifyrepo_c"} {
		out, err := exec.Command(peer.Need(t, tool), "--version").Output()
		require.NoError(t, err)
		assert.Regexp(t, form, strings.TrimLeft(string(out), "\n"))
		assert.Regexp(t, form, s.runAs(tool, "--version").stdout)
	}
}
