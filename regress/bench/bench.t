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

# A part without a row fails, and so does a row without a figure of ours; what is
# measured by theirs has to have one of theirs, too.
figures() { # PART
	sh regress/bench/run short "$1" &&
	    awk -F '\t' '$5 ~ "/" && $4 + 0 <= 0 { bad = 1 } END { exit bad }' \
		"$O/bench.tsv"
}
for part in regress/bench/part/*; do
	part=${part##*/}
	check "$part: figures" figures "$part"
done
for tsv in "$O"/bench-*.tsv; do
	check "${tsv##*/} has points" test -s "$tsv"
done
done_testing
