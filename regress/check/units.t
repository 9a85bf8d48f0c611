#!/bin/sh
# What systemd is given: units that it accepts and rates, users, folders.
. "$(dirname "$0")/lib.sh"
need systemd-analyze
need systemd-sysusers
need shellcheck
need apparmor_parser
root=$OUT/root
units=$root/usr/lib/systemd/system
check "make install" "$MAKE" -s install DESTDIR="$root" PREFIX=/usr
for unit in wesher.service wesher@.service; do
	check "$unit: nothing in it is left open" not grep -q '@[A-Z]*@' \
	    "$units/$unit"
	# In tenths; what remains is explained in the unit.
	check "$unit: rated 2.4 or better" systemd-analyze security \
	    --offline=true --no-pager --threshold=24 "$units/$unit"
	check "$unit: the six capabilities, no more" grep -qx \
	    'CapabilityBoundingSet=CAP_NET_ADMIN CAP_KILL CAP_SETUID CAP_SETGID CAP_SYS_CHROOT CAP_SETPCAP' \
	    "$units/$unit"
	check "$unit: one process speaks, tunnels stay" sh -c '
	    grep -qx Type=notify "$1" && grep -qx NotifyAccess=main "$1" &&
	    grep -qx KillMode=mixed "$1" && grep -qx Restart=on-failure "$1" &&
	    grep -q "^ExecStart=.* --keep-interface" "$1"' sh "$units/$unit"
done
check "an instance is of one interface" grep -qx \
    'ExecStart=/usr/sbin/wesher --keep-interface --interface %i' \
    "$units/wesher@.service"
check "with options of its own" grep -qx 'EnvironmentFile=-/etc/wesher/%i.env' \
    "$units/wesher@.service"

# In a root of its own, so that the programs it names are there. The manual is
# looked for by man(1), which may not be.
verify() {
	mkdir -p "$root/usr/bin" "$root/etc"
	printf "#!/bin/sh\n" >"$root/usr/bin/install"
	chmod 755 "$root/usr/bin/install"
	for v_unit in wesher.service wesher@wg1.service; do
		systemd-analyze verify --man=no --recursive-errors=no \
		    --root="$root" "$v_unit" 2>&1 || return 1
	done | grep -E 'wesher' | grep -v 'Failed to prepare' && return 1
	return 0
}
check "no complaint about them" verify
users() {
	systemd-sysusers --dry-run "$PWD/dist/systemd/sysusers.conf" 2>&1 |
	    tee "$OUT/users"
	! grep -qiE 'fail|ignor|invalid' "$OUT/users"
}
check "users and groups are understood" users
folders() {
	mkdir -p "$OUT/t"
	echo root:x:0:0:root:/root:/bin/sh >"$OUT/t/passwd"
	systemd-tmpfiles --create --root="$OUT/t" \
	    "$PWD/dist/systemd/tmpfiles.conf" &&
	    [ "$(stat -c %a "$OUT/t/run/wesher")" = 755 ]
}
check "folders are understood" folders

# The other supervisors', and AppArmor's.
for dir in openrc runit apparmor; do
	check "$dir: nothing is left open" not grep -rq '@[A-Z]*@' \
	    "$root/usr/share/wesher/$dir"
done
scripts() { # DIR: all that begin as such
	grep -rlE '^#!.*(sh|openrc-run)$' "$root/usr/share/wesher/$1"
}
for dir in openrc runit; do
	check "$dir: there are scripts" scripts $dir
	for f in $(scripts $dir); do
		name=$dir/${f#*/$dir/}
		check "$name is executable" test -x "$f"
		check "$name is a shell's" sh -n "$f"
		# OpenRC reads what it sets, and is no interpreter it knows.
		check "$name pleases shellcheck" shellcheck -s sh \
		    -e SC1008,SC2034 "$f"
	done
done
# Without a kernel that has AppArmor, and nothing is loaded.
for profile in wesher wesher-priv; do
	check "AppArmor: $profile is accepted" apparmor_parser -Q -K \
	    "$root/usr/share/wesher/apparmor/$profile"
done
check "no transition scrubs the environment of ours" not grep -E \
	    'wesher.* r?Px' "$root"/usr/share/wesher/apparmor/wesher*
done_testing
