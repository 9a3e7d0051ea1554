/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A made-up run of iolatency: a profile and its report with all members that are its own, as
 * tests/io/sample_io.json has them. Two disks, a database that syncs every transaction, an indexer that reads the
 * same blocks again, files that were written back later, slow ones that overlap, a hostile name. Tests run in the root
 * of the sources. Aborts where it fails.
 */
#ifndef PB_TEST_SAMPLE_IO_H
#define PB_TEST_SAMPLE_IO_H

#include <stdint.h>

#define PB_IO_SAMPLE_OPS 34552ull

struct pb_profile;
struct pb_report;

struct pb_io_sample {
	struct pb_profile *profile;
	struct pb_report *report;
};

void pb_io_sample_init(struct pb_io_sample *sample);
void pb_io_sample_drop(struct pb_io_sample *sample);

#endif
