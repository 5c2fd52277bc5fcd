package modulemd

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMerge(t *testing.T) {
	var files []io.Reader
	for _, text := range []string{
		"\ufeff%YAML 1.2\n---\ndocument: a\n...\n# a comment\n---\ndocument: b\n",
		"document: c\n---\ndocument: b", "", "--- {document: d}\n---\n", "document: a\r\n",
	} {
		files = append(files, strings.NewReader(text))
	}
	var b strings.Builder
	require.NoError(t, Merge(&b, files))
	assert.Equal(t, "---\ndocument: a\n...\n---\ndocument: b\n...\n---\ndocument: c\n...\n--- {document: d}\n...\n", b.String())

	assert.ErrorIs(t, Merge(&b, []io.Reader{iotest.ErrReader(io.ErrNoProgress)}), io.ErrNoProgress)
	assert.ErrorContains(t, Merge(&b, []io.Reader{strings.NewReader("---\n" + strings.Repeat("a: b\n", maxDocument/5+1))}), "document in line 1: longer than")
}

// A document may be indented as a whole, and may begin in the line of its mark.
func TestMergeIndented(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, Merge(&out, []io.Reader{strings.NewReader("---\n  data:\n    a: 1\n  document: x\n...\n--- {b: 2}\n--- # c\n  d: 3\n---   \n  e: 4\n")}))
	assert.Equal(t, "---\n  data:\n    a: 1\n  document: x\n...\n--- {b: 2}\n...\n--- # c\n  d: 3\n...\n---\n  e: 4\n...\n", out.String())
}
