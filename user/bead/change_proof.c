/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/change_proof.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/bead/changeset.h"
#include "user/bead/golden.h"
#include "user/bead/measure.h"
#include "user/core/json.h"
#include "user/core/log.h"

static const char *const mode_names[] = {
	[PB_COMPARE_EXACT] = "exact", [PB_COMPARE_JSON] = "json",     [PB_COMPARE_SET] = "set",
	[PB_COMPARE_FLOAT] = "float", [PB_COMPARE_IGNORE] = "ignore",
};

/* Each aspect: its option, its member in the proof, and the mode that does not check it. */
static const struct {
	const char *option, *member;
	enum pb_compare blind; /* IGNORE: none */
} aspects[] = {
	[PB_ASPECT_ORDERING] = {"--ordering", "ordering", PB_COMPARE_SET},
	[PB_ASPECT_TIES] = {"--ties", "ties", PB_COMPARE_SET},
	[PB_ASPECT_FLOATING] = {"--floating-point", "floating_point", PB_COMPARE_FLOAT},
	[PB_ASPECT_SEEDS] = {"--seeds", "seeds", PB_COMPARE_IGNORE},
};

static const char *words_of(const struct pb_bead_args *args, enum pb_aspect aspect)
{
	const char *const words[] = {
		[PB_ASPECT_ORDERING] = args->ordering,
		[PB_ASPECT_TIES] = args->ties,
		[PB_ASPECT_FLOATING] = args->floating,
		[PB_ASPECT_SEEDS] = args->seeds,
	};

	return words[aspect];
}

static bool is_blank(const char *text)
{
	return !text || !text[strspn(text, " \t\n\r")];
}

/* Modes in which a workload's outputs are compared, as bits. */
static unsigned int modes_of(const struct pb_plan_golden *g)
{
	unsigned int modes = 1u << g->stdout_mode | 1u << g->stderr_mode;

	for (uint32_t i = 0; i < g->n_files; i++)
		modes |= 1u << g->files[i].mode;
	return modes & ~(1u << PB_COMPARE_IGNORE);
}

const char *pb_proof_gap(const struct pb_plan *plan, enum pb_aspect aspect, char *buf, size_t size)
{
	for (uint32_t i = 0; i < plan->n_workloads; i++) {
		const struct pb_plan_workload *w = &plan->workloads[i];
		unsigned int modes = modes_of(&w->golden);
		enum pb_compare blind = aspects[aspect].blind;

		if (!modes) {
			snprintf(buf, size, "no output of workload %s is compared", w->name);
			return buf;
		}
		if (blind != PB_COMPARE_IGNORE && modes & 1u << blind) {
			snprintf(buf, size, "an output of workload %s is compared in mode %s",
				 w->name, mode_names[blind]);
			return buf;
		}
	}
	return NULL;
}

int pb_proof_check_words(const struct pb_plan *plan, const struct pb_bead_args *args)
{
	char gap[256];

	if (is_blank(args->sketch))
		return pb_fail(EINVAL,
			       "a proof needs --sketch TEXT: why the result is the same for every "
			       "input, not only for those that are run");
	for (int i = 0; i < PB_ASPECTS; i++) {
		const char *words = words_of(args, (enum pb_aspect)i);

		if (words && is_blank(words))
			return pb_fail(EINVAL, "%s has no words", aspects[i].option);
		if (!words && pb_proof_gap(plan, (enum pb_aspect)i, gap, sizeof(gap)))
			return pb_fail(EINVAL,
				       "%s, so the outputs do not check this: say it by %s TEXT",
				       gap, aspects[i].option);
	}
	return 0;
}

int pb_proof_run(const struct pb_desk *desk, const struct pb_bead_args *args)
{
	struct pb_measure m = {
		.store = desk->store, .golden = desk->golden, .stop_fd = args->stop_fd};

	for (uint32_t i = 0; i < desk->plan->n_workloads; i++) {
		const struct pb_plan_workload *w = &desk->plan->workloads[i];
		int end = pb_measure_oracle(&m, w);

		if (end < 0)
			return end;
		if (end == PB_MEASURE_STOPPED)
			return PB_BEAD_INTERRUPTED;
		if (end != PB_MEASURE_DONE) {
			pb_log(PB_LOG_ERROR, "%s: %s; nothing is proven", w->name, m.why);
			return PB_BEAD_FINDING;
		}
	}
	return PB_BEAD_OK;
}

int pb_proof_golden(const struct pb_desk *desk, char digest[PB_SHA256_HEX])
{
	pb_autofree char *path = NULL;
	pb_autoclose int fd = -1;
	int err;

	digest[0] = '\0';
	if (asprintf(&path, "%s/SHA256SUMS", desk->golden) < 0) {
		path = NULL;
		return pb_err(ENOMEM, "look at what is blessed");
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT ? 0 : pb_err(errno, "read %s", path);
	err = pb_sha256_fd(digest, fd);
	return err ? pb_err(-err, "read %s", path) : 0;
}

static void write_aspect(struct pb_json *j, const struct pb_desk *desk,
			 const struct pb_bead_args *args, enum pb_aspect aspect)
{
	const char *words = words_of(args, aspect);
	unsigned int modes = 0, n = 0;
	char text[128] = "checked by the outputs: mode";
	size_t len = strlen(text);

	for (uint32_t i = 0; i < desk->plan->n_workloads; i++)
		modes |= modes_of(&desk->plan->workloads[i].golden);
	for (size_t i = 0; i < PB_ARRAY_SIZE(mode_names); i++)
		if (modes & 1u << i)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
						n++ ? ", " : " ", mode_names[i]);
	pb_json_flat_object(j, aspects[aspect].member);
	pb_json_string(j, "by", words ? "author" : "outputs");
	pb_json_string(j, "text", words ? words : text);
	pb_json_end(j, '}');
}

static void write_output(struct pb_json *j, const struct pb_golden *golden, const char *workload,
			 const char *output, const char *mode)
{
	pb_json_flat_object(j, NULL);
	pb_json_string(j, "output", output);
	pb_json_string(j, "mode", mode);
	pb_json_string(j, "sha256", pb_golden_digest(golden, workload, output));
	pb_json_end(j, '}');
}

static void write_workload(struct pb_json *j, const struct pb_golden *golden,
			   const struct pb_plan_workload *w)
{
	const struct pb_plan_golden *g = &w->golden;
	char name[PB_PLAN_PATH_MAX + 16];

	pb_json_object(j, NULL);
	pb_json_string(j, "workload", w->name);
	pb_json_uint(j, "runs", PB_ORACLE_RUNS);
	pb_json_uint(j, "matched", PB_ORACLE_RUNS);
	pb_json_uint(j, "invariants", g->n_invariants);
	pb_json_uint(j, "rules", g->n_rules);
	pb_json_array(j, "outputs");
	write_output(j, golden, w->name, "exit", "exact");
	if (g->stdout_mode != PB_COMPARE_IGNORE)
		write_output(j, golden, w->name, "stdout", mode_names[g->stdout_mode]);
	if (g->stderr_mode != PB_COMPARE_IGNORE)
		write_output(j, golden, w->name, "stderr", mode_names[g->stderr_mode]);
	for (uint32_t i = 0; i < g->n_files; i++) {
		if (g->files[i].mode == PB_COMPARE_IGNORE)
			continue;
		snprintf(name, sizeof(name), "files/%s", g->files[i].path);
		write_output(j, golden, w->name, name, mode_names[g->files[i].mode]);
	}
	pb_json_end(j, ']');
	pb_json_end(j, '}');
}

static void write_where(struct pb_json *j, const struct pb_changeset *changeset, const char *commit)
{
	char host[256] = "", when[64] = "";
	time_t now = time(NULL);
	struct tm tm;

	gethostname(host, sizeof(host) - 1);
	if (gmtime_r(&now, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	pb_json_string(j, "commit", commit);
	pb_json_string(j, "diff_digest", changeset->digest[0] ? changeset->digest : NULL);
	pb_json_string(j, "time", when);
	pb_json_string(j, "host", host);
}

int pb_proof_document(const struct pb_desk *desk, const struct pb_bead_args *args,
		      const struct pb_changeset *changeset, const char *commit, char **out)
{
	pb_auto(pb_golden) struct pb_golden *golden = NULL;
	char *text = NULL, blessed[PB_SHA256_HEX];
	struct pb_json j;
	size_t size;
	FILE *stream;
	int err = pb_proof_golden(desk, blessed);

	if (!err)
		err = pb_golden_open(&golden, desk->golden);

	if (err)
		return err == -ENOENT ? pb_fail(ENOENT, "nothing is blessed; bead bless") : err;
	stream = open_memstream(&text, &size);
	if (!stream)
		return pb_err(ENOMEM, "write the proof");
	pb_json_init(&j, stream, true);
	pb_json_object(&j, NULL);
	pb_json_string(&j, "schema", "bead-proof/1");
	pb_json_string(&j, "sketch", args->sketch);
	for (int i = 0; i < PB_ASPECTS; i++)
		write_aspect(&j, desk, args, (enum pb_aspect)i);
	write_where(&j, changeset, commit);
	pb_json_string(&j, "plan_digest", desk->plan->digest);
	pb_json_string(&j, "golden_digest", blessed);
	pb_json_string(&j, "build", desk->plan->n_build ? "built by bead" : "not built by bead");
	pb_json_array(&j, "workloads");
	for (uint32_t i = 0; i < desk->plan->n_workloads; i++)
		write_workload(&j, golden, &desk->plan->workloads[i]);
	pb_json_end(&j, ']');
	pb_json_end(&j, '}');
	if (fclose(stream)) {
		free(text);
		return pb_err(ENOMEM, "write the proof");
	}
	*out = text;
	return 0;
}
