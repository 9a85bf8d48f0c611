#!/bin/sh
# The simulator: its own tests, that a seed repeats a run of a whole program,
# then the experiments in their short form (LENGTH=long: all of them at full
# length, and those that take long). Time is virtual: a figure of it is the
# same on every machine.
cd "$(dirname "$0")/../.." || exit 1
export O="${O:-build}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
n=0 status=0

say() { # OK TEXT
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		status=1
	fi
}

for self in self self_hosts; do
	"$O/sim/$self" >"$tmp/self" 2>&1
	ended=$?
	grep '^not ok' "$tmp/self" | sed 's/^not /# not /'
	grep -q '^1\.\.[1-9]' "$tmp/self"
	say $((ended | $?)) "the simulator's own tests ($self): $(grep -c '^ok' \
	    "$tmp/self")"
done

run() { # SEED
	"$O/sim/restart" -s "$1" short 2>&1 | sed -n 's/^# digest //p'
}
one=$(run 11)
[ -n "$one" ] && [ "$one" = "$(run 11)" ]
say $? "-s repeats a run"
[ "$one" != "$(run 12)" ]
say $? "another seed is another run"

case ${LENGTH:=short} in
short) set -- "" ;;
*) set -- "at full length" ;;
esac
regress/sim/run "$LENGTH" >"$tmp/table" 2>"$tmp/log"
ended=$?
sed 's/^/# /' "$tmp/log"
perl regress/sim/report -t "$O/sim.tsv" >"$tmp/tap" || ended=1
sed -n 's/^# /#   /p; s/^ok [0-9]* - /0 /p; s/^not ok [0-9]* - /1 /p' \
    "$tmp/tap" >"$tmp/rows"
while read -r is text; do
	case $is in
	[01]) say "$is" "$text" ;;
	*) echo "$is $text" ;;
	esac
done <"$tmp/rows"
sed 's/^/# /' "$tmp/table"
say $ended "every experiment ran${1:+ $1}"
echo "1..$n"
exit $status
