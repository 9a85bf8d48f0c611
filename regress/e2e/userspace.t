#!/bin/sh
# Scenarios over wireguard-go, on this machine: for kernels without WireGuard.
cd "$(dirname "$0")/../.." || exit 1
. regress/e2e/needs
! has_kernel_wireguard || skip "this kernel has WireGuard, which goes first"
need_userspace

export WESHER_TEST_USERSPACE=1 ROUNDS=1 # one round shows all
set --
for s in three restart oneway userspace; do
	set -- "$@" regress/e2e/$s
done
exec regress/lib/together "$@"
