#!/bin/sh
# Every command of the README is run by a test. Behind a prompt in a block, or
# in its sentences (`make x`, `wesher y`): it is run as it stands by
# regress/e2e/readme, or the table below names the test that runs it, and what
# has to stand there. Here: make demo, and what no other test runs.
. "$(dirname "$0")/lib.sh"
unset MAKEFLAGS MFLAGS MAKELEVEL

# COMMAND (* is any end of it) | TEST | WORDS in it
cat >"$OUT/table" <<'END'
make | regress/lib/check | build gcc all
make demo | regress/check/readme.t | -s demo
make check | .ci/run | make check
make check TESTS=* | regress/check/readme.t | one check
make check-long | regress/check/readme.t | one check-long
make install | regress/check/install.t | install DESTDIR
make deb | regress/check/package.t | -s deb
make dist | regress/check/dist.t | -s dist
make spec | regress/check/spec.t | -s spec
make unit-programs | regress/check/memcheck.t | unit-programs
make fuzz* | regress/fuzz/fuzz.t | perl regress/lib/fuzz
make cov | regress/check/cov.t | perl regress/lib/cov
make memcheck | regress/check/memcheck.t | valgrind -q
make cross ARCH=* | regress/cross/cross.t | run" short s390x
make bench | regress/bench/bench.t | sh regress/bench/run
make sim | regress/sim/sim.t | regress/sim/run
make format | regress/check/format.t | -s format-check
make diagrams | regress/check/diagrams.t | $dir/draw
regress/vm/run regress/e2e/three | regress/vm/e2e.t | regress/e2e/three
regress/bench/run full packets | regress/bench/bench.t | regress/bench/run short
build/sim/spread -s 7 full | regress/sim/sim.t | -s "$1" short
sudo WESHER_TEST_USERSPACE=1 regress/e2e/suspend | regress/e2e/everyday.t | suspend
systemd-sysusers wesher.conf | regress/check/units.t | systemd-sysusers --dry-run
journalctl -u wesher* | regress/vm/systemd | journal red -p warning
man ./man/* | regress/check/man.t | mandoc
wesher -d | regress/e2e/lib.sh | "$WESHER" -d
wesher key --new-wireguard | regress/e2e/onepeer | --new-wireguard
END

# One a line: "block NAME COMMAND", "shell COMMAND", "word COMMAND". Behind
# && and ; there are more of them. Output has no prompt.
perl -ne '
	if (/^<!-- run: (\S+) -->$/) {
		$name = $1;
	} elsif (/^    ((?:host\d#|\$) )(.*)/) {
		my ($command, $host) = ($2, $1 ne "\$ ");
		$command =~ s/\s+#.*//;
		print $name && $host ? "block $name $command\n"
				     : "shell $command\n";
	} elsif (/^    (make|sudo|wesher|systemctl|regress)\b/) {
		print "bare $_";
	} elsif (/\S/ && !/^    /) {
		$name = "";
		$text .= $_;
	}
	END {
		$text =~ s/\n/ /g;
		print "word $_\n" for grep {
			/^(?:make|sudo|systemctl|systemd-\w+|man|curl|tar|useradd) \S/ ||
			/^wesher (?:[a-z]|-)/ || m{^(?:regress|build)/\S+ \S} }
		    $text =~ /`([^`]+)`/g;
	}' README.md >"$OUT/commands"

check "there are commands in blocks" [ "$(grep -c '^block' "$OUT/commands")" -ge 40 ]
check "all of them stand behind a prompt" not grep '^bare' "$OUT/commands"

sed -n 's/^block \([^ ]*\) .*/\1/p' "$OUT/commands" | sort -u >"$OUT/blocks"
while read -r name; do
	check "block $name is run by regress/e2e/readme" grep -qE \
	    "^[[:space:]]*block $name( |\$)|^for round in .*$name( |;)" \
	    regress/e2e/readme
done <"$OUT/blocks"
check "that is a test of every day" grep -qE '(^|[ /])readme( |$)' \
    regress/e2e/everyday.t

# A word is run when a block has it, options in their order, or when the table
# knows it; a command of a shell has to be in the table.
perl -we '
	my ($commands, $table) = @ARGV;
	my (@known, %used, @run, $bad);
	open my $t, "<", $table or die;
	while (<$t>) {
		chomp;
		push @known, [split / \| /, $_, 3];
	}
	open my $c, "<", $commands or die;
	my @all = map { chomp; [split / /, $_, 2] } <$c>;
	for (@all) {
		next unless $_->[0] eq "block";
		my $line = $_->[1] =~ s/^\S+ //r;
		push @run, $line, split / *(?:&&|;) */, $line;
	}
	sub is { # a row may end with a star
		my ($line, $row) = @_;
		return $row =~ s/\*$//r eq substr($line, 0, length($row) - 1)
		    if $row =~ /\*$/;
		return $line eq $row;
	}
	for my $a (@all) {
		my ($kind, $line) = @$a;
		next if $kind eq "block" || $kind eq "bare";
		my @row = grep { is($line, $_->[0]) } @known;
		$used{$_->[0]} = 1 for @row;
		next if @row;
		next if $kind eq "word" && grep { $_ eq $line || index($_, "$line ") == 0 } @run;
		print "in no test: $line\n";
		$bad = 1;
	}
	for (@known) {
		next if $used{$_->[0]};
		print "not in the README any more: $_->[0]\n";
		$bad = 1;
	}
	exit($bad ? 1 : 0)' "$OUT/commands" "$OUT/table" >"$OUT/found"
check "every command is in a test, every row is of a command" test ! -s "$OUT/found"
sed 's/^/# /' "$OUT/found"
while IFS='|' read -r command file words; do
	file=${file# } file=${file% }
	words=${words# }
	command=${command% }
	grep -v " | .* | " "$file" >"$OUT/test"
	check "$command: $file runs it" grep -qF -- "$words" "$OUT/test"
done <"$OUT/table"

# What is linked to is there.
is_heading() {
	sed -n 's/^##* //p' README.md | tr '[:upper:] ' '[:lower:]-' |
	    tr -d '?,.' | grep -qxF -- "$1"
}
grep -oE '\]\([^)]*\)' README.md | sed 's/^](//; s/)$//' | sort -u >"$OUT/links"
while read -r link; do
	case $link in
	'#'*) check "$link is a heading" is_heading "${link#?}" ;;
	http*) ;;
	*) check "$link is there" test -e "$link" ;;
	esac
done <"$OUT/links"

# ---- what no other test runs

demo() {
	"$MAKE" -s demo >"$OUT/demo" 2>&1 &&
	    grep -q ', 0% packet loss' "$OUT/demo" &&
	    grep -q '^The end' "$OUT/demo"
}
if [ "${CI:-}" = true ] || [ "$(id -u)" = 0 ]; then
	check "make demo" demo
	[ "$FAILED" = 0 ] || tail -n 40 "$OUT/demo" | sed 's/^/# /'
fi
# One file of tests, for which nothing has to be built.
one() { # TARGET
	"$MAKE" -s "$1" TESTS=regress/check/diagrams.t MAKE=true \
	    >"$OUT/one" 2>&1 &&
	    grep -qx '[1-9][0-9]* passed, 0 failed, 0 skipped' "$OUT/one"
}
check "make check, one file" one check
check "make check-long, one file" one check-long
done_testing
