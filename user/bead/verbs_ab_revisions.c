/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* ab of revisions: every workload of the plan, in a copy of one and in a copy of the other or of the working tree. */
#include "user/bead/verbs.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "user/bead/builds.h"
#include "user/bead/changes.h"
#include "user/bead/changeset.h"
#include "user/bead/duel.h"
#include "user/bead/git.h"
#include "user/bead/golden.h"
#include "user/core/clock.h"
#include "user/core/json.h"
#include "user/core/log.h"

/* One workload of both. */
struct bout {
	const struct pb_plan_workload *workload;
	struct pb_plan_workload *mapped[2];
	char label[2][128];
	struct pb_duel duel;
	enum pb_verdict verdict; /* by the adjusted p */
	char why[192];
};

struct match {
	const struct pb_bead_args *args;
	struct pb_desk desk;
	struct pb_git *git;
	struct pb_builds *builds;
	struct pb_change *change; /* NULL: of none */
	char *commit[2];          /* NULL: the working tree */
	const char *copy[2];
	struct bout *bouts;
	double *p; /* adjusted, beside them */
	uint32_t n;
	char digest
		[PB_SHA256_HEX]; /* of the working tree against the change's base; "" without a change */
	double delta;
	uint64_t deadline_ns;
};

static void drop_match(struct match *m)
{
	for (uint32_t i = 0; i < m->n; i++) {
		pb_duel_drop(&m->bouts[i].duel);
		pb_builds_unmap(m->bouts[i].mapped[0]);
		pb_builds_unmap(m->bouts[i].mapped[1]);
	}
	free(m->bouts);
	free(m->p);
	pb_builds_close(m->builds);
	pb_git_free(m->git);
	free(m->commit[0]);
	free(m->commit[1]);
	pb_change_free(m->change);
	pb_desk_close(&m->desk);
}

static int find_change(struct match *m)
{
	const struct pb_bead_args *args = m->args;
	int err = pb_change_read(&m->change, m->desk.store, (int64_t)args->change);

	if (err)
		return err;
	if (m->change->state != PB_CHANGE_OPEN && m->change->state != PB_CHANGE_PROVEN)
		return pb_fail(EINVAL, "change %lld is %s, and cannot be judged any more",
			       (long long)m->change->id, pb_change_state_name(m->change->state));
	if (args->a_ref || args->b_ref)
		return pb_fail(EINVAL, "--change compares the working tree with the commit that "
				       "the change began with: leave out --a-ref and --b-ref");
	if (!m->change->base)
		return pb_fail(EINVAL,
			       "change %lld began outside of git: build the old program beside the "
			       "new one, and compare them by bead ab --change %lld --a CMD --b CMD",
			       (long long)m->change->id, (long long)m->change->id);
	return 0;
}

static int find_commits(struct match *m)
{
	const char *a = m->change ? m->change->base : m->args->a_ref;
	int err = pb_git_commit(m->git, a, &m->commit[0]);

	if (!err && m->args->b_ref)
		err = pb_git_commit(m->git, m->args->b_ref, &m->commit[1]);
	return err;
}

static int read_digest(const struct match *m, char digest[PB_SHA256_HEX])
{
	pb_auto_changeset struct pb_changeset c = {0};
	int err;

	digest[0] = '\0';
	if (!m->change)
		return 0;
	err = pb_changeset_read(&c, m->git, m->change->base, m->desk.plan);
	if (!err)
		memcpy(digest, c.digest, PB_SHA256_HEX);
	return err;
}

static int check_golden(const struct match *m)
{
	pb_auto(pb_golden) struct pb_golden *golden = NULL;
	const struct pb_plan *plan = m->desk.plan;
	int err = pb_golden_open(&golden, m->desk.golden);

	if (err && err != -ENOENT)
		return err;
	for (uint32_t i = 0; i < plan->n_workloads; i++) {
		const char *name = plan->workloads[i].name;

		if (!golden || !pb_golden_has(golden, name)) {
			pb_log(PB_LOG_ERROR,
			       "%s: nothing is blessed for it, so nothing tells whether both do the "
			       "same; bead bless %s",
			       name, name);
			return PB_BEAD_FINDING;
		}
	}
	return 0;
}

static int make_copies(struct match *m)
{
	int err = pb_builds_open(&m->builds, m->desk.plan, m->git);

	for (int i = 0; i < 2 && !err; i++) {
		const char *doing = m->desk.plan->n_build ? "building" : "copying";

		if (m->commit[i]) {
			pb_log(PB_LOG_INFO, "%s %.12s", doing, m->commit[i]);
			err = pb_builds_make(m->builds, m->commit[i], &m->copy[i]);
		} else {
			/* Made as the other side is: what lies built in the working tree may be of another source. */
			pb_log(PB_LOG_INFO, "%s the working tree", doing);
			err = pb_builds_make_tree(m->builds, &m->copy[i]);
		}
	}
	return err;
}

/* What a failure in a copy often comes from. */
static void hint(const struct match *m)
{
	if (m->desk.plan->n_build)
		pb_log(PB_LOG_INFO, "a copy has what git has and what the plan's "
				    "\"build\" makes: no file that git ignores or does not know");
	else
		pb_log(PB_LOG_INFO, "a copy has what git has, and no more: the plan "
				    "says no \"build\"");
}

static int prepare(struct match *m, struct bout *bout)
{
	int err = 0;

	for (int i = 0; i < 2 && !err; i++) {
		snprintf(bout->label[i], sizeof(bout->label[i]), "%s %s%.12s", bout->workload->name,
			 m->commit[i] ? "at " : "in the working tree",
			 m->commit[i] ? m->commit[i] : "");
		bout->duel.label[i] = bout->label[i];
		err = pb_builds_map(&bout->mapped[i], m->git, bout->workload, m->copy[i]);
		bout->duel.side[i] = bout->mapped[i];
	}
	return err ? err : pb_builds_differ(bout->duel.side);
}

/* Return: enum pb_bead_exit of what ends the whole, else 0; -errno. */
static int fight(struct match *m, uint32_t i)
{
	const struct pb_bead_args *args = m->args;
	struct bout *bout = &m->bouts[i];
	uint64_t now_ns = pb_clock_ns();
	int end;

	bout->workload = &m->desk.plan->workloads[i];
	bout->duel = (struct pb_duel){
		.name = bout->workload->name,
		.golden = m->desk.golden,
		.rules = {.delta = m->delta, .most = (uint32_t)args->pairs, .seed = args->seed},
		.noisy = args->noisy,
		.warmups = bout->workload->warmup,
		.stop_fd = args->stop_fd,
	};
	/* Each has its share of the time that is left. */
	if (m->deadline_ns)
		bout->duel.deadline_ns =
			now_ns + (m->deadline_ns > now_ns ? m->deadline_ns - now_ns : 0) /
					 (m->desk.plan->n_workloads - i);
	m->n++;
	end = prepare(m, bout);
	if (!end)
		end = pb_duel_fight(&bout->duel);
	if (end == PB_DUEL_STOPPED)
		return PB_BEAD_INTERRUPTED;
	if (end && end != -EINVAL)
		hint(m);
	/* -ECANCELED: a prepare command failed. */
	return end > 0 || end == -ECANCELED ? PB_BEAD_FINDING : end;
}

/* Of several workloads one may seem to differ by chance: Holm, and the verdict by that p. */
static void judge(struct match *m)
{
	for (uint32_t i = 0; i < m->n; i++) {
		const struct pb_ab_result *r = pb_ab_result(m->bouts[i].duel.ab);

		m->p[i] = r->has_ratio ? r->p : 1;
	}
	pb_stats_holm(m->p, m->n);
	for (uint32_t i = 0; i < m->n; i++) {
		const struct pb_ab_result *r = pb_ab_result(m->bouts[i].duel.ab);
		struct bout *bout = &m->bouts[i];

		bout->verdict = r->verdict;
		snprintf(bout->why, sizeof(bout->why), "%s", r->why);
		if ((r->verdict != PB_VERDICT_REGRESSED && r->verdict != PB_VERDICT_IMPROVED) ||
		    m->p[i] < PB_AB_ALPHA)
			continue;
		bout->verdict = PB_VERDICT_INCONCLUSIVE;
		snprintf(bout->why, sizeof(bout->why), "p is %.3g, of %u workloads by Holm",
			 m->p[i], m->n);
	}
}

static uint32_t count(const struct match *m, enum pb_verdict verdict)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->n; i++)
		n += m->bouts[i].verdict == verdict;
	return n;
}

/* Of those that nobody can say of: how many may take longer by more than delta. The others may be faster. */
static uint32_t count_maybe_worse(const struct match *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->n; i++) {
		const struct pb_ab_result *r = pb_ab_result(m->bouts[i].duel.ab);

		n += m->bouts[i].verdict == PB_VERDICT_INCONCLUSIVE &&
		     !(r->has_ratio && r->ratio.high <= 1 + m->delta);
	}
	return n;
}

/* Of all: the worst; and improved where one is and the others are no worse. */
static enum pb_verdict overall(const struct match *m)
{
	bool improved = count(m, PB_VERDICT_IMPROVED);

	if (count(m, PB_VERDICT_REGRESSED))
		return PB_VERDICT_REGRESSED;
	if (improved ? count_maybe_worse(m) : count(m, PB_VERDICT_INCONCLUSIVE))
		return PB_VERDICT_INCONCLUSIVE;
	return improved ? PB_VERDICT_IMPROVED : PB_VERDICT_EQUIVALENT;
}

static void write_result(FILE *out, const struct match *m, bool compact)
{
	struct pb_json j;

	pb_json_init(&j, out, compact);
	pb_json_object(&j, NULL);
	pb_json_string(&j, "schema", "bead-ab/1");
	pb_json_string(&j, "a", m->commit[0]);
	pb_json_string(&j, "b", m->commit[1] ? m->commit[1] : "working tree");
	pb_json_real(&j, "delta", m->delta);
	pb_json_uint(&j, "seed", m->args->seed);
	pb_json_string(&j, "verdict", pb_verdict_name(overall(m)));
	if (m->change)
		pb_json_int(&j, "change", m->change->id);
	else
		pb_json_null(&j, "change");
	pb_json_string(&j, "b_digest", m->digest[0] ? m->digest : NULL);
	pb_json_array(&j, "workloads");
	for (uint32_t i = 0; i < m->n; i++) {
		const struct bout *bout = &m->bouts[i];

		pb_json_object(&j, NULL);
		pb_json_string(&j, "workload", bout->workload->name);
		pb_duel_write(&j, &bout->duel, bout->verdict, bout->why, m->p[i]);
		pb_json_end(&j, '}');
	}
	pb_json_end(&j, ']');
	pb_json_end(&j, '}');
}

static void show_result(const struct match *m)
{
	if (m->args->json) {
		write_result(stdout, m, false);
		putchar('\n');
		return;
	}
	for (uint32_t i = 0; i < m->n; i++) {
		printf("%s: ", m->bouts[i].workload->name);
		pb_duel_print(&m->bouts[i].duel, m->bouts[i].verdict, m->p[i], m->bouts[i].why);
		putchar('\n');
	}
	if (m->n > 1)
		printf("%s; p adjusted by Holm over %u workloads\n", pb_verdict_name(overall(m)),
		       m->n);
}

/* Only of the tree that it was when it began: what was edited meanwhile is neither the one nor the other. */
static int note_result(struct match *m)
{
	pb_autofree char *text = NULL;
	char digest[PB_SHA256_HEX];
	size_t size;
	FILE *out;
	int err;

	if (!m->change)
		return 0;
	err = read_digest(m, digest);
	if (err)
		return err;
	if (strcmp(digest, m->digest) != 0) {
		pb_log(PB_LOG_ERROR, "the working tree was changed while it was measured, so the "
				     "verdict is not noted; bead ab again");
		return PB_BEAD_INCONCLUSIVE;
	}
	out = open_memstream(&text, &size);
	if (!out)
		return pb_err(ENOMEM, "note the verdict");
	write_result(out, m, true);
	if (fclose(out))
		return pb_err(ENOMEM, "note the verdict");
	return pb_store_note_verdict(m->desk.store, m->change->id, text);
}

static int play(struct match *m)
{
	int err = 0;

	for (uint32_t i = 0; i < m->desk.plan->n_workloads && !err; i++)
		err = fight(m, i);
	if (err)
		return err;
	judge(m);
	show_result(m);
	err = note_result(m);
	if (err)
		return err;
	switch (overall(m)) {
	case PB_VERDICT_REGRESSED:
		return PB_BEAD_FINDING;
	case PB_VERDICT_INCONCLUSIVE:
		return PB_BEAD_INCONCLUSIVE;
	default:
		return PB_BEAD_OK;
	}
}

static int open_match(struct match *m)
{
	pb_autofree char *scratch = NULL;
	int err = pb_desk_open(&m->desk, m->args);

	if (err)
		return err;
	m->bouts = calloc(m->desk.plan->n_workloads, sizeof(*m->bouts));
	m->p = calloc(m->desk.plan->n_workloads, sizeof(*m->p));
	if (!m->bouts || !m->p || asprintf(&scratch, "%s/.bead", m->desk.plan->directory) < 0)
		return pb_err(ENOMEM, "begin");
	if (m->args->change)
		err = find_change(m);
	if (err)
		return err;
	err = pb_git_open(&m->git, m->desk.plan->directory, scratch, m->args->stop_fd);
	if (err == -ENOENT)
		return pb_fail(EINVAL,
			       "%s is in no git repository, or there is no git: compare commands, "
			       "by --a CMD --b CMD",
			       m->desk.plan->directory);
	return err;
}

int pb_bead_ab_revisions(const struct pb_bead_args *args, double delta)
{
	struct match m = {.args = args, .delta = delta};
	int err = open_match(&m);

	if (!err)
		err = find_commits(&m);
	if (!err)
		err = read_digest(&m, m.digest);
	if (!err)
		err = check_golden(&m);
	if (!err)
		err = make_copies(&m);
	if (args->max_time_ns)
		m.deadline_ns = pb_clock_ns() + args->max_time_ns;
	if (!err)
		err = play(&m);
	drop_match(&m);
	return err == -ECANCELED ? PB_BEAD_INTERRUPTED : err;
}
