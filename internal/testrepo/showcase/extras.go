package showcase

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

// group is a group of comps: type and name of each package.
type group struct{ id, name, about, mandatory, standard, optional string }

var groups = map[string][]group{
	"base": {
		{"core", "Core", "Smallest possible installation", "bash glibc systemd sudo openssh-server chrony curl kernel", "rsync tmux dracut-config-rescue", "python3"},
		{"standard", "Standard", "The standard installation of AlmaLinux", "openssl tzdata ca-certificates", "tmux rsync bash-completion", "crypto-policies"},
		{"network-server", "Network Servers", "Servers that a network is built on: DHCP, name servers, time", "chrony", "dhcp-server unbound", "openssh-askpass rsync-daemon"},
		{"legacy-unix", "Legacy UNIX Compatibility", "Programs for those who come from other systems", "", "", "ncurses glibc-langpack-en"},
		{"security-tools", "Security Tools", "Tools that look after integrity and trust", "openssl crypto-policies", "scap-security-guide", "openssl-perl"},
	},
	"app": {
		{"web-server", "Basic Web Server", "Tools and servers for web sites on the Internet or inside", "httpd", "httpd-tools nginx", "mod_ssl nginx-mod-stream"},
		{"development", "Development Tools", "A basic environment for building software", "git git-core", "git-all gcc make", "nodejs npm"},
		{"container-management", "Container Management", "Tools for Linux containers", "podman", "podman-docker", "buildah skopeo"},
		{"sql-server", "Databases", "Servers and clients of SQL", "", "postgresql-server", "mariadb-server postgresql-contrib redis"},
	},
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes all
	return b.String()
}

func comps(r repo) []byte {
	var b strings.Builder
	b.WriteString(xml.Header + "<comps>\n")
	var ids []string
	for _, g := range groups[r.in] {
		ids = append(ids, g.id)
		_, _ = fmt.Fprintf(&b, "<group><id>%s</id><name>%s</name><description>%s</description><default>%t</default><uservisible>true</uservisible><packagelist>\n", g.id, g.name, escape(g.about), g.id == "core")
		for _, kind := range []struct{ name, list string }{{"mandatory", g.mandatory}, {"default", g.standard}, {"optional", g.optional}} {
			for _, name := range strings.Fields(kind.list) {
				_, _ = fmt.Fprintf(&b, "<packagereq type=%q>%s</packagereq>\n", kind.name, name)
			}
		}
		b.WriteString("</packagelist></group>\n")
	}
	list := func(ids []string) string {
		return "<groupid>" + strings.Join(ids, "</groupid><groupid>") + "</groupid>"
	}
	if r.in == "base" {
		_, _ = fmt.Fprintf(&b, "<environment><id>minimal-environment</id><name>Minimal Install</name><description>Basic functionality.</description><display_order>3</display_order><grouplist>%s</grouplist><optionlist>%s</optionlist></environment>\n", list(ids[:1]), list(ids[1:2]))
		_, _ = fmt.Fprintf(&b, "<environment><id>server-product-environment</id><name>Server</name><description>An integrated, easy-to-manage server.</description><display_order>2</display_order><grouplist>%s</grouplist><optionlist>%s</optionlist></environment>\n", list(ids[:2]), list(ids[2:]))
	} else {
		_, _ = fmt.Fprintf(&b, "<category><id>servers</id><name>Servers</name><description>Software for servers on the network.</description><grouplist>%s</grouplist></category>\n", list([]string{"web-server", "sql-server"}))
	}
	b.WriteString("</comps>\n")
	return []byte(b.String())
}

func modules(r repo, packages []came) []byte {
	if r.in != "app" {
		return nil
	}
	var b strings.Builder
	for _, m := range []struct{ name, stream, context, summary, about string }{
		{"nodejs", "18", "rhel9", "Javascript runtime", "Node.js is a platform built on Chrome's JavaScript runtime for easily building fast, scalable network applications."},
		{"nodejs", "20", "rhel9", "Javascript runtime", "Node.js is a platform built on Chrome's JavaScript runtime for easily building fast, scalable network applications."},
		{"postgresql", "15", "rhel9", "PostgreSQL server and client module", "PostgreSQL is an advanced Object-Relational database management system (DBMS)."},
		{"postgresql", "16", "rhel9", "PostgreSQL server and client module", "PostgreSQL is an advanced Object-Relational database management system (DBMS)."},
	} {
		_, _ = fmt.Fprintf(&b, "---\ndocument: modulemd\nversion: 2\ndata:\n  name: %s\n  stream: %q\n  version: 9050020250203131505\n  context: %s\n  arch: x86_64\n  summary: %s\n  description: >-\n    %s\n  license:\n    module:\n    - MIT\n", m.name, m.stream, m.context, m.summary, m.about)
		b.WriteString("  dependencies:\n  - buildrequires:\n      platform: [el9]\n    requires:\n      platform: [el9]\n  references:\n    community: https://nodejs.org\n  profiles:\n    common:\n      rpms:\n      - " + m.name + "\n    minimal:\n      rpms:\n      - " + m.name + "\n")
		b.WriteString("  artifacts:\n    rpms:\n")
		for _, p := range packages {
			if strings.HasPrefix(p.SourceRPM, m.name) && p.version == 0 {
				version := p.Version
				if m.stream != "20" {
					version = m.stream + ".0"
				}
				_, _ = fmt.Fprintf(&b, "    - %s-%s:%s-%s.%s\n", p.Name, zero(p.Epoch), version, p.Release, p.Arch)
			}
		}
		b.WriteString("...\n")
	}
	b.WriteString("---\ndocument: modulemd-defaults\nversion: 1\ndata:\n  module: nodejs\n  stream: \"20\"\n  profiles:\n    \"20\": [common]\n...\n")
	return []byte(b.String())
}

// fix is an advisory about a source: which of its versions, 0 being the newest, has
// what it asks for. With version -1 the repository has not got it yet.
type fix struct {
	id, kind, severity, source string
	version                    int
	title, about, cves         string
	reboot                     bool
}

var fixes = []fix{
	{"ALSA-2026:8102", "security", "Important", "openssh", 0, "openssh security update", "A race condition in the server's handling of signals lets an attacker without an account run code as root (CVE-2024-6387).", "CVE-2024-6387", false},
	{"ALSA-2026:8077", "security", "Important", "kernel", 0, "kernel security update", "* net/sched: sch_qfq: use after free in qfq_dequeue (CVE-2023-4921)\n* netfilter: nf_tables: rules may be removed from a chain binding (CVE-2023-5197)\n* gfs2: a null pointer where there is no journal (CVE-2023-3212)", "CVE-2023-4921 CVE-2023-5197 CVE-2023-3212", true},
	{"ALSA-2026:8060", "security", "Moderate", "curl", 0, "curl security update", "A host name that is too long overflows a buffer on the heap during the handshake with a SOCKS5 proxy (CVE-2023-38545). Cookies can be injected where the file of cookies is called \"none\" (CVE-2023-38546).", "CVE-2023-38545 CVE-2023-38546", false},
	{"ALSA-2026:7848", "security", "Low", "openssl", 0, "openssl and openssl-fips-provider security update", "OpenSSL is a toolkit that implements the Transport Layer Security protocols, as well as a full-strength general-purpose cryptography library.\n\nSecurity fixes:\n\n* openssl: unbounded memory growth with session handling in TLSv1.3 (CVE-2024-2511)\n* openssl: excessive time spent checking DSA keys and parameters (CVE-2024-4603)\n* openssl: use after free with SSL_free_buffers (CVE-2024-4741)\n* openssl: SSL_select_next_proto buffer overread (CVE-2024-5535)\n\nFor more details about the security issues, including their impact and score, refer to the pages of the CVEs.", "CVE-2024-2511 CVE-2024-4603 CVE-2024-4741 CVE-2024-5535", false},
	{"ALSA-2026:6447", "security", "Moderate", "openssl", 1, "openssl security update", "* openssl: POLY1305 MAC implementation corrupts vector registers on PowerPC (CVE-2023-6129)\n* openssl: generating excessively long X9.42 DH keys is slow (CVE-2023-1234)", "CVE-2023-6129 CVE-2023-1234", false},
	{"ALSA-2026:8121", "security", "Critical", "glibc", -1, "glibc security update", "A buffer overflow in the dynamic loader's processing of GLIBC_TUNABLES lets a local user become root (CVE-2023-4911).", "CVE-2023-4911", true},
	{"ALBA-2026:7990", "bugfix", "", "systemd", 0, "systemd bug fix and enhancement update", "* units that wait for a mount are started again after it has come back (RHEL-46277)", "", true},
	{"ALEA-2026:7413", "enhancement", "", "tzdata", 0, "tzdata enhancement update", "Historical data for Mexico, Mongolia and Portugal is better, and the abbreviations of some zones have changed.", "", false},
	{"ALBA-2026:7201", "bugfix", "", "rsync", 0, "rsync bug fix update", "rsync does not stop at directories without the permission to search them (RHEL-40881).", "", false},
	{"ALSA-2026:8090", "security", "Important", "httpd", 0, "httpd security update", "* httpd: source code disclosure with handlers configured by AddType (CVE-2024-40725)\n* httpd: server side request forgery by mod_rewrite (CVE-2024-40898)", "CVE-2024-40725 CVE-2024-40898", false},
	{"ALSA-2026:8044", "security", "Important", "nodejs", 0, "nodejs:20 security update", "* nodejs: worker threads get around the permission model (CVE-2025-23083)", "CVE-2025-23083", false},
	{"ALSA-2026:7702", "security", "Important", "git", 0, "git security update", "* git: recursive clones run code on file systems that are case-insensitive (CVE-2024-32002)", "CVE-2024-32002 CVE-2024-32004", false},
}

func advisories(r repo, packages []came, now time.Time) []byte {
	var b strings.Builder
	b.WriteString(xml.Header + "<updates>\n")
	for i, f := range fixes {
		var about []came
		for _, p := range packages {
			if strings.HasPrefix(p.SourceRPM, f.source+"-"+p.Version) && p.version == max(f.version, 0) {
				about = append(about, p)
			}
		}
		if len(about) == 0 {
			continue
		}
		issued := night(now, about[0].days+1).Add(-9*time.Hour - time.Duration(i)*11*time.Minute)
		if f.version < 0 {
			issued = now.Add(-26 * time.Hour)
		}
		title := f.title
		if f.severity != "" {
			title = f.severity + ": " + title
		}
		_, _ = fmt.Fprintf(&b, "<update from=\"packager@almalinux.example\" status=\"final\" type=%q version=\"4\"><id>%s</id><title>%s</title><issued date=%q/><updated date=%q/>"+
			"<rights>Copyright 2026 AlmaLinux OS</rights><release>AlmaLinux 9</release><severity>%s</severity><summary>%s</summary><description>%s</description>",
			f.kind, f.id, escape(title), issued.Format(time.DateTime), issued.Add(2*time.Hour).Format(time.DateTime), orNone(f.severity), escape(f.title), escape(f.about))
		b.WriteString("<references>")
		_, _ = fmt.Fprintf(&b, "<reference href=\"https://errata.almalinux.org/9/%s.html\" id=%q title=%q type=\"self\"/>", strings.ReplaceAll(f.id, ":", "-"), f.id, f.id)
		for _, cve := range strings.Fields(f.cves) {
			_, _ = fmt.Fprintf(&b, "<reference href=\"https://access.redhat.com/security/cve/%s\" id=%q title=%q type=\"cve\"/>", cve, cve, cve)
		}
		_, _ = fmt.Fprintf(&b, "</references><pkglist><collection short=\"almalinux-9\"><name>AlmaLinux 9</name>\n")
		for _, p := range about {
			release := p.Release
			if f.version < 0 {
				release = "160" + r.tag
			}
			_, _ = fmt.Fprintf(&b, "<package name=%q version=%q release=%q epoch=%q arch=%q src=%q><filename>%s</filename>", p.Name, p.Version, release, zero(p.Epoch), p.Arch, p.SourceRPM, p.FileName())
			if f.reboot {
				b.WriteString("<reboot_suggested>True</reboot_suggested>")
			}
			b.WriteString("</package>\n")
		}
		b.WriteString("</collection></pkglist></update>\n")
	}
	b.WriteString("</updates>\n")
	return []byte(b.String())
}

func orNone(severity string) string {
	if severity == "" {
		return "None"
	}
	return severity
}
