/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * late: at SIGUSR1 opens libsqlite3 and works inside it from then on. Whoever profiles it has seen
 * nothing of that library when he began.
 */
#include <dlfcn.h>
#include <signal.h>

#include "tests/workload/workload.h"

#define SECONDS_MAX 300

static volatile sig_atomic_t asked;

static void on_signal(int number)
{
	(void)number;
	asked = 1;
}

/* Of sqlite3.h, which need not be installed. */
struct sqlite3;
typedef int (*open_fn)(const char *name, struct sqlite3 **db);
typedef int (*exec_fn)(struct sqlite3 *db, const char *sql, void *callback, void *ctx,
		       char **message);

int main(void)
{
	uint64_t deadline = in_seconds(SECONDS_MAX);
	struct sqlite3 *db = NULL;
	open_fn open_db;
	exec_fn exec_sql;
	void *library;

	signal(SIGUSR1, on_signal);
	alarm(SECONDS_MAX);
	say_ready();
	while (!asked && now_ns() < deadline)
		sink = burn(STEPS_50US, sink);
	library = dlopen("libsqlite3.so.0", RTLD_NOW);
	if (!library) {
		fprintf(stderr, "late: %s\n", dlerror());
		return 1;
	}
	open_db = (open_fn)dlsym(library, "sqlite3_open");
	exec_sql = (exec_fn)dlsym(library, "sqlite3_exec");
	if (!open_db || !exec_sql || open_db(":memory:", &db))
		return 1;
	while (now_ns() < deadline)
		exec_sql(
			db,
			"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 20000) "
			"SELECT hex(x), count(*) FROM c GROUP BY x % 97 ORDER BY hex(x)",
			NULL, NULL, NULL);
	return 0;
}
