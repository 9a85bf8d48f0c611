#!/bin/sh
# Scenarios over wireguard-go, on this machine: for kernels without WireGuard.
cd "$(dirname "$0")/../.." || exit 1
need() {
	[ "${CI:-}" != true ] || {
		printf '1..1\nnot ok 1 - %s\n' "$*"
		exit 1
	}
	skip "$@"
}
skip() {
	echo "1..0 # SKIP $*"
	exit 0
}
PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" = 0 ] || need "network namespaces need root"
[ -c /dev/net/tun ] || need "there is no /dev/net/tun"
command -v wireguard-go >/dev/null || need "wireguard-go is missing"
! unshare -n ip link add wgtest type wireguard 2>/dev/null ||
    skip "this kernel has WireGuard, which goes first"

export WESHER_TEST_USERSPACE=1 ROUNDS=1 # one round shows all
set --
for s in three restart oneway userspace; do
	set -- "$@" regress/e2e/$s
done
exec regress/lib/together "$@"
