#!/bin/sh
# The Debian package on three hosts with systemd, in one VM: see systemd.
# Two packages go in: the one of `make deb` (or $WESHER_DEB), and the same
# with a greater version.
set -u
cd "$(dirname "$0")/../.." || exit 1

# A failure in CI, a reasoned skip elsewhere.
missing() {
	if [ "${CI:-}" = true ]; then
		printf '1..1\nnot ok 1 - VM: %s\n' "$1"
		exit 1
	fi
	echo "1..0 # SKIP $1"
	exit 0
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

for need in dpkg-deb cpio apt-get; do
	command -v $need >/dev/null || missing "$need is missing, try make deps"
done
sh regress/vm/root build/vm/root ||
    missing "no Debian root could be made"
deb=${WESHER_DEB:-}
if [ -z "$deb" ]; then
	${MAKE:-make} -s deb >"$tmp/log" 2>&1 || {
		tail -n 20 "$tmp/log" | sed 's/^/# /'
		missing "make deb failed"
	}
	deb=$(find build -name 'wesher_*.deb' | tail -n 1)
fi
[ -f "$deb" ] || missing "no package was built"

mkdir -p "$tmp/x/w/deb"
cp "$deb" "$tmp/x/w/deb/old.deb"
dpkg-deb -R "$deb" "$tmp/new" &&
    sed -i 's/^Version: .*/&+new/' "$tmp/new/DEBIAN/control" &&
    dpkg-deb --root-owner-group -b "$tmp/new" "$tmp/x/w/deb/new.deb" \
	>/dev/null || {
	printf '1..1\nnot ok 1 - the package cannot be taken apart\n'
	exit 1
}
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
