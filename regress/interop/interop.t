#!/bin/sh
# Members of ours among members of the original's library: every scenario of
# this folder, side by side, for they mostly wait. One alone: run it by name.
cd "$(dirname "$0")/../.." || exit 1
export O="${O:-build}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
scenarios="heldname rest relay crash refute tcp burst converge join metadata leave
	return wrongkey compression mapped ipv6"
for s in $scenarios; do
	{
		timeout -k 5 "${LIMIT:-600}" perl "regress/interop/$s"
		echo $? >"$dir/$s.status"
	} >"$dir/$s" 2>&1 &
	sleep 0.3
done
wait
for s in $scenarios; do
	echo "@@ begin $s"
	cat "$dir/$s"
	echo "@@ end $s $(cat "$dir/$s.status")"
done >"$dir/all"
echo "@@ done" >>"$dir/all"
perl regress/lib/tapjoin <"$dir/all"
