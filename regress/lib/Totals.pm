# The formatter of make check: prove's own for files, which prints each program
# whole at its end (two may run at once), and behind its report one plain
# line, "N passed, N failed, N skipped". A file that did not end well although
# none of its tests failed (no plan, a crash, an odd exit status) counts as
# one failure.
package Totals;

use strict;
use warnings;
use parent 'TAP::Formatter::File';

sub summary {
	my ($self, $aggregate, $interrupted) = @_;
	my $failed = $aggregate->failed;
	my $skipped = $aggregate->skipped;
	my $passed = $aggregate->passed - $skipped;

	for my $parser ($aggregate->parsers) {
		$skipped++ if defined $parser->skip_all;
		next if $parser->failed || !$parser->has_problems;
		$failed++;
	}
	$self->SUPER::summary($aggregate, $interrupted);
	$failed++ if $interrupted || !$aggregate->parsers;
	$self->_output("$passed passed, $failed failed, $skipped skipped\n");
}

1;
