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
for s in suspend readme clock readdress moving mixed moving02 mixed02 nonetwork seeds \
    firewalls meddling stale duplicate newhome dualstack lancover hostnames wildcard \
    killed confined sandbox metrics control notify runit openrc hearsay hostile hostilefolder - \
    thirty; do
	[ "$s" = - ] || s=regress/e2e/$s
	set -- "$@" "$s"
done
exec regress/lib/together "$@"
