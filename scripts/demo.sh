#!/usr/bin/env bash
# What gorepo is for, in small: testdata/rpms becomes an upstream on loopback, the upstream a mirror, and the mirror is
# served until Ctrl-C (DEMO_SERVE=0: not at all). It lives in a temporary directory, needs no root and no network, and
# leaves nothing behind.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
gorepo=$(realpath "${GOREPO:-$here/bin/gorepo}")
unset "${!GOREPO_@}" http_proxy HTTP_PROXY # neither somebody's mirror nor their proxy has a part in it
tmp=$(mktemp -d "${TMPDIR:-/tmp}/gorepo-demo.XXXXXX")
server=
cleanup() {
	stop
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'trap "" INT TERM; exit 0' INT TERM # make passes one on that has come already

say() { printf '\n# %s\n' "$*"; }

run() {
	echo "\$ gorepo $*"
	"$gorepo" "$@" 2>&1
}

# start CONFIG: serves the root of a configuration on a port that is free, and sets url.
start() {
	"$gorepo" --config "$1" -v serve --listen 127.0.0.1:0 >"$tmp/serve.log" 2>&1 &
	server=$!
	for _ in {1..100}; do
		url=$(grep -o 'http://[^ ]*' "$tmp/serve.log" || true)
		[[ -z $url ]] || return 0
		kill -0 "$server" 2>/dev/null || break
		sleep 0.1
	done
	cat "$tmp/serve.log" >&2
	echo "demo: gorepo serve does not start" >&2
	exit 1
}

stop() {
	[[ -n $server ]] || return 0
	kill "$server" 2>/dev/null || true
	wait "$server" 2>/dev/null || true
	server=
}

say "Somebody's packages, as a repository, on a web server: the upstream."
mkdir -p "$tmp/upstream/packages" "$tmp/mirror"
cp "$here"/testdata/rpms/*.rpm "$here/testdata/comps.xml" "$tmp/upstream/packages"
run createrepo --groupfile comps.xml "$tmp/upstream/packages"
printf '[main]\nroot = %s\n' "$tmp/upstream" >"$tmp/upstream.conf"
start "$tmp/upstream.conf"

say "The mirror's configuration: $tmp/gorepo.conf"
tee "$tmp/gorepo.conf" <<END
[main]
root = $tmp/mirror

[demo]
name = gorepo's test packages
baseurl = ${url}packages/
END
conf=(--config "$tmp/gorepo.conf")

say "The nightly run."
run "${conf[@]}" -v sync
run "${conf[@]}" -v createrepo --update

say "The next night, with nothing new."
run "${conf[@]}" -v sync
run "${conf[@]}" -v createrepo --update

say "What is there now. (The upstream is gone; the mirror does not need it.)"
stop
run "${conf[@]}" repolist
ls "$tmp/mirror/demo" "$tmp/mirror/demo/repodata"

start "$tmp/gorepo.conf"
say "The mirror is served at $url. A client needs these lines, which ${url}demo.repo has, too:"
cat <<END
[demo]
name=gorepo's test packages
baseurl=${url}demo/
enabled=1
gpgcheck=0
END
if [[ ${DEMO_SERVE:-1} == 0 ]]; then
	say "Done. Without DEMO_SERVE=0 it would be served until Ctrl-C."
	exit 0
fi
say "Until Ctrl-C, open $url in a browser, or try: dnf --repofrompath=demo,${url}demo/ --repo=demo --nogpgcheck list"
wait "$server"
