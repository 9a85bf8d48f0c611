# What every scenario of this folder uses: hosts in network namespaces, members
# of ours (member.c) and of the original's library (peer/) in them, and TAP.
#
# begin() runs the scenario anew in namespaces of its own, where a bridge is
# the network. Each host is one more network namespace behind a veth; nothing
# reaches the machine's own network, and everything ends with the scenario.
#
#	begin();
#	my ($o, $t) = (ours("o1"), theirs("t1", compress => 0));
#	joins($o, $t);                  # $o asks $t; true when it succeeded
#	within(SECONDS, sub { ... });   # seconds until it was true, or undef
#	state_of($o, "t1");             # alive suspect failed left, or ""
#	ask(wire("w"), "suspect ...");  # no member: single messages, peer/wire.go
#	check($truth, DESCRIPTION);
#	row(WHAT, SEEN);                # one line of the table at the end
#	done();
package Interop;

use strict;
use warnings;
use Exporter 'import';
use File::Basename qw(basename dirname);
use File::Temp qw(tempdir);
use IO::Handle;
use IO::Select;
use POSIX ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

our @EXPORT = qw(begin ours theirs wire again joins ask order within run_for
    state_of entry members stats event_of crash freeze thaw check row done now
    filter dropped logged all_alive alive portions skip seconds);

my $top = dirname(__FILE__) . "/../..";
my $o = $ENV{O} // "build";
$o = "$top/$o" unless $o =~ m{^/};
my ($n, $failed, $hosts) = (0, 0, 0);
my $host_max = 30;
my ($dir, @members, @rows, @pids);
my $key = `head -c 32 /dev/urandom | base64`;
chomp $key;

sub now { clock_gettime(CLOCK_MONOTONIC) }

# ---- TAP

sub check {
	my ($ok, $what) = @_;
	$n++;
	$failed++ unless $ok;
	print $ok ? "ok" : "not ok", " $n - $what\n";
	return $ok;
}

sub row { push @rows, [@_]; }
sub seconds { defined $_[0] ? sprintf("%.1f s", $_[0]) : "never" }

# A missing need fails in CI and is a reason to skip elsewhere.
sub skip {
	my ($why) = @_;
	if (($ENV{CI} // "") eq "true") {
		print "1..1\nnot ok 1 - $why\n";
		exit 1;
	}
	print "1..0 # SKIP $why\n";
	exit 0;
}

# The rows: to whoever collects those of all scenarios, or said here.
sub table {
	my $file = $ENV{WESHER_INTEROP_TABLE};
	if (!defined $file) {
		print "# $$_[0]: $$_[1]\n" for @rows;
		return;
	}
	open(my $fh, ">>", $file) or die "$file: $!\n";
	syswrite($fh, join("", map {
		basename($0) . "\t$$_[0]\t$$_[1]\n" } @rows));
}

sub done {
	table();
	logs() if $failed;
	print "1..$n\n";
	exit($failed ? 1 : 0);
}

sub logs {
	for my $m (@members) {
		print "# ---- $$m{name} said\n";
		my @said = map { "$$_{text}\n" }
		    grep { $$_{text} !~ /^(stats|portion) / } @{ $$m{lines} };
		splice @said, 0, -30 if @said > 30;
		print map { "# $_" } @said, `tail -n 25 $$m{log}`;
	}
}

# ---- namespaces

sub run { system(@_) == 0 or die "failed: @_\n" }

sub begin {
	skip("network namespaces need root") if $> != 0;
	if (!$ENV{WESHER_INTEROP_INSIDE}) {
		skip("no network namespaces here")
		    if system("unshare -n true 2>/dev/null") != 0;
		skip("$o/interop/peer has not been built, try make deps")
		    unless -x "$o/interop/peer";
		skip("nft is missing, try make deps")
		    if system("PATH=\$PATH:/usr/sbin command -v nft >/dev/null");
		$ENV{WESHER_INTEROP_INSIDE} = 1;
		$ENV{PATH} .= ":/usr/sbin:/sbin";
		exec qw(unshare -n -m -p --fork --kill-child --mount-proc),
		    $^X, $0, @ARGV;
		die "unshare: $!\n";
	}
	$| = 1;
	$SIG{PIPE} = 'IGNORE';
	# As the first process of its namespace it would not even notice.
	$SIG{$_} = sub { exit 1 } for qw(HUP INT TERM);
	$dir = tempdir("wesher-interop.XXXXXX", TMPDIR => 1, CLEANUP => 1);
	run(qw(ip link add br0 type bridge forward_delay 0));
	run(qw(ip link set br0 up));
	run("nft", "add table bridge f; add chain bridge f c " .
	    "{ type filter hook forward priority 0; }");
}

# Drop on the bridge, by nft's words; without any, let everything pass again.
sub filter {
	run(qw(nft flush chain bridge f c));
	run(qw(nft add rule bridge f c), split(/ /, $_), qw(counter drop))
	    for @_;
}

# Packets dropped so far, for each of the filter's rules.
sub dropped { map { /counter packets (\d+)/ } `nft list chain bridge f c` }

# Everybody's hardware address is known to everybody: the table that the kernel
# asks and fills otherwise is one for all namespaces, and far too small.
sub mac { sprintf "02:00:00:00:00:%02x", $_[0] }

sub neighbours {
	my ($i) = @_;
	my @to = map { ["172.30.78.$_", mac($_)], ["fd00:78::$_", mac($_)] }
	    grep { $_ != $i } 1 .. $host_max;
	open(my $fh, ">", "$dir/neighbours") or die "neighbours: $!\n";
	print $fh map { "neigh add $$_[0] lladdr $$_[1] dev eth0 " .
	    "nud permanent\n" } @to;
	close($fh);
	return "$dir/neighbours";
}

# One more host: its holder's pid, IPv4 and IPv6 address.
sub host {
	my $i = ++$hosts;
	die "more than $host_max hosts\n" if $i > $host_max;
	my ($ip4, $ip6) = ("172.30.78.$i", "fd00:78::$i");
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		{ exec qw(unshare -n sleep 1000000); }
		POSIX::_exit(1);
	}
	push @pids, $pid;
	my $ours = readlink("/proc/self/ns/net");
	for (1 .. 3000) {
		my $ns = readlink("/proc/$pid/ns/net");
		last if defined $ns && $ns ne $ours;
		select(undef, undef, undef, 0.01);
	}
	run(qw(ip link add), "v$i", qw(type veth peer name eth0 netns), $pid);
	run(qw(ip link set), "v$i", qw(master br0 up));
	my @in = (qw(nsenter -n -t), $pid);
	run(@in, qw(sh -c), "ip link set eth0 address " . mac($i) . "; " .
	    "ip link set lo up; ip link set eth0 up; " .
	    "ip addr add $ip4/24 dev eth0; " .
	    "ip addr add $ip6/64 dev eth0 nodad; " .
	    ($i == 1 ? "" : "ip route add 10.99.0.0/16 via 172.30.78.1; ") .
	    "ip -batch " . neighbours($i));
	return { pid => $pid, ip4 => $ip4, ip6 => $ip6 };
}

# ---- members

# NAME, and of: host (a member's, to return to), v6, meta, key, incarnation
sub ours {
	my ($name, %opt) = @_;
	my $h = $opt{host} // host();
	my $addr = $opt{v6} ? $$h{ip6} : $$h{ip4};
	my @cmd = ("$o/interop/member", "-n", $name, "-k", $opt{key} // $key,
	    "-a", $addr, "-m", $opt{meta} // "v03", "-o",
	    "10.0.0." . ++$Interop::overlay);
	push @cmd, "-i", $opt{incarnation} if defined $opt{incarnation};
	return launch($name, $h, $addr, \%opt, \&ours, @cmd);
}

# NAME, and of: host, v6, meta, key, compress, wildcard, original, swarm
sub theirs {
	my ($name, %opt) = @_;
	my $h = $opt{host} // host();
	my $addr = $opt{v6} ? $$h{ip6} : $$h{ip4};
	my @cmd = ("$o/interop/peer", "-name", $name,
	    "-key", $opt{key} // $key, "-meta", $opt{meta} // "v03",
	    "-bind", $opt{wildcard} ? "0.0.0.0" : $addr,
	    "-overlay", "10.0.0." . ++$Interop::overlay);
	push @cmd, "-compress=false" if defined $opt{compress} &&
	    !$opt{compress};
	push @cmd, "-original" if $opt{original};
	push @cmd, "-swarm", $opt{swarm} if $opt{swarm};
	return launch($name, $h, $addr, \%opt, \&theirs, @cmd);
}

# NAME. Made before any other host it has the addresses of a crowd too.
sub wire {
	my ($name, %opt) = @_;
	my $h = host();
	run(qw(nsenter -n -t), $$h{pid},
	    qw(ip route add local 10.99.0.0/16 dev lo)) if $hosts == 1;
	return launch($name, $h, $$h{ip4}, \%opt, \&wire,
	    "$o/interop/peer", "-wire", "-name", $name, "-key", $key,
	    "-bind", $$h{ip4});
}

sub launch {
	my ($name, $h, $addr, $opt, $kind, @cmd) = @_;
	my $m = { name => $name, host => $h, addr => $addr, opt => $opt,
	    kind => $kind, lines => [], buf => "",
	    log => "$dir/$name." . scalar(@members) };
	pipe(my $inr, $$m{in}) and pipe($$m{out}, my $outw) or
	    die "pipe: $!\n";
	my $pid = $$m{pid} = fork() // die "fork: $!\n";
	if ($pid == 0) {
		open(STDIN, "<&", $inr);
		open(STDOUT, ">&", $outw);
		open(STDERR, ">", $$m{log});
		{ exec "nsenter", "-n", "-t", $$h{pid}, @cmd; }
		POSIX::_exit(1);
	}
	$$m{in}->autoflush(1);
	push @pids, $pid;
	push @members, $m;
	defined within(60, sub { said($m, qr/^ready /, 0) }) or
	    die "$name does not start: " . `cat $$m{log}`;
	return $m;
}

# The same member once more, after its end; options as at first but for these.
sub again {
	my ($m, %opt) = @_;
	return $$m{kind}->($$m{name}, %{ $$m{opt} }, host => $$m{host}, %opt);
}

sub order {
	my ($m, $text) = @_;
	print { $$m{in} } "$text\n";
}

sub crash {
	my ($m) = @_;
	kill 'KILL', $$m{pid};
	waitpid($$m{pid}, 0);
	$$m{gone} = 1;
	return now();
}

sub freeze { kill 'STOP', $_[0]{pid} }
sub thaw { kill 'CONT', $_[0]{pid} }

# ---- what they say

# Read what there is, waiting at most so long for it.
sub pump {
	my ($wait) = @_;
	my %of = map { fileno($$_{out}) => $_ } grep { !$$_{eof} } @members;
	my $sel = IO::Select->new(map { $$_{out} } values %of);
	for my $fh ($sel->can_read($wait)) {
		my $m = $of{ fileno($fh) };
		if (!sysread($fh, $$m{buf}, 65536, length $$m{buf})) {
			$$m{eof} = 1;
			next;
		}
		push @{ $$m{lines} }, { at => now(), text => $1 }
		    while $$m{buf} =~ s/^(.*)\n//;
	}
}

sub run_for {
	my ($s) = @_;
	my $end = now() + $s;
	while ((my $left = $end - now()) > 0) {
		pump($left);
	}
}

sub within {
	my ($s, $true) = @_;
	my $begin = now();
	for (;;) {
		return now() - $begin if $true->();
		return undef if now() - $begin > $s;
		pump(0.2);
	}
}

# The first line from the given one on that fits; its captures, or nothing.
sub said {
	my ($m, $re, $from) = @_;
	my $lines = $$m{lines};
	for my $i ($from .. $#$lines) {
		return $$lines[$i] if $$lines[$i]{text} =~ $re;
	}
	return undef;
}

# Give a command, wait for the line that answers it, or for its end.
sub ask {
	my ($m, $text, $re, $s) = @_;
	my $from = @{ $$m{lines} };
	my $line;
	order($m, $text);
	within($s // 60, sub {
		$line = said($m, $re, $from);
		return defined $line || $$m{eof};
	});
	return defined $line ? $$line{text} : "";
}

sub joins {
	my ($m, $to) = @_;
	return scalar(ask($m, "join $$to{addr}", qr/^joined/) =~ /^joined 1/);
}

# The table: name => { addr addrlen state len sum kind inc }
sub members {
	my ($m) = @_;
	my $from = @{ $$m{lines} };
	my %all;
	ask($m, "members", qr/^members \d/) or return \%all;
	for my $line (@{ $$m{lines} }[ $from .. $#{ $$m{lines} } ]) {
		next unless $$line{text} =~
		    /^member (\S+) (\S+) (\d+) (\S+) (\d+):(\S+?):(\S+) (\d+)$/;
		$all{$1} = { addr => $2, addrlen => $3, state => $4,
		    len => $5, sum => $6, kind => $7, inc => $8 };
	}
	return \%all;
}

sub entry {
	my ($m, $name) = @_;
	return members($m)->{$name} // { state => "", addr => "", addrlen => 0,
	    len => 0, sum => "", kind => "", inc => 0 };
}

sub state_of { entry(@_)->{state} }

# How many it sees alive, itself included.
sub alive { stats($_[0])->{alive} // 0 }

# Everybody sees that many alive.
sub all_alive {
	my ($want, @who) = @_;
	return !grep { alive($_) != $want } @who;
}

sub stats {
	my ($m) = @_;
	my (undef, %s) = split(/ /, ask($m, "stats", qr/^stats/));
	return \%s;
}

# What the exchanges of a peer brought it: [seconds, joins] of each.
sub portions {
	my ($m) = @_;
	my $from = @{ $$m{lines} };
	ask($m, "portions", qr/^portions/);
	return map { $$_{text} =~ /^portion (\d+) (\d+)/ ? [$1 / 1000, $2] : () }
	    @{ $$m{lines} }[ $from .. $#{ $$m{lines} } ];
}

# When an event was first told from a time on: event_of($m, "leave", "t1", $t)
sub event_of {
	my ($m, $what, $name, $since) = @_;
	for my $line (@{ $$m{lines} }) {
		return $$line{at} if $$line{at} >= ($since // 0) &&
		    $$line{text} =~ /^event \Q$what\E \Q$name\E /;
	}
	return undef;
}

# How many lines of its log fit.
sub logged {
	my ($m, $re) = @_;
	open(my $fh, "<", $$m{log}) or return 0;
	return scalar grep { /$re/ } <$fh>;
}

END {
	my $status = $?;
	kill 'KILL', @pids if @pids;
	$? = $status;
}

1;
