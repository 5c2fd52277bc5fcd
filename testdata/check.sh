#!/usr/bin/env bash
# Checks testdata with the real tools: rpm for digests and signatures, dnf for metadata and for an installation.
# Works in a temporary directory. Root only for the installation, which is left out without it.
set -euo pipefail
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d /tmp/gorepo-testdata.XXXXXX)
trap 'rm -rf "$tmp"' EXIT

fail() {
	echo "check.sh: $*" >&2
	exit 1
}
# expect PATTERN COMMAND...: fails unless a line of the command's output matches.
expect() {
	local pattern=$1
	shift
	"$@" >"$tmp/out" 2>&1 || { cat "$tmp/out" >&2; fail "failed: $*"; }
	[[ -z $pattern ]] || grep -Eq -- "$pattern" "$tmp/out" || { cat "$tmp/out" >&2; fail "no line matches $pattern: $*"; }
}

rpm --dbpath "$tmp/keys" --import "$here"/keys/RPM-GPG-KEY-gorepo-*
for f in "$here"/rpms/*.rpm; do
	case $f in
	*/signed-*) expect 'digests signatures OK$' rpm --dbpath "$tmp/keys" -K "$f" ;;
	*) expect 'digests OK$' rpm --dbpath "$tmp/keys" -K "$f" ;;
	esac
	size=$(stat -c %s "$f")
	((size <= 10240)) || fail "$f has $size bytes; keep packages below 10 KiB"
	if rpm -qp --nosignature --xml "$f" | grep -Fq -e "$here" -e /tmp/gorepo-testdata; then
		fail "$f names the directory that it was built in"
	fi
done

cp -r "$here/rpms" "$tmp/repo"
createrepo_c --quiet --no-database -g "$here/comps.xml" "$tmp/repo"
modifyrepo_c --mdtype modules "$here/modules.yaml" "$tmp/repo/repodata" >/dev/null
modifyrepo_c --mdtype updateinfo "$here/updateinfo.xml" "$tmp/repo/repodata" >/dev/null

mkdir "$tmp/repos" "$tmp/log"
cat >"$tmp/repos/test.repo" <<EOF
[test]
name=test
baseurl=file://$tmp/repo
gpgcheck=0
EOF
# A module platform: a root without /etc/os-release has none, and dnf then lists no modules.
dnf=(dnf -q -y --installroot "$tmp/root" --releasever 9 --forcearch x86_64
	--setopt "reposdir=$tmp/repos" --setopt "cachedir=$tmp/cache" --setopt "logdir=$tmp/log"
	--setopt "persistdir=$tmp/state" --setopt module_platform_id=platform:el9 --setopt plugins=0)

expect '^filetypes-0:1.0-1.noarch$' "${dnf[@]}" repoquery
expect 'Greetings' "${dnf[@]}" group list
expect 'Minimal Test Install' "${dnf[@]}" group list
expect 'libtide' "${dnf[@]}" group info greetings
expect '^tide +1 \[d\] +default \[d\]' "${dnf[@]}" module list
expect '^modular-0:1.0-1.module_el9' "${dnf[@]}" repoquery modular
expect '\(chrono if preview else weak\)' "${dnf[@]}" repoquery --requires rich
expect '^preview-0:1.0\^git20231105-1.noarch$' "${dnf[@]}" repoquery --latest-limit 1 preview
if ((EUID == 0)); then
	expect '' "${dnf[@]}" install hello-2.10-1
	[[ -x $tmp/root/usr/bin/hello ]] || fail "dnf install hello left no /usr/bin/hello"
	expect 'TEST-2023:0001 +Important/Sec. +hello-2.12-1.noarch' "${dnf[@]}" updateinfo list
	expect '' "${dnf[@]}" --setopt test.gpgcheck=1 --setopt "test.gpgkey=file://$here/keys/RPM-GPG-KEY-gorepo-rsa" install signed-rsa
else
	expect 'TEST-2023:0001 ' "${dnf[@]}" updateinfo list --all
	echo "check.sh: not root: no installation tried" >&2
fi
echo "testdata: all checks passed"
