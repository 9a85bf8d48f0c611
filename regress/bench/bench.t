#!/bin/sh
# The benchmark in its short form: each part runs and has figures of both sides.
# It is too short, and too much else runs beside it, to say how good they are:
# `make bench` does.
. "$(dirname "$0")/../check/lib.sh"
export O
need go
need gnuplot
. regress/e2e/needs
[ "$(id -u)" = 0 ] || missing "network namespaces need root"
has_kernel_wireguard || need_userspace

# A part without a row fails, and so does a row without a figure of ours, or one
# that is measured by theirs and has none of theirs (regress/bench/report). What
# is to be more than theirs is not nothing.
figures() { # PART
	sh regress/bench/run short "$1" &&
	    awk -F '\t' '$5 ~ /^>=/ && $3 + 0 <= 0 { bad = 1 } END { exit bad }' \
		"$O/bench.tsv"
}
row() { # FIELDS...: what the table says of one row
	printf '%s\t%s\t%s\t%s\t%s\n' "$@" >"$O/bench-row"
	perl regress/bench/report full "$O/bench-row" >/dev/null 2>&1
}
missed() {
	! row "$@"
}
check "a mark that is reached" row a 1/s 10 3 '>=3'
check "one that is missed" missed a 1/s 8 3 '>=3'
check "nothing of theirs is no figure" missed a 1/s 100 0 '>=3'
check "with a unit theirs do not count" missed a ms 70 900 '<=60 ms'
check "and need not be there" row a ms 50 '' '<=60 ms'
rm -f "$O"/bench-*.tsv "$O/bench-row"
for part in regress/bench/part/*; do
	part=${part##*/}
	check "$part: figures" figures "$part"
done
for tsv in members merge mesh node; do
	check "bench-$tsv.tsv has points" test -s "$O/bench-$tsv.tsv"
done
done_testing
