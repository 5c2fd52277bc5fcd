package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// vendorHost has the files of testdata/vendor and Red Hat's on one host.
func vendorHost(t *testing.T, only ...string) *host {
	t.Helper()
	h := newHost(t)
	files, err := filepath.Glob("testdata/vendor/*.repo")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := filepath.Base(file)
		if len(only) > 0 && !contains(only, name) {
			continue
		}
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		h.write("etc/gorepo/repos.d/"+name, string(data))
	}
	h.write("etc/gorepo/gorepo.conf", "[main]\nreleasever=9\narch=x86_64\n")
	return h
}

// usable reports whether a repository is as it should be.
func usable(t *testing.T, r *Repo) {
	t.Helper()
	require.NotNil(t, r)
	assert.NoError(t, r.Err, r.ID)
}

// TestVendorFiles reads what vendors give out, as it is: nothing in it is unknown,
// and a repository whose variables only its own hosts have leaves the others alone.
func TestVendorFiles(t *testing.T) {
	h := vendorHost(t)
	c := h.load()
	assert.Empty(t, c.Errors)
	for _, r := range c.Repos {
		if r.ID == "amzn2-core" { // even the scheme is a variable
			assert.ErrorContains(t, r.Err, "$awsproto has no value (a file of that name in /etc/gorepo/vars would give it one)")
		} else {
			usable(t, r)
		}
		for _, w := range r.Warnings {
			assert.True(t, w.Note || strings.Contains(w.Text, "has no value"), "%s", w)
		}
	}
	for _, w := range c.Warnings { // CentOS, Rocky and Alma share ids
		assert.Contains(t, w.Text, "it is already at", "%s", w)
	}
	assert.Equal(t, []string{"https://yum$ociregion.$ocidomain/repo/OracleLinux/OL8/baseos/latest/x86_64/"}, c.Repo("ol8_baseos_latest").BaseURL)
	assert.Equal(t, []string{"http://packages.example/main/$guid/x86_64"}, c.Repo("guid").BaseURL)
	assert.Contains(t, c.Repo("guid").Warnings[0].Text, "$guid has no value")
	assert.Equal(t, []string{"https://updates.suse.com/SUSE/Products/SLE-Module-Basesystem/15-SP5/x86_64/product/sub/dir?token-in-query"},
		c.Repo("Basesystem_Module:SLE-Module-Basesystem15-SP5-Pool").BaseURL)
	assert.Len(t, c.Repo("packagecloud").GPGKeys, 2)
	assert.True(t, c.Repo("nginx-stable").ModuleHotfixes)
	assert.True(t, c.Repo("copr:copr.fedorainfracloud.org:owner:project").SkipIfUnavailable)
	assert.False(t, c.Repo("centosplus").Enabled)
	assert.Equal(t, "epel-source", c.Repo("epel").SourceID())
	assert.NotNil(t, c.Repo("epel-source"))

	// With the variables of the vendors' own hosts, as files and in the environment.
	h.write("etc/dnf/vars/ociregion", "-eu-frankfurt-1\n")
	h.write("etc/dnf/vars/ocidomain", "oracle.com\n")
	h.write("etc/yum/vars/awsproto", "https\n")
	h.write("etc/yum/vars/amazonlinux", "amazonlinux\n")
	h.write("etc/yum/vars/awsdomain", "amazonaws.com\n")
	h.write("etc/yum/vars/target", "latest\n")
	h.write("etc/dnf/vars/stream", "9-stream\n")
	h.write("etc/dnf/vars/rltype", "\n")
	h.write("etc/dnf/vars/contentdir", "pub/rocky\n")
	h.write("etc/dnf/vars/infra", "stock\n")
	h.opts.Environ = []string{"DNF_VAR_awsregion=eu-central-1", "DNF_VAR_guid=1234"}
	c = h.load()
	for id, want := range map[string]string{
		"ol8_baseos_latest": "https://yum-eu-frankfurt-1.oracle.com/repo/OracleLinux/OL8/baseos/latest/x86_64/",
		"guid":              "http://packages.example/main/1234/x86_64",
		"C7.9.2009-base":    "http://vault.centos.org/7.9.2009/os/x86_64/",
	} {
		assert.Equal(t, []string{want}, c.Repo(id).BaseURL)
	}
	assert.Equal(t, "https://amazonlinux.eu-central-1.amazonaws.com/9/core/latest/x86_64/mirror.list", c.Repo("amzn2-core").Mirrorlist)
	assert.Equal(t, "http://repo.eu-central-1.amazonaws.com/9/main/mirror.list", c.Repo("amzn-main").Mirrorlist)
	assert.Equal(t, "http://mirrorlist.centos.org/?release=9&arch=x86_64&repo=os&infra=stock", c.Repo("base").Mirrorlist)
	assert.Equal(t, "https://mirrors.fedoraproject.org/metalink?repo=epel-9&arch=x86_64&infra=stock&content=pub/rocky", c.Repo("epel").Metalink)

	c = vendorHost(t, "rocky9.repo").load()
	assert.Equal(t, "https://mirrors.rockylinux.org/mirrorlist?arch=x86_64&repo=BaseOS-9$rltype", c.Repo("baseos").Mirrorlist)
	h = vendorHost(t, "rocky9.repo")
	h.write("etc/dnf/vars/rltype", "\n")
	assert.Equal(t, "https://mirrors.rockylinux.org/mirrorlist?arch=x86_64&repo=BaseOS-9", h.load().Repo("baseos").Mirrorlist)
}

// TestRedHatRepo is a file as subscription-manager writes it for a host with many
// subscriptions, most of them switched off.
func TestRedHatRepo(t *testing.T) {
	var b strings.Builder
	b.WriteString("#\n# Certificate-Based Repositories\n# Managed by (rhsm) subscription-manager\n#\n" +
		"# *** This file is auto-generated.  Changes made here will be over-written. ***\n#\n\n")
	for i := range 300 {
		for _, kind := range []string{"rpms", "source-rpms", "debug-rpms"} {
			fmt.Fprintf(&b, `[rhel-8-for-x86_64-product%[1]d-%[2]s]
name = Red Hat Product %[1]d for x86_64 (%[2]s)
baseurl = https://cdn.redhat.com/content/dist/rhel8/$releasever/x86_64/product%[1]d/%[2]s
enabled = %[3]d
gpgcheck = 1
gpgkey = file:///etc/pki/rpm-gpg/RPM-GPG-KEY-redhat-release
sslverify = 1
sslcacert = /etc/rhsm/ca/redhat-uep.pem
sslclientkey = /etc/pki/entitlement/1234567890123456789-key.pem
sslclientcert = /etc/pki/entitlement/1234567890123456789.pem
metadata_expire = 86400
enabled_metadata = %[3]d
sslverifystatus = 0
proxy =
ui_repoid_vars = releasever

`, i, kind, map[bool]int{true: 1}[i < 2 && kind == "rpms"])
		}
	}
	h := newHost(t)
	h.write("etc/yum.repos.d/redhat.repo", b.String())
	c := h.load()
	require.Len(t, c.Repos, 900)
	assert.ErrorContains(t, c.Repo("rhel-8-for-x86_64-product0-rpms").Err, "uses $releasever, which has no value")

	h.opts.ReleaseVer = "8.10"
	c = h.load()
	assert.Empty(t, c.Warnings)
	repos, err := c.Select(nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"rhel-8-for-x86_64-product0-rpms", "rhel-8-for-x86_64-product1-rpms"}, ids(repos))
	for _, r := range c.Repos {
		require.NoError(t, r.Err)
	}
	r := repos[0]
	assert.Equal(t, []string{"https://cdn.redhat.com/content/dist/rhel8/8.10/x86_64/product0/rpms"}, r.BaseURL)
	assert.Equal(t, "/etc/pki/entitlement/1234567890123456789-key.pem", r.SSLClientKey)
	assert.NotNil(t, c.Repo(r.SourceID()))
}
