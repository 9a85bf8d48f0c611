#!/bin/sh
# What operators meet, on this machine: under its own kernel where that has
# WireGuard, else over wireguard-go. The scenario that counts members runs
# alone; the others mostly wait.
cd "$(dirname "$0")/../.." || exit 1
. regress/e2e/needs
if ! has_kernel_wireguard; then
	need_userspace
	export WESHER_TEST_USERSPACE=1
fi
set --
for s in hostnames duplicate seeds lancover firewalls stale meddling suspend clock; do
	set -- "$@" regress/e2e/$s
done
exec regress/lib/together "$@"
