package config

import (
	"os"
	"regexp"
	"slices"
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
		assert.True(t, strings.Contains(text, "`"+name+"`"), "%s is a key that is not documented", name)
	}
	_, section, found := strings.Cut(text, "\n## Keys\n")
	require.True(t, found)
	count := 0
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*`) \\|").FindAllStringSubmatch(section, -1) {
		for _, word := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[1], -1) {
			_, known := keys[word[1]]
			assert.True(t, known, "%s is documented, and no key", word[1])
			count++
		}
	}
	assert.Greater(t, count, 40)

	_, section, found = strings.Cut(section, "\n### Known, without a meaning for a mirror\n")
	require.True(t, found)
	var hints, listed []string
	_, refused, found := strings.Cut(text, "\n### Not supported yet\n")
	require.True(t, found)
	refused, _, _ = strings.Cut(refused, "\n### ")
	for name, k := range keys {
		assert.Equal(t, k.refuse != nil, strings.Contains(refused, "`"+name+"`"), "%s among what is not supported", name)
		if k.repo == nil && k.main == nil && k.refuse == nil && !k.variable {
			hints = append(hints, name)
		}
	}
	for _, word := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(section, -1) {
		listed = append(listed, word[1])
	}
	slices.Sort(hints)
	assert.Equal(t, hints, listed, "the hints, in alphabetical order")
}
