/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/change_open.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "user/bead/change_proof.h"
#include "user/bead/change_show.h"
#include "user/bead/changes.h"
#include "user/bead/changeset.h"
#include "user/bead/git.h"
#include "user/bead/levers.h"
#include "user/bead/spots.h"
#include "user/core/log.h"

int pb_change_git(struct pb_git **git, const struct pb_desk *desk, const struct pb_bead_args *args)
{
	pb_autofree char *scratch = NULL;
	int err;

	if (asprintf(&scratch, "%s/.bead", desk->plan->directory) < 0) {
		scratch = NULL;
		return pb_err(ENOMEM, "look for a repository");
	}
	err = pb_git_open(git, desk->plan->directory, scratch, args->stop_fd);
	return err == -ENOENT ? 0 : err;
}

/* A hotspot that is looked for among what the last profiles found. */
struct search {
	const struct pb_desk *desk;
	const char *workload; /* NULL: any */
	size_t workload_len;
	const char *id, *lever;
	uint32_t bead; /* that is looked through */
	int64_t run;
	/* what was found */
	char *found_workload, *found_name;
	bool several, has_clue;
	int64_t stale; /* a change that was closed since */
};

static int see_clue(void *ctx, const struct pb_clue *clue)
{
	struct search *s = ctx;

	s->has_clue = s->has_clue || !strcmp(clue->lever, s->lever);
	return 0;
}

static int see_spot(void *ctx, const struct pb_spot *spot)
{
	struct search *s = ctx;
	enum pb_bead_state state;

	if (strcmp(spot->id, s->id) != 0)
		return 0;
	if (s->workload && (strlen(spot->workload) != s->workload_len ||
			    memcmp(spot->workload, s->workload, s->workload_len) != 0))
		return 0;
	if (s->found_workload) {
		s->several = s->several || strcmp(s->found_workload, spot->workload) != 0;
		return pb_store_clues(s->desk->store, s->run, spot->workload, spot->id, see_clue,
				      s);
	}
	s->found_workload = strdup(spot->workload);
	s->found_name = strdup(spot->name);
	if (!s->found_workload || !s->found_name)
		return pb_err(ENOMEM, "look for the hotspot");
	if (pb_desk_state(s->desk, s->bead, &state, &s->stale))
		s->stale = 0;
	return pb_store_clues(s->desk->store, s->run, spot->workload, spot->id, see_clue, s);
}

/* "WORKLOAD/ID", or the id alone where one workload has it. Return: 0; -EINVAL, logged; -errno. */
static int find_hotspot(struct search *s, const char *name)
{
	const struct pb_plan *plan = s->desk->plan;
	const char *slash = strrchr(name, '/');
	int err = 0;

	s->id = slash ? slash + 1 : name;
	s->workload = slash ? name : NULL;
	s->workload_len = slash ? (size_t)(slash - name) : 0;
	for (s->bead = 0; s->bead < plan->n_beads && !err; s->bead++) {
		err = pb_store_last_done(s->desk->store, plan->beads[s->bead].id, plan->digest,
					 &s->run);
		if (!err && s->run)
			err = pb_store_spots(s->desk->store, s->run, see_spot, s);
	}
	if (err)
		return err;
	if (!s->found_workload)
		return pb_fail(EINVAL,
			       "no profile that is done under this plan found the hotspot \"%s\"; "
			       "bead matrix shows those there are",
			       name);
	if (s->several)
		return pb_fail(EINVAL,
			       "several workloads have the hotspot %s: call it as %s/%s, for one",
			       s->id, s->found_workload, s->id);
	return 0;
}

/* What speaks against the change from the start; to be freed, NULL: nothing, or no memory. */
static char *speak_against(const struct search *s)
{
	char stale[128] = "", *text;

	if (s->stale)
		snprintf(stale, sizeof(stale),
			 "the profile that found the hotspot is older than change %lld, which was "
			 "closed since",
			 (long long)s->stale);
	if (s->has_clue)
		return s->stale ? strdup(stale) : NULL;
	if (asprintf(&text, "nothing that was measured at this hotspot speaks for %s%s%s", s->lever,
		     s->stale ? "; " : "", stale) < 0)
		return NULL;
	return text;
}

/* The commit that is checked out, if all that git knows is as it is there. *@base NULL: not in git. */
static int find_base(const struct pb_desk *desk, const struct pb_bead_args *args, char **base)
{
	pb_auto(pb_git) struct pb_git *git = NULL;
	pb_autofree char *dirty = NULL;
	int err = pb_change_git(&git, desk, args);

	if (err)
		return err;
	if (!git) {
		pb_log(PB_LOG_WARN, "%s is in no git repository: what is changed will not be known",
		       desk->plan->directory);
		return 0;
	}
	err = pb_git_commit(git, "HEAD", base);
	if (!err)
		err = pb_changeset_dirty(git, desk->plan, &dirty);
	if (!err && dirty)
		err = pb_fail(EINVAL,
			      "%s is changed already: commit it, or take it back, so that the "
			      "change begins from a commit",
			      dirty);
	return err;
}

static int check_open(const struct pb_bead_args *args, double *expected)
{
	const char *needed[] = {args->words[1], args->hotspot, args->lever, args->hypothesis};
	static const char *const names[] = {"a TITLE", "--hotspot", "--lever", "--hypothesis"};
	pb_autofree char *number = NULL;
	size_t len;

	for (size_t i = 0; i < PB_ARRAY_SIZE(needed); i++)
		if (!needed[i] || !needed[i][strspn(needed[i], " \t\n")])
			return pb_fail(EINVAL, "change open needs %s; see bead change --help",
				       names[i]);
	if (!pb_lever_find(args->lever)) {
		char all[1024] = "";
		size_t n = 0;

		for (size_t i = 0; pb_lever_at(i) && n < sizeof(all); i++)
			n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "",
					      pb_lever_at(i)->name);
		return pb_fail(EINVAL, "there is no lever \"%s\"; there are %s", args->lever, all);
	}
	*expected = NAN;
	if (!args->expect)
		return 0;
	number = strdup(args->expect);
	if (!number)
		return pb_err(ENOMEM, "read --expect");
	len = strlen(number);
	if (len && number[len - 1] == '%')
		number[len - 1] = '\0';
	if (pb_parse_real(number, expected) || !(*expected > 0) || *expected > 100)
		return pb_fail(EINVAL, "--expect %s is no percentage above 0 and up to 100",
			       args->expect);
	return 0;
}

static int open_with(struct search *s, const struct pb_bead_args *args, double expected)
{
	pb_autofree char *base = NULL, *warning = NULL;
	char golden[PB_SHA256_HEX];
	int64_t id = 0;
	int err = find_hotspot(s, args->hotspot);

	if (!err)
		err = pb_proof_golden(s->desk, golden);

	if (!err)
		err = find_base(s->desk, args, &base);
	if (err)
		return err;
	warning = speak_against(s);
	err = pb_store_open_change(s->desk->store,
				   &(const struct pb_change){
					   .title = args->words[1],
					   .workload = s->found_workload,
					   .spot = s->id,
					   .spot_name = s->found_name,
					   .lever = args->lever,
					   .hypothesis = args->hypothesis,
					   .expected_pct = expected,
					   .base = base,
					   .warning = warning,
					   .golden = golden[0] ? golden : NULL,
				   },
				   &id);
	if (err)
		return err;
	if (warning)
		pb_log(PB_LOG_WARN, "%s", warning);
	return pb_change_show(s->desk->store, id, args->json);
}

int pb_change_begin(const struct pb_desk *desk, const struct pb_bead_args *args)
{
	struct search s = {.desk = desk, .lever = args->lever};
	double expected = NAN;
	int err = check_open(args, &expected);

	if (!err)
		err = open_with(&s, args, expected);
	free(s.found_workload);
	free(s.found_name);
	/* What is on its way already is no fault of this machine. */
	return err == -EBUSY ? -EINVAL : err;
}
