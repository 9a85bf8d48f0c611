#!/bin/sh
# Under a kernel with WireGuard, in one VM: the unit programs that want such a
# kernel, the scenario that measures time alone, then the others side by side
# (they mostly wait): first those that wait longest.
cd "$(dirname "$0")/../.." || exit 1
real=$(ls build/unit/*wgreal 2>/dev/null)
# shellcheck disable=SC2086
set -- $real build/unit/priv_box regress/e2e/selftest - regress/e2e/three -
for s in collision partition newhome oneway quiet sameaddr fullnet outlive onepeer \
    daemon restart kill9 killed mixed readdress meddling badinput stale five \
    leave simultaneous twomeshes wrongkey ipv6overlay slash20 oldstate confined \
    sandbox hostile; do
	set -- "$@" regress/e2e/$s
done
set -- "$@" regress/priv/start.t

# Everything takes longer in there.
export WESHER_TEST_REQUESTS=$((${WESHER_TEST_REQUESTS:-100000} / 5))

# A kernel that got stuck gets a second chance, said aloud.
tap=$(mktemp)
trap 'rm -f "$tap"' EXIT
run() {
	regress/vm/run -t $((${LIMIT:-600} * 2)) -m 1536 -j 4 "$@"
}
run "$@" >"$tap"
status=$?
if [ $status -eq 75 ]; then
	sed -n 's/^\(not ok\|# vm:\)/# stuck: \1/p' "$tap"
	run "$@" >"$tap"
	status=$?
fi
cat "$tap"
exit $status
