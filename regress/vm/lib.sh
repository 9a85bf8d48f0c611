# Hosts with systemd as their first process, for scenarios of the VM; sourced
# behind regress/e2e/lib.sh, whose words for TAP and time are used.
#
#	boot NAME ADDR/LEN      start a host; the network is the bridge br0
#	on NAME COMMAND...      run a command there, as root
#	booted NAME             everything that is to start there has

CG=/sys/fs/cgroup

lan() {
	ip link add br0 type bridge forward_delay 0
	ip link set br0 up
	mount -t cgroup2 cgroup2 $CG
	# The processes so far, so that controllers can be handed on.
	mkdir -p "$CG/vm"
	while read -r l_pid; do
		echo "$l_pid" >"$CG/vm/cgroup.procs" 2>/dev/null || :
	done <$CG/cgroup.procs
	echo +memory +pids +cpu >$CG/cgroup.subtree_control
}

boot() { # NAME ADDR/LEN
	ip netns add "$1"
	ip link add "v-$1" type veth peer name eth0 netns "$1"
	ip link set "v-$1" master br0 up
	ip -n "$1" link set lo up
	ip -n "$1" addr add "$2" dev eth0
	ip -n "$1" link set eth0 up
	mkdir -p "$CG/$1" "$DIR/$1"
	# The cgroup that a namespace begins in is its top.
	sh -c "echo \$\$ >$CG/$1/cgroup.procs
	    exec nsenter --net=/run/netns/$1 unshare -p -m -u -i -C --fork \
	    sh $TOP/regress/vm/host $DIR $1" >"$DIR/$1.log" 2>&1 </dev/null &
	wait_until 20 first_process "$1" $!
}

first_process() { # NAME PARENT
	fp=$(cat "/proc/$2/task/$2/children")
	[ -n "$fp" ] && echo "${fp% }" >"$DIR/$1/pid"
}

on() { # NAME COMMAND...
	on_pid=$(cat "$DIR/$1/pid")
	shift
	nsenter -t "$on_pid" -a -r -w env -i PATH=/usr/sbin:/usr/bin HOME=/root \
	    LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@" </dev/null
}

booted() { # NAME
	on "$1" systemctl is-system-running | grep -qE 'running|degraded'
}
