package config

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestKeysAreDocumented keeps docs/configuration.md true: it has every key, and no
// other.
func TestKeysAreDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/configuration.md")
	require.NoError(t, err)
	text := string(data)
	for name := range keys {
		assert.Contains(t, text, "`"+name+"`", "a key that is not documented")
	}
	_, section, found := strings.Cut(text, "\n## Keys\n")
	require.True(t, found)
	count := 0
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*`) \\|").FindAllStringSubmatch(section, -1) {
		for _, word := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[1], -1) {
			assert.Contains(t, keys, word[1], "documented, and no key")
			count++
		}
	}
	assert.Greater(t, count, 40)
}
