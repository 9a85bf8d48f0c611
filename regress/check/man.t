#!/bin/sh
# The manual pages are clean mdoc and know every option.
. "$(dirname "$0")/lib.sh"
need mandoc
for p in man/wesher.8 man/wesher-priv.8 man/wesher-protocol.7; do
	check "$p: no complaint" mandoc -T lint -W warning "$p"
done
# Bold is a letter struck twice; col(1) is not everywhere.
mandoc -T ascii man/wesher.8 | sed "s/.$(printf '\b')//g" >"$OUT/page"
"$O/wesher" --help 2>&1 | grep -o -- '--[a-z][a-z-]*' | sort -u >"$OUT/options"
check "there are options to look for" test -s "$OUT/options"
while read -r option; do
	check "wesher(8) knows $option" grep -q -- "$option" "$OUT/page"
done <"$OUT/options"

# What the environment may say, and what is passed on, by the sources.
section() { # TITLE: the page's, its markup in it
	sed -n "/^\.Sh $1\$/,/^\.Sh /p" man/wesher.8
}
no_variable() {
	grep F_NOENV wesher/opttable.c | sed 's/.*{"\([a-z-]*\)".*/\1/' |
	    sort
}
said_so() {
	section ENVIRONMENT | sed -n '/^but$/,/^has a variable$/p' |
	    grep -o -- '-[a-z][a-z-]*' | sed 's/^-//' | sort
}
no_variable >"$OUT/source"
said_so >"$OUT/said"
check "some options have no variable" test -s "$OUT/source"
check "wesher(8) says which" diff "$OUT/source" "$OUT/said"
passed_on() {
	sed -n '/pass\[\] = {/,/}/p' wesher/launch.c | grep -o '"[A-Z_]*"' |
	    tr -d '"' | sort
}
passed_on >"$OUT/source"
section ENVIRONMENT | sed -n '/^Of the rest/,/^reach$/p' |
    sed -n 's/^\.Ev \([A-Z_]*\).*/\1/p' | sort >"$OUT/said"
check "some variables are passed on" test -s "$OUT/source"
check "wesher(8) says which they are" diff "$OUT/source" "$OUT/said"
wide() {
	for p in man/*.[78]; do
		mandoc -T ascii -O width=80 "$p" | sed "s/.$(printf '\b')//g"
	done | grep -E '.{81}'
}
check "no page is wider than 80 columns" not wide
done_testing
