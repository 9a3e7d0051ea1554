/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Sections put together: as blocks of a file, or as one text that fits a budget. */
#include <errno.h>
#include <string.h>

#include "user/bead/report_sections.h"
#include "user/core/log.h"

static const struct {
	const char *name;
	int (*write)(FILE *out, const struct pb_report *r);
} sections[PB_REPORT_SECTIONS] = {
	{"verdict", pb_report_verdict},
	{"reproduce", pb_report_reproduce},
	{"baseline", pb_report_baseline},
	{"hotspots", pb_report_hotspots},
	{"allocations", pb_report_allocations},
	{"io", pb_report_io},
	{"matrix", pb_report_matrix},
	{"changes", pb_report_changes},
	{"guardrails", pb_report_guardrails},
	{"beads", pb_report_beads},
	{"next", pb_report_next},
};

static int write_block(struct pb_report_block *block, size_t i, const struct pb_report *r)
{
	FILE *out = open_memstream(&block->text, &block->size);
	int err;

	block->name = sections[i].name;
	if (!out)
		return -ENOMEM;
	err = sections[i].write(out, r);
	if (fclose(out))
		err = -ENOMEM;
	return err;
}

int pb_report_blocks(struct pb_report_block *blocks, const struct pb_report *r)
{
	int err = 0;

	memset(blocks, 0, PB_REPORT_SECTIONS * sizeof(*blocks));
	for (size_t i = 0; i < PB_REPORT_SECTIONS && !err; i++)
		err = write_block(&blocks[i], i, r);
	return err ? pb_err(-err, "write the report") : 0;
}

/* Parts that made a difference; of one that is left out as a whole nothing is said of its details. */
static void put_left_out(FILE *out, const struct pb_report *r, uint32_t mattered)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < r->left; i++) {
		enum pb_report_part whole;
		const char *name = pb_report_part_name((enum pb_report_part)i, &whole);
		bool is_told = (unsigned int)whole != i && (unsigned int)whole < r->left;

		if (!(mattered & 1u << i) || is_told)
			continue;
		fprintf(out, "%s%s", n++ ? ", " : "Left out: ", name);
	}
	if (n)
		fputs("; bead report -o - shows all.\n\n", out);
}

/* One text, sections with an empty line between them. NULL: no memory. */
static char *write_text(const struct pb_report *r, uint32_t mattered, size_t *size)
{
	struct pb_report_block blocks[PB_REPORT_SECTIONS];
	char *text = NULL;
	FILE *out = open_memstream(&text, size);
	int err = pb_report_blocks(blocks, r);

	for (size_t i = 0; i < PB_REPORT_SECTIONS && out && !err; i++) {
		bool last = i + 1 == PB_REPORT_SECTIONS;

		if (last)
			put_left_out(out, r, mattered);
		if (blocks[i].size)
			fprintf(out, "%s%s", blocks[i].text, last ? "" : "\n");
	}
	for (size_t i = 0; i < PB_REPORT_SECTIONS; i++)
		free(blocks[i].text);
	if (!out || fclose(out) || err) {
		free(text);
		return NULL;
	}
	return text;
}

/* Leave out one part more, or one row more once there are no more parts. */
static bool leave_out(struct pb_report *r)
{
	if (r->left < PB_PARTS) {
		r->left++;
		r->least_rows = r->opportunities->n_stand;
		return true;
	}
	if (r->least_rows <= 1)
		return false;
	r->least_rows--;
	return true;
}

/* Whether the last part made a difference is known only without it. */
static char *write_without(struct pb_report *r, uint32_t *mattered, size_t before, size_t *size)
{
	char *text = write_text(r, *mattered, size);

	if (!text || !r->left || *size >= before)
		return text;
	/* Of no longer text it is to be told, which takes some room. */
	*mattered |= 1u << (r->left - 1);
	free(text);
	return write_text(r, *mattered, size);
}

char *pb_report_brief(struct pb_report *r, size_t most, size_t *size)
{
	uint32_t mattered = 0;
	size_t before = 0;

	r->left = 0;
	*size = 0;
	for (;;) {
		char *text = write_without(r, &mattered, before, size);

		before = *size;
		if (!text)
			pb_err(ENOMEM, "write the report");
		if (!text || *size <= most || !leave_out(r))
			return text;
		free(text);
	}
}
