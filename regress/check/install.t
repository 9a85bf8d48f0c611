#!/bin/sh
# make install with DESTDIR and PREFIX; a build for sanitizers is refused.
. "$(dirname "$0")/lib.sh"
root=$OUT/root
check "make install" "$MAKE" -s install DESTDIR="$root" PREFIX=/usr
for f in sbin/wesher libexec/wesher-priv; do
	check "$f is executable" test -x "$root/usr/$f"
	check "$f has no special bits" not test -u "$root/usr/$f" -o \
	    -g "$root/usr/$f"
done
for f in share/man/man8/wesher.8 share/man/man8/wesher-priv.8 \
    share/man/man7/wesher-protocol.7 lib/systemd/system/wesher.service \
    lib/systemd/system/wesher@.service lib/sysusers.d/wesher.conf \
    lib/tmpfiles.d/wesher.conf share/wesher/wesher.json \
    share/bash-completion/completions/wesher \
    share/zsh/site-functions/_wesher \
    share/fish/vendor_completions.d/wesher.fish; do
	check "$f is there" test -s "$root/usr/$f"
done
unit=$root/usr/lib/systemd/system/wesher.service
check "the unit names the installed program" grep -q '^ExecStart=/usr/sbin/wesher' \
    "$unit"
check "nothing in it is left open" not grep -q "@[A-Z]*@" "$unit"
check "nothing lies outside of the prefix" test "$(ls "$root")" = usr

check "SANDBOX=no is refused" not "$MAKE" -s install SANDBOX=no \
    O=build-asan DESTDIR="$OUT/no"
if [ -x build-asan/wesher ]; then
	check "such a build says so" sh -c \
	    'build-asan/wesher --version | grep SANDBOX=no'
	check "and is refused by what it says" not "$MAKE" -s install \
	    O=build-asan DESTDIR="$OUT/no"
fi
check "nothing was installed" not test -e "$OUT/no"
done_testing
