#!/bin/sh
# Scenarios over wireguard-go, on this machine: for kernels without WireGuard.
# They run side by side; they mostly wait.
cd "$(dirname "$0")/../.." || exit 1
skip() {
	echo "1..0 # SKIP $*"
	exit 0
}
need() {
	[ "${CI:-}" != true ] || {
		printf '1..1\nnot ok 1 - %s\n' "$*"
		exit 1
	}
	skip "$@"
}
PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" = 0 ] || need "network namespaces need root"
[ -c /dev/net/tun ] || need "there is no /dev/net/tun"
command -v wireguard-go >/dev/null || need "wireguard-go is missing"
! unshare -n ip link add wgtest type wireguard 2>/dev/null ||
    skip "this kernel has WireGuard, which goes first"

export WESHER_TEST_USERSPACE=1 ROUNDS=1 # one round shows all
dir=$(mktemp -d)
pids=
trap 'kill $pids 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
set -- ${*:-three restart oneway userspace}
for s; do
	sh "regress/e2e/$s" >"$dir/$s" 2>&1 &
	pids="$pids $!"
	echo "$!" >"$dir/$s.pid"
done
for s; do
	status=0
	wait "$(cat "$dir/$s.pid")" || status=$?
	echo "@@ begin $s"
	cat "$dir/$s"
	echo "@@ end $s $status"
done >"$dir/all"
pids=
echo "@@ done" >>"$dir/all"
perl regress/lib/tapjoin <"$dir/all"
