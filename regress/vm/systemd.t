#!/bin/sh
# The Debian package on three hosts with systemd, in one VM: see systemd.
# Two packages go in: the one of `make deb` (or $WESHER_DEB), and the same
# with a greater version. One that regress/check/package.t has just made of the
# same commit is taken as it is.
set -u
cd "$(dirname "$0")/../.." || exit 1

failed() {
	printf '1..1\nnot ok 1 - %s\n' "$1"
	exit 1
}

# A failure in CI, a reasoned skip elsewhere.
missing() {
	[ "${CI:-}" != true ] || failed "VM: $1"
	echo "1..0 # SKIP $1"
	exit 0
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

for need in dpkg-deb cpio apt-get dpkg-buildpackage dh; do
	command -v $need >/dev/null || missing "$need is missing, try make deps"
done
sh regress/vm/root build/vm/root ||
    missing "no Debian root could be made"

# The date in its changelog is the commit's.
made() {
	deb=$(ls build/deb/wesher_*.deb 2>/dev/null) &&
	    date=$(git log -1 --format=%ct 2>/dev/null) &&
	    dpkg-deb --fsys-tarfile "$deb" |
	    tar -xO ./usr/share/doc/wesher/changelog.Debian.gz | zcat |
	    grep -qF "$(LC_ALL=C date -u -R -d "@$date")"
}

if [ -n "${WESHER_DEB:-}" ]; then
	deb=$WESHER_DEB
elif ! made; then
	${MAKE:-make} -s deb >"$tmp/log" 2>&1 || {
		tail -n 20 "$tmp/log" | sed 's/^/# /'
		failed "make deb failed"
	}
	deb=$(ls build/deb/wesher_*.deb)
fi
[ -f "$deb" ] || failed "make deb has made no package"

mkdir -p "$tmp/x/w/deb"
cp "$deb" "$tmp/x/w/deb/old.deb"
cp dist/debian/tests/smoke "$tmp/x/w/deb/smoke"
newer() {
	dpkg-deb -R "$deb" "$tmp/new" &&
	    sed -i 's/^Version: .*/&+new/' "$tmp/new/DEBIAN/control" &&
	    dpkg-deb --root-owner-group -b "$tmp/new" "$tmp/x/w/deb/new.deb"
}
newer >"$tmp/log" || failed "the package cannot be taken apart"
(cd "$tmp/x" && find w/deb -print0 |
    cpio -0 -o -H newc -R 0:0 --quiet) >"$tmp/deb.cpio"
cat build/vm/root/root.cpio "$tmp/deb.cpio" >"$tmp/add.cpio"

# A kernel that got stuck gets a second chance, said aloud.
run() {
	LIMIT=600 regress/vm/run -a "$tmp/add.cpio" -m 2048 -t 660 \
	    regress/vm/systemd >"$tmp/tap"
}
run
status=$?
if [ $status -eq 75 ]; then
	sed -n 's/^\(not ok\|# vm:\)/# stuck: \1/p' "$tmp/tap"
	run
	status=$?
fi
cat "$tmp/tap"
exit $status
