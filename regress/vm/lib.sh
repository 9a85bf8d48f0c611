# Hosts with systemd as their first process, for scenarios of the VM; sourced
# behind regress/e2e/lib.sh, most of whose words hold for these hosts, too.
#
#	begin_systemd       the network, the bridge br0
#	boot NAME ADDR/LEN  start a host
#	reboot NAME         stop it in good order, start it anew
#	booted NAME         everything that is to start there has
#	on NAME COMMAND...  run a command there, as root
#	unit NAME PROPERTY  what systemd says about wesher.service
#	journal NAME [OPTION...]  what wesher has logged there

CG=/sys/fs/cgroup

begin_systemd() {
	[ -d /deb ] || skip_all "there is no Debian root: see systemd.t"
	DIR=/run/hosts
	mkdir $DIR
	WESHER=/usr/sbin/wesher
	ip link add br0 type bridge forward_delay 0
	ip link set br0 up
	mount -t cgroup2 cgroup2 $CG
}

boot() { # NAME ADDR/LEN
	ip netns add "$1"
	ip link add "v-$1" type veth peer name eth0 netns "$1"
	ip link set "v-$1" master br0 up
	ip -n "$1" link set lo up
	ip -n "$1" addr add "$2" dev eth0
	ip -n "$1" link set eth0 up
	mkdir -p "$CG/$1" "$DIR/$1"
	power_on "$1"
}

power_on() { # NAME
	# The cgroup that a namespace begins in is its top.
	sh -c 'echo $$ >"$1/cgroup.procs"
	    exec nsenter --net="/run/netns/$2" unshare -p -m -u -i -C --fork \
	    sh "$3/regress/vm/host" "$4" "$2"' \
	    sh "$CG/$1" "$1" "$TOP" "$DIR" >"$DIR/$1/boot" 2>&1 </dev/null &
	wait_until 20 first_process "$1" $! || return 1
	ln -sfn "/proc/$(cat "$DIR/$1/pid")/root/run" "$DIR/$1/run"
	ln -sfn "/proc/$(cat "$DIR/$1/pid")/root/etc" "$DIR/$1/etc"
}

first_process() { # NAME PARENT
	fp=$(cat "/proc/$2/task/$2/children")
	[ -n "$fp" ] && echo "${fp% }" >"$DIR/$1/pid"
}

# The interfaces would be gone with their host; a namespace keeps them.
reboot() { # NAME
	on "$1" systemctl poweroff 2>/dev/null # no logind
	wait_until 60 powered_off "$1" || return 1
	for r_link in $(ip -n "$1" -o link show type wireguard | cut -d : -f 2); do
		ip -n "$1" link del "$r_link"
	done
	power_on "$1"
}

powered_off() { # NAME
	[ ! -d "/proc/$(cat "$DIR/$1/pid")" ]
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

unit() { # NAME PROPERTY
	on "$1" systemctl show -P "$2" wesher.service
}

journal() { # NAME [OPTION...]
	j_on=$1
	shift
	on "$j_on" journalctl -q --no-pager -o cat -u wesher.service "$@"
}

# In the place of the files that other scenarios log to.
show_logs() {
	for sl in $HOSTS; do
		note "---- $sl"
		cat "$DIR/$sl/boot"
		on "$sl" systemctl --no-pager -n 0 status wesher.service
		on "$sl" journalctl -q --no-pager -n 40 -o short-monotonic
	done 2>&1 | sed 's/^/# /'
}
