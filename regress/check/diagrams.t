#!/bin/sh
# The pictures of man/diagrams are what their texts make, whatever draws
# them; they are XML, each is shown somewhere, and a mistake in a text is said.
. "$(dirname "$0")/lib.sh"
dir=man/diagrams
drawn() { # NAME
	"$dir/draw" "$dir/$1.txt" >"$OUT/$1.svg" &&
	    diff "$dir/$1.svg" "$OUT/$1.svg"
}
# Each tag that is opened is closed, in order; nothing bare is left.
well_formed() { # FILE
	perl -0ne 'my @open;
	while (m{<(/?)([a-z]\w*)[^<>]*?(/?)>|(&(?!lt;|gt;|amp;))}g) {
		die "a bare &\n" if defined $4;
		if ($1) {
			die "</$2>\n" unless @open && pop(@open) eq $2;
		} elsif (!$3) {
			push @open, $2;
		}
	}
	die "open: @open\n" if @open' "$1"
}
n=0
for f in "$dir"/*.txt; do
	name=$(basename "$f" .txt)
	n=$((n + 1))
	check "$name.svg is what its text makes (make diagrams)" drawn "$name"
	check "$name.svg is well-formed" well_formed "$dir/$name.svg"
	check "the README shows it" grep -qF "($dir/$name.svg)" README.md
done
check "there are pictures" test $n -ge 3
is_refused() { # WORDS TEXT-LINE
	printf '%s\n' 'boxes 10 10 | x' "$2" >"$OUT/bad.txt"
	! "$dir/draw" "$OUT/bad.txt" >"$OUT/bad.svg" 2>"$OUT/said" &&
	    grep -q "$OUT/bad.txt:2: $1" "$OUT/said"
}
check "an arrow from nowhere is a mistake" is_refused 'nowhere: no such box' \
    'arrow nowhere.l here.r'
check "so is an unknown word" is_refused 'circle: unknown' 'circle 1 2'
done_testing
