package treeinfo

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

// TestLikeConfigparser reads the same sections, keys and values as the parser of
// those who write treeinfo files.
func TestLikeConfigparser(t *testing.T) {
	python := peer.Need(t, "python3")
	const script = `import configparser, json, sys
p = configparser.RawConfigParser(strict=False)
p.optionxform = str
p.read(sys.argv[1])
print(json.dumps({s: {k: v for k, v in p.items(s)} for s in p.sections()}))`
	files, err := filepath.Glob("testdata/*.treeinfo")
	require.NoError(t, err)
	require.Len(t, files, 7)
	for _, file := range files {
		out, err := exec.CommandContext(t.Context(), python, "-c", script, file).Output()
		require.NoError(t, err, file)
		var want map[string]map[string]string
		require.NoError(t, json.Unmarshal(out, &want))
		got, err := parseINI(load(t, filepath.Base(file[:len(file)-len(".treeinfo")])))
		require.NoError(t, err, file)
		assert.Equal(t, want, got, file)
	}
}
