/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* change: one lever at one hotspot, from the hypothesis over the proof to the end. */
#include "user/bead/verbs.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "user/bead/builds.h"
#include "user/bead/change_open.h"
#include "user/bead/change_proof.h"
#include "user/bead/change_show.h"
#include "user/bead/changes.h"
#include "user/bead/changeset.h"
#include "user/bead/git.h"
#include "user/core/jsonvalue.h"
#include "user/core/log.h"

/* The difference of the working tree from the change's base. */
static int read_changeset(struct pb_changeset *c, struct pb_git **git, const struct pb_desk *desk,
			  const struct pb_bead_args *args, const struct pb_change *change)
{
	int err = change->base ? pb_change_git(git, desk, args) : 0;

	if (!err && change->base && !*git)
		return pb_fail(EINVAL,
			       "%s is in no git repository any more, and the change began "
			       "in one",
			       desk->plan->directory);
	return err ? err : pb_changeset_read(c, *git, change->base, desk->plan);
}

/* What is run is made of the source as it is, and not of what it was when somebody built it last. */
static int build(const struct pb_desk *desk, const struct pb_bead_args *args)
{
	if (!desk->plan->n_build) {
		pb_log(PB_LOG_WARN,
		       "the plan has no \"build\": what is run is proven, and nobody knows "
		       "whether it was built of this source");
		return 0;
	}
	pb_log(PB_LOG_INFO, "building the working tree");
	return pb_builds_here(desk->plan, args->stop_fd);
}

/* Nothing may have been edited while it was built and the oracle ran. */
static int still_the_same(const struct pb_changeset *before, const struct pb_git *git,
			  const struct pb_desk *desk)
{
	pb_auto_changeset struct pb_changeset after = {0};
	int err = pb_changeset_read(&after, git, before->base, desk->plan);

	if (err || !strcmp(after.digest, before->digest))
		return err;
	pb_log(PB_LOG_ERROR,
	       "the working tree was changed while it was built and run, so nothing is "
	       "proven; prove it again; what the build writes is for git to ignore");
	return PB_BEAD_FINDING;
}

/* Whatever git knows of golden/: has it changed since the change began? */
static int see_golden(struct pb_changeset *c, const struct pb_desk *desk,
		      const struct pb_change *change)
{
	char now[PB_SHA256_HEX];
	int err = pb_proof_golden(desk, now);

	if (!err && strcmp(now, change->golden ? change->golden : "") != 0)
		c->golden_differs = true;
	return err;
}

static int note_proof(const struct pb_desk *desk, const struct pb_bead_args *args,
		      const struct pb_change *change, const struct pb_changeset *c,
		      const struct pb_git *git)
{
	pb_autofree char *diff = pb_changeset_document(c), *proof = NULL, *commit = NULL;
	int err = git ? pb_git_commit(git, "HEAD", &commit) : 0;

	if (!err && !diff)
		err = pb_err(ENOMEM, "write the proof");
	if (!err)
		err = pb_proof_document(desk, args, c, commit, &proof);
	return err ? err : pb_store_prove_change(desk->store, change->id, diff, proof);
}

static int prove(const struct pb_desk *desk, const struct pb_bead_args *args,
		 const struct pb_change *change)
{
	pb_auto(pb_git) struct pb_git *git = NULL;
	pb_auto_changeset struct pb_changeset c = {0};
	int err;

	if (change->state != PB_CHANGE_OPEN && change->state != PB_CHANGE_PROVEN)
		return pb_fail(EINVAL, "change %lld is %s, and cannot be proven",
			       (long long)change->id, pb_change_state_name(change->state));
	err = pb_proof_check_words(desk->plan, args);
	if (!err)
		err = read_changeset(&c, &git, desk, args, change);
	if (!err)
		err = build(desk, args);
	if (!err)
		err = pb_proof_run(desk, args);
	if (!err)
		err = still_the_same(&c, git, desk);
	if (!err)
		err = see_golden(&c, desk, change);
	if (!err)
		err = pb_changeset_judge(&c, git, desk->plan, desk->store, change);
	if (!err)
		err = note_proof(desk, args, change, &c, git);
	if (err)
		return err;
	for (uint32_t i = 0; i < c.n_flags; i++)
		pb_log(PB_LOG_WARN, "%s: %s", pb_oddity_name(c.flags[i].oddity), c.flags[i].text);
	return pb_change_show(desk->store, change->id, args->json);
}

static bool is_blank(const char *text)
{
	return !text || !text[strspn(text, " \t\n")];
}

/* A member of a document in the store, to be freed; NULL: it has none. */
static char *member(const char *document, const char *key)
{
	json_error_t error;
	pb_autojson json_t *value = document ? json_loads(document, 0, &error) : NULL;
	const char *text = json_string_value(json_object_get(value, key));

	return text ? strdup(text) : NULL;
}

/* A verdict that did not please stays one, however often it is asked for: the code has to change. */
static int check_attempts(const struct pb_change *change, const char *digest)
{
	json_error_t error;
	pb_autojson json_t *attempts =
		change->attempts ? json_loads(change->attempts, 0, &error) : NULL;
	long long id = change->id;

	for (size_t i = 0; i < json_array_size(attempts); i++) {
		const json_t *attempt = json_array_get(attempts, i);
		const char *of = json_string_value(json_object_get(attempt, "b_digest"));
		const char *verdict = json_string_value(json_object_get(attempt, "verdict"));

		if (!verdict || strcmp(verdict, "regressed") != 0)
			continue;
		if (!digest[0]) {
			pb_log(PB_LOG_WARN,
			       "change %lld was judged as regressed before; outside of "
			       "git nothing tells whether the code was another one",
			       id);
			return 0;
		}
		if (!of || strcmp(of, digest) != 0)
			continue;
		pb_log(PB_LOG_ERROR,
		       "this very working tree was judged as regressed, by verdict %zu of %zu: "
		       "change the code, or bead change abandon %lld --why TEXT",
		       i + 1, json_array_size(attempts), id);
		return PB_BEAD_FINDING;
	}
	return 0;
}

/* What is blessed is what was blessed when it was proven. */
static int check_golden(const struct pb_desk *desk, const struct pb_change *change)
{
	pb_autofree char *proven = member(change->proof, "golden_digest");
	char now[PB_SHA256_HEX];
	int err = pb_proof_golden(desk, now);

	if (err || (proven && !strcmp(proven, now)))
		return err;
	return pb_fail(EINVAL,
		       "golden outputs are others than when change %lld was proven; bead change "
		       "prove %lld again",
		       (long long)change->id, (long long)change->id);
}

/* What was proven, and what was judged, is the tree as it is. */
static int check_tree(const struct pb_desk *desk, const struct pb_bead_args *args,
		      const struct pb_change *change)
{
	pb_auto(pb_git) struct pb_git *git = NULL;
	pb_auto_changeset struct pb_changeset c = {0};
	pb_autofree char *proven = member(change->proof, "diff_digest");
	pb_autofree char *judged = member(change->verdict, "b_digest");
	pb_autofree char *plan = member(change->proof, "plan_digest");
	long long id = change->id;
	int err;

	if (!plan || strcmp(plan, desk->plan->digest) != 0)
		return pb_fail(EINVAL,
			       "the plan is another one than when change %lld was proven; bead "
			       "change prove %lld again",
			       id, id);
	err = check_golden(desk, change);
	if (err)
		return err;
	if (!change->base)
		return check_attempts(change, "");
	err = read_changeset(&c, &git, desk, args, change);
	if (err)
		return err;
	if (!proven || strcmp(proven, c.digest) != 0)
		return pb_fail(EINVAL,
			       "the working tree is another one than when change %lld was proven; "
			       "bead change prove %lld again",
			       id, id);
	if (!judged || strcmp(judged, c.digest) != 0)
		return pb_fail(EINVAL,
			       "the verdict is of another working tree than this one; bead ab "
			       "--change %lld again",
			       id);
	return check_attempts(change, c.digest);
}

static int check_verdict(const struct pb_bead_args *args, const struct pb_change *change)
{
	pb_autofree char *verdict = member(change->verdict, "verdict");
	long long id = change->id;

	if (!verdict)
		return pb_fail(EINVAL, "change %lld was not judged; bead ab --change %lld", id, id);
	if (!strcmp(verdict, "regressed")) {
		pb_log(PB_LOG_ERROR,
		       "change %lld is judged as regressed: make it better, or bead change abandon "
		       "%lld --why TEXT",
		       id, id);
		return PB_BEAD_FINDING;
	}
	if (!strcmp(verdict, "inconclusive") && is_blank(args->why)) {
		pb_log(PB_LOG_ERROR,
		       "the verdict on change %lld is inconclusive: bead ab --change %lld again, "
		       "with more --pairs, or say by --why TEXT why it stays",
		       id, id);
		return PB_BEAD_INCONCLUSIVE;
	}
	return 0;
}

static int close_change(const struct pb_desk *desk, const struct pb_bead_args *args,
			const struct pb_change *change)
{
	long long id = change->id;
	int err;

	if (change->state == PB_CHANGE_OPEN)
		return pb_fail(EINVAL,
			       "change %lld is not proven; bead change prove %lld --sketch TEXT",
			       id, id);
	if (change->state != PB_CHANGE_PROVEN)
		return pb_fail(EINVAL, "change %lld is %s, and cannot be closed", id,
			       pb_change_state_name(change->state));
	err = check_verdict(args, change);
	if (!err)
		err = check_tree(desk, args, change);
	if (!err)
		err = pb_store_close_change(desk->store, change->id, args->why);
	if (err)
		return err;
	pb_log(PB_LOG_INFO, "what was measured until now is of the program as it was: baseline, "
			    "profiles and gate are open again");
	return pb_change_show(desk->store, change->id, args->json);
}

static int abandon(const struct pb_desk *desk, const struct pb_bead_args *args,
		   const struct pb_change *change)
{
	int err;

	if (is_blank(args->why))
		return pb_fail(EINVAL, "change abandon needs --why TEXT: what did it teach?");
	err = pb_store_abandon_change(desk->store, change->id, args->why);
	return err ? err : pb_change_show(desk->store, change->id, args->json);
}

static int show(const struct pb_desk *desk, const struct pb_bead_args *args,
		const struct pb_change *change)
{
	return pb_change_show(desk->store, change->id, args->json);
}

/* What is done to one change. */
static const struct {
	const char *name;
	int (*run)(const struct pb_desk *desk, const struct pb_bead_args *args,
		   const struct pb_change *change);
} deeds[] = {{"prove", prove}, {"close", close_change}, {"abandon", abandon}, {"show", show}};

static int do_deed(const struct pb_desk *desk, const struct pb_bead_args *args, size_t deed)
{
	pb_auto(pb_change) struct pb_change *change = NULL;
	uint64_t id = 0;
	int err;

	if (!args->words[1] || pb_parse_uint(args->words[1], 1, INT64_MAX, &id))
		return pb_fail(
			EINVAL,
			"change %s needs the number of a change; bead change list shows them",
			deeds[deed].name);
	err = pb_change_read(&change, desk->store, (int64_t)id);
	return err ? err : deeds[deed].run(desk, args, change);
}

int pb_bead_change(const struct pb_bead_args *args)
{
	pb_auto_close_desk struct pb_desk desk = {0};
	const char *what = args->words[0] ? args->words[0] : "";
	bool is_open = !strcmp(what, "open"), is_list = !strcmp(what, "list");
	size_t deed = 0;
	int err;

	while (deed < PB_ARRAY_SIZE(deeds) && strcmp(what, deeds[deed].name) != 0)
		deed++;
	if (!is_open && !is_list && deed == PB_ARRAY_SIZE(deeds))
		return pb_fail(EINVAL, "change is followed by \"open TITLE\", \"prove N\", \"close "
				       "N\", \"abandon N\", \"list\" or \"show N\"");
	if (is_list && args->words[1])
		return pb_fail(EINVAL, "unexpected \"%s\" behind change list", args->words[1]);
	err = pb_desk_open(&desk, args);
	if (err)
		return err;
	if (is_open)
		err = pb_change_begin(&desk, args);
	else if (is_list)
		err = pb_change_list(desk.store, args->json);
	else
		err = do_deed(&desk, args, deed);
	return err == -ECANCELED ? PB_BEAD_INTERRUPTED : err;
}
