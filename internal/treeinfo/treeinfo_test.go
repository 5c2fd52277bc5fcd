package treeinfo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func load(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".treeinfo"))
	require.NoError(t, err)
	return data
}

// paths lists the files, those with a checksum with a + in front.
func paths(files []File) (list []string) {
	for _, f := range files {
		mark := ""
		if f.Checksum.Hex != "" {
			mark = "+"
		}
		list = append(list, mark+f.Path)
	}
	return list
}

func TestParse(t *testing.T) {
	modern := []string{"+images/boot.iso", "+images/efiboot.img", "+images/install.img", "+images/pxeboot/initrd.img", "+images/pxeboot/vmlinuz"}
	for name, want := range map[string]struct {
		family, version string
		files, inside   []string
		plain           bool
	}{
		"el5": {
			"CentOS", "5.10",
			[]string{"images/boot.iso", "images/pxeboot/initrd.img", "images/pxeboot/vmlinuz", "images/xen/initrd.img", "images/xen/vmlinuz"},
			nil, true,
		},
		"el6": {"Red Hat Enterprise Linux", "6.3", []string{
			"+HighAvailability/repodata/repomd.xml", "HighAvailability/HighAvailability.cert", "ScalableFileSystem/ScalableFileSystem.cert", "Server/Server.cert",
			"+images/boot.iso", "+images/efiboot.img", "+images/efidisk.img", "+images/install.img", "+images/pxeboot/initrd.img", "+images/pxeboot/vmlinuz", "+repodata/repomd.xml",
		}, []string{"HighAvailability", "ScalableFileSystem", "Server"}, false},
		"el7": {"Red Hat Enterprise Linux", "7.9", []string{
			"+LiveOS/squashfs.img", "+addons/HighAvailability/repodata/repomd.xml", "+addons/ResilientStorage/repodata/repomd.xml",
			"+images/boot.iso", "+images/efiboot.img", "+images/pxeboot/initrd.img", "+images/pxeboot/vmlinuz", "+repodata/repomd.xml",
		}, []string{".", "addons/HighAvailability", "addons/ResilientStorage"}, false},
		"el9":      {"Red Hat Enterprise Linux", "9.4", modern, []string{"."}, false},
		"stream9":  {"CentOS Stream", "9", modern, []string{".", "../../../AppStream/x86_64/os"}, false},
		"fedora40": {"Fedora", "40", modern, []string{"."}, false},
	} {
		tree, err := Parse(load(t, name))
		require.NoError(t, err, name)
		assert.Equal(t, want.family, tree.Family, name)
		assert.Equal(t, want.version, tree.Version, name)
		assert.ElementsMatch(t, want.files, paths(tree.Files), name)
		assert.Equal(t, want.inside, tree.Repositories, name)
		assert.Equal(t, want.plain, tree.Plain, name)
		assert.Empty(t, tree.Bad, name)
	}
}

// TestGrammar takes what Python's configparser takes, and says what is wrong with
// the rest.
func TestGrammar(t *testing.T) {
	const sum = "370db9a3943d4f46dc079dbaeb7e0cc3910dca069f7eede66d3d7d0d5177f684"
	tree, err := Parse([]byte("\ufeff# comment\r\n[general]\r\nfamily: X\r\nversion =\r\n\r\n; other\r\n[checksums]\r\na b.img=SHA256:" + strings.ToUpper(sum) + "\r\n" +
		"a b.img = sha256:" + sum + "\n[images-x86_64]\nkernel = one\n  two\ninitrd =\n[stage2]\nmainimage = a b.img\n[checksums]\nbad.img = sha3:00\n"))
	require.NoError(t, err)
	assert.Equal(t, "X", tree.Family)
	assert.Equal(t, []string{"+a b.img", "one\ntwo"}, paths(tree.Files))
	assert.Equal(t, sum, tree.Files[0].Checksum.Hex)
	require.Len(t, tree.Bad, 1)
	assert.ErrorContains(t, tree.Bad[0], `"bad.img": unknown checksum type "sha3"`)

	many := "[general]\n[checksums]\n"
	for i := range maxFiles + 1 {
		many += fmt.Sprintf("f%d = sha256:%s\n", i, sum)
	}
	for text, want := range map[string]string{
		"":                               "neither [general] nor [tree]",
		"[foo]\na = b\n":                 "neither [general] nor [tree]",
		"a = b\n[general]\n":             "line 1",
		"[general]\nnonsense\n":          "line 2",
		"[general]\na = \x00\n":          "not text",
		"[general]\na = \xff\n":          "not text",
		many:                             "4097 files",
		strings.Repeat("#\n", MaxSize):   "more than 1048576 bytes",
		"<!DOCTYPE html><html></html>\n": "line 1",
	} {
		_, err := Parse([]byte(text))
		require.Error(t, err, "%.40q", text)
		assert.Contains(t, err.Error(), want)
	}
}

// TestLongValue: a value of very many lines takes no longer than others.
func TestLongValue(t *testing.T) {
	lines := strings.Repeat(" a\n", 300_000)
	began := time.Now()
	tree, err := Parse([]byte("[general]\nfamily = x\n" + lines + "version = 1\n a\n"))
	require.NoError(t, err)
	assert.Less(t, time.Since(began), 10*time.Second)
	assert.Len(t, tree.Family, 1+2*300_000)
	assert.Equal(t, "1\na", tree.Version)
}

func TestParseExtraFiles(t *testing.T) {
	const sum = "8177f97513213526df2cf6184d8ff986c675afb514d4e68a404010521b880643"
	files, err := ParseExtraFiles([]byte(`{"header":{"version":"1.0"},"data":[
		{"file":"GPL","checksums":{"md5":"b234ee4d69f5fce4486a80fdaf4a4263","sha256":"` + sum + `"},"size":18092},
		{"file":"EULA","checksums":{},"size":-5},{"file":""}]}`))
	require.NoError(t, err)
	require.Equal(t, []string{"EULA", "+GPL"}, paths(files))
	assert.EqualValues(t, -1, files[0].Size)
	assert.EqualValues(t, 18092, files[1].Size)
	assert.Equal(t, "sha256:"+sum, files[1].Checksum.String())

	for _, text := range []string{"", "[]", `{"data":[{"file":"x","checksums":{"sha256":"00"}}]}`, `{"data":[` + strings.Repeat(`{},`, maxFiles) + `{}]}`} {
		_, err := ParseExtraFiles([]byte(text))
		assert.Error(t, err, "%.40q", text)
	}
}

// FuzzParse: whatever comes is read in bounds, each file once and in order.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"el5", "el6", "el7", "el9", "stream9", "fedora40"} {
		f.Add(load(f, name))
	}
	f.Add([]byte(`{"data":[{"file":"GPL","checksums":{"md5":"b234ee4d69f5fce4486a80fdaf4a4263"},"size":1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		check := func(files []File) {
			require.LessOrEqual(t, len(files), maxFiles)
			for i, file := range files {
				require.NotEmpty(t, file.Path)
				require.True(t, i == 0 || files[i-1].Path < file.Path, "sorted, each once")
			}
		}
		if tree, err := Parse(data); err == nil {
			check(tree.Files)
			require.LessOrEqual(t, len(tree.Repositories), maxRepositories)
		}
		if files, err := ParseExtraFiles(data); err == nil {
			check(files)
		}
	})
}
