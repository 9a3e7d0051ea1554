/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What iolatency measured in the text exposition format of Prometheus, for node_exporter's textfile collector.
 *
 * Histograms are classic ones, over a ladder that never changes, so that they can be added up over machines and
 * runs: 1-2-5 from 1 us to 10 s. Our own buckets are 1/32 of an octave wide, and one that a step of the ladder
 * cuts is taken in proportion. Times in the queue have no buckets in the report: they are a summary.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/, text format 0.0.4.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "user/core/jsonvalue.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/core/text.h"
#include "user/render/member.h"
#include "user/render/render.h"

#define NS_MAX    1e19 /* of a sum: what an integer holds */
#define KEYS      3    /* labels at most */
#define LABEL_MAX 512

/* As Prometheus' own clients write them. */
static const struct step {
	double us;
	const char *le;
} ladder[] = {
	{1, "1e-06"},    {2, "2e-06"},     {5, "5e-06"},    {10, "1e-05"},   {20, "2e-05"},
	{50, "5e-05"},   {100, "0.0001"},  {200, "0.0002"}, {500, "0.0005"}, {1000, "0.001"},
	{2000, "0.002"}, {5000, "0.005"},  {10000, "0.01"}, {20000, "0.02"}, {50000, "0.05"},
	{100000, "0.1"}, {200000, "0.2"},  {500000, "0.5"}, {1000000, "1"},  {2000000, "2"},
	{5000000, "5"},  {10000000, "10"},
};
#define STEPS PB_ARRAY_SIZE(ladder)

/* A row, by the labels that tell it from others. */
struct series {
	const char *keys[KEYS];
	const json_t *row;
	size_t at; /* rows that have all labels in common stay in their order */
};

/* The rows of one member, those of the same labels beside each other. */
struct family {
	const char *const *labels; /* names of members and of labels */
	struct series *series;
	size_t n;
};

static int compare_keys(const struct series *a, const struct series *b)
{
	int order = 0;

	for (int k = 0; k < KEYS && !order; k++)
		order = strcmp(a->keys[k], b->keys[k]);
	return order;
}

static int compare(const void *a, const void *b)
{
	const struct series *x = a, *y = b;
	int order = compare_keys(x, y);

	return order ? order : (x->at > y->at) - (x->at < y->at);
}

static int collect(struct family *f, const json_t *rows, const char *const *labels)
{
	f->labels = labels;
	f->series = calloc(json_array_size(rows) + 1, sizeof(*f->series));
	if (!f->series)
		return -ENOMEM;
	for (size_t i = 0; i < json_array_size(rows); i++) {
		struct series *s = &f->series[f->n];

		s->row = json_array_get(rows, i);
		s->at = i;
		if (!json_is_object(s->row))
			continue;
		for (int k = 0; k < KEYS; k++)
			s->keys[k] = labels[k] ? pb_member_text(s->row, labels[k]) : "";
		f->n++;
	}
	qsort(f->series, f->n, sizeof(*f->series), compare);
	return 0;
}

/* Where the rows with the labels of @at end. */
static size_t end_of(const struct family *f, size_t at)
{
	size_t end = at + 1;

	while (end < f->n && !compare_keys(&f->series[at], &f->series[end]))
		end++;
	return end;
}

static void put_escaped(FILE *out, const char *text)
{
	char safe[LABEL_MAX];

	pb_text_safe(safe, sizeof(safe), text, strlen(text));
	for (const char *c = safe; *c; c++) {
		if (*c == '\\' || *c == '"')
			fputc('\\', out);
		fputc(*c, out);
	}
}

/* name_suffix{device="vda",op="read",extra} with the last one as given; its labels are left out where empty. */
static void put_name(FILE *out, const char *name, const char *suffix, const struct family *f,
		     const struct series *s, const char *extra)
{
	const char *separator = "{";

	fprintf(out, "%s%s", name, suffix);
	for (int k = 0; k < KEYS && f->labels[k]; k++) {
		if (k && !*s->keys[k])
			continue;
		fprintf(out, "%s%s=\"", separator, f->labels[k]);
		put_escaped(out, s->keys[k]);
		fputc('"', out);
		separator = ",";
	}
	if (*extra)
		fprintf(out, "%s%s", separator, extra);
	fputs("} ", out);
}

static void put_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* By hand, so that no locale has a say in the point. */
static void put_seconds(FILE *out, double us)
{
	uint64_t ns = us * 1000 < NS_MAX ? (uint64_t)(us * 1000 + 0.5) : (uint64_t)NS_MAX;

	fprintf(out, "%" PRIu64 ".%09u\n", ns / 1000000000u, (unsigned int)(ns % 1000000000u));
}

/* Of one series. */
struct histogram {
	double below[STEPS]; /* how many are not above a step */
	double inside;       /* how many have a bucket */
	uint64_t count;
	double sum_us;
};

static void add_bucket(struct histogram *h, const json_t *bucket)
{
	double from = pb_value_number(json_array_get(bucket, 0));
	double to = pb_value_number(json_array_get(bucket, 1));
	double n = (double)pb_value_count(json_array_get(bucket, 2));

	if (from < 0 || to < from)
		return;
	for (size_t i = 0; i < STEPS; i++) {
		if (to <= ladder[i].us)
			h->below[i] += n;
		else if (from < ladder[i].us)
			h->below[i] += n * (ladder[i].us - from) / (to - from);
	}
	h->inside += n;
}

static void add_row(struct histogram *h, const json_t *row)
{
	const json_t *buckets = json_object_get(row, "histogram");
	uint64_t n = pb_member_count(row, "count");
	double mean = pb_member_number(row, "mean_us");

	for (size_t i = 0; i < json_array_size(buckets); i++)
		add_bucket(h, json_array_get(buckets, i));
	h->count = pb_sum(h->count, n);
	if (mean > 0)
		h->sum_us += mean * (double)n;
}

/* Rounded, but never above what follows. What has no bucket is in the last one only. */
static void put_histogram(FILE *out, const char *name, const struct family *f,
			  const struct series *s, const struct histogram *h)
{
	double all = (double)h->count;
	char le[32];

	if (h->inside > all) /* a report that contradicts itself */
		all = h->inside;
	for (size_t i = 0; i < STEPS; i++) {
		snprintf(le, sizeof(le), "le=\"%s\"", ladder[i].le);
		put_name(out, name, "_bucket", f, s, le);
		fprintf(out, "%.0f\n", h->below[i] < all ? h->below[i] : all);
	}
	put_name(out, name, "_bucket", f, s, "le=\"+Inf\"");
	fprintf(out, "%.0f\n", all);
	put_name(out, name, "_sum", f, s, "");
	put_seconds(out, h->sum_us);
	put_name(out, name, "_count", f, s, "");
	fprintf(out, "%.0f\n", all);
}

static void put_histograms(FILE *out, const char *name, const char *help, const struct family *f)
{
	if (!f->n)
		return;
	put_head(out, name, "histogram", help);
	for (size_t at = 0; at < f->n; at = end_of(f, at)) {
		struct histogram h = {0};

		for (size_t i = at, end = end_of(f, at); i < end; i++)
			add_row(&h, f->series[i].row);
		put_histogram(out, name, f, &f->series[at], &h);
	}
}

static void put_counters(FILE *out, const char *name, const char *help, const struct family *f,
			 const char *key)
{
	if (!f->n)
		return;
	put_head(out, name, "counter", help);
	for (size_t at = 0; at < f->n; at = end_of(f, at)) {
		uint64_t sum = 0;

		for (size_t i = at, end = end_of(f, at); i < end; i++)
			sum = pb_sum(sum, pb_member_count(f->series[i].row, key));
		put_name(out, name, "", f, &f->series[at], "");
		fprintf(out, "%" PRIu64 "\n", sum);
	}
}

static void put_summary(FILE *out, const char *name, const struct family *f, const struct series *s,
			const json_t *queue)
{
	static const struct {
		const char *key, *label;
	} quantiles[] = {
		{"p50_us", "quantile=\"0.5\""},    {"p90_us", "quantile=\"0.9\""},
		{"p95_us", "quantile=\"0.95\""},   {"p99_us", "quantile=\"0.99\""},
		{"p999_us", "quantile=\"0.999\""},
	};
	uint64_t n = pb_member_count(queue, "count");
	double mean = pb_member_number(queue, "mean_us");

	for (size_t i = 0; i < PB_ARRAY_SIZE(quantiles); i++) {
		double us = pb_member_number(queue, quantiles[i].key);

		if (us < 0)
			continue;
		put_name(out, name, "", f, s, quantiles[i].label);
		put_seconds(out, us);
	}
	put_name(out, name, "_sum", f, s, "");
	put_seconds(out, mean > 0 ? mean * (double)n : 0);
	put_name(out, name, "_count", f, s, "");
	fprintf(out, "%" PRIu64 "\n", n);
}

/* Where several rows have the same labels, which our own never have, the first one. */
static void put_queues(FILE *out, const struct family *f)
{
	static const char name[] = "iolatency_queue_seconds";
	bool has_head = false;

	for (size_t at = 0; at < f->n; at = end_of(f, at)) {
		const json_t *queue = json_object_get(f->series[at].row, "queue_us");

		if (!json_is_object(queue))
			continue;
		if (!has_head)
			put_head(out, name, "summary",
				 "Time from insertion into the queue to issue, of I/O that was "
				 "inserted.");
		has_head = true;
		put_summary(out, name, f, &f->series[at], queue);
	}
}

static void put_run(FILE *out, const struct pb_report *r)
{
	put_head(out, "iolatency_capture_seconds", "gauge",
		 "Length of the capture that all other numbers are of.");
	fprintf(out, "iolatency_capture_seconds %" PRIu64 ".%09u\n", r->duration_ns / 1000000000u,
		(unsigned int)(r->duration_ns % 1000000000u));
	put_head(out, "iolatency_events_produced_total", "counter", "I/O of the target.");
	fprintf(out, "iolatency_events_produced_total %" PRIu64 "\n", r->produced);
	put_head(out, "iolatency_events_kept_total", "counter",
		 "I/O that the other numbers are made of.");
	fprintf(out, "iolatency_events_kept_total %" PRIu64 "\n", r->kept);
	put_head(out, "iolatency_events_lost_total", "counter", "I/O that was given up.");
	fprintf(out, "iolatency_events_lost_total %" PRIu64 "\n", pb_report_lost(r));
}

int pb_render_prom(FILE *out, const struct pb_profile *p, const struct pb_report *r,
		   const struct pb_render_opts *o)
{
	static const char *const device_labels[] = {"device", "op", "flags"};
	static const char *const call_labels[] = {"call", NULL, NULL};
	pb_autojson json_t *extra = json_loads(r->extra, 0, NULL); /* NULL: "" */
	struct family devices = {0}, calls = {0};
	int err;

	(void)p; /* the report has it all */
	(void)o;
	if (!json_is_array(json_object_get(extra, "latency")))
		return -EINVAL;
	err = collect(&devices, json_object_get(extra, "latency"), device_labels);
	err = err ? err : collect(&calls, json_object_get(extra, "calls"), call_labels);
	if (!err) {
		put_histograms(out, "iolatency_device_seconds",
			       "Time of I/O in the device, from issue to completion.", &devices);
		put_queues(out, &devices);
		put_counters(out, "iolatency_bytes_total", "Bytes of I/O.", &devices, "bytes");
		put_counters(out, "iolatency_errors_total", "I/O that failed.", &devices, "errors");
		put_histograms(out, "iolatency_call_seconds", "Time of system calls that do I/O.",
			       &calls);
		put_run(out, r);
	}
	free(devices.series);
	free(calls.series);
	if (!err && ferror(out))
		err = -EIO;
	return err;
}
