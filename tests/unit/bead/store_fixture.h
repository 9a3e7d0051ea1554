/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A store in a directory that is removed in the end, and what was said on stderr meanwhile. */
#ifndef PB_TESTS_BEAD_STORE_FIXTURE_H
#define PB_TESTS_BEAD_STORE_FIXTURE_H

#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "user/bead/changes.h"
#include "user/bead/runner.h"
#include "user/bead/store.h"

static char scratch[64], where[96], file[128];
static char said[4096];
static int real_stderr = -1;

/* stderr goes to a file until said_end(), which gives what was written. */
static inline void said_begin(void)
{
	int fd = memfd_create("stderr", MFD_CLOEXEC);

	real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

static inline const char *said_end(void)
{
	ssize_t n = pread(STDERR_FILENO, said, sizeof(said) - 1, 0);

	said[n > 0 ? n : 0] = '\0';
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	real_stderr = -1;
	return said;
}

static inline int fixture_setup(void **state)
{
	(void)state;
	snprintf(scratch, sizeof(scratch), "/tmp/pb-test-store-XXXXXX");
	if (!mkdtemp(scratch) || chmod(scratch, 0755))
		return -1;
	snprintf(where, sizeof(where), "%s/.bead", scratch);
	snprintf(file, sizeof(file), "%s/store.sqlite", where);
	return 0;
}

static inline int fixture_remove(const char *path, const struct stat *st, int type,
				 struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline int fixture_teardown(void **state)
{
	(void)state;
	if (real_stderr >= 0)
		said_end();
	return nftw(scratch, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
}

#define store_test(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

static inline struct pb_store *open_store(void)
{
	struct pb_store *s = NULL;

	assert_int_equal(pb_store_open(&s, where), 0);
	assert_non_null(s);
	return s;
}

/* A run of that many nanoseconds. */
static inline struct pb_run run_of(uint64_t wall_ns)
{
	return (struct pb_run){
		.wall_ns = wall_ns,
		.net_ns = UINT64_MAX,
		.counts = {.syscalls = UINT64_MAX},
		.interference = {.run_queue_pct = -1},
	};
}

static inline int64_t begin_bead(struct pb_store *s, const char *bead, bool resume)
{
	char *directory = NULL;
	int64_t id = 0;

	assert_int_equal(pb_store_begin(s, bead, "digest", resume, &id, &directory), 0);
	assert_non_null(directory);
	free(directory);
	return id;
}

static inline enum pb_bead_state state_of_bead(struct pb_store *s, const char *bead)
{
	enum pb_bead_state state = PB_STATE_RUNNING;

	assert_int_equal(pb_store_state(s, bead, "digest", &state), 0);
	return state;
}

static inline uint32_t count_samples(struct pb_store *s, int64_t id, const char *workload)
{
	uint32_t n = UINT32_MAX;

	assert_int_equal(pb_store_count(s, id, workload, &n), 0);
	return n;
}

/* By SQLite itself, past the store; the first column of the first row. */
static inline const char *sqlite(const char *text)
{
	static char answer[256];
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	int rc;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
	rc = sqlite3_step(stmt);
	assert_true(rc == SQLITE_ROW || rc == SQLITE_DONE);
	snprintf(answer, sizeof(answer), "%s",
		 rc == SQLITE_ROW && sqlite3_column_text(stmt, 0)
			 ? (const char *)sqlite3_column_text(stmt, 0)
			 : "");
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return answer;
}

/* A change that is closed: what was measured before is stale. */
static inline int64_t close_a_change(struct pb_store *s)
{
	const struct pb_change change = {.title = "t",
					 .workload = "w",
					 .spot = "C00000001",
					 .spot_name = "find",
					 .lever = "algorithm",
					 .hypothesis = "h",
					 .expected_pct = (double)NAN};
	int64_t id;

	assert_int_equal(pb_store_open_change(s, &change, &id), 0);
	assert_int_equal(pb_store_prove_change(s, id, "{}", "{}"), 0);
	assert_int_equal(pb_store_close_change(s, id, NULL), 0);
	return id;
}

#endif
