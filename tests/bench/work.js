// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// JavaScript at work: code that gets optimised, and what it calls in C++: JSON, RegExp, sorting.
'use strict';

function fib(n) {
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

function rows(n) {
	return Array.from({ length: n }, (_, i) => ({ key: `item-${(i * 7919) % n}`, list: [i, i * 2.5, null] }));
}

function turn() {
	const data = JSON.parse(JSON.stringify(rows(2000)));

	data.sort((a, b) => b.list[1] - a.list[1]);
	return data.map((row) => Number(row.key.replace(/(\w+)-(\d+)/, '$2'))).reduce((a, b) => a + b) + fib(22);
}

console.log('ready');
for (;;)
	turn();
