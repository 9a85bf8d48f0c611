#!/bin/sh
# What root executes: how much of it, and with which libraries.
. "$(dirname "$0")/lib.sh"
need readelf
priv=$O/wesher-priv
allowed='libc|libmnl|libbsd|libmd|libsodium|libseccomp|ld-linux-x86-64'

lines() {
	cat priv/*.[ch] | wc -l
}
few_lines() {
	echo "priv/ has $(lines) lines," \
	    "kernel/ $(cat kernel/*.[ch] | wc -l)," \
	    "common/ $(cat common/*.[ch] | wc -l)"
	[ "$(lines)" -lt 2500 ]
}
check "priv/ is below 2,500 lines" few_lines

needed() {
	readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p'
}
only_allowed() {
	needed $priv
	[ -n "$(needed $priv)" ] &&
	    ! needed $priv | grep -vE "^($allowed)\\.so"
}
check "wesher-priv needs few libraries" only_allowed

for p in $O/wesher $priv; do
	check "$p is position independent" sh -c \
	    'readelf -h "$1" | grep -q "Type:.*DYN"' sh $p
	check "$p has full RELRO" sh -c \
	    'readelf -lW "$1" | grep -q GNU_RELRO &&
	    readelf -d "$1" | grep -qE "BIND_NOW|Flags:.*NOW"' sh $p
	check "$p has no executable stack" sh -c \
	    'readelf -lW "$1" | grep GNU_STACK | grep -vq E' sh $p
	check "$p has stack protectors" sh -c \
	    'readelf -sW "$1" | grep -q __stack_chk_fail' sh $p
done

# The layering: event loop in the programs' outermost files alone.
includes() {
	grep -ln 'event2\?/\|<event' common/*.[ch] kernel/*.[ch] priv/*.[ch]
}
check "no libevent below common/, kernel/ and priv/" not includes
# kernel/ is mechanism: what it is used for, and by whom, is not its business.
knows() {
	grep -lE '#include "\.\./(priv|wesher)/|privmsg\.h|seqpacket\.h' \
	    kernel/*.[ch]
}
check "kernel/ knows neither boundary nor policy" not knows
done_testing
