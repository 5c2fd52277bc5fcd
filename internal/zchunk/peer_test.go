package zchunk

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

// TestUnzckReadsOurs: libzck unpacks what is written, and finds all its
// checksums right.
func TestUnzckReadsOurs(t *testing.T) {
	unzck, info := peer.Need(t, "unzck"), peer.Need(t, "zck_read_header")
	for name, dict := range dicts(t) {
		for what, chunks := range map[string][][]byte{
			"nothing": nil, "chunks": {text(1, 100), text(2, 5000), {0}, text(4, 300_000)}, "large": {bytes.Repeat(text(1, 1<<20), 11)},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				data, header := write(t, dict, chunks...)
				file := filepath.Join(t.TempDir(), "f.zck")
				require.NoError(t, os.WriteFile(file, data, 0o644))
				got, err := exec.Command(unzck, "-c", file).Output()
				require.NoError(t, err)
				assert.True(t, bytes.Equal(bytes.Join(chunks, nil), got))
				out, err := exec.Command(info, "-f", "-c", file).CombinedOutput()
				require.NoError(t, err, "%s", out)
				assert.Contains(t, string(out), "Chunk checksum type: SHA-512/128")
				assert.Contains(t, string(out), "Header size: "+strconv.FormatInt(header.Size, 10)+"\n")
				lines := regexp.MustCompile(`(?m)^ +\d+ [0-9a-f]{32} .*?(\d+) +(\d+)  \+$`).FindAllStringSubmatch(string(out), -1)
				list := entries(t, data)
				require.Len(t, lines, len(list))
				for i, c := range list {
					assert.Equal(t, []string{strconv.Itoa(c.packed), strconv.Itoa(c.content)}, lines[i][1:])
				}
			})
		}
	}
}

// TestReadsWhatZckWrites, with every option of it.
func TestReadsWhatZckWrites(t *testing.T) {
	zck := peer.Need(t, "zck")
	dir := t.TempDir()
	content := append(text(1, 150_000), "</file>\n"...) // zck -s loses an end like "<packa"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "content"), content, 0o644))
	for name, dict := range dicts(t) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".zdict"), dict, 0o644))
	}
	for _, args := range [][]string{
		{},
		{"-m"},
		{"-s", "<package "},
		{"-s", "<package ", "-u"},
		{"-u", "-m"},
		{"-h", "sha256"},
		{"-h", "sha512"},
		{"-h", "sha512_128"},
		{"--compression-format=none"},
		{"--compression-format=none", "-u"},
		{"-D", "formatted.zdict", "-s", "<package "},
		{"-D", "content.zdict", "-s", "<package "},
		{"-D", "formatted.zdict", "-u"},
		{"-D", "content.zdict", "--compression-format=none"},
	} {
		cmd := exec.Command(zck, append(args, "-o", "out.zck", "content")...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%v: %s", args, out)
		data, err := os.ReadFile(filepath.Join(dir, "out.zck"))
		require.NoError(t, err)
		got, err := read(data)
		require.NoError(t, err, "%v", args)
		require.True(t, string(content) == got, "%v", args)

		data[len(data)-1] ^= 1
		_, err = read(data)
		require.Error(t, err, "%v", args)
	}
}
