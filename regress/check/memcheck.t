#!/bin/sh
# The unit programs under valgrind memcheck, built with SANDBOX=no: no invalid
# access, no use of what was never set, no lost memory. ALL=1 (make memcheck,
# check-long): each of them, some minutes; else those of the readers of what
# strangers send. test_launch needs pidfd_open(2), which valgrind lacks.
. "$(dirname "$0")/lib.sh"
need valgrind
D=build-mem
check "the unit programs are built" "$MAKE" -s -j"$(nproc)" CI=no O=$D \
    CFLAGS="-O1 -g" SANDBOX=no unit-programs
names="test_msgpack test_wire test_wire_forms test_wire_layers test_packet
    test_lzw test_seal test_meta test_privmsg test_privargs test_resolv
    test_logfwd test_addr test_check test_suspect test_bcast test_member
    test_swim_merge priv_policy priv_wg"
if [ -n "${ALL:-}" ]; then
	names=
	for c in regress/unit/*.c; do
		name=$(basename "$c" .c)
		[ "$name" = test_launch ] || names="$names $name"
	done
fi
export D OUT
# shellcheck disable=SC2086
printf '%s\n' $names | xargs -P "$(nproc)" -I{} sh -c '
	start=$(date +%s)
	timeout 1200 valgrind -q --error-exitcode=99 --leak-check=full \
	    --errors-for-leak-kinds=definite,indirect \
	    --suppressions=regress/lib/memcheck.supp \
	    "$D/unit/$0" >"$OUT/$0" 2>&1 && touch "$OUT/$0.good"
	echo $(($(date +%s) - start)) >"$OUT/$0.time"' {}
for name in $names; do
	check "$name, $(cat "$OUT/$name.time") s" test -e "$OUT/$name.good"
	[ -e "$OUT/$name.good" ] || tail -n 60 "$OUT/$name" | sed 's/^/# /'
done
done_testing
