/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/interval.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "user/core/log.h"
#include "user/core/profile.h"
#include "user/io/samples.h"
#include "user/render/render.h"

void pb_io_interval_drop(struct pb_io_interval *interval)
{
	pb_io_counts_drop(&interval->before);
}

bool pb_io_interval_due(const struct pb_io_interval *interval, uint64_t ready_ns, uint64_t now_ns)
{
	/* From the beginning on, so that one that comes late does not make all that follow late. */
	return interval->every_ns && ready_ns &&
	       now_ns >= ready_ns + (interval->printed + 1) * interval->every_ns;
}

static void show_options(const struct pb_io_interval *interval, const struct pb_io_book *book,
			 const struct pb_args *args, struct pb_render_opts *o,
			 struct pb_latency_opts *l)
{
	static char when[32];
	const char *no_color = getenv("NO_COLOR");
	bool terminal = isatty(STDOUT_FILENO);
	time_t now = time(NULL);
	struct winsize size = {0};
	struct tm tm;

	*o = (struct pb_render_opts){.top = (uint32_t)args->top};
	o->color = args->color == PB_COLOR_ALWAYS ||
		   (args->color == PB_COLOR_AUTO && terminal && (!no_color || !*no_color));
	if (terminal && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		o->columns = size.ws_col;
	*l = (struct pb_latency_opts){.milliseconds = book->milliseconds,
				      .histograms = book->per_disk};
	if (interval->timestamp && localtime_r(&now, &tm)) {
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
		l->time = when;
	}
}

static int print(const struct pb_io_interval *interval, const struct pb_io_book *book,
		 const struct pb_profile *profile, const struct pb_args *args)
{
	pb_autofree char *text = NULL;
	struct pb_latency_opts l;
	struct pb_render_opts o;
	int err = pb_io_book_json(book, profile, (uint32_t)args->top, &text);

	if (err)
		return pb_err(-err, "put an interval together");
	show_options(interval, book, args, &o, &l);
	err = pb_render_latency_interval(stdout, text, &o, &l);
	/* A renderer tells only that the stream failed; trying again tells why. */
	if (fflush(stdout) || ferror(stdout))
		err = -errno;
	if (err && err != -EPIPE)
		pb_err(-err, "print an interval");
	return err;
}

int pb_io_interval_print(struct pb_io_interval *interval, struct bpf_object *object,
			 const struct pb_io_book *book, const struct pb_profile *profile,
			 const struct pb_stacks *stacks, const struct pb_args *args,
			 uint64_t ready_ns, uint64_t now_ns)
{
	struct pb_io_counts all = {0}, since = {0};
	struct pb_io_book shown = *book;
	int err = pb_io_counts_read(&all, object);

	/* From one reading: what came between two would be in this interval and in the next. */
	err = err ? err : pb_io_counts_copy(&since, &all);
	if (err) {
		pb_io_counts_drop(&all);
		return pb_err(-err, "read an interval");
	}
	err = pb_io_counts_subtract(&since, &interval->before);
	pb_io_place(since.lines, since.n, stacks);
	shown.lines = since.lines;
	shown.n_lines = since.n;
	shown.duration_ns = now_ns - (interval->last_ns ? interval->last_ns : ready_ns);
	shown.slower_ns = UINT64_MAX; /* they were printed as they came */
	err = err ? err : print(interval, &shown, profile, args);
	pb_io_counts_drop(&since);
	pb_io_counts_drop(&interval->before);
	interval->before = all;
	interval->last_ns = now_ns;
	interval->printed++;
	return err;
}
