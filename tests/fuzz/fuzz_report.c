/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A file that people wrote in, with whatever markers. Merged, it holds what was outside of the blocks, and merged once
 * more it is the same; a name out of it is one line of Markdown.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/bead/markdown.h"
#include "user/bead/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pb_report_block one = {"one", (char *)"new\ntext\n", 9};
static struct pb_report_block two = {"two", (char *)"", 0};

/* Without blocks of ours nothing changes. */
static void check_nothing_new(const char *old, size_t size)
{
	char message[256], *same = NULL;
	size_t same_size;

	if (pb_report_merge(&same, &same_size, old, size, NULL, 0, message, sizeof(message)))
		__builtin_trap();
	if (same_size != size || memcmp(same, old, size) != 0)
		__builtin_trap();
	free(same);
}

static void check_name(const uint8_t *data, size_t size)
{
	pb_autofree char *name = strndup((const char *)data, size), *text = NULL;
	size_t n = 0;
	FILE *out = name ? open_memstream(&text, &n) : NULL;

	if (!out)
		return;
	pb_md_text(out, name);
	pb_md_code(out, name, 60);
	pb_md_shell_word(out, name);
	if (fclose(out))
		return;
	if (memchr(text, '\n', n) || memchr(text, '\x1b', n))
		__builtin_trap();
	/* A marker of ours inside would need "<" at the beginning of a line. */
	if (strlen(text) != n)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pb_report_block blocks[] = {one, two};
	char message[256] = "", *first = NULL, *second = NULL;
	size_t first_size, second_size;

	check_name(data, size);
	if (pb_report_merge(&first, &first_size, (const char *)data, size, blocks, 2, message,
			    sizeof(message))) {
		if (strncmp(message, "line ", 5) != 0)
			__builtin_trap();
		return 0;
	}
	check_nothing_new((const char *)data, size);
	if (pb_report_merge(&second, &second_size, first, first_size, blocks, 2, message,
			    sizeof(message)))
		__builtin_trap();
	if (first_size != second_size || memcmp(first, second, first_size) != 0)
		__builtin_trap();
	free(first);
	free(second);
	return 0;
}
