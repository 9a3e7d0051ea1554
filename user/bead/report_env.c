/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where a report was made: the machine, and what git says of the tree. */
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "user/bead/machine.h"
#include "user/bead/plan.h"
#include "user/bead/report_data.h"
#include "user/bead/runner.h"

#define GIT_TIMEOUT_NS 20000000000ull

static void read_kernel(struct pb_report_env *env)
{
	struct utsname u;

	if (!uname(&u))
		snprintf(env->kernel, sizeof(env->kernel), "%s %s %s", u.sysname, u.release,
			 u.machine);
}

/* Not every architecture tells. */
static void read_cpu(struct pb_report_env *env)
{
	static const char key[] = "model name\t: ";
	pb_autofclose FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(env->cpu, sizeof(env->cpu), "%.*s", (int)sizeof(env->cpu) - 1,
			 line + strlen(key));
		return;
	}
}

/*
 * Run git as a command of a workload would be. Root in somebody's directory is not their git's idea of safe, but the
 * plan's own commands are run there, too. No lock is taken, as to look must not be in the way of who works.
 */
static int run_git(struct pb_run *run, const char *directory, char *const *words)
{
	char *no_environment[] = {NULL};
	char *argv[24] = {(char *)"git", (char *)"--no-optional-locks",
			  (char *)"-c",  (char *)"safe.directory=*",
			  (char *)"-c",  (char *)"core.fsmonitor=false"};
	struct pb_plan_workload workload = {
		.name = (char *)"git",
		.argv = argv,
		.directory = (char *)directory,
		.environment = no_environment,
		.timeout_ns = GIT_TIMEOUT_NS,
	};
	struct pb_run_options options = {.stop_fd = -1};

	for (size_t i = 6; *words && i + 1 < PB_ARRAY_SIZE(argv); i++)
		argv[i] = *words++;
	return pb_run_command(run, &workload, argv, &options);
}

static bool ended_well(const struct pb_run *run)
{
	return run->end == PB_RUN_EXITED && !run->status;
}

/* Where git is missing, or this is no repository, there is no commit. */
static void read_commit(struct pb_report_env *env, const char *directory)
{
	char *words[] = {(char *)"rev-parse", (char *)"--verify", (char *)"HEAD", NULL};
	struct pb_run run;
	size_t len;

	if (run_git(&run, directory, words))
		return;
	len = run.out ? strspn(run.out, "0123456789abcdef") : 0;
	if (ended_well(&run) && len >= 40 && len < sizeof(env->commit))
		snprintf(env->commit, sizeof(env->commit), "%.*s", (int)len, run.out);
	pb_run_drop(&run);
}

/* @except: a path that does not count; NULL: none. False: git does not say. */
static bool ask_dirty(struct pb_report_env *env, const char *directory, const char *except)
{
	char *words[] = {(char *)"status",
			 (char *)"--porcelain",
			 (char *)"--untracked-files=no",
			 (char *)"--",
			 (char *)":/",
			 (char *)except,
			 NULL};
	struct pb_run run;
	bool ok;

	if (run_git(&run, directory, words))
		return false;
	ok = ended_well(&run);
	env->dirty = ok && run.out_size;
	pb_run_drop(&run);
	return ok;
}

static void read_dirty(struct pb_report_env *env, const char *directory, const char *report)
{
	char except[PB_PLAN_PATH_MAX + 32];

	/* A report outside of the repository is refused, and cannot make it dirty. */
	if (report &&
	    snprintf(except, sizeof(except), ":(exclude,literal)%s", report) <
		    (int)sizeof(except) &&
	    ask_dirty(env, directory, except))
		return;
	/* Half an answer would be taken for a whole one. */
	if (!ask_dirty(env, directory, NULL))
		env->commit[0] = '\0';
}

void pb_report_env_read(struct pb_report_env *env, const char *directory, const char *report)
{
	struct sysinfo info;

	*env = (struct pb_report_env){.cpus = pb_machine_cpus()};
	read_kernel(env);
	read_cpu(env);
	if (!sysinfo(&info))
		env->memory_bytes = (uint64_t)info.totalram * info.mem_unit;
	read_commit(env, directory);
	if (env->commit[0])
		read_dirty(env, directory, report);
}
