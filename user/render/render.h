/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Pure functions from a named profile and its report to a stream. They know nothing of BPF, keep no
 * state, and give the same bytes for the same input. A new format is one row in pb_formats[].
 */
#ifndef PB_RENDER_RENDER_H
#define PB_RENDER_RENDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct pb_profile;
struct pb_report;
struct pb_value_type;

struct pb_render_opts {
	uint32_t top;   /* rows of the table of functions; hotspots and stacks_top in JSON */
	uint32_t value; /* index of the value to weigh by */
	bool lines;     /* tell frames apart by source line; pprof has all lines anyway */
	bool color;     /* ANSI colours, text only */
	int columns;    /* width of the terminal, text only; 0: 80 */
	bool brief;     /* of a heap's text, title and table only */
};

/*
 * 0; -ENOMEM; -EFBIG for a profile beyond PB_TRIE_NODES_MAX boxes; -EIO where only the stream
 * failed (the caller knows its name and errno). A render never closes or flushes the stream.
 */
typedef int pb_render_fn(FILE *out, const struct pb_profile *p, const struct pb_report *r,
			 const struct pb_render_opts *o);

pb_render_fn pb_render_text;
pb_render_fn
	pb_render_heap; /* the text of a heap profile: a table of sites; of any other as above */
/* The text of what iolatency measured: devices, who asked, system calls, slow ones, from the report's own members; of
 * any other profile as above. */
pb_render_fn pb_render_latency;
pb_render_fn pb_render_folded;
pb_render_fn pb_render_html;
pb_render_fn pb_render_json;
pb_render_fn pb_render_pprof;
pb_render_fn pb_render_speedscope;
pb_render_fn pb_render_dhat;  /* -EINVAL for a profile that pb_format_fits() refuses */
pb_render_fn pb_render_prom;  /* -EINVAL without "latency" in the report */
pb_render_fn pb_render_trace; /* -EINVAL for a report without "slow" whose run kept none */

struct pb_format {
	const char *name;   /* for --format */
	const char *suffix; /* how a file name ends, with the dot; the longest match wins */
	pb_render_fn *render;
	bool binary; /* refused on a terminal */
	const char
		*needs; /* a value that a profile must have to be written so; NULL: any will do */
	const char *lacks; /* what a report has not, for which the render gives -EINVAL; or NULL */
	const char *help;
};

/* Ends with a row whose name is NULL. */
extern const struct pb_format pb_formats[];

/* By --format name, or by suffix without its dot ("txt", "pb.gz"); NULL if there is none. */
const struct pb_format *pb_format_by_name(const char *name);
/* By the end of a file name, or NULL. */
const struct pb_format *pb_format_by_path(const char *path);

/* Whether values of these @n types can be written in this format. */
bool pb_format_fits(const struct pb_format *format, const struct pb_value_type *types, uint32_t n);

/* What an interval of iolatency shows beyond its JSON. */
struct pb_latency_opts {
	const char *time;  /* the line in front; NULL: none */
	bool milliseconds; /* all times; else the unit follows what there is */
	bool histograms;   /* one for each device and operation */
};

/**
 * pb_render_latency_interval() - the tables of one interval: devices, and who asked and calls if they are there.
 * @extra: the text of one JSON object, with members as in the report of iolatency
 * @o: of it top, color, columns
 *
 * Return: 0; -EPROTO if it is no JSON; -ENOMEM; -EIO.
 */
int pb_render_latency_interval(FILE *out, const char *extra, const struct pb_render_opts *o,
			       const struct pb_latency_opts *l);

/**
 * pb_pprof_read() - read a pprof file (gzip or plain), ours or anyone's.
 * @profile: set on success, freed by pb_profile_free()
 * @report: set on success, freed by pb_report_free(); filled from the comment that
 *          pb_render_pprof() leaves; from the profile's own times where there is none, and then
 *          it names no tool
 * @data: hostile input; @size bytes
 *
 * At most PB_PPROF_SIZE_MAX bytes after decompression. Stacks keep their order; strings are made
 * safe. Return: 0; -EPROTO if malformed (the log says where); -EFBIG; -ENOMEM.
 * Source: google/pprof proto/profile.proto.
 */
#define PB_PPROF_SIZE_MAX (512u << 20)
int pb_pprof_read(struct pb_profile **profile, struct pb_report **report, const void *data,
		  size_t size);

#endif
