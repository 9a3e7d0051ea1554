/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A file that people and a program write together. What the program writes stands in blocks,
 *
 *	<!-- bead:begin verdict -->
 *	...
 *	<!-- bead:end verdict -->
 *
 * each marker on a line of its own, and every byte outside of them is somebody's, and stays.
 */
#ifndef PB_BEAD_REPORT_H
#define PB_BEAD_REPORT_H

#include <stddef.h>
#include <stdint.h>

/* @text: whole lines, or nothing; none of them is a marker. */
struct pb_report_block {
	const char *name; /* of letters and "-" */
	char *text;
	size_t size;
};

/**
 * pb_report_merge() - what a file holds, with the contents of its blocks exchanged.
 * @out, @out_size: set on success, to be freed; a NUL is behind it
 * @old: what it holds now, any bytes
 * @message: where it is refused: "line 12: ...", a sentence without its full stop, and safe to show
 *
 * Blocks that it does not have come behind all else, in their order; blocks with other names are left as they are. In a
 * file whose lines end in CR LF ours do, too. Merged once more it is the same.
 * Return: 0; -EINVAL: its markers are damaged, since one is not closed, not opened, inside another, there twice, or
 * misspelt: to write would be to guess whose text is whose; -ENOMEM.
 */
int pb_report_merge(char **out, size_t *out_size, const char *old, size_t old_size,
		    const struct pb_report_block *blocks, size_t n, char *message,
		    size_t message_size);

#endif
