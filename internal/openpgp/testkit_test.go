package openpgp

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	pgp "github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
)

// testdata returns the path of a file of the project's testdata.
func testdata(path ...string) string {
	return filepath.Join(append([]string{"..", "..", "testdata"}, path...)...)
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// centos returns the directory of CentOS packages and keys that
// cavaliergopher/rpm is tested with.
func centos(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/cavaliergopher/rpm").Output()
	require.NoError(t, err, "go list finds the module whose test packages are used here")
	return filepath.Join(strings.TrimSpace(string(out)), "testdata")
}

func ring(t testing.TB, files ...string) *Keyring {
	t.Helper()
	k := new(Keyring)
	for _, f := range files {
		_, err := k.AddKeys(readFile(t, f))
		require.NoError(t, err, f)
	}
	return k
}

// A testKey is a key made in the test, by the library.
type testKey struct {
	*pgp.Entity
	config *packet.Config
}

func newKey(t testing.TB, config packet.Config) testKey {
	t.Helper()
	if config.Algorithm == 0 {
		config.Algorithm = packet.PubKeyAlgoEdDSA
	}
	e, err := pgp.NewEntity("test", "", "test@example.com", &config)
	require.NoError(t, err)
	return testKey{e, &config}
}

func (k testKey) id() string { return formatKeyID(k.PrimaryKey.KeyId) }

func (k testKey) public(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, k.Serialize(&b))
	return b.Bytes()
}

func (k testKey) sign(t testing.TB, data ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, pgp.DetachSign(&b, k.Entity, bytes.NewReader(bytes.Join(data, nil)), k.config))
	return b.Bytes()
}

func (k testKey) ring(t testing.TB) *Keyring {
	t.Helper()
	r := new(Keyring)
	_, err := r.AddKeys(k.public(t))
	require.NoError(t, err)
	return r
}

func armorOf(t testing.TB, kind string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := armor.Encode(&b, "PGP "+kind, nil)
	require.NoError(t, err)
	_, err = w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	b.WriteByte('\n')
	return b.Bytes()
}

// A testRPM is a package taken apart, to be put together otherwise.
type testRPM struct {
	lead, header, payload []byte
}

func takeApart(t testing.TB, data []byte) testRPM {
	t.Helper()
	p, err := rpmpkg.ReadPreamble(bytes.NewReader(data))
	require.NoError(t, err)
	return testRPM{lead: p.Lead[:], header: p.Header.Raw, payload: data[p.PayloadStart:]}
}

// A sigTag is one entry of a header; its value decides the type.
type sigTag struct {
	tag   int
	value any // []byte, string, []string or uint32
}

// buildHeader makes a header as rpm does, all in one region.
func buildHeader(region int, tags []sigTag) []byte {
	var index, store []byte
	entry := func(tag, kind, offset, count int) {
		for _, n := range []int{tag, kind, offset, count} {
			index = binary.BigEndian.AppendUint32(index, uint32(n))
		}
	}
	for _, tag := range tags {
		switch v := tag.value.(type) {
		case uint32:
			for len(store)%4 != 0 {
				store = append(store, 0)
			}
			entry(tag.tag, 4, len(store), 1)
			store = binary.BigEndian.AppendUint32(store, v)
		case []byte:
			entry(tag.tag, 7, len(store), len(v))
			store = append(store, v...)
		case string:
			entry(tag.tag, 6, len(store), 1)
			store = append(append(store, v...), 0)
		case []string:
			entry(tag.tag, 8, len(store), len(v))
			for _, s := range v {
				store = append(append(store, s...), 0)
			}
		}
	}
	rest, entries := index, len(tags)+1
	index = nil
	entry(region, 7, len(store), 16)
	index = append(index, rest...)
	for _, n := range []int{region, 7, -entries * 16, 16} {
		store = binary.BigEndian.AppendUint32(store, uint32(n))
	}
	b := []byte{0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0}
	b = binary.BigEndian.AppendUint32(b, uint32(entries))
	b = binary.BigEndian.AppendUint32(b, uint32(len(store)))
	return append(append(b, index...), store...)
}

// with returns the package with a signature header of these tags, and with the
// SHA-1 digest of the header that rpm looks for.
func (p testRPM) with(tags ...sigTag) []byte {
	sum := sha1.Sum(p.header)
	tags = append(tags, sigTag{269, hex.EncodeToString(sum[:])})
	data := append(bytes.Clone(p.lead), buildHeader(62, tags)...)
	for len(data)%8 != 0 {
		data = append(data, 0)
	}
	return append(append(data, p.header...), p.payload...)
}

// flip returns a copy of data with one bit changed.
func flip(data []byte, at int) []byte {
	data = bytes.Clone(data)
	data[at] ^= 1
	return data
}

func verifyPackage(k *Keyring, data []byte) (Signer, error) {
	return k.VerifyPackage(bytes.NewReader(data))
}
