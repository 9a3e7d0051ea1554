/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The sections of a report: what was gathered, as Markdown, each a block of its file. */
#ifndef PB_BEAD_REPORT_SECTIONS_H
#define PB_BEAD_REPORT_SECTIONS_H

#include <stdio.h>

#include "user/bead/report.h"
#include "user/bead/report_data.h"

/* Each writes its heading and its text; nothing where a budget leaves it out. Return: 0; -ENOMEM, not logged. */
int pb_report_verdict(FILE *out, const struct pb_report *r);
int pb_report_reproduce(FILE *out, const struct pb_report *r);
int pb_report_baseline(FILE *out, const struct pb_report *r);
int pb_report_hotspots(FILE *out, const struct pb_report *r);
int pb_report_allocations(FILE *out, const struct pb_report *r);
int pb_report_io(FILE *out, const struct pb_report *r);
int pb_report_matrix(FILE *out, const struct pb_report *r);
int pb_report_changes(FILE *out, const struct pb_report *r);
int pb_report_guardrails(FILE *out, const struct pb_report *r);
int pb_report_beads(FILE *out, const struct pb_report *r);
int pb_report_next(FILE *out, const struct pb_report *r);

/* Their number, and their blocks in the order of the file. */
#define PB_REPORT_SECTIONS 11

/**
 * pb_report_blocks() - all sections as blocks.
 * @blocks: PB_REPORT_SECTIONS of them; their texts are set, also after a failure, and to be freed
 *
 * Return: 0; -ENOMEM, logged.
 */
int pb_report_blocks(struct pb_report_block *blocks, const struct pb_report *r);

/**
 * pb_report_brief() - a report of at most so many bytes.
 * @r: its left and least_rows are set
 *
 * What is left out first stands in enum pb_report_part. The verdict, as many of the hotspots that stand as there is
 * room for, and the next commands are always there, so that it may be longer than a very small @most.
 * Return: a text to be freed, its length in @size; NULL without memory, logged.
 */
char *pb_report_brief(struct pb_report *r, size_t most, size_t *size);

/* What sections share. An interval, "[1.2, 3.4]", "" where there is none; a percentage, "-" where it is not known; a
 * figure by its unit, of which one whose name ends in "_pct" has none. All give @buf. */
const char *pb_report_interval(char *buf, size_t size, double low, double high);
const char *pb_report_percent(char *buf, size_t size, double value);
const char *pb_report_amount(char *buf, size_t size, const struct pb_figure *figure, double value);

/* All there is, as bead-report/1, with a newline behind. */
void pb_report_write_json(FILE *out, const struct pb_report *r);

#endif
