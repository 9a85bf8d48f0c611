# What the checks of the tree share; POSIX sh, sourced. One line per test.
cd "$(dirname "$0")/../.." || exit 1
PATH=$PATH:/usr/sbin:/sbin
: "${O:=build}"
MAKE=${MAKE:-make}
N=0 FAILED=0
OUT=$(mktemp -d)
trap 'rm -rf "$OUT"' EXIT
trap 'exit 1' HUP INT TERM

# The test is the command's status; its output is shown when it fails.
check() { # DESC COMMAND...
	desc=$1
	shift
	N=$((N + 1))
	if "$@" >"$OUT/log" 2>&1; then
		echo "ok $N - $desc"
		return
	fi
	FAILED=$((FAILED + 1))
	echo "not ok $N - $desc"
	tail -n 40 "$OUT/log" | sed 's/^/# /'
}

not() {
	! "$@"
}

# A missing tool fails in CI and is a reason to skip elsewhere.
need() { # COMMAND
	command -v "$1" >/dev/null && return
	if [ "${CI:-}" = true ]; then
		printf '1..1\nnot ok 1 - %s is missing\n' "$1"
		exit 1
	fi
	echo "1..0 # SKIP $1 is missing, try make deps"
	exit 0
}

done_testing() {
	echo "1..$N"
	[ "$FAILED" -eq 0 ]
	exit
}
