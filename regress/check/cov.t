#!/bin/sh
# The bounds of line coverage, in check-long: a build and most tests again.
. "$(dirname "$0")/lib.sh"
[ -n "${ALL:-}" ] || {
	echo "1..0 # SKIP in check-long, or make cov"
	exit 0
}
need gcov
check "line coverage is above its bounds" perl regress/lib/cov
done_testing
