/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/sql.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/core/clock.h"
#include "user/core/log.h"

#define BUSY_MS 10000 /* as long as another one may hold the database */
#define POLL_MS 5

/* What SQLite says, what that is to us, and what to do about it. */
static const struct {
	int rc, err;
	const char *remedy;
} causes[] = {
	{SQLITE_FULL, ENOSPC, "make room on its file system"},
	{SQLITE_BUSY, EBUSY, "another process holds it; try again when that is done"},
	{SQLITE_LOCKED, EBUSY, "another process holds it; try again when that is done"},
	{SQLITE_READONLY, EACCES, "the file and its directory must be writable"},
	{SQLITE_PERM, EACCES, "the file and its directory must be writable"},
	{SQLITE_CANTOPEN, EACCES, "the file and its directory must be writable"},
	{SQLITE_NOTADB, EBADMSG, "move it away, and a new one is made"},
	{SQLITE_CORRUPT, EBADMSG, "move it away, and a new one is made"},
	{SQLITE_NOMEM, ENOMEM, "memory is short"},
	{SQLITE_TOOBIG, E2BIG, "a text is too long"},
	{SQLITE_CONSTRAINT, EINVAL, "this goes against what is there"},
	{SQLITE_IOERR, EIO, "its file system has failed"},
};

static int fail(const struct pb_sql *sql, int rc, const char *what)
{
	const char *said = sql->db ? sqlite3_errmsg(sql->db) : sqlite3_errstr(rc);
	const char *remedy = "this is a bug of bead or of its store";
	int err = EIO, system = sql->db ? sqlite3_system_errno(sql->db) : 0;

	for (size_t i = 0; i < sizeof(causes) / sizeof(*causes); i++)
		if (causes[i].rc == (rc & 0xff)) {
			err = causes[i].err;
			remedy = causes[i].remedy;
		}
	/* Of an open that failed, errno is that of the last thing SQLite tried, and misleads. */
	if (system && (rc & 0xff) == SQLITE_IOERR)
		return pb_fail(system, "cannot %s in %s: %s: %s; %s", what, sql->path, said,
			       strerror(system), remedy);
	return pb_fail(err, "cannot %s in %s: %s; %s", what, sql->path, said, remedy);
}

int pb_sql_exec(struct pb_sql *sql, const char *what, const char *text)
{
	int rc = sqlite3_exec(sql->db, text, NULL, NULL, NULL);

	return rc ? fail(sql, rc, what) : 0;
}

/*
 * From a rollback journal to WAL, where all others have to let go; SQLite does not wait for that by itself. A file
 * system without shared memory stays with the journal, which holds the same promises and lets readers wait.
 */
static int to_wal(struct pb_sql *sql, const char *what)
{
	uint64_t until_ns = pb_clock_ns() + BUSY_MS * 1000000ull;
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000};
	int rc;

	while (true) {
		rc = sqlite3_exec(sql->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
		if (rc != SQLITE_BUSY || pb_clock_ns() >= until_ns)
			break;
		nanosleep(&pause, NULL);
	}
	return rc ? fail(sql, rc, what) : 0;
}

int pb_sql_open(struct pb_sql *sql, const char *path)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW;
	const char *what = "open the store";
	int rc, err;

	*sql = (struct pb_sql){.path = strdup(path)};
	if (!sql->path)
		return -ENOMEM;
	rc = sqlite3_open_v2(path, &sql->db, flags, NULL);
	if (rc)
		return fail(sql, rc, what);
	sqlite3_busy_timeout(sql->db, BUSY_MS);
	/* A store may come with a project from somebody else: nothing in its schema is run. */
	sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(sql->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	err = to_wal(sql, what);
	if (err)
		return err;
	return pb_sql_exec(sql, what,
			   "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
			   "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON");
}

void pb_sql_close(struct pb_sql *sql)
{
	sqlite3_close(sql->db);
	free(sql->path);
	*sql = (struct pb_sql){0};
}

int pb_sql_check_file(struct pb_sql *sql)
{
	int moved = 0, rc;

	rc = sqlite3_file_control(sql->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
	if (rc || !moved)
		return 0; /* a file system that cannot say */
	return pb_fail(ESTALE,
		       "%s was removed or replaced while bead used it, so what was measured is "
		       "lost: keep workloads and others from doing that, and run the bead again",
		       sql->path);
}

int pb_sql_within(struct pb_sql *sql, const char *what, int (*body)(void *ctx), void *ctx)
{
	int err = pb_sql_exec(sql, what, "BEGIN IMMEDIATE");

	if (err)
		return err;
	err = body(ctx);
	if (!err)
		err = pb_sql_exec(sql, what, "COMMIT");
	/* A full disk has rolled back by itself. */
	if (err && !sqlite3_get_autocommit(sql->db))
		sqlite3_exec(sql->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

struct pb_query pb_sql_query(struct pb_sql *sql, const char *what, const char *text)
{
	struct pb_query q = {.sql = sql, .what = what};

	q.rc = sqlite3_prepare_v2(sql->db, text, -1, &q.stmt, NULL);
	return q;
}

void pb_query_end(struct pb_query *q)
{
	sqlite3_finalize(q->stmt);
	q->stmt = NULL;
}

static void keep(struct pb_query *q, int rc)
{
	if (!q->rc)
		q->rc = rc;
}

void pb_query_text(struct pb_query *q, const char *text)
{
	keep(q, sqlite3_bind_text(q->stmt, ++q->bound, text, -1, SQLITE_TRANSIENT));
}

void pb_query_int(struct pb_query *q, int64_t value)
{
	keep(q, sqlite3_bind_int64(q->stmt, ++q->bound, value));
}

void pb_query_real(struct pb_query *q, double value)
{
	keep(q, sqlite3_bind_double(q->stmt, ++q->bound, value));
}

void pb_query_null(struct pb_query *q)
{
	keep(q, sqlite3_bind_null(q->stmt, ++q->bound));
}

int pb_query_next(struct pb_query *q)
{
	int rc = q->rc ? q->rc : sqlite3_step(q->stmt);

	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : fail(q->sql, rc, q->what);
}

int pb_query_run(struct pb_query *q)
{
	int rc = pb_query_next(q);

	return rc < 0 ? rc : 0;
}

const char *pb_query_get_text(struct pb_query *q, int column)
{
	return (const char *)sqlite3_column_text(q->stmt, column);
}

int64_t pb_query_get_int(struct pb_query *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

double pb_query_get_real(struct pb_query *q, int column)
{
	if (sqlite3_column_type(q->stmt, column) == SQLITE_NULL)
		return NAN;
	return sqlite3_column_double(q->stmt, column);
}
