#!/bin/sh
# Another libc: every source of the two programs is read with the headers of
# musl, where a function or constant that only glibc has is an error. Debian
# has no libraries built for musl, so that nothing can be linked; their headers
# are the same.
. "$(dirname "$0")/../check/lib.sh"
need musl-gcc
multi=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
mkdir "$OUT/include"
for h in bsd event2 libmnl linux sodium asm-generic sodium.h seccomp.h \
    seccomp-syscalls.h jansson.h jansson_config.h asm; do
	for d in "/usr/include/$multi" /usr/include; do
		if [ -e "$d/$h" ]; then
			ln -s "$d/$h" "$OUT/include/$h"
			break
		fi
	done
done
# event2 is in two places.
rm -f "$OUT/include/event2"
mkdir "$OUT/include/event2"
for d in "/usr/include/$multi" /usr/include; do
	[ ! -d "$d/event2" ] || ln -sf "$d"/event2/* "$OUT/include/event2"
done

cat >"$OUT/read" <<'END'
include=$1
shift
exec musl-gcc -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DLIBBSD_OVERLAY \
    -DWESHER_VERSION='""' -DWESHER_LIBEXECDIR='""' -Wall -Wextra -Werror \
    -isystem "$include/bsd" -isystem "$include" -fsyntax-only "$@"
END
# shellcheck disable=SC2016
for room in common kernel priv wesher; do
	check "$room: nothing that only glibc has" sh -c \
	    'ls "$1"/*.c | xargs -n 16 -P "$(nproc)" sh "$2/read" "$2/include"' \
	    sh "$room" "$OUT"
done
echo '#include <malloc.h>
int f(void);
int f(void) { return malloc_trim(0); }' >"$OUT/glibc.c"
check "which would be noticed" not sh "$OUT/read" "$OUT/include" "$OUT/glibc.c"
done_testing
