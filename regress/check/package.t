#!/bin/sh
# Debian's package, from the tree as it was committed; what is installed, and
# what lintian says of it. Its life on hosts: regress/vm/systemd.t, which uses
# the same one.
. "$(dirname "$0")/lib.sh"
need dpkg-buildpackage
need dh
need lintian
need git
version=$(sed -n 's/^VERSION = //p' Makefile)
check "make deb" "$MAKE" -s deb
deb=$(ls "$O"/deb/wesher_"$version"-1_*.deb 2>/dev/null)
check "of this version" [ -n "$deb" ]
clean() {
	lintian --fail-on error,warning --allow-root "$deb"
}
check "lintian has no error and no warning" clean
dpkg-deb -c "$deb" | awk '{ print $1, $6 }' >"$OUT/list"
for f in usr/sbin/wesher usr/libexec/wesher-priv etc/default/wesher \
    lib/systemd/system/wesher.service lib/systemd/system/wesher@.service \
    usr/lib/sysusers.d/wesher.conf usr/lib/tmpfiles.d/wesher.conf \
    usr/share/man/man8/wesher.8.gz; do
	check "$f is there" grep -q " \./$f\$" "$OUT/list"
done
check "nothing has special bits" not grep -q '^-[^ ]*[sStT]' "$OUT/list"
check "options are the administrator's" sh -c \
    'dpkg-deb --ctrl-tarfile "$1" | tar -xO ./conffiles |
    grep -qx /etc/default/wesher' sh "$deb"
no_default() {
	mkdir -p "$OUT/x"
	dpkg-deb -x "$deb" "$OUT/x" && ! grep -qv '^#' "$OUT/x/etc/default/wesher"
}
check "none is set" no_default
done_testing
