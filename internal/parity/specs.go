package main

import (
	"fmt"
	"slices"
	"strings"
)

// A spec is one source package for rpmbuild.
type spec struct {
	name    string
	text    string
	defines []string // macros, "NAME VALUE"
}

// A feature is one package of a spec, made to have one thing that metadata
// tells, or should not tell.
type feature struct {
	name     string
	preamble string // lines
	describe string // its description; else one line
	scripts  string // sections: %pre NAME …
	install  string // shell, in the build root
	files    string // lines
}

// specOf puts features together as one source package, with a changelog.
func specOf(name, preamble, changelog string, features []feature) spec {
	var b, sections, install strings.Builder
	fmt.Fprintf(&b, "Name: %s\nVersion: 1.0\nRelease: 1\nSummary: Source of %s\nLicense: MIT\n%s%%description\n\n", name, name, preamble)
	for _, f := range features {
		summary := "Summary: Shows " + f.name + "\n"
		if strings.Contains(f.preamble, "Summary:") {
			summary = ""
		}
		describe := f.describe
		if describe == "" {
			describe = "What " + f.name + " is made of.\n"
		}
		fmt.Fprintf(&b, "%%package -n %s\n%sAutoReqProv: no\n%s%%description -n %s\n%s\n", f.name, summary, f.preamble, f.name, describe)
		sections.WriteString(f.scripts)
		fmt.Fprintf(&sections, "%%files -n %s\n%s\n", f.name, f.files)
		install.WriteString(f.install)
	}
	fmt.Fprintf(&b, "%%prep\n%%build\n%%install\nrm -rf %%{buildroot}; mkdir -p %%{buildroot}; cd %%{buildroot}\n%s\n%s%%changelog\n%s", install.String(), sections.String(), changelog)
	return spec{name: name, text: b.String()}
}

// specs are all source packages that the tree of features is built from.
func specs() []spec {
	list := []spec{
		specOf("relations", "", "", relations()),
		specOf("scripts", "", "", scripting()),
		specOf("names", "", "", names()),
		specOf("texts", "", "", texts()),
		specOf("files", "", "", files()),
		specOf("families", "", "", families()),
	}
	list = append(list, changelogs()...)
	list = append(list, payloads()...)
	return append(list, sources()...)
}

var (
	tagNames  = []string{"Requires", "Provides", "Conflicts", "Obsoletes", "Recommends", "Suggests", "Supplements", "Enhances"}
	operators = []string{"", "<", "<=", "=", ">=", ">"}
	versions  = []string{"1", "1-1", "0:1", "0:1-1", "2:1-1", "1.2.3~rc1", "1.2.3~rc1-0.1", "1.2.3^git5", "1~rc1^20240101-1.el9", "007", "1.a_b+c", "4294967295:9-9"}
)

// relations are packages for every kind of dependency with every operator,
// rich dependencies, and whatever is said more than once.
func relations() (list []feature) {
	for _, tag := range tagNames {
		for _, op := range operators {
			f := feature{name: strings.ToLower(tag) + map[string]string{"": "-any", "<": "-lt", "<=": "-le", "=": "-eq", ">=": "-ge", ">": "-gt"}[op]}
			for i, v := range versions {
				what := []string{"dep", "dep(with)", "lib.so.1()(64bit)", "/usr/share/dep", "Ünï", "a+b"}[i%6]
				if op == "" {
					v = ""
				} else if what[0] == '/' { // rpmbuild permits no versions of files
					what = "dep_" + what[1:4]
				}
				if tag == "Obsoletes" { // and only names of packages
					what = "gone"
				}
				f.preamble += fmt.Sprintf("%s: %s%d %s %s\n", tag, what, i, op, v)
			}
			list = append(list, f)
		}
	}
	rich := []string{
		"(a and b)", "(a or b)", "(a if b)", "(a if b else c)", "(a with b)", "(a without b)", "(a unless b)", "(a unless b else c)",
		"((a or b) and (c or d))", "(a >= 1 with a < 2)", "(a = 1:1-1 or b)", "(lib.so.1()(64bit) or /usr/bin/x)", "(a and b and c and d)",
	}
	for _, tag := range []string{"Requires", "Conflicts", "Recommends", "Suggests", "Supplements", "Enhances"} {
		f := feature{name: "rich-" + strings.ToLower(tag)}
		for _, r := range rich {
			forward := tag == "Requires" || tag == "Recommends" || tag == "Suggests"
			if strings.Contains(r, " if ") && !forward || strings.Contains(r, " unless ") && forward {
				continue // rpmbuild knows better
			}
			f.preamble += tag + ": " + r + "\n"
		}
		list = append(list, f)
	}
	return append(list,
		feature{name: "twice", preamble: `Requires: a, a, a >= 1, a, b < 2, a >= 1, b < 2, c = 1:1, c = 1:1-1, c = 1-1, c = 0:1-1
Requires(pre): a, b
Requires: a, b
Provides: p, p = 1, p = 1, p = 0:1, p = 1-1
Conflicts: x, x, x < 1
Obsoletes: y, y, y < 1
Recommends: a, a
Suggests: (a or b), (a or b)
`},
		feature{name: "self", preamble: `Provides: self = 1, self = 2:2-2, bare, lib.so.1()(64bit), self-arch(x86-64) = 1.0-1
Requires: self = 1, self >= 1, self, self = 2:2-2, self = 0:1, bare, bare = 1, lib.so.1()(64bit), self = 1.0-1, self = 1.0, self <= 1.0-1
Requires(pre): self = 1, bare, self > 7
Conflicts: self < 1, bare
Recommends: self, bare
`},
		feature{
			name: "own-files", preamble: "Requires: /usr/bin/own-tool, /usr/share/own/data, /etc/own.conf, /usr/share/own, /usr/lib/sendmail, /etc/not-own, /usr/share/own/sbin/x, /etc/own.d, /usr/bin/own-ghost\nRequires(pre): /usr/bin/own-tool\nRecommends: /usr/bin/own-tool\n",
			install: "mkdir -p usr/bin usr/share/own/sbin etc/own.d usr/lib; touch usr/bin/own-tool usr/share/own/data usr/share/own/sbin/x etc/own.conf usr/lib/sendmail\n",
			files:   "/usr/bin/own-tool\n/usr/share/own\n%config(noreplace) /etc/own.conf\n%dir /etc/own.d\n/usr/lib/sendmail\n%ghost /usr/bin/own-ghost\n",
		},
		feature{name: "empty-noarch", preamble: "BuildArch: noarch\n"},
		feature{name: "rpmlib", preamble: "Requires: rpmlib-like, rpmlib\nProvides: rpmlib-like = 1\n"},
		feature{name: "order", preamble: "OrderWithRequires: first\nOrderWithRequires(post): second\nRequires: zeta, alpha, Beta, beta, 1st, _x, alpha(2), alpha(10)\n"},
		feature{name: "many-relations", preamble: "Requires: " + strings.Join(numbered("dep-%d >= %d", 700), ", ") + "\nProvides: " + strings.Join(numbered("prov(%d) = %d-1", 700), ", ") + "\n"},
	)
}

func numbered(format string, n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf(format, i, i))
	}
	return list
}

// scripting are packages with scripts, triggers, and what they require.
func scripting() (list []feature) {
	for _, q := range []string{
		"pre", "post", "preun", "postun", "pretrans", "posttrans", "verify", "meta", "interp",
		"pre,post", "preun,postun", "post,postun", "pre,preun", "pretrans,preun",
	} {
		name := strings.ReplaceAll("for-"+q, ",", "-")
		list = append(list, feature{name: "requires-" + name, preamble: fmt.Sprintf("Requires(%s): %s, %s-versioned >= 1:2-3\nRequires: common-%s\n", q, name, name, name)})
	}
	list = append(list, feature{name: "shared-by-scripts", preamble: "Requires(pre): shared\nRequires(post): shared >= 1\nRequires(preun): shared\nRequires(postun): shared\nRequires: shared, shared >= 2\n"})
	for _, s := range []string{"pre", "post", "preun", "postun", "pretrans", "posttrans", "verifyscript"} {
		for interpreter, with := range map[string]string{"sh": "", "lua": " -p <lua>", "own": " -p /usr/bin/interpreter-" + s, "args": ` -p "/usr/bin/args-` + s + ` --flag"`} {
			list = append(list, feature{name: s + "-" + interpreter, scripts: fmt.Sprintf("%%%s -n %s-%s%s\nx = 1\n", s, s, interpreter, with)})
		}
	}
	for _, s := range []string{"triggerin", "triggerun", "triggerpostun", "triggerprein"} {
		list = append(list, feature{name: s, scripts: fmt.Sprintf("%%%s -n %s -- watched >= 1, watched-too\n:\n%%%s -n %s -p /usr/bin/runs-%s -- other\nx\n", s, s, s, s, s)})
	}
	for _, s := range []string{"filetriggerin", "filetriggerun", "filetriggerpostun", "transfiletriggerin", "transfiletriggerun", "transfiletriggerpostun"} {
		list = append(list, feature{name: s, scripts: fmt.Sprintf("%%%s -n %s -P 100 -p /usr/bin/runs-%s -- /usr/lib /usr/share\nx\n", s, s, s)})
	}
	// Their order comes from the tables above, not from a map.
	slices.SortStableFunc(list, func(a, b feature) int { return strings.Compare(a.name, b.name) })
	return list
}

// names are packages whose names, versions and architectures are unusual.
func names() (list []feature) {
	for i, version := range []string{"1~rc1", "1^git20240101", "1~rc1^git1", "0", "00001", "1.0+build_5.x", "20240101.0.0.0.0.0", "a", "9999999999999999999999"} {
		list = append(list, feature{name: fmt.Sprint("versioned-", i), preamble: "Version: " + version + "\nRelease: " + []string{"0.1", "1.el9_3.1", "1~2^3", "alpha"}[i%4] + "\n"})
	}
	for i, epoch := range []string{"0", "1", "00", "4294967295"} {
		list = append(list, feature{name: fmt.Sprint("epoch-", i), preamble: "Epoch: " + epoch + "\n"})
	}
	for _, name := range []string{"plus+x", "under_score", "dot.ted", "UPPER", "x", "0ad", "a-1-2-3", "name-with-1.0-1", "libstdc++-devel"} {
		list = append(list, feature{name: name})
	}
	return append(list,
		feature{name: "arch-noarch", preamble: "BuildArch: noarch\nExcludeArch: s390x\n"},
		feature{name: "arch-exclusive", preamble: "ExclusiveArch: x86_64 aarch64\n"},
	)
}

// texts are packages with unusual texts.
func texts() []feature {
	long := strings.Repeat("A line of a long description, which goes on & on.\n", 2000)
	return []feature{
		{name: "translated", preamble: "Summary: In English\nSummary(de): Auf Deutsch\nSummary(fr_FR.UTF-8): En français\n", describe: "In English\n%description -n translated -l de\nAuf Deutsch\n"},
		{name: "group-none"},
		{name: "group-said", preamble: "Group: System Environment/Base & <Others>\n"},
		{name: "all-tags", preamble: "Vendor: Vendor & Sons <\"x\">\nPackager: Päckager <p@example.com>\nURL: https://example.com/?a=1&b=<2>#\"c\"\nGroup: Ünicode\nLicense: MIT AND (GPL-2.0-or-later OR 'x')\nDistribution: D\nBugURL: https://b\nDistTag: t\n"},
		{name: "markup", preamble: "Summary: <b>&amp;</b> \"quoted\" 'single' ]]> &#10; <![CDATA[x]]>\n", describe: "<description>&lt;\n]]>\n<!-- x -->\n"},
		{name: "multiline", describe: "First\n\n\n  indented\tand tabs\t\n\ttrailing blanks   \n\nlast"},
		{name: "long-description", describe: long},
		{name: "long-summary", preamble: "Summary: " + strings.Repeat("long ", 400) + "\n"},
		{name: "empty-description", describe: "\n"},
		{name: "unicode-text", preamble: "Summary: 日本語 Ελληνικά עברית 🎉 é\u0301\u200b\u00a0\n", describe: "\u2028line separator\u2029, \ufeffBOM, \U0001F600, \u0085next line, \ufffdreplacement, \ufdd0noncharacter\n"},
		{name: "latin-1", preamble: "Summary: Caf\xe9 au lait\nVendor: \xc4\xd6\xdc\nGroup: \xa7 \xbf\xe9\n", describe: "na\xefve \x80\x9f\xa0\xbf\xc0\xff and \u00e9 in one text\n"},
		{name: "latin-1-relations", preamble: "Requires: r\xe9quis\nProvides: fourni\xe9 = 1\n"},
		{name: "half-utf-8", preamble: "Summary: cut \xe6\x97\nVendor: \xf0\x9f\x98\nPackager: \xc3\x28 \xed\xa0\x80 \xc0\x80\n"},
		{name: "spaces-around", preamble: "Summary:    spaces around   \nVendor:   v   \nURL:   https://x   \n"},
	}
}

// files are packages with every kind of file.
func files() []feature {
	return []feature{
		{name: "kinds", install: `mkdir -p usr/share/kinds/sub usr/bin etc/kinds.d var/log "usr/share/kinds/sp ace"
touch usr/share/kinds/plain usr/share/kinds/sub/x etc/kinds.d/a.conf etc/kinds.d/b.conf etc/kinds.d/c.conf usr/share/kinds/README usr/share/kinds/LICENSE usr/share/kinds/artifact usr/share/kinds/missing
printf '#!/bin/sh\n' >usr/bin/kinds-tool; ln -s kinds-tool usr/bin/kinds-link; ln usr/bin/kinds-tool usr/bin/kinds-hard; ln -s /nonexistent usr/share/kinds/dangling; ln -s sub usr/share/kinds/dirlink
mkfifo usr/share/kinds/fifo; truncate -s 1M usr/share/kinds/sparse
`, files: `%dir /usr/share/kinds
/usr/share/kinds/plain
/usr/share/kinds/sub
%config(noreplace) /etc/kinds.d/a.conf
%config(missingok) /etc/kinds.d/b.conf
%config %verify(not md5 size mtime) %attr(0600,nobody,nogroup) /etc/kinds.d/c.conf
%doc /usr/share/kinds/README
%license /usr/share/kinds/LICENSE
%artifact /usr/share/kinds/artifact
%missingok /usr/share/kinds/missing
%attr(4755,root,root) /usr/bin/kinds-tool
/usr/bin/kinds-link
/usr/bin/kinds-hard
/usr/share/kinds/dangling
/usr/share/kinds/dirlink
/usr/share/kinds/fifo
/usr/share/kinds/sparse
%dir "/usr/share/kinds/sp ace"
%ghost /var/log/kinds.log
%ghost %config /etc/kinds.d/ghost.conf
%ghost %dir /var/kinds
%ghost %attr(0755,root,root) /usr/sbin/kinds-ghost
%ghost %verify(not md5) /usr/share/kinds/ghost
`},
		{name: "devices", files: "%dev(c, 1, 3) /dev/feature-null\n%dev(b, 7, 0) %attr(0660,root,disk) /dev/feature-loop\n"},
		{name: "capabilities", install: "mkdir -p usr/bin; printf x >usr/bin/capable\n", files: "%caps(cap_net_raw=ep) /usr/bin/capable\n"},
		{name: "languages", install: "mkdir -p usr/share/languages; touch usr/share/languages/de usr/share/languages/fr\n", files: "%lang(de) /usr/share/languages/de\n%lang(fr) /usr/share/languages/fr\n"},
		{name: "odd-file-names", install: `mkdir -p "usr/share/odd/sp ace" usr/share/odd/bin
touch "usr/share/odd/sp ace/<&>'.txt" usr/share/odd/Grüße usr/share/odd/日本語 "usr/share/odd/$(printf 'latin-\351')" "usr/share/odd/a\"b" usr/share/odd/percent%%41 usr/share/odd/plus+tilde~caret^ usr/share/odd/bin/tool usr/share/odd/-dash usr/share/odd/.hidden "usr/share/odd/trailing "
`, files: "/usr/share/odd\n"},
		{name: "primary-files", install: `mkdir -p usr/bin usr/sbin bin sbin usr/lib/sendmail.d usr/libexec/bin etc/pf opt/x/bin/deep cabin/x usr/share/etc
touch usr/bin/pf usr/sbin/pf bin/pf sbin/pf usr/lib/sendmail.d/sendmail usr/libexec/bin/pf etc/pf/x opt/x/bin/deep/pf cabin/x/pf usr/share/etc/pf usr/share/pf-bin
`, files: "/usr/bin/pf\n/usr/sbin/pf\n/bin/pf\n/sbin/pf\n/usr/lib/sendmail.d\n/usr/libexec/bin\n/etc/pf\n/opt/x\n/cabin\n/usr/share/etc\n/usr/share/pf-bin\n"},
		{name: "config-dependencies", preamble: "AutoReqProv: yes\n", install: "mkdir -p etc; echo x >etc/config-dependencies.conf\n", files: "%config /etc/config-dependencies.conf\n"},
		{name: "generated-dependencies", preamble: "AutoReqProv: yes\n", install: "mkdir -p usr/bin usr/lib64; cp /bin/true usr/bin/generated-elf; printf '#!/usr/bin/perl\\n' >usr/bin/generated-script; chmod +x usr/bin/generated-script\n", files: "/usr/bin/generated-elf\n/usr/bin/generated-script\n"},
		{name: "thousands", install: "mkdir -p usr/share/thousands; (cd usr/share/thousands; for d in $(seq 40); do mkdir d$d; (cd d$d; touch $(seq 1 100)); done)\n", files: "/usr/share/thousands\n"},
		{name: "root-directory", files: "%dir /\n"},
		{name: "no-files", preamble: "BuildArch: noarch\n"},
	}
}

// families are packages that require the C library in many ways. createrepo_c
// keeps the highest of the family only.
func families() (list []feature) {
	all := []string{"", "()(64bit)"}
	for _, v := range []string{"2.0", "2.1", "2.1.1", "2.1.2", "2.1.3", "2.2", "2.2.3", "2.2.5", "2.3", "2.3.4", "2.4", "2.9", "2.10", "2.14", "2.17", "2.28", "2.32", "2.33", "2.34", "2.38", "ABI_DT_RELR", "PRIVATE"} {
		all = append(all, "(GLIBC_"+v+")", "(GLIBC_"+v+")(64bit)")
	}
	family := func(name, tail string, list []string) feature {
		f := feature{name: name, preamble: "Requires: before\n"}
		for _, v := range list {
			f.preamble += "Requires" + tail + ": libc.so.6" + v + "\n"
		}
		f.preamble += "Requires: zlib, ld-linux-x86-64.so.2()(64bit), libm.so.6()(64bit), libm.so.6(GLIBC_2.29)(64bit), libc.so.7\n"
		return f
	}
	list = append(list, family("libc-all", "", all), family("libc-pre", "(pre)", all), family("libc-none", "", nil))
	for i, v := range all {
		list = append(list, family(fmt.Sprint("libc-one-", i), "", []string{v}))
		if i > 1 {
			list = append(list, family(fmt.Sprint("libc-two-", i), "", []string{v, all[i%2], all[(i*7)%len(all)], all[i-2]}))
		}
	}
	return list
}

// changelogs are source packages with changelogs of every shape.
func changelogs() (list []spec) {
	entry := func(day int, author, text string) string {
		return fmt.Sprintf("* %s %s\n%s\n", dayName(day), author, text)
	}
	many := func(n int, step func(i int) int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(entry(step(i), fmt.Sprintf("Author %d <a%d@example.com> - 1.0-%d", i%7, i, n-i), fmt.Sprintf("- Change %d\n- and another", n-i)))
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"none":                "",
		"one":                 many(1, func(i int) int { return i }),
		"ten":                 many(10, func(i int) int { return i }),
		"eleven":              many(11, func(i int) int { return i }),
		"five-hundred":        many(500, func(i int) int { return i * 3 }),
		"one-day":             many(12, func(int) int { return 5 }),
		"pairs":               many(15, func(i int) int { return i / 2 }),
		"triples":             many(24, func(i int) int { return i / 3 }),
		"eleven-at-the-limit": many(14, func(i int) int { return max(8, i) }),
		"authors": entry(0, "No Dash <n@example.com>", "- x") + entry(1, "trailing blanks   ", "- x") + entry(2, "Zoë & <z> \"q\" - 1:1.0-1", "- é & <markup>\n- ]]>") +
			entry(3, "Ren\xe9 <latin-1@example.com>", "- D\xe9but") + entry(4, "x", "no dash at the start") + entry(5, "日本語 <j@example.com>", "- 日本語\n\n- after an empty line\n    indented\n") + entry(6, "- only dash", "- x"),
		"long-entry": entry(0, "Long <l@example.com>", strings.Repeat("- a line of one long entry\n", 3000)),
	} {
		s := specOf("changelog-"+name, "BuildArch: noarch\n", text, []feature{{name: "changelog-" + name + "-sub"}})
		s.text = strings.Replace(s.text, "%files -n", "%files\n%files -n", 1)
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b spec) int { return strings.Compare(a.name, b.name) })
	return list
}

// payloads are one package in each compression and with each digest.
func payloads() (list []spec) {
	plain := func(name string, defines ...string) spec {
		s := specOf(name, "", "", []feature{{name: name + "-data", install: "mkdir -p usr/share/" + name + "; seq 1000 >usr/share/" + name + "/data\n", files: "/usr/share/" + name + "\n"}})
		s.defines = defines
		return s
	}
	for _, c := range []string{"w9.gzdio", "w1.gzdio", "w9.bzdio", "w6.xzdio", "w2T2.xzdio", "w6.lzdio", "w19.zstdio", "w.ufdio"} {
		list = append(list, plain("payload-"+strings.ReplaceAll(c, ".", "-"), "_binary_payload "+c, "_source_payload "+c))
	}
	for name, number := range map[string]int{"md5": 1, "sha1": 2, "sha256": 8, "sha384": 9, "sha512": 10} {
		list = append(list, plain("digest-"+name, fmt.Sprint("_source_filedigest_algorithm ", number), fmt.Sprint("_binary_filedigest_algorithm ", number)))
	}
	slices.SortStableFunc(list, func(a, b spec) int { return strings.Compare(a.name, b.name) })
	return list
}

// sources are source packages of several kinds, and what their headers share.
func sources() []spec {
	withSources := func(s spec, lines string) spec {
		s.text = strings.Replace(s.text, "%description\n", lines+"%description\n", 1)
		return s
	}
	tags := specOf("tagged", "Epoch: 3\nVendor: Vendor & Sons\nPackager: P <p@example.com>\nURL: https://example.com/?a=1&b=2\nGroup: G\nBuildRequires: make >= 4, (a or b), gcc\nBuildConflicts: bad < 1\n", "* "+dayName(0)+" A <a@example.com> - 3:1.0-1\n- x\n", []feature{{name: "tagged-sub", preamble: "Requires: tagged = 3:1.0-1\n"}})
	tags.text = strings.Replace(tags.text, "%files -n", "%files\n%files -n", 1)
	other := specOf("other-arch", "BuildArch: noarch\nExcludeArch: s390x ppc64\n", "", []feature{{name: "other-arch-sub"}})
	return []spec{
		tags, other,
		withSources(specOf("nosource", "", "", []feature{{name: "nosource-sub"}}), "Source0: gone.tar.gz\nSource1: here.txt\nNoSource: 0\n"),
		withSources(specOf("nopatch", "", "", []feature{{name: "nopatch-sub"}}), "Patch0: gone.patch\nNoPatch: 0\n"),
		withSources(specOf("with-sources", "", "", []feature{{name: "with-sources-sub"}}), "Source0: here.txt\nSource1: sp+ace~1.txt\nPatch0: a.patch\n"),
	}
}

// dayName is a day as changelogs write it, so many before the first of January
// of 2024.
func dayName(before int) string {
	return firstDay.AddDate(0, 0, -before).Format("Mon Jan 02 2006")
}
