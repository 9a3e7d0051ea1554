/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/runner.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "user/bead/callcount.h"
#include "user/bead/capture.h"
#include "user/bead/child.h"
#include "user/bead/halt.h"
#include "user/bead/kin.h"
#include "user/bead/lateness.h"
#include "user/bead/machine.h"
#include "user/bead/outfile.h"
#include "user/bead/plan.h"
#include "user/bead/plan_walk.h"
#include "user/core/clock.h"
#include "user/core/launch.h"
#include "user/core/log.h"
#include "user/core/own.h"

#define END_TIMEOUT_MS 5000 /* for a command that was killed */
#define MS_MAX         3600000
#define NAP_MS         1

/* How our own thread fared. */
struct own {
	uint64_t waited_ns; /* ready, and without a CPU */
	long preempted;
};

/* A run while it goes on. */
struct race {
	struct pb_run *run;
	const struct pb_plan_workload *workload;
	const struct pb_run_options *options;
	struct pb_child child;
	struct pb_capture out, err;
	struct pb_kin kin;
	int count_fd, processes_fd;
	struct pb_machine before, after;
	uint64_t own_cpu_ns;   /* of ours, when the child was forked */
	struct own last;       /* of ours, before we slept for it last */
	uint64_t read_late_ns; /* we waited for a CPU while there was output to read */
	uint64_t stop_ns;      /* when the end of the command was seen */
	uint64_t late_ns; /* of that, we waited for a CPU after we had been woken; 0: not known */
	uint64_t end_wait_ns; /* all that we waited since we looked last */
	uint64_t timer_ns;    /* our own timer would have woken us then */
	bool has_output;      /* there was something to read when we saw it */
};

static uint64_t own_cpu_ns(void)
{
	return pb_clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
}

static struct own own_now(void)
{
	struct rusage used = {0};

	getrusage(RUSAGE_THREAD, &used);
	return (struct own){pb_machine_thread(0).waited_ns, used.ru_nivcsw};
}

/* NULL-terminated: the wrapper's words before the command's. To be freed by free(). */
static char **join_words(char *const *wrapper, char *const *argv)
{
	size_t n = 0, m = 0;
	char **words;

	while (wrapper && wrapper[n])
		n++;
	while (argv[m])
		m++;
	words = calloc(n + m + 1, sizeof(*words));
	for (size_t i = 0; words && i < n + m; i++)
		words[i] = i < n ? wrapper[i] : argv[i - n];
	return words;
}

static int start(struct race *r, char *const *argv)
{
	pb_autofree char **words = join_words(r->options->wrapper, argv);
	pb_autoclose int out_fd = -1;
	pb_autoclose int err_fd = -1;
	int err = words ? 0 : -ENOMEM;

	err = err ? err : pb_capture_open(&r->out, PB_RUN_OUTPUT_MAX, &out_fd);
	err = err ? err : pb_capture_open(&r->err, PB_RUN_OUTPUT_MAX, &err_fd);
	if (err)
		return pb_err(-err, "start %s", argv[0]);
	r->run->counts.syscalls = UINT64_MAX;
	if (r->options->count_syscalls)
		r->count_fd = pb_callcount_open(r->run->syscalls_why, sizeof(r->run->syscalls_why));
	if (r->count_fd >= 0)
		r->processes_fd = pb_callcount_open_processes();
	pb_machine_read(&r->before);
	err = pb_child_start(&r->child, r->workload, words, out_fd, err_fd);
	r->own_cpu_ns = own_cpu_ns();
	return err;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* Time left, as poll() wants it; 0 when it is over. */
static int left_ms(const struct race *r)
{
	uint64_t start_ns = r->child.word->start_ns, now_ns = pb_clock_ns(), left_ns;

	/* Before the exec there is no time to speak of. */
	left_ns = r->workload->timeout_ns;
	if (start_ns && now_ns > start_ns)
		left_ns = now_ns - start_ns < left_ns ? left_ns - (now_ns - start_ns) : 0;
	return left_ns / 1000000 >= MS_MAX ? MS_MAX : (int)((left_ns + 999999) / 1000000);
}

/* Until the command ends, or has to. */
static enum pb_run_end watch(struct race *r)
{
	/* At the start we and the command may compete for a CPU. After a nap we do not, and what we wait then is known to
	 * be behind its end. */
	bool is_first = true;

	for (;;) {
		struct pollfd fds[] = {{r->child.pidfd, POLLIN, 0},
				       {r->out.fd, POLLIN, 0},
				       {r->err.fd, POLLIN, 0},
				       {r->options->stop_fd, POLLIN, 0}};
		uint64_t slept_ns;
		int left = left_ms(r), wait_ms = is_first && left > NAP_MS ? NAP_MS : left, n;

		r->last = own_now();
		slept_ns = pb_clock_ns();
		n = poll(fds, PB_ARRAY_SIZE(fds), wait_ms);
		r->stop_ns = pb_clock_ns();
		r->has_output = (fds[1].revents | fds[2].revents) & POLLIN;
		r->timer_ns = slept_ns + (uint64_t)wait_ms * 1000000;
		if (n < 0 && errno != EINTR)
			return PB_RUN_STOPPED;
		if (n > 0 && fds[0].revents)
			return PB_RUN_EXITED;
		if (n > 0 && fds[3].revents)
			return PB_RUN_STOPPED;
		pb_capture_read(&r->out);
		pb_capture_read(&r->err);
		if (r->out.full || r->err.full)
			return PB_RUN_OUTPUT;
		if (n > 0)
			r->read_late_ns += minus(own_now().waited_ns, r->last.waited_ns);
		if (!left)
			return PB_RUN_TIMEOUT;
		is_first = false;
	}
}

static uint64_t to_ns(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000000ull + (uint64_t)t->tv_usec * 1000;
}

uint64_t pb_run_memory_bytes(uint64_t most_bytes, uint64_t before_bytes)
{
	/* Integers: a tenth, and what moves between the look and the exec. */
	if (most_bytes <= before_bytes + before_bytes / 10 + PB_RUN_MEMORY_SLACK)
		return UINT64_MAX;
	return most_bytes;
}

/* What the child used since it became the command. */
static void set_usage(struct pb_run *run, const struct rusage *used, const struct rusage *before)
{
	run->user_ns = minus(to_ns(&used->ru_utime), to_ns(&before->ru_utime));
	run->system_ns = minus(to_ns(&used->ru_stime), to_ns(&before->ru_stime));
	run->max_rss_bytes = pb_run_memory_bytes((uint64_t)used->ru_maxrss * 1024,
						 (uint64_t)before->ru_maxrss * 1024);
	run->counts.minor_faults = (uint64_t)(used->ru_minflt - before->ru_minflt);
	run->counts.major_faults = (uint64_t)(used->ru_majflt - before->ru_majflt);
	run->counts.voluntary_switches = (uint64_t)(used->ru_nvcsw - before->ru_nvcsw);
	run->counts.involuntary_switches = (uint64_t)(used->ru_nivcsw - before->ru_nivcsw);
	run->counts.block_reads = (uint64_t)(used->ru_inblock - before->ru_inblock);
	run->counts.block_writes = (uint64_t)(used->ru_oublock - before->ru_oublock);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* @thread: the command's main one, to its end. */
static void set_interference(struct race *r, const struct pb_machine_thread *thread,
			     uint64_t own_ns)
{
	const struct pb_machine_thread *before = &r->child.word->thread;
	struct pb_run *run = r->run;
	uint64_t all_ns = run->wall_ns * pb_machine_cpus();
	uint64_t busy_ns = minus(r->after.busy_ns, r->before.busy_ns);

	run->interference.steal_pct = percent(minus(r->after.steal_ns, r->before.steal_ns), all_ns);
	run->interference.foreign_pct =
		percent(minus(busy_ns, run->user_ns + run->system_ns + own_ns), all_ns);
	run->ran_ns = run->waited_ns = UINT64_MAX;
	if (thread->waited_ns != UINT64_MAX && before->waited_ns != UINT64_MAX) {
		run->ran_ns = minus(thread->ran_ns, before->ran_ns);
		run->waited_ns = minus(thread->waited_ns, before->waited_ns);
	}
	run->interference.run_queue_pct =
		run->waited_ns == UINT64_MAX ? -1 : percent(run->waited_ns, run->wall_ns);
}

/* Since the command ended until we saw it: what we waited for a CPU after it woke us. Known only if nobody took the CPU
 * from us after we had looked last, as then any other wait would be in it. */
static uint64_t seen_late_ns(const struct race *r, const struct own *now)
{
	if (now->waited_ns == UINT64_MAX || r->last.waited_ns == UINT64_MAX ||
	    now->preempted != r->last.preempted || r->run->end != PB_RUN_EXITED)
		return 0;
	return minus(now->waited_ns, r->last.waited_ns);
}

/* The clock has stopped: what has to be read before anything else happens. */
static void stop(struct race *r)
{
	uint64_t cpu_ns = own_cpu_ns();
	struct own now = own_now();

	if (r->count_fd >= 0)
		r->run->counts.syscalls = pb_callcount_read(r->count_fd);
	if (r->processes_fd >= 0)
		r->run->processes = pb_callcount_read(r->processes_fd);
	pb_machine_read(&r->after);
	r->late_ns = seen_late_ns(r, &now);
	if (now.waited_ns != UINT64_MAX)
		r->end_wait_ns = minus(now.waited_ns, r->last.waited_ns);
	r->run->own_ns = minus(cpu_ns, r->own_cpu_ns);
}

/* From the exec to the end; what we waited and is not known to be behind that was added by us. */
static void set_wall(struct race *r, const struct pb_machine_thread *thread, bool slept)
{
	const struct pb_child_word *word = r->child.word;
	struct pb_lateness l = {
		.start_ns = word->start_ns,
		.seen_ns = r->stop_ns,
		.late_ns = r->late_ns,
		.other_cause = r->has_output || minus(r->stop_ns, r->late_ns) >= r->timer_ns,
		.busy_ns = UINT64_MAX,
		.slept = slept,
	};
	uint64_t end_ns;

	if (thread->waited_ns != UINT64_MAX && word->thread.waited_ns != UINT64_MAX)
		l.busy_ns = minus(thread->ran_ns + thread->waited_ns,
				  word->thread.ran_ns + word->thread.waited_ns);
	end_ns = pb_lateness_end_ns(&l);
	if (word->start_ns)
		r->run->wall_ns = minus(end_ns, word->start_ns);
	r->run->own_ns += r->read_late_ns + minus(r->end_wait_ns, minus(r->stop_ns, end_ns));
}

/* Wait for a command that has ended or was killed, and take its usage. Return: 0; -ETIMEDOUT. */
static int reap(struct race *r)
{
	struct pollfd fd = {r->child.pidfd, POLLIN, 0};
	struct pb_run *run = r->run;
	struct pb_machine_thread thread;
	struct rusage used;
	int status = 0, n;

	do
		n = poll(&fd, 1, END_TIMEOUT_MS);
	while (n < 0 && errno == EINTR);
	if (n <= 0) {
		if (r->child.word->start_ns)
			run->wall_ns = minus(r->stop_ns, r->child.word->start_ns);
		return -ETIMEDOUT;
	}
	thread = pb_machine_thread(r->child.pid);
	if (wait4(r->child.pid, &status, 0, &used) != r->child.pid)
		return -errno;
	set_usage(run, &used, &r->child.word->before);
	/* The switch away from what has ended is one, too. */
	set_wall(r, &thread, run->counts.voluntary_switches > 1);
	set_interference(r, &thread, run->own_ns);
	if (run->end != PB_RUN_EXITED)
		return 0;
	run->status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	if (r->child.word->exec_errno || !r->child.word->start_ns) {
		run->end = PB_RUN_NOT_RUN;
		run->status = r->child.word->exec_errno ? run->status : PB_EXIT_NOT_RUNNABLE;
	} else if (WIFSIGNALED(status)) {
		run->end = PB_RUN_SIGNALLED;
	}
	return 0;
}

/* Our own words in place of what a command that did not run cannot say. */
static void explain_not_run(struct race *r, const char *command)
{
	int err = r->child.word->exec_errno;
	int len = snprintf(r->err.text, r->err.most, "%s: cannot be run: %s\n", command,
			   err ? strerror(err) : "its surroundings could not be made");

	r->err.size = len > 0 ? (size_t)len : 0;
}

/* From the start to the end of all that it started. */
static int run_race(struct race *r, char *const *argv)
{
	int err = start(r, argv), left;
	bool any = false;

	if (err)
		return err;
	r->run->end = watch(r);
	stop(r);
	if (r->run->end != PB_RUN_EXITED) {
		kill(-r->child.pid, SIGKILL);
		pidfd_send_signal(r->child.pidfd, SIGKILL, NULL, 0);
	}
	left = reap(r);
	if (pb_kin_kill(&r->kin, left ? r->child.pid : 0, &any) || left)
		pb_log(PB_LOG_WARN,
		       "%s, or a process that it started, could not be ended within 5 s, and goes "
		       "on; later runs are disturbed by it",
		       argv[0]);
	r->run->left_children =
		any && (r->run->end == PB_RUN_EXITED || r->run->end == PB_RUN_SIGNALLED);
	pb_capture_read(&r->out);
	pb_capture_read(&r->err);
	if (r->run->end == PB_RUN_EXITED && (r->out.full || r->err.full))
		r->run->end = PB_RUN_OUTPUT;
	if (r->run->end == PB_RUN_NOT_RUN)
		explain_not_run(r, argv[0]);
	r->run->out = pb_capture_take(&r->out, &r->run->out_size);
	r->run->err = pb_capture_take(&r->err, &r->run->err_size);
	return 0;
}

static void drop_race(struct race *r)
{
	size_t size;

	pb_child_drop(&r->child);
	pb_capture_text_free(pb_capture_take(&r->out, &size), r->out.size);
	pb_capture_text_free(pb_capture_take(&r->err, &size), r->err.size);
	if (r->count_fd >= 0)
		close(r->count_fd);
	if (r->processes_fd >= 0)
		close(r->processes_fd);
}

int pb_run_command(struct pb_run *run, const struct pb_plan_workload *workload, char *const *argv,
		   const struct pb_run_options *options)
{
	struct pb_run fresh = {
		.ran_ns = UINT64_MAX,
		.waited_ns = UINT64_MAX,
		.net_ns = UINT64_MAX,
		.max_rss_bytes = UINT64_MAX,
		.counts = {.syscalls = UINT64_MAX},
		.processes = UINT64_MAX,
	};
	struct race r = {
		.run = &fresh,
		.workload = workload,
		.options = options,
		.child = {.pid = -1, .pidfd = -1},
		.out = {.fd = -1},
		.err = {.fd = -1},
		.count_fd = -1,
		.processes_fd = -1,
	};
	struct pb_halt halt;
	int err = pb_kin_begin(&r.kin);

	if (err)
		return pb_err(-err, "prepare to run %s", argv[0]);
	pb_halt_begin(&halt);
	err = run_race(&r, argv);
	fresh.halted = pb_halt_end(&halt);
	drop_race(&r);
	pb_kin_end(&r.kin);
	if (err)
		return err;
	*run = fresh;
	return 0;
}

/* The last line of what it said, for a message. */
static void last_line(const char *text, size_t size, char *buf, size_t buf_size)
{
	const char *begin;

	while (size && text[size - 1] == '\n')
		size--;
	begin = size ? memrchr(text, '\n', size) : NULL;
	begin = begin ? begin + 1 : text;
	snprintf(buf, buf_size, "%.*s", (int)(size - (size_t)(begin - text)), begin);
}

/* Return: 0; 1 if it was stopped, and @run says so; -ECANCELED, logged. */
static int prepare(struct pb_run *run, const struct pb_plan_workload *workload,
		   const struct pb_run_options *options)
{
	const struct pb_run_options plain = {.stop_fd = options->stop_fd};
	char ending[128], said[256];
	int err;

	if (!workload->prepare)
		return 0;
	err = pb_run_command(run, workload, workload->prepare, &plain);
	if (err)
		return err;
	if (run->end == PB_RUN_STOPPED)
		return 1;
	if (run->end == PB_RUN_EXITED && !run->status) {
		pb_run_drop(run);
		return 0;
	}
	last_line(run->err, run->err_size, said, sizeof(said));
	pb_run_ending(run, ending, sizeof(ending));
	err = pb_fail(ECANCELED, "the command that prepares workload \"%s\" %s%s%s", workload->name,
		      ending, said[0] ? ", and said: " : "", said);
	pb_run_drop(run);
	return err;
}

int pb_run_once(struct pb_run *run, const struct pb_plan_workload *workload,
		const struct pb_run_options *options)
{
	pb_autofree struct pb_outfile_sight *before = NULL;
	struct pb_run fresh = {0};
	int err = prepare(&fresh, workload, options);

	if (err < 0)
		return err;
	if (!err) {
		before = pb_outfile_look(workload);
		if (!before)
			return pb_err(ENOMEM, "run workload \"%s\"", workload->name);
		err = pb_run_command(&fresh, workload, workload->argv, options);
		if (err)
			return err;
	}
	if (fresh.end == PB_RUN_EXITED && pb_outfile_capture(&fresh, workload, before)) {
		pb_run_drop(&fresh);
		return pb_err(ENOMEM, "read the files of workload \"%s\"", workload->name);
	}
	*run = fresh;
	return 0;
}

void pb_run_drop(struct pb_run *run)
{
	pb_capture_text_free(run->out, run->out_size);
	pb_capture_text_free(run->err, run->err_size);
	for (uint32_t i = 0; i < run->n_files; i++)
		pb_capture_text_free(run->files[i].text, run->files[i].size);
	pb_capture_text_free(run->latencies.text, run->latencies.size);
	free(run->files);
	*run = (struct pb_run){0};
}

const char *pb_run_ending(const struct pb_run *run, char *buf, size_t size)
{
	const char *name;

	switch (run->end) {
	case PB_RUN_EXITED:
		snprintf(buf, size, "exited with %d", run->status);
		break;
	case PB_RUN_SIGNALLED:
		name = sigabbrev_np(run->status);
		snprintf(buf, size, "was ended by signal %d%s%s%s", run->status, name ? " (" : "",
			 name ? name : "", name ? ")" : "");
		break;
	case PB_RUN_TIMEOUT:
		snprintf(buf, size, "was killed at its time limit, after %.3g s",
			 (double)run->wall_ns / 1e9);
		break;
	case PB_RUN_OUTPUT:
		snprintf(buf, size, "was killed because it wrote more than %u MiB",
			 PB_RUN_OUTPUT_MAX >> 20);
		break;
	case PB_RUN_NOT_RUN:
		snprintf(buf, size, "could not be run (%s)",
			 run->status == PB_EXIT_NOT_FOUND ? "there is no such program, or not the "
							    "interpreter that it names"
							  : "it is no program, or not permitted");
		break;
	default:
		snprintf(buf, size, "was stopped");
	}
	return buf;
}
