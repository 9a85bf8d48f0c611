#!/bin/sh
# The tarball and the programs are the same bytes, whenever and wherever they
# are made; the version is written in one place.
. "$(dirname "$0")/lib.sh"
need git
need gzip
version=$(sed -n 's/^VERSION = //p' Makefile)
tarball() {
	"$MAKE" -s dist O="$OUT/$1" && [ -s "$OUT/$1/wesher-$version.tar.gz" ]
}
check "make dist" tarball a
sleep 1 # gzip would tell the time in seconds
check "once more" tarball b
check "the same bytes" cmp "$OUT/a/wesher-$version.tar.gz" \
    "$OUT/b/wesher-$version.tar.gz"

build() { # FOLDER
	mkdir -p "$OUT/$1" &&
	    tar -xzf "$OUT/a/wesher-$version.tar.gz" -C "$OUT/$1" &&
	    "$MAKE" -s -j2 -C "$OUT/$1/wesher-$version" O=build all
}
check "the tarball builds with make alone" build one
check "elsewhere, too" build another/longer/place
for p in wesher wesher-priv; do
	check "$p: the same bytes" cmp "$OUT/one/wesher-$version/build/$p" \
	    "$OUT/another/longer/place/wesher-$version/build/$p"
	check "$p tells no place" not grep -qF "$OUT" \
	    "$OUT/one/wesher-$version/build/$p"
done
check "it tells its version" [ "$("$O/wesher" --version)" = "wesher $version" ]
no_git() {
	! (cd "$OUT/one/wesher-$version" && GIT_CEILING_DIRECTORIES="$OUT" \
	    "$MAKE" -s dist) >"$OUT/said" 2>&1 && grep -q 'commit' "$OUT/said"
}
check "no commit, no tarball: it says so" no_git
elsewhere() {
	git grep -nF "$version" -- . ':!regress' | grep -v '^Makefile:[0-9]*:VERSION ='
}
check "the version is written in one place" not elsewhere
done_testing
