#!/bin/sh
# Members of ours among members of the original's library: every scenario of
# this folder, side by side, for they mostly wait; the longest go first. Ends
# with a table of what was seen. One alone: run it by name.
cd "$(dirname "$0")/../.." || exit 1
export O="${O:-build}"
seen=$(mktemp)
trap 'rm -f "$seen"' EXIT
trap 'exit 1' HUP INT TERM
export WESHER_INTEROP_TABLE="$seen"
# An hour of loss is the scenario's own time.
export LIMIT=$((${LIMIT:-600} + ${WESHER_TEST_LOSS:-0}))

scenarios="rest clock swarm loss heldname relay crash refute tcp burst nack vsn
	converge join metadata leave return wrongkey compression mapped ipv6"
set --
for s in $scenarios; do
	set -- "$@" "regress/interop/$s"
done
regress/lib/together -j 10 "$@"
status=$?
echo "# What was seen:"
for s in $scenarios; do
	echo "# $s"
	awk -F '\t' -v s="$s" \
	    '$1 == s { printf "#   %-44s %s\n", $2, $3 }' "$seen"
done
exit $status
