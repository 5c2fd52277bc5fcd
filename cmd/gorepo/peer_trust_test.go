//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDNFTrustsTheMirror has a dnf that checks all there is to check install
// from the mirror: by upstream's own signature, where its metadata is kept, and
// by the mirror's, where it is built anew. It is told of either by the mirror.
func TestDNFTrustsTheMirror(t *testing.T) {
	t.Parallel()
	needAll(t, "dnf", "nginx", "createrepo_c")
	tree := t.TempDir()
	for _, name := range []string{"signed-rsa-1.0-1", "signed-rsa-v3-1.0-1", "signed-ed25519-1.0-1"} {
		copyPackage(t, peerTestdata+"/rpms/"+name+".noarch.rpm", tree, "Packages", name+".noarch.rpm")
	}
	runTool(t, "createrepo_c", "--quiet", tree)
	repomd := filepath.Join(tree, "repodata", "repomd.xml")
	putFile(t, string(signWith(t, "rsa")(mustRead(t, repomd))), repomd+".asc")
	copyKey := func(name, to string) { putFile(t, string(mustRead(t, keyFile(t, name))), tree, to) }
	copyKey(rsaKey, "KEY-rsa")
	copyKey(ed25519Key, "KEY-ed25519")
	up := startNginx(t, tree, "", "")

	keys := "baseurl=" + up.url + "\nrepo_gpgcheck=1\ngpgcheck=1\ngpgkey=" + up.url + "/KEY-rsa " + up.url + "/KEY-ed25519\n" +
		"gpgkey_fingerprint=" + rsaFingerprint + " " + ed25519Fingerprint + "\n"
	secret, err := filepath.Abs(rsaSecret)
	require.NoError(t, err)
	s := newSite(t, "[copied]\ndownload_metadata=1\n"+keys, "[rebuilt]\nsign_key="+secret+"\n"+keys)
	s.ok("sync")
	s.ok("createrepo", "--update")
	mirror := serveMirror(t, "--config", s.conf)
	for id, signature := range map[string]string{"copied": repomd + ".asc", "rebuilt": s.path("rebuilt", "repodata", "repomd.xml.asc")} {
		t.Run(id, func(t *testing.T) {
			assert.Equal(t, string(mustRead(t, signature)), get1(t, mirror.url+"/"+id+"/repodata/repomd.xml.asc"))
			repo := get1(t, mirror.url+"/"+id+".repo")
			require.Contains(t, repo, "\ngpgcheck=1\nrepo_gpgcheck=1\n")
			d := newDNF(t, repo)
			assert.Len(t, strings.Fields(d.run("repoquery")), 3)

			// Who changes what the mirror serves is found out.
			own := s.path(id, "repodata", "repomd.xml")
			good := mustRead(t, own)
			require.NoError(t, os.WriteFile(own, []byte(strings.Replace(string(good), "</repomd>", " </repomd>", 1)), 0o644))
			assert.Contains(t, newDNF(t, repo).fails("repoquery"), "GPG signature verification error")
			require.NoError(t, os.WriteFile(own, good, 0o644))

			requireRoot(t)
			d.run("install", "signed-rsa", "signed-rsa-v3", "signed-ed25519")
			assert.Subset(t, d.installed(), []string{"signed-rsa-1.0-1", "signed-rsa-v3-1.0-1", "signed-ed25519-1.0-1"})
		})
	}
}
