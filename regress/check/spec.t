#!/bin/sh
# The descriptions of a release for others than Debian: what rpmlint, rpmspec
# and shellcheck say to them, and what they pack. rpm's is built by rpmbuild with
# the macros of systemd that Debian lacks; of Alpine's and Arch's the shell
# functions are run, without their tools and libraries.
. "$(dirname "$0")/lib.sh"
need git
need rpmlint
need rpmbuild
need shellcheck
version=$(sed -n 's/^VERSION = //p' Makefile)
"$MAKE" -s spec O="$OUT/o" >"$OUT/said" 2>&1
spec=$OUT/o/spec
for f in wesher.spec APKBUILD PKGBUILD; do
	check "make spec writes $f, of this version" \
	    grep -Eq "^(Version: +|pkgver=)$version\$" "$spec/$f"
	check "nothing is left to fill in" not grep -q '@[A-Z_0-9]*@' "$spec/$f"
done
quiet_lint() {
	rpmlint -r dist/rpm/rpmlintrc "$spec/wesher.spec" >"$OUT/lint" 2>&1
	grep -q '0 errors, 0 warnings' "$OUT/lint" || ! cat "$OUT/lint"
}
check "rpmlint accepts the spec file" quiet_lint
# Variables that the distribution's tool reads and sets.
check "shellcheck accepts PKGBUILD" \
    shellcheck -s bash -e SC2034,SC2154 "$spec/PKGBUILD"
check "shellcheck accepts APKBUILD" \
    shellcheck -s sh -e SC2034,SC2154 "$spec/APKBUILD"
for f in wesher.install wesher.pre-install wesher.pre-deinstall; do
	check "shellcheck accepts $f" shellcheck -s sh "$spec/$f"
done
# Alpine's goodbye: under supervise-daemon a leave alone would be a restart.
mkdir -p "$OUT/run" "$OUT/init.d" "$OUT/stubs"
touch "$OUT/run/wgoverlay.pid" "$OUT/run/b.pid" "$OUT/init.d/wesher" \
    "$OUT/init.d/wesher.b"
for f in wesher rc-service; do
	printf '#!/bin/sh\necho %s "$@"\n' $f >"$OUT/stubs/$f"
	chmod +x "$OUT/stubs/$f"
done
sed -e "s|/run/wesher|$OUT/run|" -e "s|/etc/init.d|$OUT/init.d|" \
    "$spec/wesher.pre-deinstall" >"$OUT/goodbye"
for m in b:wesher.b wgoverlay:wesher; do
	printf '%s\n' "wesher leave --interface ${m%:*}" \
	    "rc-service --ifstarted ${m#*:} stop" \
	    "wesher leave --interface ${m%:*}"
done >"$OUT/wanted"
goodbye() {
	PATH=$OUT/stubs:$PATH sh "$OUT/goodbye" >"$OUT/done" 2>&1
	diff "$OUT/wanted" "$OUT/done"
}
check "Alpine: removed, each mesh is left and its service stopped" goodbye

tarball=$OUT/o/wesher-$version.tar.gz
sum=$(sha512sum <"$tarball" | cut -d ' ' -f 1)
for f in APKBUILD PKGBUILD; do
	check "$f has the tarball's checksum" grep -q "$sum" "$spec/$f"
done

build_rpm() {
	mkdir -p "$OUT/rpm/SOURCES" && cp "$tarball" "$OUT/rpm/SOURCES/" &&
	    env -u MAKEFLAGS -u MFLAGS -u CI -u O rpmbuild -bb --nodeps --quiet \
		--define "_topdir $OUT/rpm" \
		--define "_unitdir /usr/lib/systemd/system" \
		--define "_sysusersdir /usr/lib/sysusers.d" \
		--define "_tmpfilesdir /usr/lib/tmpfiles.d" \
		--define "systemd_requires %{nil}" \
		--define "systemd_post() %{nil}" \
		--define "systemd_preun() %{nil}" \
		--define "systemd_postun_with_restart() %{nil}" \
		--define "build_cflags -O2 -g" --define "build_ldflags %{nil}" \
		"$spec/wesher.spec" >"$OUT/rpm.log" 2>&1 && return
	tail -n 20 "$OUT/rpm.log"
	return 1
}
packs() { # LIST: what every package has
	for f in bin/wesher /wesher-priv systemd/system/wesher.service \
	    man8/wesher.8 completions/wesher; do
		grep -q "$f" "$1" || ! echo "no $f" || return 1
	done
}
check "rpmbuild builds it" build_rpm
rpm -qlp "$OUT"/rpm/RPMS/*/wesher-*.rpm >"$OUT/rpm.list" 2>/dev/null
check "it packs what it should" packs "$OUT/rpm.list"

# What makes users stands in the package: a macro is expanded before there are
# sources to read.
script() { # NAME: of the package
	rpm -qp --scripts "$OUT"/rpm/RPMS/*/wesher-*.rpm 2>/dev/null |
	    sed -n "/^$1 scriptlet/,/scriptlet/p"
}
script preinstall >"$OUT/pre"
check "before it the user is made" grep -q "useradd .* _wesher\$" "$OUT/pre"
check "and the group" grep -q "groupadd -r wesher\$" "$OUT/pre"
script postuninstall >"$OUT/postun"
check "an upgrade restarts the meshes that run, each" \
    grep -q "try-restart .*wesher@" "$OUT/postun"

tar -xzf "$tarball" -C "$OUT"
run() { # SHELL FILE FUNCTION...
	sh=$1 file=$2
	shift 2
	for f; do
		(cd "$OUT" && env -u MAKEFLAGS -u MFLAGS -u CI -u O \
		    pkgdir="$OUT/$file.root" "$sh" -eu -c '. "$1"
			case $(pwd) in */wesher-*) ;; *)
			[ -z "${2##*PKGBUILD}" ] || cd "wesher-$pkgver" ;; esac
			"$3"' "$sh" "$spec/$file" "$file" "$f") \
		    >"$OUT/$file.log" 2>&1 || ! tail -n 20 "$OUT/$file.log" ||
		    return 1
	done
	(cd "$OUT/$file.root" && find . -type f) >"$OUT/$file.list"
}
check "APKBUILD builds and packs" run sh APKBUILD build package
check "with OpenRC's service" grep -q '^./etc/init.d/wesher$' \
    "$OUT/APKBUILD.list"
check "and nothing of systemd's" not grep -q /systemd/ "$OUT/APKBUILD.list"
# Of the same build.
check "PKGBUILD packs" run bash PKGBUILD package
check "it packs what it should" packs "$OUT/PKGBUILD.list"
check "with its program where it looks for it" \
    grep -q '^./usr/lib/wesher/wesher-priv$' "$OUT/PKGBUILD.list"
done_testing
