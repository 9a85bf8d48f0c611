# What every scenario uses; POSIX sh, sourced. Scenarios print TAP.
#
# A host is a set of namespaces (see holder) with one veth, eth0, to a bridge
# that lives in the namespaces of "sw", together with a name server that knows
# every host's real address. All of it hangs on processes: when those are
# killed nothing remains, whatever way a scenario ends.
#
#	host_add NAME ADDR/LEN     make a host
#	lan_add BRIDGE ADDR/LEN... another network behind sw, which routes
#	host_bare NAME BRIDGE      a host with a link and no address
#	link_add NAME IFACE BRIDGE another link for a host
#	on NAME COMMAND...         run a command there
#	start ID [OPTION...]       start `wesher -d`; ID is NAME or NAME.TAG
#	start_loop ID [OPTION...]  the same under a supervisor that restarts it
#	stop ID [SIGNAL]           end it (TERM), wait, leave its status in $STATUS
#	wait_until SECONDS COMMAND...  poll; false when time is up
#	check DESC COMMAND...      one test
#	must DESC COMMAND...       one test that ends the scenario when it fails
#	is DESC GOT WANTED         one test
#	done_testing               the plan, and logs when something failed

: "${E2E:=$(cd "$(dirname "$0")" && pwd)}" # set by who is elsewhere
TOP=$(cd "$E2E/../.." && pwd)
: "${O:=build}"
case $O in /*) ;; *) O=$TOP/$O ;; esac
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export WG_COLOR_MODE=never LC_ALL=C
: "${WESHER:=$(command -v wesher || echo "$O/wesher")}"
IF=wgoverlay
DIR=
N=0 FAILED=0 PIDS= HOSTS= STATUS=
SUBNET=172.30.77 # the real network; sw is .254

# ---- TAP

note() {
	echo "# $*"
}

ok() {
	N=$((N + 1))
	echo "ok $N - $*"
}

not_ok() {
	N=$((N + 1))
	FAILED=$((FAILED + 1))
	echo "not ok $N - $*"
}

check() { # DESC COMMAND...
	desc=$1
	shift
	if "$@"; then
		ok "$desc"
	else
		not_ok "$desc"
	fi
}

# The same for what everything behind it needs: a failure ends the scenario.
must() { # DESC COMMAND...
	check "$@"
	[ "$FAILED" -eq 0 ] || done_testing
}

# Nothing is never what was wanted.
is() { # DESC GOT WANTED
	if [ -n "$3" ] && [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1"
		note "got: '$2', wanted: '$3'"
	fi
}

at_most() { # DESC GOT MAX; whole numbers
	if [ "${2:-x}" -le "$3" ] 2>/dev/null; then
		ok "$1 ($2, at most $3)"
	else
		not_ok "$1"
		note "got: '$2', wanted: at most $3"
	fi
}

skip_all() {
	if [ "${CI:-}" = true ]; then
		printf '1..1\nnot ok 1 - %s\n' "$*"
		exit 1
	fi
	echo "1..0 # SKIP $*"
	exit 0
}

done_testing() {
	[ "$FAILED" -eq 0 ] || show_logs
	echo "1..$N"
	[ "$FAILED" -eq 0 ]
	exit
}

show_logs() {
	for log in "$DIR"/*.log; do
		[ -s "$log" ] || continue
		note "---- ${log##*/}"
		tail -n "${WESHER_TEST_LOGLINES:-40}" "$log" | sed 's/^/# /'
	done
}

# ---- time

# Hundredths of a second since boot, in $NOW; no process is started for it.
now() {
	read -r NOW _ </proc/uptime
	NOW=${NOW%.*}${NOW#*.}
}

wait_until() { # SECONDS COMMAND...
	now
	wu_end=$((NOW + $1 * 100))
	shift
	until "$@" >/dev/null 2>&1; do
		now
		[ "$NOW" -lt "$wu_end" ] || return 1
		sleep 0.1
	done
}

# ---- hosts

begin() {
	[ "$(id -u)" = 0 ] || skip_all "network namespaces need root"
	DIR=$(mktemp -d /tmp/wesher-e2e.XXXXXX)
	chmod 755 "$DIR"
	trap finish EXIT
	trap 'exit 130' HUP INT TERM
	unshare -n true 2>/dev/null || skip_all "no network namespaces here"
	ns_add sw
	: >"$DIR/names"
	on sw ip link add br0 type bridge forward_delay 0
	on sw ip addr add "$SUBNET.254/24" dev br0
	on sw ip link set br0 up
	on sw "$O/e2e/names" "$SUBNET.254" "$DIR/names" &
	PIDS="$PIDS $!"
}

# A scenario that needs the programs and a kernel with WireGuard, or (with
# WESHER_TEST_USERSPACE=1, see userspace.t) wireguard-go.
begin_mesh() {
	[ -f "$WESHER" ] || skip_all "$WESHER has not been built"
	begin
	if [ "${WESHER_TEST_USERSPACE:-}" = 1 ]; then
		[ -c /dev/net/tun ] && command -v wireguard-go >/dev/null ||
		    skip_all "wireguard-go or /dev/net/tun is missing"
	else
		on sw ip link add wgtest type wireguard 2>/dev/null ||
		    skip_all "this kernel has no WireGuard"
		on sw ip link del wgtest
	fi
	# For us alone: wesher would wonder about such variables.
	for bm_var in $(env | sed -n 's/^\(WESHER_TEST_[A-Z]*\)=.*/\1/p'); do
		eval "bm_value=\$$bm_var; unset $bm_var; $bm_var=\$bm_value"
	done
	private_programs
	KEY=$(head -c 32 /dev/urandom | base64)
}

# wesher-priv is executed only from folders that are root's alone, which a
# checkout seldom is: holder shows this copy to each host as /var/lib/programs.
private_programs() {
	case $WESHER in
	"$O"/*)
		mkdir -m 755 "$DIR/bin"
		cp "$WESHER" "$WESHER-priv" "$DIR/bin/"
		chown -R 0:0 "$DIR/bin"
		WESHER=/var/lib/programs/wesher
		;;
	esac
}

finish() {
	trap - EXIT
	trap '' HUP INT TERM
	for p in $PIDS; do
		proc "$p"
		[ "$PARENT" != $$ ] || kill -9 "$p" 2>/dev/null
	done
	for h in $HOSTS; do
		p=$(cat "$DIR/$h/pid")
		proc "$p"
		proc "$PARENT" # unshare
		[ "$PARENT" != $$ ] || kill -9 "$p" 2>/dev/null
	done
	wait 2>/dev/null
	rm -rf "$DIR"
}

ns_add() { # NAME
	d=$DIR/$1
	mkdir -p "$d/etc" "$d/run" "$d/lib"
	for f in services protocols localtime ld.so.cache; do
		[ ! -e "/etc/$f" ] || cp -L "/etc/$f" "$d/etc/"
	done
	printf '%s\n' root:x:0:0::/root:/bin/sh \
	    _wesher:x:64990:64990::/nonexistent:/bin/false \
	    nobody:x:65534:65534::/nonexistent:/bin/false >"$d/etc/passwd"
	printf '%s\n' root:x:0: _wesher:x:64990: nogroup:x:65534: \
	    >"$d/etc/group"
	printf '%s\n' 'passwd: files' 'group: files' 'hosts: files dns' \
	    >"$d/etc/nsswitch.conf"
	echo "nameserver $SUBNET.254" >"$d/etc/resolv.conf"
	printf '127.0.0.1\tlocalhost\n' >"$d/etc/hosts"
	echo "$1" >"$d/etc/hostname"
	unshare -m -u -n -p --fork --kill-child \
	    sh "$E2E/holder" "$d" "$1" </dev/null >"$d/holder" 2>&1 &
	HOSTS="$HOSTS $1"
	if ! wait_until 20 test -s "$d/pid"; then
		echo "Bail out! cannot make host $1: $(cat "$d/holder")"
		exit 1
	fi
}

host_add() { # NAME ADDR/LEN
	ns_add "$1"
	hp=$(cat "$DIR/$1/pid")
	nsenter -t "$(cat "$DIR/sw/pid")" -n \
	    ip link add "v-$1" type veth peer name eth0 netns "$hp"
	on sw ip link set "v-$1" master br0 up
	on "$1" ip addr add "$2" dev eth0
	on "$1" ip link set eth0 up
	on "$1" ip route add default via "$SUBNET.254"
	echo "$1 ${2%/*}" >>"$DIR/names"
}

# Networks behind sw, which forwards between them and has these addresses.
lan_add() { # BRIDGE ADDR/LEN...
	la_br=$1
	shift
	on sw ip link add "$la_br" type bridge forward_delay 0
	on sw sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	for la_a; do
		addr_add sw "$la_br" "$la_a"
	done
	on sw ip link set "$la_br" up
}

# IPv6 addresses may be used at once (no detection of duplicates).
addr_add() { # NAME IFACE ADDR/LEN
	case $3 in
	*:*) on "$1" ip addr add "$3" dev "$2" nodad ;;
	*) on "$1" ip addr add "$3" dev "$2" ;;
	esac
}

link_add() { # NAME IFACE BRIDGE
	nsenter -t "$(cat "$DIR/sw/pid")" -n ip link add "v-$1-$2" \
	    type veth peer name "$2" netns "$(cat "$DIR/$1/pid")"
	on sw ip link set "v-$1-$2" master "$3" up
	on "$1" ip link set "$2" up
}

host_bare() { # NAME BRIDGE
	ns_add "$1"
	link_add "$1" eth0 "$2"
}

on() { # NAME COMMAND...
	on_pid=$(cat "$DIR/$1/pid")
	shift
	nsenter -t "$on_pid" -m -u -n -p -- "$@"
}

# The same as the last command of a background list: no shell stays between.
on_exec() { # NAME COMMAND...
	on_pid=$(cat "$DIR/$1/pid")
	shift
	exec nsenter -t "$on_pid" -m -u -n -p -- "$@"
}

# ---- the programs

# The shell tells its pid in the host and then becomes wesher, which becomes
# wesher-priv: one pid from start to end.
run_wesher() { # ID OPTION...
	rw_id=$1
	shift
	on_exec "${rw_id%%.*}" env -i PATH="$PATH" HOME=/root \
	    sh -c 'echo $$ >"/run/test.$1"; shift; exec "$@"' sh \
	    "$rw_id" ${PROGRAM:-"$WESHER" -d} "$@"
}

start() { # ID OPTION...
	: >>"$DIR/$1.log"
	run_wesher "$@" >>"$DIR/$1.log" 2>&1 </dev/null &
	PIDS="$PIDS $!"
	echo $! >"$DIR/$1.pid"
}

start_loop() { # ID OPTION...
	: >>"$DIR/$1.log"
	sl_id=$1
	shift
	rm -f "$DIR/$sl_id.noloop"
	while [ ! -e "$DIR/$sl_id.noloop" ]; do
		(run_wesher "$sl_id" "$@")
		echo "loop: ended with status $?, again"
		sleep 0.5
	done >>"$DIR/$sl_id.log" 2>&1 </dev/null &
	PIDS="$PIDS $!"
	echo $! >"$DIR/$sl_id.pid"
}

end_loop() { # ID: the next end is the last
	: >"$DIR/$1.noloop"
}

# Its pid as its host sees it.
pid_in() { # ID
	cat "$DIR/${1%%.*}/run/test.$1" 2>/dev/null
}

# The gossip process: wesher-priv's only child.
child_in() { # ID
	ci=$(pid_in "$1") && on "${1%%.*}" \
	    cat "/proc/$ci/task/$ci/children" 2>/dev/null | awk '{ print $1 }'
}

has_child() {
	[ -n "$(child_in "$1")" ]
}

send_signal() { # ID SIGNAL
	on "${1%%.*}" kill "-$2" "$(pid_in "$1")"
}

# The same with a terminal as standard output.
start_tty() { # ID OPTION...
	: >>"$DIR/$1.log"
	st_id=$1
	shift
	on_exec "$st_id" env -i PATH="$PATH" HOME=/root SHELL=/bin/sh \
	    script -qefc "echo \$\$ >/run/test.$st_id; exec $WESHER -d $*" \
	    /dev/null >>"$DIR/$st_id.log" 2>&1 </dev/null &
	PIDS="$PIDS $!"
	echo $! >"$DIR/$st_id.pid"
}

running() { # ID
	! zombie "$(cat "$DIR/$1.pid")"
}

stopped() { # ID
	! running "$1"
}

stop() { # ID [SIGNAL]
	send_signal "$1" "${2:-TERM}" 2>/dev/null
	ended "$1" 25
}

# Wait for the end of a started wesher; its exit status goes to STATUS.
ended() { # ID SECONDS
	e_pid=$(cat "$DIR/$1.pid")
	STATUS=timeout
	wait_until "$2" zombie "$e_pid" || return 1
	STATUS=0
	wait "$e_pid" || STATUS=$?
}

# Pids are soon used again, by anybody: one that was ours may not be any more.
# Sets STATE and PARENT, "" and 0 when there is no such process.
proc() { # PID
	p_stat=
	read -r p_stat 2>/dev/null <"/proc/${1:-none}/stat"
	# shellcheck disable=SC2086
	set -- ${p_stat##*)}
	STATE=${1:-} PARENT=${2:-0}
}

zombie() { # PID: a child that has ended, or none of ours
	proc "$1"
	[ "$PARENT" != $$ ] || [ "$STATE" = Z ]
}

# ---- what a mesh looks like

status_json() { # ID
	sj_if=$IF
	case $1 in *.*) sj_if=${1#*.} ;; esac
	on "${1%%.*}" "$WESHER" status --json --interface "$sj_if" 2>/dev/null |
	    tr -d '\n\t ' | tr '{}' '\n\n'
}

# One value of one member as another sees it: member node1 node2 state
member() { # ID OTHER KEY
	status_json "$1" | grep "\"name\":\"$2\"" |
	    grep -v '"interface":' |
	    sed -n "s/.*\"$3\":\"\\{0,1\\}\\([^,\"]*\\).*/\\1/p"
}

# One number of the "mesh" object: count node1 alive
count() { # ID KEY
	status_json "$1" | grep '"members":[0-9]' |
	    sed -n "s/.*\"$2\":\\([0-9]*\\).*/\\1/p"
}

sees() { # ID N: that many are alive, itself included
	[ "$(count "$1" alive)" = "$2" ]
}

state_is() { # ID OTHER STATE
	[ "$(member "$1" "$2" state)" = "$3" ]
}

# The status of wesher: 0 when every alive member has a tunnel.
status_is_good() { # ID
	on "$1" "$WESHER" status >/dev/null 2>&1
}

# The last 8 bits of a name's hash (FNV-1a 128), in HASH: in an overlay network
# of /24 or less they are the end of the address that the name derives.
hash8() { # NAME
	HASH=$((0x8d)) h8_left=$1
	while [ -n "$h8_left" ]; do
		h8_next=${h8_left#?}
		h8_c=$(printf %d "'${h8_left%"$h8_next"}")
		HASH=$(((HASH ^ h8_c) * 0x3b & 255))
		h8_left=$h8_next
	done
}

overlay_of() { # ID
	status_json "$1" | sed -n 's/.*"overlay_addr":"\([^,"]*\).*/\1/p'
}

# One echo by name across the overlay. Without the hosts line the name server
# would give the real address, and prove nothing.
pings() { # NAME OTHER
	has_hosts_line "$1" "$2" &&
	    on "$1" ping -n -q -c 1 -W 1 "$2" >/dev/null 2>&1
}

pings_addr() { # NAME ADDR
	on "$1" ping -n -q -c 1 -W 1 "$2" >/dev/null 2>&1
}

pings_both() { # NAME OTHER
	pings "$1" "$2" && pings "$2" "$1"
}

has_hosts_line() { # NAME OTHER
	grep -qi "[[:space:]]$2[[:space:]].*managed automatically" \
	    "$DIR/$1/etc/hosts"
}

hosts_addr() { # NAME OTHER
	sed -n "s/^\\([^[:space:]]*\\)[[:space:]]$2[[:space:]].*managed.*/\\1/p" \
	    "$DIR/$1/etc/hosts"
}

peers() { # NAME [INTERFACE]: how many
	on "$1" wg show "${2:-$IF}" peers 2>/dev/null | wc -l
}

has_peers() { # NAME N [INTERFACE]
	[ "$(peers "$1" "${3:-$IF}")" -eq "$2" ]
}

routes_to() { # NAME ADDR [INTERFACE]
	case $2 in
	*:*) on "$1" ip -6 route show "$2" dev "${3:-$IF}" 2>/dev/null ;;
	*) on "$1" ip -4 route show "$2" dev "${3:-$IF}" 2>/dev/null ;;
	esac | wc -l
}

has_link() { # NAME [INTERFACE]
	on "$1" ip link show "${2:-$IF}" >/dev/null 2>&1
}

# Log lines about suspicion or failure of anybody, as a count.
suspicions() { # ID...
	for s_id; do
		cat "$DIR/$s_id.log"
	done | grep -ciE 'suspect|suspicion|failed to (ack|answer)' || :
}

# How many lines of its log have this text.
log_count() { # ID TEXT
	grep -cF -- "$2" "$DIR/$1.log"
}

logged() { # ID TEXT
	grep -qF -- "$2" "$DIR/$1.log"
}

# From one to all the others by name.
pings_all() { # SECONDS FROM NAME...
	pa_s=$1 pa_from=$2
	shift 2
	for b; do
		[ "$pa_from" = "$b" ] ||
		    wait_until "$pa_s" pings "$pa_from" "$b" || {
			note "$pa_from does not reach $b"
			return 1
		}
	done
}

# Full mesh: everybody sees all and reaches each by name.
full_mesh() { # SECONDS NAME...
	fm_s=$1
	shift
	for a; do
		wait_until "$fm_s" sees "$a" $# || {
			note "$a sees '$(count "$a" alive)' alive of $#"
			return 1
		}
		pings_all "$fm_s" "$a" "$@" || return 1
	done
}

# ---- one-way traffic

oneway_start() { # TAG FROM TO [PORT]: 100 packets a second, by name
	os_port=${4:-9}
	on "$3" "$O/e2e/oneway" -l "$os_port" >"$DIR/oneway.$1" 2>&1 &
	echo $! >"$DIR/oneway.$1.recv"
	PIDS="$PIDS $!"
	wait_until 20 on "$3" grep -qi "$(printf ':%04x ' "$os_port")" \
	    /proc/net/udp6 ||
	    note "the receiver does not listen"
	on "$2" sh -c 'echo $$ >"/run/oneway.$1"; exec "$2" "$3" "$4"' \
	    sh "$1" "$O/e2e/oneway" "$(hosts_addr "$2" "$3")" "$os_port" \
	    >"$DIR/oneway.$1.send" 2>&1 &
	echo "$2 $!" >"$DIR/oneway.$1.from"
	PIDS="$PIDS $!"
}

# Ends the sender; the receiver has then printed "sent N lost M ...".
oneway_stop() { # TAG; sets SENT, LOST and HOLE
	read -r ow_from ow_pid <"$DIR/oneway.$1.from"
	on "$ow_from" kill -TERM "$(cat "$DIR/$ow_from/run/oneway.$1")"
	wait "$ow_pid"
	wait "$(cat "$DIR/oneway.$1.recv")"
	note "$1: $(cat "$DIR/oneway.$1")"
	SENT=$(sed -n 's/.*sent \([0-9]*\) .*/\1/p' "$DIR/oneway.$1")
	LOST=$(sed -n 's/.*lost \([0-9]*\) .*/\1/p' "$DIR/oneway.$1")
	HOLE=$(sed -n 's/.*hole \([0-9]*\) .*/\1/p' "$DIR/oneway.$1")
}

# Each way between two hosts while something is done to one of them.
flows_begin() { # NAME OTHER
	oneway_start to "$1" "$2" 9
	oneway_start from "$2" "$1" 10
	sleep 1
}

flows_end() { # WHAT MORE: more than that were sent each way, none was lost
	sleep 1
	for fe in to from; do
		oneway_stop $fe
		check "$1: traffic was flowing ($fe)" test "${SENT:-0}" -gt "$2"
		is "$1: no packet is lost ($fe, of ${SENT:-0})" "$LOST" 0
	done
}
