/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/tool/outputs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "user/core/args.h"
#include "user/core/log.h"
#include "user/core/output.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/render/render.h"
#include "user/tool/tool.h"

#define NAME_PART_MAX 32

static bool is_default(const struct pb_args *args)
{
	return !args->outputs.n && !args->format && !args->folded && !args->json;
}

/* --format serves the names that do not tell. */
static const struct pb_format *format_of(const struct pb_args *args, const char *path)
{
	const struct pb_format *format = pb_format_by_path(path);

	return !format && args->format ? pb_format_by_name(args->format) : format;
}

static int complain_format(const char *what)
{
	char list[256] = "";
	size_t used = 0;

	for (const struct pb_format *f = pb_formats; f->name; f++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
					 f->name);
	return pb_fail(EINVAL, "%s; --format takes one of: %s", what, list);
}

int pb_outputs_check(const struct pb_args *args)
{
	char what[256];

	if (args->format && !pb_format_by_name(args->format)) {
		snprintf(what, sizeof(what), "unknown format %.100s", args->format);
		return complain_format(what);
	}
	for (uint32_t i = 0; i < args->outputs.n; i++) {
		if (format_of(args, args->outputs.items[i]))
			continue;
		snprintf(what, sizeof(what), "the name %.100s tells no format",
			 args->outputs.items[i]);
		return complain_format(what);
	}
	return 0;
}

/* What is asked for, one by one: 0, 1, ...; NULL behind the last. */
static const struct pb_format *nth_format(const struct pb_args *args, uint32_t i)
{
	if (i < args->outputs.n)
		return format_of(args, args->outputs.items[i]);
	if (i == args->outputs.n && args->format)
		return pb_format_by_name(args->format);
	return NULL;
}

int pb_outputs_fit(const struct pb_args *args, const struct pb_value_type *types, uint32_t n)
{
	const struct pb_format *format;

	for (uint32_t i = 0; (format = nth_format(args, i)); i++) {
		if (!pb_format_fits(format, types, n))
			return pb_fail(
				EINVAL,
				"format %s (%s) needs a profile with %s, and this one has only "
				"%s%s%s",
				format->name, format->suffix, format->needs, types[0].type,
				n > 1 ? ", " : "", n > 1 ? types[1].type : "");
	}
	return 0;
}

static int check_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	pb_autofree char *dir = slash ? strndup(path, len ? len : 1) : strdup(".");

	if (!dir)
		return -ENOMEM;
	if (!faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS))
		return 0;
	if (errno == ENOENT)
		return pb_fail(ENOENT, "cannot write %s: there is no directory %s", path, dir);
	return pb_err(errno, "cannot write %s: directory %s", path, dir);
}

static uint32_t default_outputs(const struct pb_tool *tool, const struct pb_args *args)
{
	return tool->default_outputs ? tool->default_outputs(args)
				     : PB_DEFAULT_TEXT | PB_DEFAULT_PAGE;
}

int pb_outputs_reachable(const struct pb_tool *tool, const struct pb_args *args)
{
	int err = 0;

	if (is_default(args))
		return default_outputs(tool, args) & PB_DEFAULT_PAGE
			       ? check_directory("a flame graph")
			       : 0;
	for (uint32_t i = 0; i < args->outputs.n && !err; i++) {
		const char *path = args->outputs.items[i];

		/* What exists may be a device or a pipe in a directory that is not ours. */
		if (strcmp(path, "-") && access(path, F_OK))
			err = check_directory(path);
	}
	return err;
}

static void render_opts(const struct pb_args *args, const struct pb_profile *profile, bool terminal,
			struct pb_render_opts *o)
{
	const char *no_color = getenv("NO_COLOR");
	struct winsize size = {0};

	*o = (struct pb_render_opts){
		.top = (uint32_t)args->top, .value = profile->default_value, .lines = args->lines};
	o->color = args->color == PB_COLOR_ALWAYS ||
		   (args->color == PB_COLOR_AUTO && terminal && (!no_color || !*no_color));
	if (terminal && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		o->columns = size.ws_col;
}

/* What is to be written, and how. */
struct job {
	const struct pb_tool *tool;
	const struct pb_args *args;
	const struct pb_profile *profile;
	const struct pb_report *report;
};

static int write_as(const struct job *job, const char *path, const struct pb_format *format,
		    bool brief)
{
	pb_render_fn *render = format->render == pb_render_text && job->tool->text ? job->tool->text
										   : format->render;
	bool terminal = !strcmp(path, "-") && isatty(STDOUT_FILENO);
	pb_auto(pb_output) struct pb_output *out = NULL;
	struct pb_render_opts o;
	int err;

	err = pb_output_open(&out, path, format->binary);
	if (err)
		return err;
	render_opts(job->args, job->profile, terminal, &o);
	o.brief = brief;
	err = render(pb_output_stream(out), job->profile, job->report, &o);
	if (err == -ENOMEM)
		return pb_err(ENOMEM, "write %s", path);
	if (err == -EINVAL)
		return pb_fail(EINVAL, "cannot write %s as %s: the report has %s", path,
			       format->name, format->lacks ? format->lacks : "not what it needs");
	/* The commit knows the stream's errno better than the renderer, and names the file. */
	return pb_output_commit(pb_take(out));
}

static int write_one(const struct job *job, const char *path, const struct pb_format *format)
{
	return write_as(job, path, format, false);
}

/* cpuflame-redis-server-1234-20261122-141503.html */
static void default_name(const struct pb_report *report, char *name, size_t size)
{
	const char *who = report->comm && *report->comm ? report->comm : report->scope;
	char part[NAME_PART_MAX] = "", pid[16] = "", when[32] = "";
	time_t started = (time_t)(report->started_ns / 1000000000ull);
	struct tm tm;
	size_t i;

	for (i = 0; who && who[i] && i < sizeof(part) - 1; i++)
		part[i] = isalnum((unsigned char)who[i]) || strchr("._-", who[i]) ? who[i] : '-';
	if (report->n_tgids == 1)
		snprintf(pid, sizeof(pid), "-%u", report->tgids[0]);
	if (localtime_r(&started, &tm))
		strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &tm);
	snprintf(name, size, "%s-%s%s-%s.html", report->tool, part, pid, when);
}

static int write_default(const struct job *job)
{
	const struct pb_report *report = job->report;
	uint32_t outputs = default_outputs(job->tool, job->args);
	bool quiet = job->args->quiet;
	int table = 0, page = 0;
	char name[128];

	if (!quiet && outputs & PB_DEFAULT_TEXT)
		table = write_one(job, "-", pb_format_by_name("text"));
	if (!report->kept || !(outputs & PB_DEFAULT_PAGE))
		return table;
	default_name(report, name, sizeof(name));
	page = write_one(job, name, pb_format_by_name("html"));
	if (!page && !quiet)
		pb_log(PB_LOG_INFO, "flame graph: %s", name);
	return table ? table : page;
}

int pb_outputs_write(const struct pb_tool *tool, const struct pb_args *args,
		     const struct pb_profile *profile, const struct pb_report *report)
{
	const struct job job = {tool, args, profile, report};
	int first = 0, err;

	if (is_default(args))
		return write_default(&job);
	for (uint32_t i = 0; i < args->outputs.n; i++) {
		const char *path = args->outputs.items[i];

		err = write_one(&job, path, format_of(args, path));
		first = first ? first : err;
		if (!err && strcmp(path, "-") && !args->quiet)
			pb_log(PB_LOG_INFO, "wrote %s", path);
	}
	if (args->format && !args->outputs.n)
		first = write_one(&job, "-", pb_format_by_name(args->format));
	if (args->folded) {
		err = write_one(&job, "-", pb_format_by_name("folded"));
		first = first ? first : err;
	}
	if (args->json) {
		err = write_one(&job, "-", pb_format_by_name("json"));
		first = first ? first : err;
	}
	return first;
}

int pb_outputs_show(const struct pb_tool *tool, const struct pb_args *args,
		    const struct pb_profile *profile, const struct pb_report *report)
{
	const struct job job = {tool, args, profile, report};

	return write_as(&job, "-", pb_format_by_name("text"), true);
}
