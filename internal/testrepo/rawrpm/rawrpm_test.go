package rawrpm_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cavaliergopher/rpm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
	"gorepo/internal/testrepo/rawrpm"
)

func TestPackageIsReadByOthers(t *testing.T) {
	tags := append(rawrpm.Dependencies(rawrpm.Requires, rawrpm.Dependency{Name: "glibc", Version: "2.34", Flags: 12}),
		rawrpm.Files(rawrpm.Entry{Dir: "/usr/bin/", Base: "x"}, rawrpm.Entry{Dir: "/etc/", Base: "d", Mode: 0o040755})...)
	for name, data := range map[string][]byte{"new": rawrpm.Package("new", tags...), "old": rawrpm.Old("old", tags...)} {
		t.Run(name, func(t *testing.T) {
			p, err := rpm.Read(bytes.NewReader(data))
			require.NoError(t, err)
			assert.Equal(t, name+"-1-1.noarch", p.String())
			assert.Equal(t, "glibc", p.Requires()[0].Name())

			file := filepath.Join(t.TempDir(), "x.rpm")
			require.NoError(t, os.WriteFile(file, data, 0o644))
			out, err := exec.Command(peer.Need(t, "rpm"), "-qp", "--nosignature", "--nodigest",
				"--queryformat", "%{name} %{summary} [%{requires} %{requireflags} %{requireversion}] [%{filenames} %{filemodes:octal} ]", file).CombinedOutput()
			require.NoError(t, err, "%s", out)
			assert.Contains(t, string(out), name+" Summary glibc 12 2.34 /usr/bin/x 100644 /etc/d 40755 ")
		})
	}
}

func TestWith(t *testing.T) {
	tags := rawrpm.With(rawrpm.Basic("x"), rawrpm.Str(1001, "2"), rawrpm.Without(1002))
	seen := map[uint32]string{}
	for _, tag := range tags {
		seen[tag.Tag] = string(tag.Data)
	}
	assert.Equal(t, "2\x00", seen[1001])
	assert.NotContains(t, seen, uint32(1002))
	assert.Len(t, tags, len(rawrpm.Basic("x"))-1)
}
