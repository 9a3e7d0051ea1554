# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Perl at work: hashes, regular expressions, sorting by a sub, recursion.
use strict;
use warnings;

sub fib { my $n = shift; return $n < 2 ? $n : fib($n - 1) + fib($n - 2) }

$| = 1;
print "ready\n";
while (1) {
	my %count;
	for my $i (1 .. 5000) {
		my $text = sprintf('item-%d of %s', $i * 7919 % 997, 'x' x ($i % 17));
		$count{$1} += length $2 if $text =~ /^(item-\d+) of (x*)/;
	}
	my @keys = sort { $count{$a} <=> $count{$b} || $a cmp $b } keys %count;
	fib(15) if @keys;
}
