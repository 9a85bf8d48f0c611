# Who has which overlay address, sourced behind lib.sh, for scenarios of many
# hosts: asking all of them is no small thing in a VM.

# As wait_until, asking every other second.
wait_slowly() { # SECONDS COMMAND...
	now
	ws_end=$((NOW + $1 * 100))
	shift
	until "$@"; do
		now
		[ "$NOW" -lt "$ws_end" ] || return 1
		sleep 2
	done
}

own() { # NAME...: the address that each has, as it says
	for o; do
		echo "$(overlay_of "$o")/32"
	done
}

# Each has an address that nobody else has; all of them go to a file.
distinct() { # NAME...
	own "$@" | sort >"$DIR/all"
	[ "$(grep -c '^10\.' "$DIR/all")" -eq $# ] &&
	    [ -z "$(uniq -d "$DIR/all")" ]
}

# Of the kernel, not of the daemon: one tunnel for each of the others' addresses.
tunnels_to_all() { # NAME
	{
		own "$1"
		on "$1" wg show $IF allowed-ips | cut -f 2
	} | sort | cmp -s - "$DIR/all"
}

# Distinct, and a tunnel from each to each.
settled() { # NAME...
	distinct "$@" || return 1
	for s; do
		sees "$s" $# && tunnels_to_all "$s" && status_is_good "$s" ||
		    return 1
	done
}

# Everything that they have of each other.
picture() { # NAME...
	for s; do
		own "$s"
		on "$s" wg show $IF allowed-ips | sort
		grep managed "$DIR/$s/etc/hosts" | sort
	done
}
