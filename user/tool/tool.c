/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/tool/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "user/core/args.h"
#include "user/core/cost.h"
#include "user/core/jit.h"
#include "user/core/launch.h"
#include "user/core/log.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/render/render.h"
#include "user/symbol/bottom.h"
#include "user/symbol/jitfile.h"
#include "user/symbol/symbol.h"
#include "user/tool/explain.h"
#include "user/tool/naming.h"
#include "user/tool/outputs.h"
#include "user/unwind/unwind.h"

/* What a capture, or a saved file, turned into. */
struct result {
	struct pb_profile *profile;
	struct pb_report *report;
	struct pb_symbol_stats names;
};

static int capture_exit(int err)
{
	switch (-err) {
	case 0:
		return PB_EXIT_OK;
	case EPERM:
	case EACCES:
	case EOPNOTSUPP:
	case ENOSYS:
		return PB_EXIT_NOT_PERMITTED;
	case ESRCH:
		return PB_EXIT_NO_TARGET;
	case EDOM: /* a usage error that only the kernel could tell */
		return PB_EXIT_USAGE;
	}
	return PB_EXIT_FAILED;
}

static int new_result(const struct pb_tool *tool, const void *args, struct result *r)
{
	struct pb_value_type types[PB_VALUES_MAX];
	uint32_t n = tool->values(args, types);
	int err;

	err = pb_profile_new(&r->profile, types, n);
	err = err ? err : pb_report_new(&r->report);
	if (err)
		return err;
	r->report->tool = tool->program->name;
	r->report->schema = tool->schema;
	return tool->describe(args, r->profile, r->report);
}

static const struct pb_jit_type jit_type = {
	.open_perf_map = pb_jitfile_open_map,
	.is_jitdump = pb_jitfile_is_dump,
};

/* After the capture: name every address, judge the stacks by the names, make samples. */
static int name_and_build(const struct pb_tool *tool, const struct pb_args *args,
			  struct pb_session *session, struct result *r)
{
	void *state = pb_session_state(session);
	int err = pb_naming_run(session, args, r->profile, r->report, &r->names);

	err = err ? err
		  : pb_stacks_build(pb_session_stacks(session), r->report, pb_symbol_is_bottom,
				    tool->to_values, state);
	if (!err && tool->finish)
		err = tool->finish(state, args, r->profile, r->report);
	return err ? pb_err(-err, "put the profile together") : 0;
}

/* What the copy of a process needs that shows what there is so far. */
struct so_far {
	const struct pb_tool *tool;
	const void *args;
	struct result *result;
};

/* For pb_session_parts. It says nothing but what it shows: whoever wants to know more looks at the end. */
static void show_so_far(void *ctx, struct pb_session *copy)
{
	const struct so_far *c = ctx;
	struct result *r = c->result;

	pb_log_init(c->tool->program->name, PB_LOG_ERROR);
	pb_live_enable(false);
	if (pb_naming_run(copy, c->args, r->profile, r->report, &r->names))
		return;
	if (pb_stacks_build(pb_session_stacks(copy), r->report, pb_symbol_is_bottom,
			    c->tool->to_values, pb_session_state(copy)))
		return;
	if (!c->tool->choose_value || !c->tool->choose_value(c->args, r->profile))
		pb_outputs_show(c->tool, c->args, r->profile, r->report);
}

/* What a person should know beyond the numbers. */
static void explain(const struct result *r)
{
	pb_autofree char *names = pb_naming_explain(r->profile, r->report, &r->names);

	pb_explain(r->report);
	if (names)
		pb_log(PB_LOG_INFO, "%s", names);
}

/* @args begin with struct pb_args. */
static int write_result(const struct pb_tool *tool, const void *args, struct result *r)
{
	int err = tool->choose_value ? tool->choose_value(args, r->profile) : 0;
	const char *why = NULL;

	if (err)
		return PB_EXIT_USAGE;
	if (!((const struct pb_args *)args)->from)
		pb_cost_self(r->report);
	err = pb_outputs_write(tool, args, r->profile, r->report);
	/* What was printed while it ran is an output, too. */
	if (err || ferror(stdout))
		return PB_EXIT_OUTPUT;
	if (r->report->kept)
		return PB_EXIT_OK;
	if (!r->report->produced && tool->why_nothing)
		why = tool->why_nothing(args);
	pb_log(PB_LOG_ERROR, "%s",
	       r->report->produced ? "every event was lost: see the ledger for the causes"
	       : why               ? why
				   : tool->nothing_measured);
	return PB_EXIT_NO_TARGET;
}

/* With -- CMD the command's own status counts, unless we failed. */
static int with_command_status(struct pb_session *session, int ours)
{
	int status = pb_session_command_status(session);

	if (status < 0)
		return ours;
	if (ours == PB_EXIT_OK || ours == PB_EXIT_NO_TARGET)
		return status;
	return PB_EXIT_TOOL_FAILED;
}

static int capture(const struct pb_tool *tool, void *args, struct result *r)
{
	const struct pb_args *common = args;
	struct so_far so_far = {tool, args, r};
	struct pb_session_parts parts = {.program = tool->program->name,
					 .probes = tool->probes,
					 .args = args,
					 .jit = &jit_type,
					 .unwinder = &pb_unwind,
					 .so_far = show_so_far,
					 .so_far_ctx = &so_far};
	pb_auto(pb_session) struct pb_session *session = NULL;
	int err, status;

	err = tool->prepare ? tool->prepare(args) : 0;
	if (err)
		return capture_exit(err);
	err = new_result(tool, args, r);
	if (err)
		return capture_exit(pb_err(-err, "start"));
	parts.profile = r->profile;
	err = pb_session_new(&session, &parts);
	if (!err && pb_outputs_reachable(tool, common))
		return common->command ? PB_EXIT_TOOL_FAILED : PB_EXIT_OUTPUT;
	err = err ? err : pb_session_run(session, r->report);
	if (err && session && pb_session_command_not_run(session))
		return pb_session_command_status(session);
	if (!err)
		err = name_and_build(tool, common, session, r);
	if (err)
		return common->command ? PB_EXIT_TOOL_FAILED : capture_exit(err);
	pb_session_note_command(session, r->report);
	r->profile->time_ns = r->report->started_ns;
	r->profile->duration_ns = r->report->duration_ns;
	status = write_result(tool, args, r);
	if (!common->quiet)
		explain(r);
	return with_command_status(session, status);
}

/* The whole of a file that may be a pipe. Return: 0; -errno, logged. */
static int read_all(const char *path, uint8_t **data, size_t *size)
{
	pb_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	pb_autofree uint8_t *bytes = NULL;
	size_t used = 0, room = 0;
	uint8_t *more;
	ssize_t n;

	if (fd < 0)
		return pb_err(errno, "open %s", path);
	for (;;) {
		if (used == room) {
			room = room ? room * 2 : 65536;
			more = room <= PB_PPROF_SIZE_MAX ? realloc(bytes, room) : NULL;
			if (!more)
				return pb_fail(EFBIG, "%s is too large", path);
			bytes = more;
		}
		n = read(fd, bytes + used, room - used);
		if (n < 0)
			return pb_err(errno, "read %s", path);
		if (!n)
			break;
		used += (size_t)n;
	}
	*data = pb_take(bytes);
	*size = used;
	return 0;
}

static int render_saved(const struct pb_tool *tool, const void *args, struct result *r)
{
	const char *from = ((const struct pb_args *)args)->from;
	pb_autofree uint8_t *data = NULL;
	size_t size = 0;
	int err = read_all(from, &data, &size);

	if (err)
		return err == -ENOENT ? PB_EXIT_NO_TARGET : PB_EXIT_FAILED;
	if (pb_pprof_read(&r->profile, &r->report, data, size)) {
		pb_log(PB_LOG_ERROR, "cannot show %s", from);
		return PB_EXIT_FAILED;
	}
	if (pb_outputs_fit(args, r->profile->value_types, r->profile->n_values))
		return PB_EXIT_USAGE;
	if (!*r->report->schema) { /* of another program */
		r->report->tool = tool->program->name;
		r->report->schema = tool->schema;
	}
	return write_result(tool, args, r);
}

static int run(const struct pb_tool *tool, void *args)
{
	const struct pb_args *common = args;
	struct result r = {0};
	int status;

	status = common->from ? render_saved(tool, args, &r) : capture(tool, args, &r);
	pb_profile_free(r.profile);
	pb_report_free(r.report);
	pb_symbol_stats_drop(&r.names);
	return status;
}

static void set_up_talk(const struct pb_tool *tool, const struct pb_args *args)
{
	enum pb_log_level level = args->verbose ? PB_LOG_DEBUG : PB_LOG_INFO;

	pb_log_init(tool->program->name, args->quiet ? PB_LOG_ERROR : level);
	pb_live_enable(!args->quiet && !args->no_progress && !getenv("CI"));
}

/* --help and its kin. */
static int print(const struct pb_tool *tool, const struct pb_args *args)
{
	switch ((enum pb_action)args->action) {
	case PB_ACTION_RUN:
		break;
	case PB_ACTION_HELP:
		pb_opts_help(tool->program, stdout);
		break;
	case PB_ACTION_VERSION:
		printf("%s %s\n", tool->program->name, PB_VERSION);
		break;
	case PB_ACTION_JSON_SCHEMA:
		fwrite(pb_schema, 1, (size_t)(pb_schema_end - pb_schema), stdout);
		break;
	case PB_ACTION_MAN:
		pb_opts_man(tool->program, stdout);
		break;
	case PB_ACTION_COMPLETION:
		if (pb_opts_completion(tool->program, args->completion, stdout))
			return PB_EXIT_USAGE;
		break;
	}
	if (fflush(stdout) || ferror(stdout)) {
		pb_err(errno, "write to stdout");
		return PB_EXIT_OUTPUT;
	}
	return PB_EXIT_OK;
}

static int check_args(const struct pb_tool *tool, void *args, const struct pb_parsed *parsed)
{
	struct pb_value_type types[PB_VALUES_MAX];
	struct pb_args *common = args;
	int err;

	if (tool->measures_all && !common->pids.n && !common->tid && !common->cgroup &&
	    !common->from && !parsed->command)
		common->all = true;
	err = pb_args_check(common, parsed);
	if (err || common->action != PB_ACTION_RUN)
		return err;
	err = pb_outputs_check(common);
	err = err ? err : tool->check(args);
	if (err || common->from)
		return err;
	return pb_outputs_fit(common, types, tool->values(args, types));
}

int pb_tool_main(const struct pb_tool *tool, int argc, char **argv)
{
	pb_autofree void *args = calloc(1, tool->args_size);
	struct pb_parsed parsed;
	struct pb_args *common = args;
	int status;

	pb_log_init(tool->program->name, PB_LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	if (!args)
		return PB_EXIT_FAILED;
	pb_args_init(common);
	tool->init(args);
	if (pb_opts_parse(tool->program, argc, argv, args, &parsed))
		return PB_EXIT_USAGE;
	if (check_args(tool, args, &parsed))
		status = PB_EXIT_USAGE;
	else if (common->action != PB_ACTION_RUN)
		status = print(tool, common);
	else {
		set_up_talk(tool, common);
		status = run(tool, args);
	}
	pb_opts_free(tool->program, args);
	return status;
}
