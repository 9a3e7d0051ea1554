/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The text of iolatency:
 *
 *   iolatency: whole machine, 10.0 s, 24,310 I/Os, 312 MiB
 *
 *   Worth a look
 *     fsync per write (71 %): ...
 *
 *   Time in the device in us, from issue to completion
 *   device  op     count   IOPS  MiB/s  p50  p90  p95  p99  p99.9    max
 *   vda     write  12,034  1,203    41   56   88  102  240    911  2,140
 *
 * and behind it histograms, who asked, system calls, the slowest ones, the ledger. All of it is drawn from the
 * report's own members, so that a saved profile shows it again.
 */
#include <errno.h>
#include <string.h>

#include "user/core/jsonvalue.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/render/iosheet.h"
#include "user/render/render.h"

static void init(struct pb_iosheet *s, FILE *out, const struct pb_render_opts *o,
		 const json_t *extra)
{
	*s = (struct pb_iosheet){.extra = extra, .top = o->top};
	pb_sheet_init(&s->sheet, out, o);
	s->io = json_object_get(extra, "io");
	s->milliseconds = json_is_true(json_object_get(s->io, "milliseconds"));
}

static int put_title(const struct pb_iosheet *s, const struct pb_report *r)
{
	static const struct pb_value_type type = {"bytes", "bytes"};
	uint64_t n = pb_iosheet_total(s, "count"), bytes = pb_iosheet_total(s, "bytes");
	char text[PB_SHEET_NUMBER_SIZE];
	struct pb_scale scale;

	if (pb_sheet_subject(&s->sheet, r))
		return -ENOMEM;
	if (!n) {
		fputs(": no I/O of a device.\n", s->sheet.out);
		return 0;
	}
	pb_sheet_digits(text, n);
	fprintf(s->sheet.out, ", %s I/O%s", text, n == 1 ? "" : "s");
	scale = pb_scale_for(&type, bytes);
	pb_scale_digits(text, &scale, bytes);
	fprintf(s->sheet.out, ", %s %s\n\n", text, scale.unit);
	return 0;
}

int pb_render_latency(FILE *out, const struct pb_profile *p, const struct pb_report *r,
		      const struct pb_render_opts *o)
{
	pb_autojson json_t *extra = json_loads(r->extra, 0, NULL); /* NULL: "" */
	struct pb_iosheet s;
	int err;

	if (!json_is_array(json_object_get(extra, "latency")))
		return pb_render_text(out, p, r, o);
	init(&s, out, o, extra);
	err = put_title(&s, r);
	err = err ? err : pb_iosheet_patterns(&s);
	err = err ? err : pb_iosheet_devices(&s);
	err = err ? err
		  : pb_iosheet_histograms(&s, json_is_true(json_object_get(s.io, "per_disk")));
	err = err ? err : pb_iosheet_view(&s);
	err = err ? err : pb_iosheet_calls(&s);
	err = err ? err : pb_iosheet_slow(&s);
	err = err ? err : pb_iosheet_notes(&s);
	err = err ? err : pb_sheet_ledger(&s.sheet, r);
	if (err)
		return err;
	return ferror(out) ? -EIO : 0;
}

int pb_render_latency_interval(FILE *out, const char *extra, const struct pb_render_opts *o,
			       const struct pb_latency_opts *l)
{
	pb_autojson json_t *members = json_loads(extra, 0, NULL);
	struct pb_iosheet s;
	int err;

	if (!members)
		return -EPROTO;
	init(&s, out, o, members);
	s.milliseconds |= l->milliseconds;
	if (l->time)
		fprintf(out, "%s\n", l->time);
	if (!pb_iosheet_total(&s, "count"))
		fputs("no I/O of a device\n\n", out);
	err = pb_iosheet_devices(&s);
	if (l->histograms)
		err = err ? err : pb_iosheet_histograms(&s, true);
	err = err ? err : pb_iosheet_view(&s);
	err = err ? err : pb_iosheet_calls(&s);
	if (err)
		return err;
	return ferror(out) ? -EIO : 0;
}
