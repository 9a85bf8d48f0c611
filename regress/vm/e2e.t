#!/bin/sh
# Under a kernel with WireGuard, in one VM: the unit programs that want such a
# kernel, the scenario that measures time alone, then the others side by side
# (they mostly wait).
cd "$(dirname "$0")/../.." || exit 1
real=$(ls build/unit/*wgreal 2>/dev/null)
# shellcheck disable=SC2086
set -- $real regress/e2e/selftest - regress/e2e/three -
for s in oneway quiet restart kill9 badinput five leave simultaneous \
    twomeshes wrongkey ipv6overlay slash20 oldstate; do
	set -- "$@" regress/e2e/$s
done
exec regress/vm/run -t $((${LIMIT:-600} * 2)) -m 1536 -j 3 "$@"
