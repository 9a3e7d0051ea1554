/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/io/sample_io.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"

static void must(bool right)
{
	if (!right)
		abort();
}

/* operations, bytes, time and queue in microseconds; calls as in the report. Leaves are markers. */
static const struct {
	const char *path;
	uint64_t values[9];
} rows[] = {
	{"indexer;main;merge;postings_next;pread;/srv/search/segments/000412.idx;nvme0n1 read",
	 {24002, 98312192, 2065000}},
	{"ledgerd;main;serve;ledger_post;sqlite3_step;unixSync;/var/lib/ledgerd/ledger.db-wal;"
	 "vda flush",
	 {3013, 0, 1290000}},
	{"ledgerd;main;serve;ledger_post;sqlite3_step;unixWrite;/var/lib/ledgerd/ledger.db-wal;"
	 "vda write",
	 {6024, 24674304, 428000, 33000}},
	{"cc1;main;_dl_map_object;/usr/lib/x86_64-linux-gnu/libLLVM-14.so.1;vda read",
	 {1501, 24592384, 191000, 4000}},
	{"kworker;vda discard", {12, 12582912, 11000}},
	{"ledgerd;main;serve;ledger_post;sqlite3_step;unixSync;fdatasync",
	 {0, 0, 0, 0, 3012, 0, 1600000, 1400000, 160000}},
};

static uint32_t string(struct pb_profile *p, const char *s)
{
	return pb_profile_string(p, s, strlen(s));
}

/* A leaf has no code; nor has the rest, for as much as renderers of reports care. */
static uint32_t stack(struct pb_profile *p, char *path)
{
	uint32_t node = 0;
	char *name;

	while ((name = strsep(&path, ";")))
		node = pb_profile_node(p, node, pb_profile_marker(p, name));
	return node;
}

static void fill_profile(struct pb_profile *p)
{
	for (size_t i = 0; i < PB_ARRAY_SIZE(rows); i++) {
		pb_autofree char *path = strdup(rows[i].path);
		uint64_t values[9];
		char *rest = path, *comm;

		must(path);
		comm = strsep(&rest, ";");
		for (int k = 0; k < 9; k++)
			values[k] = rows[i].values[k] *
				    (k == 2 || k == 3 || k > 5 ? UINT64_C(1000) : UINT64_C(1));
		pb_profile_add(p, stack(p, rest),
			       pb_profile_process(p, 4211 + (uint32_t)i, string(p, comm)), values);
	}
	must(!pb_profile_error(p));
	must(pb_profile_total(p, 0) == PB_IO_SAMPLE_OPS);
	p->default_value = 2;
	p->period_type = (struct pb_value_type){"operations", "count"};
	p->period = 1;
	p->time_ns = 1790000000123000000;
	p->duration_ns = 10012345678;
}

static char *read_extra(void)
{
	FILE *in = fopen("tests/io/sample_io.json", "re"), *out;
	char *text = NULL;
	size_t size;
	int c;

	must(in);
	out = open_memstream(&text, &size);
	must(out);
	while ((c = fgetc(in)) != EOF)
		fputc(c, out);
	fclose(in);
	must(!fclose(out));
	return text;
}

static void fill_report(struct pb_report *r, const struct pb_profile *p)
{
	pb_autofree char *extra = read_extra();

	r->tool = "iolatency";
	r->schema = "iolatency/1";
	must(!pb_report_set(&r->scope, "whole machine") &&
	     !pb_report_set(&r->host, "db-3.example") &&
	     !pb_report_set(&r->kernel, "6.1.0-42-amd64") && !pb_report_set(&r->event, "I/O") &&
	     !pb_report_set(&r->unwind, "auto") && !pb_report_set_extra(r, extra));
	r->started_ns = 1790000000123000000;
	r->duration_ns = 10012345678;
	r->produced = PB_IO_SAMPLE_OPS + 3;
	r->kept = PB_IO_SAMPLE_OPS;
	r->lost[r->n_lost++] =
		(struct pb_report_loss){"map_full", pb_report_sentence("map_full"), 3};
	r->complete = r->kept;
	r->unique_stacks = p->n_samples;
	r->bpf_ns_per_event = 912;
	r->tool_cpu_s = 0.25;
	r->map_bytes = 9 << 20;
}

void pb_io_sample_init(struct pb_io_sample *s)
{
	static const struct pb_value_type types[] = {
		{"operations", "count"},
		{"io_bytes", "bytes"},
		{"io_time", "nanoseconds"},
		{"queue_time", "nanoseconds"},
		{"calls", "count"},
		{"call_bytes", "bytes"},
		{"call_time", "nanoseconds"},
		{"call_io_wait", "nanoseconds"},
		{"call_blocked", "nanoseconds"},
	};

	*s = (struct pb_io_sample){0};
	must(!pb_profile_new(&s->profile, types, PB_ARRAY_SIZE(types)));
	must(!pb_report_new(&s->report));
	fill_profile(s->profile);
	fill_report(s->report, s->profile);
}

void pb_io_sample_drop(struct pb_io_sample *s)
{
	pb_profile_free(s->profile);
	pb_report_free(s->report);
}
