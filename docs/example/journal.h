/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A file of invoices, a line each. A run writes it anew: one that a crash cut short is of no use. */
#ifndef SHOP_JOURNAL_H
#define SHOP_JOURNAL_H

#include <stdint.h>
#include <stdio.h>

struct journal {
	const char *path;
	FILE *file;
	uint64_t records;
};

/* All end the program with a message if they fail. @path: borrowed. */
void journal_open(struct journal *journal, const char *path);
void journal_append(struct journal *journal, const char *customer, const char *order,
		    uint64_t cents);

/* Once this is back the journal is on the disk, and may be told of. */
void journal_close(struct journal *journal);

#endif
