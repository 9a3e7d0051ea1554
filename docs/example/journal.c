/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "journal.h"

#include <unistd.h>

#include "die.h"

void journal_open(struct journal *journal, const char *path)
{
	*journal = (struct journal){.path = path, .file = fopen(path, "w")};
	if (!journal->file)
		die_errno(path);
}

/* To the disk, not to the kernel's memory only. */
static void sync_journal(struct journal *journal)
{
	if (fflush(journal->file) || fsync(fileno(journal->file)))
		die_errno(journal->path);
}

void journal_append(struct journal *journal, const char *customer, const char *order,
		    uint64_t cents)
{
	journal->records++;
	fprintf(journal->file, "invoice %06llu order %s customer %s total %llu.%02llu\n",
		(unsigned long long)journal->records, order, customer,
		(unsigned long long)(cents / 100), (unsigned long long)(cents % 100));
	sync_journal(journal);
}

void journal_close(struct journal *journal)
{
	if (fclose(journal->file))
		die_errno(journal->path);
}
