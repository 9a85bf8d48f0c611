#!/bin/sh
# Both compilers, every program, not a warning.
. "$(dirname "$0")/lib.sh"
need gcc
need clang
for cc in gcc clang; do
	check "$cc has no warning" "$MAKE" -s -j"$(nproc)" CI=true CC=$cc \
	    O=build-$cc CFLAGS="-O2 -g" CPPFLAGS= LDFLAGS= all test-programs
done
done_testing
