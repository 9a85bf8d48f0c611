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
done_testing
