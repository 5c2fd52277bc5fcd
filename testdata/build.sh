#!/usr/bin/env bash
# Rebuilds testdata/rpms from testdata/specs, and testdata/golden from testdata/rpms.
# Needs rpmbuild, rpmsign, gpg and createrepo_c; no root, and nothing outside a temporary directory.
# README.md says what may differ between two runs.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC
umask 022

here=$(cd "$(dirname "$0")" && pwd)
# 2024-01-01: the build time and the file times of every package, and the mtime under which the golden metadata saw them.
export SOURCE_DATE_EPOCH=1704067200
sign_time=20240101T000000

for tool in rpm rpmbuild rpmsign gpg createrepo_c; do
	command -v "$tool" >/dev/null || {
		echo "build.sh: $tool is not installed (make test-deps installs it)" >&2
		exit 1
	}
done

# Short, because gpg-agent's socket lives below it and such paths are limited to 108 bytes.
tmp=$(mktemp -d /tmp/gorepo-testdata.XXXXXX)
export GNUPGHOME=$tmp/gnupg
trap 'gpgconf --kill gpg-agent 2>/dev/null || true; rm -rf "$tmp"' EXIT
mkdir -m 700 "$GNUPGHOME"
mkdir -p "$tmp/rpms" "$tmp/golden"

# key NAME ALGORITHM: imports the committed private key, or makes one where it is missing.
key() {
	local file=$here/keys/RPM-GPG-KEY-gorepo-$1 uid="gorepo throwaway test key ($1) <test-$1@example.invalid>"
	if [[ -f $here/keys/$1.sec ]]; then
		gpg --batch --quiet --import "$here/keys/$1.sec"
		return
	fi
	gpg --batch --quiet --faked-system-time "$sign_time!" --passphrase '' --quick-generate-key "$uid" "$2" sign never
	mkdir -p "$here/keys"
	gpg --batch --armor --export "test-$1@example.invalid" >"$file"
	gpg --batch --armor --export-secret-keys "test-$1@example.invalid" >"$here/keys/$1.sec"
}

# build ARCH SPEC FLAG: runs rpmbuild with all that varies between hosts held still.
build() {
	rpmbuild "$3" --quiet --nodeps --target "$1" \
		--define "_topdir $tmp/build" \
		--define "_sourcedir $here/specs" \
		--define "_rpmdir $tmp/rpms" \
		--define "_srcrpmdir $tmp/rpms" \
		--define "_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm" \
		--define "_buildhost builder.example.com" \
		--define "_host_vendor gorepo" \
		--define "use_source_date_epoch_as_buildtime 1" \
		--define "clamp_mtime_to_source_date_epoch 1" \
		--define "source_date_epoch_from_changelog 0" \
		--define "_changelog_trimtime 0" \
		--define "_changelog_trimage 0" \
		--define "_binary_payload w9.gzdio" \
		--define "_source_payload w9.gzdio" \
		--define "_binary_filedigest_algorithm 8" \
		--define "_source_filedigest_algorithm 8" \
		--define "_invalid_encoding_terminates_build 0" \
		--define "__os_install_post %{nil}" \
		--define "debug_package %{nil}" \
		--define "_build_id_links none" \
		--define "_unpackaged_files_terminate_build 1" \
		--define "optflags -O2" \
		"$here/specs/$2.spec" >"$tmp/log" 2>&1 || {
		cat "$tmp/log" >&2
		echo "build.sh: rpmbuild of $2.spec for $1 failed" >&2
		exit 1
	}
}

# sign KEY FILE [OPTION...]: signs under a faked clock, so that the same key gives the same signature.
sign() {
	local key=$1 file=$2
	shift 2
	rpmsign --addsign "$@" \
		--define "__gpg $(command -v gpg)" \
		--define "_gpg_name test-$key@example.invalid" \
		--define "_gpg_sign_cmd_extra_args --batch --pinentry-mode loopback --passphrase '' --faked-system-time $sign_time!" \
		"$tmp/rpms/$file" >"$tmp/log" 2>&1 || {
		cat "$tmp/log" >&2
		echo "build.sh: signing $file failed" >&2
		exit 1
	}
}

key rsa rsa2048
key ed25519 ed25519

for spec in "$here"/specs/*.spec; do
	name=$(basename "$spec" .spec)
	case $name in
	libtide)
		build x86_64 "$name" -bb
		build i686 "$name" -bb
		build x86_64 "$name" -bs
		;;
	provider) build x86_64 "$name" -bb ;;
	hello-2.12)
		build noarch "$name" -bb
		build noarch "$name" -bs
		;;
	*) build noarch "$name" -bb ;;
	esac
done

sign rsa signed-rsa-1.0-1.noarch.rpm
sign rsa signed-rsa-v3-1.0-1.noarch.rpm --rpmv3
sign ed25519 signed-ed25519-1.0-1.noarch.rpm

find "$tmp/rpms" -name '*.rpm' -exec touch -d "@$SOURCE_DATE_EPOCH" {} +

# createrepo_c compresses what it writes; text is easier to diff, so it is kept unpacked.
cp -a "$tmp/rpms" "$tmp/repo"
createrepo_c --quiet --no-database --simple-md-filenames --workers 1 \
	--revision "$SOURCE_DATE_EPOCH" --set-timestamp-to-revision "$tmp/repo"
for f in primary filelists other; do
	gzip -dc "$tmp/repo/repodata/$f.xml.gz" >"$tmp/golden/$f.xml"
done

rm -rf "$here/rpms" "$here/golden"
cp -a "$tmp/rpms" "$here/rpms"
cp -a "$tmp/golden" "$here/golden"
echo "built $(find "$here/rpms" -name '*.rpm' | wc -l) packages, $(du -sbh "$here/rpms" | cut -f1)"
