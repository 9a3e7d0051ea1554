/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The store as a file: opening, and what its tables are, version by version. */
#include "user/bead/store.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "user/bead/store_inside.h"
#include "user/core/log.h"

/*
 * What leads from each version to the next one. A published one is never changed: what is new goes behind.
 *
 * A process is known by the boot, its pid and its start, since a pid alone may be somebody else by now.
 */
static const char *const migrations[] = {
	"CREATE TABLE bead_runs ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" bead TEXT NOT NULL,"
	" plan_digest TEXT NOT NULL,"
	" state TEXT NOT NULL CHECK (state IN"
	"  ('open', 'running', 'done', 'failed', 'inconclusive', 'cannot')),"
	" note TEXT,"
	" boot TEXT, pid INTEGER, start_ticks INTEGER,"
	" started TEXT NOT NULL, ended TEXT);"
	"CREATE INDEX bead_runs_by_bead ON bead_runs (bead, id);"
	"CREATE TABLE samples ("
	" id INTEGER PRIMARY KEY,"
	" run INTEGER NOT NULL REFERENCES bead_runs (id) ON DELETE CASCADE,"
	" workload TEXT NOT NULL,"
	" rejected TEXT,"
	" ended TEXT NOT NULL,"
	" how TEXT NOT NULL, status INTEGER NOT NULL, left_children INTEGER NOT NULL,"
	" wall_ns INTEGER, user_ns INTEGER, system_ns INTEGER, own_ns INTEGER,"
	" max_rss_bytes INTEGER, syscalls INTEGER, minor_faults INTEGER, major_faults INTEGER,"
	" voluntary_switches INTEGER, involuntary_switches INTEGER,"
	" block_reads INTEGER, block_writes INTEGER,"
	" steal_pct REAL, foreign_pct REAL, run_queue_pct REAL);"
	"CREATE INDEX samples_by_run ON samples (run, workload, id);"
	"CREATE TABLE figures ("
	" id INTEGER PRIMARY KEY,"
	" run INTEGER NOT NULL REFERENCES bead_runs (id) ON DELETE CASCADE,"
	" workload TEXT NOT NULL, name TEXT NOT NULL, unit TEXT NOT NULL,"
	" value REAL, low REAL, high REAL, why TEXT,"
	" UNIQUE (run, workload, name),"
	" CHECK ((value IS NULL) <> (why IS NULL)));"
	"CREATE TABLE baselines ("
	" name TEXT PRIMARY KEY NOT NULL,"
	" run INTEGER NOT NULL REFERENCES bead_runs (id),"
	" saved TEXT NOT NULL);",

	"ALTER TABLE samples ADD COLUMN net_ns INTEGER;"
	"CREATE TABLE spots ("
	" id INTEGER PRIMARY KEY,"
	" run INTEGER NOT NULL REFERENCES bead_runs (id) ON DELETE CASCADE,"
	" workload TEXT NOT NULL,"
	" kind TEXT NOT NULL CHECK (kind IN ('cpu', 'alloc', 'io')),"
	" spot TEXT NOT NULL, name TEXT NOT NULL, module TEXT NOT NULL, file TEXT NOT NULL,"
	" line INTEGER NOT NULL, frames TEXT NOT NULL,"
	" self_pct REAL, total_pct REAL, low_pct REAL, high_pct REAL,"
	" ceiling_pct REAL, ceiling_low_pct REAL, ceiling_high_pct REAL,"
	" amount REAL, unit TEXT NOT NULL, events INTEGER NOT NULL, spread_pct REAL,"
	" evidence TEXT NOT NULL,"
	" UNIQUE (run, workload, spot));"
	"CREATE TABLE clues ("
	" id INTEGER PRIMARY KEY,"
	" run INTEGER NOT NULL REFERENCES bead_runs (id) ON DELETE CASCADE,"
	" workload TEXT NOT NULL, spot TEXT NOT NULL, lever TEXT NOT NULL,"
	" share_pct REAL, text TEXT NOT NULL);"
	"CREATE INDEX clues_by_spot ON clues (run, workload, spot);"
	"CREATE TABLE opinions ("
	" workload TEXT NOT NULL, spot TEXT NOT NULL,"
	" effort INTEGER CHECK (effort BETWEEN 1 AND 5), why TEXT,"
	" PRIMARY KEY (workload, spot));"
	"CREATE TABLE changes ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" title TEXT NOT NULL, workload TEXT NOT NULL, spot TEXT NOT NULL, lever TEXT NOT NULL,"
	" hypothesis TEXT NOT NULL, expected_pct REAL, base TEXT,"
	" state TEXT NOT NULL CHECK (state IN ('open', 'proven', 'closed', 'abandoned')),"
	" opened TEXT NOT NULL, closed TEXT,"
	" diff TEXT, proof TEXT, verdict TEXT,"
	" spot_name TEXT NOT NULL, warning TEXT, why TEXT, last_run INTEGER,"
	" golden TEXT, attempts TEXT);"
	"ALTER TABLE bead_runs ADD COLUMN commit_id TEXT;"
	"ALTER TABLE bead_runs ADD COLUMN dirty INTEGER;"
	"ALTER TABLE bead_runs ADD COLUMN kernel TEXT;",
};

#define NEWEST ((int64_t)PB_ARRAY_SIZE(migrations))

static int read_version(struct pb_sql *sql, int64_t *version)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(sql, "read the version", "PRAGMA user_version");
	int err = pb_query_next(&q);

	if (err < 0)
		return err;
	*version = pb_query_get_int(&q, 0);
	return 0;
}

static int check_version(struct pb_store *s, int64_t *version)
{
	int err = read_version(&s->sql, version);

	if (err || (*version >= 0 && *version <= NEWEST))
		return err;
	return pb_fail(
		EPROTO,
		"%s is of version %lld, and this bead knows %lld: a newer one made it, so use "
		"that, or move it away",
		s->sql.path, (long long)*version, (long long)NEWEST);
}

/* Inside a transaction, so that of two who come at once one migrates and the other finds it done. */
static int migrate(void *ctx)
{
	struct pb_store *s = ctx;
	char set_version[64];
	int64_t version;
	int err = check_version(s, &version);

	for (; !err && version < NEWEST; version++)
		err = pb_sql_exec(&s->sql, "make the tables", migrations[version]);
	if (err)
		return err;
	snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %lld",
		 (long long)version);
	return pb_sql_exec(&s->sql, "set the version", set_version);
}

static int bring_up_to_date(struct pb_store *s)
{
	int64_t version;
	int err = check_version(s, &version);

	if (err || version == NEWEST)
		return err;
	return pb_sql_within(&s->sql, "make the tables", migrate, s);
}

/* What root makes in somebody's directory is theirs, so that they can go on without root. Failing that changes nothing. */
static void give_to_owner_of(const char *directory, const char *path)
{
	struct stat st;

	if (!geteuid() && !stat(directory, &st) && st.st_uid && lchown(path, st.st_uid, st.st_gid))
		pb_log(PB_LOG_DEBUG, "%s stays root's: %s", path, strerror(errno));
}

int pb_store_make_directory(const char *path)
{
	pb_autofree char *copy = strdup(path);
	pb_autoclose int fd = -1;

	if (!copy)
		return -ENOMEM;
	if (!mkdir(path, 0777)) {
		give_to_owner_of(dirname(copy), path);
		return 0;
	}
	if (errno != EEXIST)
		return pb_err(errno, "make the directory %s", path);
	fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? pb_err(errno, "%s must be a directory, and no link", path) : 0;
}

/* The same for a file that is open, which must be nothing else. */
static int give_file(const char *path, int fd)
{
	pb_autofree char *copy = strdup(path);
	struct stat st, above;

	if (!copy)
		return -ENOMEM;
	if (fstat(fd, &st))
		return pb_err(errno, "look at %s", path);
	/* One of several names may be that of a file elsewhere, which is not ours to give away. */
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return pb_fail(ELOOP, "%s must be a regular file of one name, and no link", path);
	if (!geteuid() && !st.st_uid && !stat(dirname(copy), &above) && above.st_uid &&
	    fchown(fd, above.st_uid, above.st_gid))
		pb_log(PB_LOG_DEBUG, "%s stays root's: %s", path, strerror(errno));
	return 0;
}

int pb_store_open_file(const char *path)
{
	const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	pb_autoclose int fd = open(path, flags, 0644);
	int err;

	if (fd < 0)
		return pb_fail(errno, "cannot open %s: %s; it must be a file, and no link", path,
			       strerror(errno));
	err = give_file(path, fd);
	if (err)
		return err;
	return pb_take_fd(fd);
}

int pb_store_new_file(FILE **out, const char *path)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	pb_autoclose int fd = -1;
	int err;

	if (unlink(path) && errno != ENOENT)
		return pb_err(errno, "replace %s", path);
	fd = open(path, flags, 0644);
	if (fd < 0)
		return pb_err(errno, "make %s", path);
	err = give_file(path, fd);
	if (err)
		return err;
	*out = fdopen(fd, "w");
	if (!*out)
		return pb_err(errno, "write %s", path);
	(void)pb_take_fd(fd); /* the stream's */
	return 0;
}

/*
 * An empty file is an empty database. What SQLite makes beside it goes to the same owner. One that is there is not
 * opened here: to close it again would take away the locks that this process may hold on it.
 */
static int make_file(const char *directory, const char *path)
{
	const int flags = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC;
	pb_autoclose int fd = open(path, flags, 0644);
	struct stat st;

	if (fd >= 0) {
		give_to_owner_of(directory, path);
		return 0;
	}
	if (errno != EEXIST)
		return pb_fail(errno, "cannot make %s: %s; its directory must be writable", path,
			       strerror(errno));
	if (lstat(path, &st))
		return pb_err(errno, "look at %s", path);
	if (!S_ISREG(st.st_mode))
		return pb_fail(ELOOP, "%s must be a regular file, and no link", path);
	return 0;
}

int pb_store_open(struct pb_store **out, const char *directory)
{
	pb_auto(pb_store) struct pb_store *s = calloc(1, sizeof(*s));
	pb_autofree char *path = NULL;
	int err;

	if (!s)
		return -ENOMEM;
	err = pb_store_make_directory(directory);
	if (err)
		return err;
	s->directory = realpath(directory, NULL);
	if (!s->directory)
		return pb_err(errno, "find the directory %s", directory);
	if (asprintf(&path, "%s/store.sqlite", s->directory) < 0)
		return -ENOMEM;
	err = make_file(s->directory, path);
	if (!err)
		err = pb_sql_open(&s->sql, path);
	if (!err)
		err = bring_up_to_date(s);
	if (err)
		return err;
	*out = pb_take(s);
	return 0;
}

void pb_store_close(struct pb_store *s)
{
	if (!s)
		return;
	pb_sql_close(&s->sql);
	free(s->directory);
	free(s);
}
