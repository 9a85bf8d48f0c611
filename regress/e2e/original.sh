# Hosts of the original beside hosts of ours, sourced behind lib.sh: the peer
# of regress/interop as a whole host (peer/host.go). DIALECT is v03, or v02
# for the generation before.

: "${DIALECT:=v03}"
case $DIALECT in
v02) OLDSTATE=state.json ;;
*) OLDSTATE=$IF.json ;;
esac

need_original() {
	[ -x "$O/interop/peer" ] || skip_all "$O/interop/peer has not been built"
}

start_original() { # NAME [OPTION...]
	PROGRAM="$O/interop/peer -host $IF -meta $DIALECT"
	start "$@"
	PROGRAM=
}

hosts_lines() { # NAME: how many are managed, of either generation
	grep -ci 'managed automatically' "$DIR/$1/etc/hosts"
}

# Neither interface nor hosts line.
is_bare() { # NAME
	! has_link "$1" && [ "$(hosts_lines "$1")" = 0 ]
}

# Every one of them reaches each of the others by name, in this order.
all_ping() { # SECONDS NAME...
	ap_s=$1
	shift
	for a; do
		pings_all "$ap_s" "$a" "$@" || return 1
	done
}
