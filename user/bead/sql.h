/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * SQLite with our errors: what failed becomes one sentence and a -errno, and a query is bound and read in a few words.
 *
 *   pb_auto_query struct pb_query q = pb_sql_query(sql, "look for the run", "SELECT id FROM runs WHERE name = ?");
 *   pb_query_text(&q, name);
 *   err = pb_query_next(&q);
 *   if (err > 0)
 *           id = pb_query_get_int(&q, 0);
 */
#ifndef PB_BEAD_SQL_H
#define PB_BEAD_SQL_H

#include <stdint.h>

struct sqlite3;
struct sqlite3_stmt;

struct pb_sql {
	struct sqlite3 *db;
	char *path;
};

/**
 * pb_sql_open() - open or make a database.
 * @sql: to be closed by pb_sql_close(), also after a failure
 * @path: the file itself may not be a symbolic link
 *
 * WAL with full synchronisation: what is committed survives a kill and a power failure, readers do not wait, and who
 * writes while another does waits up to 10 seconds. Return: 0; -errno, logged.
 */
int pb_sql_open(struct pb_sql *sql, const char *path);
void pb_sql_close(struct pb_sql *sql);

/* Statements without parameters and results. @what: completes "cannot ...". Return: 0; -errno, logged. */
int pb_sql_exec(struct pb_sql *sql, const char *what, const char *text);

/* Run @body as the only writer, and commit what it did if it gives 0. Return: what @body gives; -errno, logged. */
int pb_sql_within(struct pb_sql *sql, const char *what, int (*body)(void *ctx), void *ctx);

/* One statement. What goes wrong when it is prepared or bound is kept, and told by pb_query_next(). */
struct pb_query {
	struct pb_sql *sql;
	struct sqlite3_stmt *stmt;
	const char *what;
	int rc, bound;
};

/* @what: completes "cannot ..."; borrowed. */
struct pb_query pb_sql_query(struct pb_sql *sql, const char *what, const char *text);
void pb_query_end(struct pb_query *q);
#define pb_auto_query __attribute__((cleanup(pb_query_end)))

/* The next parameter. Text is copied; NULL is null, and so is a NaN. */
void pb_query_text(struct pb_query *q, const char *text);
void pb_query_int(struct pb_query *q, int64_t value);
void pb_query_real(struct pb_query *q, double value);
void pb_query_null(struct pb_query *q);

/* Is the file still where it was opened? One that was removed meanwhile takes all that is written, and keeps nothing.
 * Return: 0; -ESTALE, logged. Source: SQLITE_FCNTL_HAS_MOVED. */
int pb_sql_check_file(struct pb_sql *sql);

/* Return: 1: a row; 0: no more; -errno, logged. */
int pb_query_next(struct pb_query *q);
/* The same for what gives no rows. Return: 0; -errno, logged. */
int pb_query_run(struct pb_query *q);

/* A column of the row, from 0. Text lives until the next row; null is NULL, 0 and NaN. */
const char *pb_query_get_text(struct pb_query *q, int column);
int64_t pb_query_get_int(struct pb_query *q, int column);
double pb_query_get_real(struct pb_query *q, int column);

#endif
