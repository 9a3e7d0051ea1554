/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Runs of beads: who works on which, what became of it, and which one is a baseline. */
#include "user/bead/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "user/bead/changes.h"
#include "user/bead/store_inside.h"
#include "user/core/log.h"
#include "user/core/procstat.h"

#define NOW "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

/* As they stand in the file. */
static const char *const state_names[] = {
	[PB_STATE_OPEN] = "open",
	[PB_STATE_RUNNING] = "running",
	[PB_STATE_DONE] = "done",
	[PB_STATE_FAILED] = "failed",
	[PB_STATE_INCONCLUSIVE] = "inconclusive",
	[PB_STATE_CANNOT] = "cannot",
};

const char *pb_bead_state_name(enum pb_bead_state state)
{
	return state_names[state];
}

static enum pb_bead_state state_of(const char *name)
{
	for (size_t i = 0; name && i < PB_ARRAY_SIZE(state_names); i++)
		if (!strcmp(name, state_names[i]))
			return (enum pb_bead_state)i;
	return PB_STATE_OPEN;
}

/* A process, at whatever time: pids come again, and ticks begin anew with each boot. */
struct owner {
	char boot[40];
	int64_t pid, start_ticks;
};

/* Of this boot; "" where it is not known. */
static void read_boot(char *boot, size_t size)
{
	pb_autoclose int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, boot, size - 1);

	boot[n > 0 ? n : 0] = '\0';
	boot[strcspn(boot, "\n")] = '\0';
}

static int read_owner(struct owner *owner)
{
	struct pb_procstat stat;
	int err = pb_procstat_read((uint32_t)getpid(), &stat);

	if (err)
		return pb_err(-err, "read /proc/self/stat");
	read_boot(owner->boot, sizeof(owner->boot));
	owner->pid = getpid();
	owner->start_ticks = (int64_t)stat.start_ticks;
	return 0;
}

/* The columns boot, pid, start_ticks, from @column on. */
static bool owner_lives(struct pb_query *q, int column)
{
	const char *boot = pb_query_get_text(q, column);
	int64_t pid = pb_query_get_int(q, column + 1);
	struct pb_procstat stat;
	char own[40];

	read_boot(own, sizeof(own));
	if (!boot || strcmp(boot, own) != 0 || pid <= 0 || pid > INT32_MAX)
		return false;
	return !pb_procstat_read((uint32_t)pid, &stat) && !stat.has_ended &&
	       (int64_t)stat.start_ticks == pb_query_get_int(q, column + 2);
}

int pb_store_state(struct pb_store *s, const char *bead, const char *plan_digest,
		   enum pb_bead_state *state)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "look up the bead",
			     "SELECT state, boot, pid, start_ticks FROM bead_runs"
			     " WHERE bead = ? AND plan_digest = ? ORDER BY id DESC LIMIT 1");
	int err;

	pb_query_text(&q, bead);
	pb_query_text(&q, plan_digest);
	err = pb_query_next(&q);
	if (err < 0)
		return err;
	*state = err ? state_of(pb_query_get_text(&q, 0)) : PB_STATE_OPEN;
	if (*state == PB_STATE_RUNNING && !owner_lives(&q, 1))
		*state = PB_STATE_OPEN;
	return 0;
}

struct begin {
	struct pb_store *store;
	const char *bead, *plan_digest;
	bool resume;
	struct owner owner;
	int64_t id;
	char *directory;
};

static int refuse_if_running(struct begin *b)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&b->store->sql, "look up who works on the bead",
			     "SELECT boot, pid, start_ticks FROM bead_runs"
			     " WHERE bead = ? AND state = 'running'");
	int err;

	pb_query_text(&q, b->bead);
	while ((err = pb_query_next(&q)) > 0)
		if (owner_lives(&q, 0))
			return pb_fail(EBUSY,
				       "process %lld works on the bead %s: wait for it, or stop it",
				       (long long)pb_query_get_int(&q, 1), b->bead);
	return err;
}

/* What nobody alive works on was interrupted. */
static int reopen(struct begin *b)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&b->store->sql, "open the bead again",
			     "UPDATE bead_runs SET state = 'open', note = 'interrupted'"
			     " WHERE bead = ? AND state = 'running'");

	pb_query_text(&q, b->bead);
	return pb_query_run(&q);
}

/*
 * Only the last run: behind one that came to an end, an older one is of no use. Nor is one that began before a change
 * was closed, since the samples that it has are those of another program.
 */
static int find_interrupted(struct begin *b)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&b->store->sql, "look for what was interrupted",
			     "SELECT id, state FROM bead_runs WHERE bead = ? AND plan_digest = ?"
			     " ORDER BY id DESC LIMIT 1");
	int64_t stale;
	int err = pb_store_stale_until(b->store, &stale, NULL);

	if (err)
		return err;
	pb_query_text(&q, b->bead);
	pb_query_text(&q, b->plan_digest);
	err = pb_query_next(&q);
	if (err > 0 && state_of(pb_query_get_text(&q, 1)) == PB_STATE_OPEN &&
	    pb_query_get_int(&q, 0) > stale)
		b->id = pb_query_get_int(&q, 0);
	return err < 0 ? err : 0;
}

static int take_up(struct begin *b)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&b->store->sql, "take up the bead",
			     "UPDATE bead_runs SET state = 'running', note = NULL, ended = NULL,"
			     " boot = ?, pid = ?, start_ticks = ? WHERE id = ?");

	pb_query_text(&q, b->owner.boot);
	pb_query_int(&q, b->owner.pid);
	pb_query_int(&q, b->owner.start_ticks);
	pb_query_int(&q, b->id);
	return pb_query_run(&q);
}

static int add_run(struct begin *b)
{
	pb_auto_query struct pb_query q = pb_sql_query(
		&b->store->sql, "begin the bead",
		"INSERT INTO bead_runs (bead, plan_digest, state, boot, pid, start_ticks, started)"
		" VALUES (?, ?, 'running', ?, ?, ?, " NOW ") RETURNING id");
	int err;

	pb_query_text(&q, b->bead);
	pb_query_text(&q, b->plan_digest);
	pb_query_text(&q, b->owner.boot);
	pb_query_int(&q, b->owner.pid);
	pb_query_int(&q, b->owner.start_ticks);
	err = pb_query_next(&q);
	if (err < 0)
		return err;
	b->id = pb_query_get_int(&q, 0);
	return pb_query_run(&q);
}

/* "runs/12-shop.cpu". Its bead's name comes from a plan, and stays one name of a file. NULL: no memory. */
static char *path_of(const struct pb_store *s, int64_t id, const char *bead)
{
	pb_autofree char *name = strdup(bead);
	char *path;

	for (char *p = name; p && *p; p++)
		if (!strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-",
			    *p))
			*p = '_';
	if (!name || asprintf(&path, "%s/runs/%lld-%.64s", s->directory, (long long)id, name) < 0)
		return NULL;
	return path;
}

int pb_store_run(struct pb_store *s, int64_t id, char **bead, char **directory)
{
	pb_auto_query struct pb_query q = pb_sql_query(&s->sql, "look for the run",
						       "SELECT bead FROM bead_runs WHERE id = ?");
	pb_autofree char *name = NULL, *path = NULL;
	int err;

	pb_query_int(&q, id);
	err = pb_query_next(&q);
	if (!err)
		return pb_fail(EINVAL, "%s has no run %lld", s->sql.path, (long long)id);
	if (err < 0)
		return err;
	name = strdup(pb_query_get_text(&q, 0));
	path = name ? path_of(s, id, name) : NULL;
	if (!path)
		return pb_err(ENOMEM, "look for the run");
	*bead = pb_take(name);
	*directory = pb_take(path);
	return 0;
}

static int make_directory(struct begin *b)
{
	pb_autofree char *runs = NULL, *path = path_of(b->store, b->id, b->bead);
	int err;

	if (!path || asprintf(&runs, "%s/runs", b->store->directory) < 0)
		return -ENOMEM;
	err = pb_store_make_directory(runs);
	if (!err)
		err = pb_store_make_directory(path);
	if (!err)
		b->directory = pb_take(path);
	return err;
}

static int begin(void *ctx)
{
	struct begin *b = ctx;
	int err = refuse_if_running(b);

	if (!err)
		err = reopen(b);
	if (!err && b->resume)
		err = find_interrupted(b);
	if (!err)
		err = b->id ? take_up(b) : add_run(b);
	/* Before the commit: a run without a directory there never is. */
	return err ? err : make_directory(b);
}

int pb_store_begin(struct pb_store *s, const char *bead, const char *plan_digest, bool resume,
		   int64_t *id, char **directory)
{
	struct begin b = {.store = s, .bead = bead, .plan_digest = plan_digest, .resume = resume};
	int err = read_owner(&b.owner);

	if (!err)
		err = pb_sql_within(&s->sql, "begin the bead", begin, &b);
	if (err) {
		free(b.directory);
		return err;
	}
	*id = b.id;
	*directory = b.directory;
	return 0;
}

int pb_store_finish(struct pb_store *s, int64_t id, enum pb_bead_state state, const char *note)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "finish the bead",
			     "UPDATE bead_runs SET state = ?, note = ?, ended = " NOW
			     " WHERE id = ? AND state = 'running' AND boot = ? AND pid = ?"
			     " AND start_ticks = ? RETURNING id");
	struct owner owner = {0};
	int err = read_owner(&owner);

	if (err)
		return err;
	if (state == PB_STATE_RUNNING)
		return pb_fail(EINVAL, "a bead that runs is not finished");
	pb_query_text(&q, state_names[state]);
	pb_query_text(&q, note);
	pb_query_int(&q, id);
	pb_query_text(&q, owner.boot);
	pb_query_int(&q, owner.pid);
	pb_query_int(&q, owner.start_ticks);
	err = pb_sql_check_file(&s->sql);
	if (err)
		return err;
	err = pb_query_next(&q);
	if (!err)
		return pb_fail(ESTALE,
			       "run %lld in %s is not worked on by this process: its result is not "
			       "noted, so run the bead again",
			       (long long)id, s->sql.path);
	return err < 0 ? err : pb_query_run(&q);
}

int pb_store_last(struct pb_store *s, const char *bead, int64_t *id)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "look for the last run",
			     "SELECT id FROM bead_runs WHERE bead = ?"
			     " AND state NOT IN ('open', 'running') ORDER BY id DESC LIMIT 1");
	int err;

	pb_query_text(&q, bead);
	err = pb_query_next(&q);
	if (err < 0)
		return err;
	*id = err ? pb_query_get_int(&q, 0) : 0;
	return 0;
}

int pb_store_save_baseline(struct pb_store *s, const char *name, int64_t id)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "save the baseline",
			     "INSERT INTO baselines (name, run, saved) VALUES (?, ?, " NOW ")"
			     " ON CONFLICT (name) DO UPDATE SET"
			     " run = excluded.run, saved = excluded.saved");

	pb_query_text(&q, name);
	pb_query_int(&q, id);
	return pb_query_run(&q);
}

int pb_store_baseline(struct pb_store *s, const char *name, int64_t *id)
{
	pb_auto_query struct pb_query q = pb_sql_query(&s->sql, "look for the baseline",
						       "SELECT run FROM baselines WHERE name = ?");
	int err;

	pb_query_text(&q, name);
	err = pb_query_next(&q);
	if (err > 0)
		*id = pb_query_get_int(&q, 0);
	return err < 0 ? err : err ? 0 : -ENOENT;
}

int pb_store_last_done(struct pb_store *s, const char *bead, const char *plan_digest, int64_t *id)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "look for the last run that is done",
			     "SELECT id FROM bead_runs WHERE bead = ? AND plan_digest = ?"
			     " AND state = 'done' ORDER BY id DESC LIMIT 1");
	int err;

	pb_query_text(&q, bead);
	pb_query_text(&q, plan_digest);
	err = pb_query_next(&q);
	if (err < 0)
		return err;
	*id = err ? pb_query_get_int(&q, 0) : 0;
	return 0;
}

int pb_store_baselines(struct pb_store *s,
		       int (*each)(void *ctx, const struct pb_baseline *baseline), void *ctx)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "read the baselines",
			     "SELECT name, bead, saved, run FROM baselines"
			     " JOIN bead_runs ON bead_runs.id = baselines.run ORDER BY name");
	int err;

	while ((err = pb_query_next(&q)) > 0) {
		const struct pb_baseline baseline = {
			.name = pb_query_get_text(&q, 0),
			.bead = pb_query_get_text(&q, 1),
			.saved = pb_query_get_text(&q, 2),
			.id = pb_query_get_int(&q, 3),
		};

		err = each(ctx, &baseline);
		if (err)
			return err;
	}
	return err;
}
