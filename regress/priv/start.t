#!/bin/sh
# wesher-priv itself under a kernel with WireGuard, with the stub of
# regress/unit/priv_child.c as its gossip process (a program that acts by the
# first byte of its "memfd"): start, READY, die together, adopt, leave, stop,
# --remove, --new-key. Run it as root; where WireGuard is missing it skips.
set -u
O=${O:-build}
PRIV=$O/wesher-priv
[ -x "$PRIV" ] || PRIV=/usr/local/libexec/wesher-priv # in the VM
[ -x "$PRIV" ] && [ -x "$O/unit/priv_child" ] || {
	echo "1..0 # SKIP $O/wesher-priv or $O/unit/priv_child is missing"
	exit 0
}
if [ "${1:-}" != inside ]; then
	[ "$(id -u)" = 0 ] || {
		echo "1..0 # SKIP root is needed"
		exit 0
	}
	exec unshare -n -m sh "$0" inside
fi

mount -t tmpfs none /run && mount -t tmpfs none /var/lib || exit 1
ip link set lo up
ip link add probe type wireguard 2>/dev/null || {
	echo "1..0 # SKIP no WireGuard in this kernel"
	exit 0
}
ip link del probe
dir=/run/test
mkdir -p $dir

n=0
ok() { # STATUS TEXT
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' $dir/err
	fi
}

try() { # TEXT COMMAND...
	text=$1
	shift
	"$@" >/dev/null 2>&1
	ok $? "$text"
}

wait_until() { # COMMAND...: generous, 60 s
	i=0
	until "$@" >/dev/null 2>&1; do
		i=$((i + 1))
		[ $i -lt 300 ] || return 1
		sleep 0.2
	done
}

priv() {
	"$PRIV" --interface wgt --no-etc-hosts "$@" 2>$dir/err
}

start() { # WHAT OPTIONS...
	printf '%s' "$1" >$dir/conf
	shift
	priv --overlay-net 10.0.0.0/8 --cluster-port 7946 \
	    --wireguard-port 51820 --mtu 1400 --keepalive 0 --user 12345 \
	    --log-level info --conf-fd 7 --gossip-fd 8 "$@" \
	    7<$dir/conf 8<"$O/unit/priv_child"
}

pid() {
	cat /run/wesher/wgt.pid
}

child() { # not every kernel has /proc/PID/task/TID/children
	cat /proc/[0-9]*/stat 2>/dev/null |
	    awk -v p="$(pid)" '$4 == p { print $1 }'
}

alive() {
	[ -n "$(pid)" ] && [ -e "/proc/$(pid)/cmdline" ] &&
	    tr '\0' ' ' <"/proc/$(pid)/cmdline" | grep -q wesher-priv
}

gone() {
	! alive
}

link() {
	ip link show wgt
}

no_link() {
	! link
}

mtu() {
	ip link show wgt | grep -q 'mtu 1400.*UP\|UP.*mtu 1400'
}

port() {
	[ "$(wg show wgt listen-port)" = "$1" ]
}

caps() { # NET_ADMIN and KILL
	grep -q '^CapPrm:	0000000000001020$' "/proc/$(pid)/status" &&
	    grep -q '^CapBnd:	0000000000001020$' "/proc/$(pid)/status" &&
	    grep -q '^NoNewPrivs:	1$' "/proc/$(pid)/status"
}

detached() {
	[ "$(readlink "/proc/$(pid)/fd/2")" = /dev/null ] &&
	    [ "$(cut -d ' ' -f 6 "/proc/$(pid)/stat")" = "$(pid)" ]
}

refused() { # WORDS COMMAND...
	words=$1
	shift
	"$@"
	[ $? = 1 ] && [ "$(wc -l <$dir/err)" = 1 ] && grep -q "$words" $dir/err
}

echo 1..24
try "the front process returns 0 at READY" start n
try "the daemon is there" alive
try "interface: MTU and up" mtu
try "listen port" port 51820
try "detached" detached
try "capabilities" caps
key=$(wg show wgt public-key)
try "a second start is refused" refused "wesher leave" start n
try "--remove is refused while it runs" refused "in use" priv --remove

old=$(child)
kill -9 "$old"
[ -n "$old" ] && wait_until gone
ok $? "the gossip process is killed: the other ends"
try "the interface stays" link

peer=$(wg genkey | wg pubkey)
wg set wgt peer "$peer" allowed-ips 10.1.2.3/32 endpoint 127.0.0.9:9
wg set wgt peer "$(wg genkey | wg pubkey)" allowed-ips 172.16.0.1/32
try "the next start adopts it" start n
[ "$(wg show wgt public-key)" = "$key" ]
ok $? "with the same key"
[ "$(wg show wgt peers)" = "$peer" ]
ok $? "and the peers inside of the overlay alone"

old=$(child)
kill -9 "$(pid)"
[ -n "$old" ] && wait_until [ ! -e "/proc/$old" ]
ok $? "wesher-priv is killed: the gossip process ends"
try "the interface stays" link

start n
kill -INT "$(pid)"
try "SIGINT: it ends" wait_until gone
try "and the interface is gone" no_link

start s --keep-interface
kill -TERM "$(pid)"
try "SIGTERM with --keep-interface: it ends" wait_until gone
try "and the interface stays" link
try "--remove" priv --remove
try "removes it" no_link
try "--remove of nothing is fine" priv --remove

try "--new-key" priv --new-key
start n
[ "$(wg show wgt public-key)" != "$key" ]
ok $? "is used by the next start"
kill -INT "$(pid)"
wait_until gone
