/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a command writes into a pipe, kept up to a bound. */
#ifndef PB_BEAD_CAPTURE_H
#define PB_BEAD_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>

struct pb_capture {
	int fd; /* read end; -1 behind the end */
	char *text;
	size_t size, most;
	bool full; /* there was more than @most */
};

/**
 * pb_capture_open() - a pipe, and room for @most bytes, of which memory is taken as they come.
 * @write_fd: set to the other end, the caller's
 *
 * Return: 0; -errno, not logged.
 */
int pb_capture_open(struct pb_capture *c, size_t most, int *write_fd);

/* Read what is there, without waiting. */
void pb_capture_read(struct pb_capture *c);

/* The text moves to the caller, NUL-terminated, to be given to pb_capture_text_free(). The rest is closed. */
char *pb_capture_take(struct pb_capture *c, size_t *size);
void pb_capture_close(struct pb_capture *c);

/*
 * Memory that a forked child does not get a copy of, however much it is: its peak would begin there.
 * @size: bytes, without the NUL behind them
 */
char *pb_capture_text_new(size_t size);
void pb_capture_text_free(char *text, size_t size);

#endif
