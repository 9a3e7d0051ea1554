/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * pairs record N COMMAND [ARG...]
 *	N pairs of runs of a command by bead's own runner, as CSV: what each took, and what disturbed it.
 * pairs judge FILE net|wall TIMES [FACTOR...]
 *	What bead ab would have said of such pairs, at its default settings: TIMES comparisons for each factor. Each
 *	begins at a pair of the record that is drawn by lot and goes on from there, round and round, so that what
 *	disturbed one run disturbs its neighbours; B's times are multiplied by the factor, and a pair counts or is
 *	rejected as it would be. These are verdicts on times that were measured once; nothing runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/bead/ab.h"
#include "user/bead/disturb.h"
#include "user/bead/plan.h"
#include "user/bead/runner.h"
#include "user/core/log.h"
#include "user/core/own.h"

#define RUNS_MAX 20000
#define PAIRS    60
#define DELTA    0.02

static struct pb_run runs[RUNS_MAX];

static int record(long n, char **argv)
{
	char *environment[] = {NULL};
	struct pb_plan_workload w = {.name = argv[0],
				     .argv = argv,
				     .directory = (char *)"/",
				     .environment = environment,
				     .timeout_ns = 60000000000ull};
	struct pb_run_options options = {.stop_fd = -1};

	puts("wall_ns,user_ns,system_ns,ran_ns,waited_ns,steal_pct,foreign_pct,own_ns");
	for (long i = 0; i < 2 * n; i++) {
		struct pb_run r;

		if (pb_run_once(&r, &w, &options) || r.end != PB_RUN_EXITED || r.status)
			return 1;
		printf("%llu,%llu,%llu,%llu,%llu,%.3f,%.3f,%llu\n", (unsigned long long)r.wall_ns,
		       (unsigned long long)r.user_ns, (unsigned long long)r.system_ns,
		       (unsigned long long)r.ran_ns, (unsigned long long)r.waited_ns,
		       r.interference.steal_pct, r.interference.foreign_pct,
		       (unsigned long long)r.own_ns);
		fflush(stdout);
		pb_run_drop(&r);
	}
	return 0;
}

/* An even number of runs; 0: none. */
static size_t load(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[512];
	size_t n = 0;

	while (f && fgets(line, sizeof(line), f) && n < RUNS_MAX) {
		unsigned long long v[6];
		struct pb_run *r = &runs[n];
		double steal, foreign;

		if (sscanf(line, "%llu,%llu,%llu,%llu,%llu,%lf,%lf,%llu", &v[0], &v[1], &v[2],
			   &v[3], &v[4], &steal, &foreign, &v[5]) != 8)
			continue;
		*r = (struct pb_run){.end = PB_RUN_EXITED,
				     .wall_ns = v[0],
				     .user_ns = v[1],
				     .system_ns = v[2],
				     .ran_ns = v[3],
				     .waited_ns = v[4],
				     .interference = {.steal_pct = steal, .foreign_pct = foreign}};
		n++;
	}
	if (f)
		fclose(f);
	return n / 2 * 2;
}

static double time_of(const struct pb_run *r, bool net)
{
	return (double)(net ? pb_run_net_ns(r) : r->wall_ns);
}

/* One comparison from run @at on. */
static struct pb_ab_result compare(size_t at, size_t n, bool net, double factor, uint32_t *pairs)
{
	const struct pb_ab_rules rules = {.delta = DELTA, .most = PAIRS, .seed = 1};
	struct pb_session session = {.net = net};
	pb_auto(pb_ab) struct pb_ab *ab = NULL;
	uint32_t rejected = 0;
	bool decided = false;
	char why[256];

	if (pb_ab_new(&ab, &rules))
		exit(1);
	while (!decided) {
		const struct pb_run *r[2] = {&runs[at % n], &runs[(at + 1) % n]};
		int b = pb_ab_pairs(ab) % 2 == 0; /* which of them is B */
		bool is_rejected = false;

		at += 2;
		for (int i = 0; i < 2; i++) {
			is_rejected |= pb_run_rejects(r[i], &session, why, sizeof(why)) != NULL;
			pb_session_add(&session, r[i]);
		}
		if (is_rejected && ++rejected > PAIRS + 20) {
			pb_ab_end(ab, "disturbed");
			break;
		}
		if (!is_rejected &&
		    pb_ab_add(ab, time_of(r[!b], net), factor * time_of(r[b], net), &decided))
			exit(1);
	}
	*pairs = pb_ab_pairs(ab);
	return *pb_ab_result(ab);
}

static int by_size(const void *a, const void *b)
{
	return (int)(*(const uint32_t *)a > *(const uint32_t *)b) -
	       (int)(*(const uint32_t *)a < *(const uint32_t *)b);
}

static int judge(const char *path, bool net, long times, int n_factors, char **factors)
{
	pb_autofree uint32_t *pairs = calloc((size_t)times, sizeof(*pairs));
	size_t n = load(path);

	if (n < 2 * PAIRS || !pairs || times < 1)
		return 1;
	for (int f = 0; f < n_factors; f++) {
		uint32_t verdicts[4] = {0};
		struct pb_random random = {.state = 1};

		for (long i = 0; i < times; i++) {
			size_t at = 2 * pb_random_below(&random, n / 2);

			verdicts[compare(at, n, net, strtod(factors[f], NULL), &pairs[i])
					 .verdict]++;
		}
		qsort(pairs, (size_t)times, sizeof(*pairs), by_size);
		printf("%s\t%s\t%ld\t%u\t%u\t%u\t%u\t%u\t%u\n", net ? "net" : "wall", factors[f],
		       times, verdicts[PB_VERDICT_REGRESSED], verdicts[PB_VERDICT_IMPROVED],
		       verdicts[PB_VERDICT_EQUIVALENT], verdicts[PB_VERDICT_INCONCLUSIVE],
		       pairs[times / 2], pairs[times - 1]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	pb_log_init("pairs", PB_LOG_INFO);
	if (argc >= 4 && !strcmp(argv[1], "record"))
		return record(strtol(argv[2], NULL, 10), argv + 3);
	if (argc >= 6 && !strcmp(argv[1], "judge"))
		return judge(argv[2], !strcmp(argv[3], "net"), strtol(argv[4], NULL, 10), argc - 5,
			     argv + 5);
	return 2;
}
