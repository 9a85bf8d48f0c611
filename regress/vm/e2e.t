#!/bin/sh
# The scenarios under a kernel with WireGuard, in one VM: the one that measures
# time alone, the others side by side (they mostly wait).
run=regress/e2e
exec "$(dirname "$0")/run" -t "${LIMIT:-3600}" -m 1536 -j 3 \
    $run/selftest - $run/three - $run/oneway $run/quiet $run/restart \
    $run/kill9 $run/badinput $run/five $run/leave $run/simultaneous \
    $run/twomeshes $run/wrongkey $run/ipv6overlay $run/slash20 $run/oldstate
