#!/bin/sh
# Every harness for a short while with libFuzzer; make fuzz has more patience.
. "$(dirname "$0")/../check/lib.sh"
need clang
names=
for c in regress/fuzz/*.c; do
	case $c in */replay.c | */seeds.c) continue ;; esac
	names="$names $(basename "$c" .c)"
done
# shellcheck disable=SC2086
exec perl regress/lib/fuzz -t "${FUZZ_SECONDS:-15}" $names
