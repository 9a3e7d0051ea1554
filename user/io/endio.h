/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where the functions are that end direct I/O: by them a bio tells what it is of (bpf/lib/iofile.bpf.h). */
#ifndef PB_IO_ENDIO_H
#define PB_IO_ENDIO_H

struct pb_iolatency_cfg;

/* Look them up. What is not there, or not told (kernel.kptr_restrict), stays 0. @path: "/proc/kallsyms" but for
 * tests. */
void pb_io_find_end_io(struct pb_iolatency_cfg *cfg, const char *path);

#endif
