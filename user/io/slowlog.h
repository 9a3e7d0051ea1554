/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* I/O that was slow: the slowest are kept, all are counted. */
#ifndef PB_IO_SLOWLOG_H
#define PB_IO_SLOWLOG_H

#include <stdint.h>

#include "bpf/abi/iolatency.h"

/* Begins zeroed, but for keep. */
struct pb_slowlog {
	struct pb_io_slow *rows; /* in no order before pb_slowlog_sort() */
	uint32_t n;
	uint32_t room;
	uint32_t keep;   /* so many of the slowest stay, at least */
	uint64_t n_slow; /* all that there were */
};

void pb_slowlog_drop(struct pb_slowlog *log);

/* Amortised O(log keep). Return: 0; -ENOMEM: it is counted, and not kept. */
int pb_slowlog_add(struct pb_slowlog *log, const struct pb_io_slow *slow);

/* The slowest first, and no more than are to be kept. */
void pb_slowlog_sort(struct pb_slowlog *log);

#endif
