#!/bin/sh
# The options are the same set in --help, wesher(8), the README and the three
# completions, and each shell, asked for a command's options, offers those that
# the command takes, and the values that an option has.
. "$(dirname "$0")/lib.sh"
need bash
need zsh
need fish
dir=dist/completions

"$O/wesher" --help | sed -n 's/^  --\([a-z-]*\).*/\1/p' | sort >"$OUT/help"
check "--help lists options" test -s "$OUT/help"
same() { # FILE: the same lines as --help's
	diff "$OUT/help" "$1"
}
sed -n 's/^\.It Fl -\([a-z-]*\).*/\1/p' man/wesher.8 | sort >"$OUT/man"
check "wesher(8) has these" same "$OUT/man"
"$O/wesher" --help | sed -nE \
    's/^  (--[^ ]+( [^a-z ][^ ]*)?) +(.*)/| `\1` | \3 |/p' >"$OUT/rows"
grep '^| `--' README.md >"$OUT/readme"
check "the README has these, in the same words" diff "$OUT/rows" "$OUT/readme"

check "bash: syntax" bash -n $dir/wesher.bash
check "zsh: syntax" zsh -n $dir/_wesher
check "fish: syntax" fish -n $dir/wesher.fish

# What a shell offers behind a line: one word a line.
ask_bash() { # LINE
	bash --norc -c '. "$0"; COMP_WORDBREAKS=" ="
	    read -ra COMP_WORDS <<<"${1//=/ = }"
	    [[ $1 == *" " ]] && COMP_WORDS+=("")
	    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	    _wesher && printf "%s\n" "${COMPREPLY[@]}"' $dir/wesher.bash "$1"
}
ask_zsh() {
	zsh -f regress/lib/zsh-complete $dir "$1" | perl -e '
		# The list is drawn below our line, then the cursor goes up.
		undef $/;
		my ($list) = <STDIN> =~ /\a.*?\e\[J(.*?)\e\[\d*A/s or exit;
		$list =~ s/ +-- .*//mg;
		$list =~ s/\e\[[0-9;?]*[A-Za-z]//g;
		print "$_\n" for split " ", $list;'
}
ask_fish() {
	fish --no-config -c 'source $argv[1]; complete -C $argv[2]' \
	    $dir/wesher.fish "$1" | cut -f 1 | sed 's/^--.*=//'
}

takes() { # COMMAND: what the table of options says
	perl -0ne 'while (/\[O_\w+\] = \{"([a-z-]+)",(.*?)\},\n/gs) {
		my ($name, $rest) = ($1, $2);
		print "--$name\n" if $rest =~ /\bALL\b/ ||
		    ($ENV{C} eq "AGENT" ? $rest =~ /\bAGENT\b/
					: $rest =~ /IN\(CMD_$ENV{C}\)/) ||
		    ($ENV{C} =~ /^(STATUS|MONITOR)$/ && $rest =~ /\bLOOKS\b/);
	}' wesher/opttable.c | sort
}
offers() { # SHELL LINE FILE: exactly the words of that file
	"ask_$1" "$2" | sort -u >"$OUT/offered"
	diff "$3" "$OUT/offered"
}
says() { # SHELL LINE WORD...
	how=$1 line=$2
	shift 2
	printf '%s\n' "$@" | sort >"$OUT/wanted"
	offers "$how" "$line" "$OUT/wanted"
}

: >"$OUT/all"
commands="agent status monitor key leave forget join log-level"
for c in $commands; do
	C=$(echo $c | tr "[:lower:]-" "[:upper:]_") takes >"$OUT/$c"
	cat "$OUT/$c" >>"$OUT/all"
done
sort -u "$OUT/all" | sed 's/^--//' >"$OUT/table"
check "the table of options was understood" same "$OUT/table"

for s in bash zsh fish; do
	for c in $commands; do
		check "$s: options of $c" offers $s "wesher $c --" "$OUT/$c"
	done
	check "$s: options without a command" offers $s "wesher --" \
	    "$OUT/agent"
	check "$s: commands" says $s "wesher " $commands
	check "$s: levels, as an operand" says $s "wesher log-level " \
	    debug error info warn
	check "$s: levels" says $s "wesher --log-level " debug error info warn
	check "$s: levels behind =, and of a command" says $s \
	    "wesher status --log-level=" debug error info warn
done
for s in bash fish; do
	check "$s: a value is no command" offers $s \
	    "wesher --user status key --" "$OUT/key"
done
# It offers nothing twice.
grep -v '^--user' "$OUT/key" >"$OUT/key.zsh"
check "zsh: a value is no command" offers zsh \
    "wesher --user status key --" "$OUT/key.zsh"
done_testing
