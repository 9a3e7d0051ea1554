/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Parts of a book as JSON: what rows and slow ones have in common. Times end in _us and have three decimals. */
#ifndef PB_IO_TELL_H
#define PB_IO_TELL_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/json.h"
#include "user/io/book.h"

struct pb_idtable;
struct pb_io_row;

struct pb_io_teller {
	struct pb_json json;
	const struct pb_io_book *book;
	const struct pb_profile *p;
	const struct pb_idtable *hasher; /* borrowed, for its secret alone */
};

void pb_io_tell_us(struct pb_json *j, const char *key, uint64_t ns);

/* "mean_us" to "max_us"; what there are too few events for is null. */
void pb_io_tell_times(struct pb_json *j, const struct pb_histogram *h, uint64_t count,
		      uint64_t time_ns, uint64_t max_ns);
/* "sizes" and "histogram" */
void pb_io_tell_buckets(struct pb_json *j, const struct pb_io_row *row);
/* "device" to "histogram", of a row of requests. */
void pb_io_tell_requests(struct pb_io_teller *t, const struct pb_io_row *row);
/* "count" to "histogram", of a row of calls, which take @share_pct of the time of all. */
void pb_io_tell_calls(struct pb_io_teller *t, const struct pb_io_row *row, double share_pct);

/* The process of a line. Return: PB_NONE's is "" and 0. */
const char *pb_io_comm_of(const struct pb_io_teller *t, uint32_t line);
uint32_t pb_io_tgid_of(const struct pb_io_teller *t, uint32_t line);
/* "pid": null if it is not known. */
void pb_io_tell_pid(struct pb_io_teller *t, uint32_t line);
/* "frames", from the root to the leaf; @line PB_NONE: none. Return: 0; -ENOMEM. */
int pb_io_tell_frames(struct pb_io_teller *t, uint32_t line);

/* Equal numbers for lines that one row of a view holds: same names, same row, even if a file was made anew or a
 * function does it at two places. Return: 0; -ENOMEM. */
int pb_io_who_hash(const struct pb_io_teller *t, enum pb_io_by by, uint32_t line, uint64_t *out);
/* What such a row is called; to be freed. NULL without memory. */
char *pb_io_who_name(const struct pb_io_teller *t, enum pb_io_by by, uint32_t line);

/* A slow one. Return: 0; -ENOMEM. */
int pb_io_tell_slow(struct pb_io_teller *t, const struct pb_io_exemplar *slow);

#endif
