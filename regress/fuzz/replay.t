#!/bin/sh
# What once broke something, and the seeds, through every harness as gcc built
# it with ASan and UBSan. Other files check the same inputs with clang.
. "$(dirname "$0")/../check/lib.sh"
: "${D:=build-asan}"
check "seeds are made" "$D/fuzz/seeds" "$D/seeds"
for c in regress/fuzz/*.c; do
	name=$(basename "$c" .c)
	case $name in replay | seeds) continue ;; esac
	set -- "$D/seeds/$name"
	[ ! -d "regress/fuzz/crashes/$name" ] ||
	    set -- "$@" "regress/fuzz/crashes/$name"
	check "$name: seeds and former crashes" "$D/fuzz/$name" "$@"
done
done_testing
