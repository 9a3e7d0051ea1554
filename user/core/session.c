/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Order matters in three places. The side-band records before /proc is read, so no mapping falls
 * between the two. Everything is attached before a command passes its gate. And at the end links go
 * first, so that what is drained afterwards is final.
 */
#include "user/core/session.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "user/core/args.h"
#include "user/core/clock.h"
#include "user/core/cost.h"
#include "user/core/drain.h"
#include "user/core/files.h"
#include "user/core/jit.h"
#include "user/core/launch.h"
#include "user/core/log.h"
#include "user/core/pace.h"
#include "user/core/perfevent.h"
#include "user/core/preflight.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/core/snapshot.h"
#include "user/core/stacks.h"
#include "user/core/target.h"
#include "user/core/track.h"
#include "user/core/unwinder.h"

#define TICK_NS         PB_BEAT_NS    /* drain, renew the lease, redraw the live line */
#define RETIRE_NS       2000000000ull /* how long a process that has ended can still be asked for */
/* Of answers that unwind tables may take before everything else goes on: two, unless the first takes long, and
 * at the start all they need within reason. */
#define ROUNDS          2
#define ROUNDS_NS       50000000ull
#define ROUNDS_AT_START 200
#define START_NS        10000000000ull
#define NS_PER_S        1000000000ull
#define SO_FAR_NS       2000000000ull /* that names may take in the middle of a run */

static const char *const unwind_names[] = {
	[PB_UNWIND_AUTO] = "auto", [PB_UNWIND_EH] = "eh", [PB_UNWIND_FP] = "fp"};

struct pb_session {
	const struct pb_session_parts *parts;
	const struct pb_args *args;
	struct pb_bpf bpf;
	struct pb_cpus cpus;
	struct pb_target *target;
	struct pb_files *files;
	struct pb_track *track;
	struct pb_stacks *stacks;
	struct pb_drain *drain;
	void *unwinder; /* of parts->unwinder; NULL where frame pointers are all */
	struct pb_track_listener remaps;
	struct pb_track_listener tools; /* of parts->probes */
	struct pb_control *control;     /* mapped */
	struct bpf_link **links;
	uint32_t n_links;
	struct pb_jit *jit;
	int stats_fd, signal_fd, timer_fd, epoll_fd;
	int signal; /* that ended the run */
	bool command_not_run;
	bool ended;                    /* by the tool */
	uint64_t ready_ns, stopped_ns; /* CLOCK_MONOTONIC */
	uint64_t bpf_ns_before;
	struct pb_report *report; /* while it runs; borrowed */
	struct pb_snapshot copy;
	uint64_t hurry_ns; /* in a copy: when naming has to end, CLOCK_MONOTONIC */
};

/* For a handler of signals behind the capture. A command that has not been reaped; 0: there is none. */
static volatile sig_atomic_t late_command;
/* Whether there was a signal, be it what ended the capture. */
static volatile sig_atomic_t signalled;
/* Whether there was one behind the capture. */
static volatile sig_atomic_t hurried;

static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	pb_autofree char *text = NULL;
	char *line, *save = NULL;

	/* Ours are the words for people; libbpf's, a verifier's log among them, are for whoever asked. */
	if (level == LIBBPF_DEBUG || !pb_log_wants(PB_LOG_DEBUG) || vasprintf(&text, fmt, ap) < 0)
		return 0;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		pb_log(PB_LOG_DEBUG, "%s", line);
	return 0;
}

static void hold_jit(void *ctx, const struct pb_life *life)
{
	struct pb_session *s = ctx;

	pb_jit_hold(s->jit, life);
}

int pb_session_perf_map_fd(void *session, uint32_t module)
{
	struct pb_session *s = session;

	return pb_jit_perf_map(s->jit, pb_stacks_life(s->stacks, module));
}

int pb_session_jitdump_fd(void *session, uint32_t module)
{
	struct pb_session *s = session;

	return pb_jit_dump(s->jit, pb_stacks_life(s->stacks, module));
}

int pb_session_module_fd(void *session, uint32_t module)
{
	struct pb_session *s = session;
	uint32_t file = pb_stacks_file(s->stacks, module);

	return file == PB_NONE ? -1 : pb_files_fd(s->files, file);
}

uint32_t pb_session_module_process(void *session, uint32_t module)
{
	struct pb_session *s = session;
	uint32_t file = pb_stacks_file(s->stacks, module);

	return file == PB_NONE ? 0 : pb_files_process(s->files, file);
}

static bool unwinds(const struct pb_session *s)
{
	return s->args->unwind != PB_UNWIND_FP && !s->args->kernel_only && !s->args->no_stacks;
}

/* Maps that nobody is going to read need no memory. */
static int shrink_tables(struct pb_session *s)
{
	static const char *const names[] = {"mappings", "pages", "rules", "segments", "processes"};
	struct bpf_map *map;
	size_t i;
	int err = 0;

	for (i = 0; i < PB_ARRAY_SIZE(names) && !err; i++) {
		map = bpf_object__find_map_by_name(s->bpf.object, names[i]);
		err = map ? bpf_map__set_max_entries(map, 1) : -ENOENT;
	}
	return err ? pb_err(-err, "leave unwind tables out") : 0;
}

/* Mappings that all processes together may have, with those that were just replaced: 64 each, which most do
 * not need, since forked ones share. A power of two. */
static uint32_t count_mappings(const struct pb_session *s)
{
	uint32_t wanted = 0, n = PB_UNWIND_MAPPINGS_MAX / 4;
	DIR *proc = NULL;
	struct dirent *entry;

	if (s->target->scope == PB_SCOPE_ALL || s->target->scope == PB_SCOPE_CGROUP)
		proc = opendir("/proc");
	while (proc && (entry = readdir(proc)))
		wanted += isdigit((unsigned char)entry->d_name[0]) ? 64 : 0;
	if (proc)
		closedir(proc);
	while (n < wanted && n < PB_UNWIND_MAPPINGS_MAX)
		n *= 2;
	return n;
}

static int size_tables(struct pb_session *s)
{
	struct bpf_map *map = bpf_object__find_map_by_name(s->bpf.object, "mappings");
	int err = map ? bpf_map__set_max_entries(map, count_mappings(s)) : -ENOENT;

	return err ? pb_err(-err, "size the unwind tables") : 0;
}

/* Fill the rodata and size the maps. */
static int configure(struct pb_session *s)
{
	const struct pb_args *args = s->args;
	struct pb_capture_cfg *cfg = s->bpf.capture;
	struct bpf_map *map;
	int err;

	if (getrandom(&cfg->hash_seed, sizeof(cfg->hash_seed), 0) != sizeof(cfg->hash_seed))
		return pb_err(errno, "draw a random seed");
	cfg->scope = s->target->scope;
	cfg->self_tgid = (uint32_t)getpid();
	cfg->max_user_frames = (uint32_t)args->max_depth;
	cfg->user_stacks = !args->kernel_only && !args->no_stacks;
	cfg->kernel_stacks = !args->user_only && !args->no_stacks;
	cfg->max_kernel_frames = pb_perf_max_stack(PB_KERNEL_FRAMES_MAX);
	cfg->unwind = args->unwind;

	map = bpf_object__find_map_by_name(s->bpf.object, "counts");
	err = map ? bpf_map__set_max_entries(map, (uint32_t)args->max_stacks) : -ENOENT;
	if (err)
		return pb_err(-err, "set --max-stacks");
	map = bpf_object__find_map_by_name(s->bpf.object, "stacks");
	err = map ? bpf_map__set_max_entries(map, (uint32_t)args->ring_bytes) : -ENOENT;
	if (err)
		return pb_err(-err, "set --ring-size");
	return unwinds(s) ? size_tables(s) : shrink_tables(s);
}

/* Programs that follow processes are loaded only where processes are followed. */
static int choose_programs(struct pb_session *s)
{
	const struct pb_target *t = s->target;
	bool everyone = t->scope == PB_SCOPE_ALL || t->scope == PB_SCOPE_CGROUP;
	const struct {
		const char *name;
		bool wanted;
	} programs[] = {
		{"on_fork", t->children || (everyone && unwinds(s))},
		{"on_exec", t->launch || unwinds(s)},
		{"on_free", !everyone || unwinds(s)},
	};
	struct bpf_program *prog;
	size_t i;

	for (i = 0; i < PB_ARRAY_SIZE(programs); i++) {
		prog = bpf_object__find_program_by_name(s->bpf.object, programs[i].name);
		if (prog)
			bpf_program__set_autoload(prog, programs[i].wanted);
		else if (programs[i].wanted)
			return pb_fail(EINVAL, "the BPF object lacks %s (bpf/lib/follow.bpf.h)",
				       programs[i].name);
	}
	return 0;
}

static int map_control(struct pb_session *s)
{
	int fd = bpf_object__find_map_fd_by_name(s->bpf.object, "control");
	void *p = mmap(NULL, sizeof(*s->control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return pb_err(errno, "map the lease");
	s->control = p;
	return 0;
}

static int load(struct pb_session *s)
{
	int err;

	libbpf_set_print(print_libbpf);
	err = s->parts->probes->open(&s->bpf, s->args);
	if (err)
		return pb_err(-err, "open the embedded BPF object");
	err = configure(s);
	if (err)
		return err;
	err = choose_programs(s);
	if (err)
		return err;
	err = bpf_object__load(s->bpf.object);
	if (err)
		return pb_preflight_explain_load(-err, pb_cost_asked_bytes(s->bpf.object));
	return map_control(s);
}

/* New keys for the process' stacks, since its old ones may now mean other code. Events between the
 * mapping and this, a few milliseconds, still count under the old ones. */
static void bump_layout(void *ctx, uint32_t tgid)
{
	struct pb_session *s = ctx;
	int fd = bpf_object__find_map_fd_by_name(s->bpf.object, "layouts");
	uint64_t layout = 0;

	bpf_map_lookup_elem(fd, &tgid, &layout);
	layout++;
	if (bpf_map_update_elem(fd, &tgid, &layout, BPF_ANY))
		pb_log(PB_LOG_DEBUG,
		       "process %u maps code over code, and the table for that is full", tgid);
}

static int open_unwinder(struct pb_session *s)
{
	const struct pb_unwinder_parts parts = {
		.object = s->bpf.object,
		.track = s->track,
		.files = s->files,
		.limit_bytes = s->args->table_bytes,
	};

	return unwinds(s) ? s->parts->unwinder->open(&s->unwinder, &parts) : 0;
}

static int make_parts(struct pb_session *s)
{
	struct pb_stacks_parts parts = {
		.profile = s->parts->profile,
		.on_anonymous = hold_jit,
		.ctx = s,
		.unwind = (enum pb_unwind_mode)s->args->unwind,
		.at_tracepoints = s->parts->probes->at_tracepoints,
	};
	bool everyone = s->target->scope == PB_SCOPE_ALL || s->target->scope == PB_SCOPE_CGROUP;
	int err;

	err = pb_files_new(&s->files);
	err = err ? err
		  : pb_track_new(&s->track, s->files, &s->cpus, everyone, s->target->children);
	err = err ? err : pb_jit_new(&s->jit, s->parts->jit, s->track, s->files);
	if (err)
		return err;
	s->remaps = (struct pb_track_listener){.on_remap = bump_layout, .ctx = s};
	pb_track_listen(s->track, &s->remaps);
	if (s->parts->probes->events_of_processes) {
		s->tools = *s->parts->probes->events_of_processes;
		s->tools.ctx = s->bpf.skeleton;
		pb_track_listen(s->track, &s->tools);
	}
	err = open_unwinder(s);
	if (err)
		return err;
	parts.track = s->track;
	parts.files = s->files;
	parts.value_size =
		bpf_map__value_size(bpf_object__find_map_by_name(s->bpf.object, "counts"));
	err = pb_stacks_new(&s->stacks, &parts);
	return err ? err : pb_drain_new(&s->drain, s->bpf.object, s->stacks, s->track);
}

/* Signals are taken from a descriptor from here on, so that none is lost before the loop. */
static int open_signals(struct pb_session *s)
{
	struct sigaction hangup;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	/* nohup means what it says. */
	if (sigaction(SIGHUP, NULL, &hangup) || hangup.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return pb_err(errno, "block signals");
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? pb_err(errno, "open a signalfd") : 0;
}

int pb_session_new(struct pb_session **out, const struct pb_session_parts *parts)
{
	pb_auto(pb_session) struct pb_session *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->parts = parts;
	s->args = parts->args;
	s->stats_fd = s->signal_fd = s->timer_fd = s->epoll_fd = -1;
	err = open_signals(s);
	err = err ? err : pb_preflight(parts->program);
	err = err ? err : pb_cpus_online(&s->cpus);
	err = err ? err : pb_target_new(&s->target, s->args);
	/* Behind the fork: a command gets the limits that we were given. */
	pb_preflight_raise_limits();
	err = err ? err : load(s);
	err = err ? err : make_parts(s);
	if (err)
		return err;
	*out = pb_take(s);
	return 0;
}

/* At one instant, for all hooks that ask: see pb_has_ended() of bpf/lib/lease.bpf.h. */
static void stop_counting(struct pb_session *s)
{
	if (s->control)
		__atomic_store_n(&s->control->has_ended, 1, __ATOMIC_SEQ_CST);
}

static void release_links(struct pb_session *s)
{
	stop_counting(s);
	/* It holds them, too. */
	pb_snapshot_end(&s->copy);
	if (s->parts->probes->detach && s->bpf.skeleton)
		s->parts->probes->detach(s->bpf.skeleton);
	while (s->n_links)
		bpf_link__destroy(s->links[--s->n_links]);
}

void pb_session_free(struct pb_session *s)
{
	const int fds[] = {s ? s->stats_fd : -1, s ? s->signal_fd : -1, s ? s->timer_fd : -1,
			   s ? s->epoll_fd : -1};
	size_t i;

	if (!s)
		return;
	late_command = 0;
	release_links(s);
	free(s->links);
	pb_drain_free(s->drain);
	pb_stacks_free(s->stacks);
	if (s->unwinder)
		s->parts->unwinder->free(s->unwinder);
	pb_jit_free(s->jit);
	pb_track_free(s->track);
	pb_files_free(s->files);
	if (s->control)
		munmap(s->control, sizeof(*s->control));
	if (s->bpf.skeleton)
		s->parts->probes->destroy(&s->bpf);
	pb_target_free(s->target);
	free(s->cpus.ids);
	for (i = 0; i < PB_ARRAY_SIZE(fds); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	free(s);
}

int pb_session_hold(struct pb_session *s, struct bpf_link *link)
{
	struct bpf_link **links;
	int err = -errno;

	if (!link)
		return err;
	links = reallocarray(s->links, s->n_links + 1, sizeof(*links));
	if (!links) {
		bpf_link__destroy(link);
		return -ENOMEM;
	}
	s->links = links;
	links[s->n_links++] = link;
	return 0;
}

const struct pb_cpus *pb_session_cpus(const struct pb_session *s)
{
	return &s->cpus;
}

const struct pb_target *pb_session_target(const struct pb_session *s)
{
	return s->target;
}

void pb_session_end(struct pb_session *s)
{
	stop_counting(s);
	s->ended = true;
	pb_snapshot_end(&s->copy);
}

uint64_t pb_session_ready_ns(const struct pb_session *s)
{
	return s->ready_ns;
}

void *pb_session_state(const struct pb_session *s)
{
	return s->bpf.skeleton;
}

const struct pb_profile *pb_session_profile(const struct pb_session *s)
{
	return s->parts->profile;
}

struct pb_stacks *pb_session_stacks(struct pb_session *s)
{
	return s->stacks;
}

static void renew_lease(struct pb_session *s, uint64_t now_ns)
{
	__atomic_store_n(&s->control->beats, s->control->beats + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&s->control->lease_until_ns, now_ns + PB_LEASE_NS, __ATOMIC_RELAXED);
}

/* Make the target known to the kernel half and its mappings to us. */
static int insert_targets(struct pb_session *s)
{
	int map_fd = bpf_object__find_map_fd_by_name(s->bpf.object, "targets");
	int cgroups_fd = bpf_object__find_map_fd_by_name(s->bpf.object, "cgroups");
	const struct pb_target *t = s->target;
	uint64_t start = t->launch ? PB_TARGET_UNTIL_EXEC : PB_TARGET_UNKNOWN_START;
	__u32 id, zero = 0, i;
	int err = 0;

	if (t->scope == PB_SCOPE_CGROUP)
		err = bpf_map_update_elem(cgroups_fd, &zero, &t->cgroup_fd, BPF_ANY);
	if (err)
		return pb_err(-err, "set the cgroup");
	/* Without user stacks nobody's mappings are of interest. */
	if (t->scope == PB_SCOPE_CGROUP || t->scope == PB_SCOPE_ALL)
		return s->args->kernel_only || s->args->no_stacks ? 0
								  : pb_track_follow_all(s->track);
	for (i = 0; i < t->n && !err; i++) {
		id = t->scope == PB_SCOPE_THREAD ? t->tid : t->tgids[i];
		err = bpf_map_update_elem(map_fd, &id, &start, BPF_ANY);
	}
	if (err)
		return pb_err(-err, "set the targets");
	for (i = 0; i < t->n; i++) {
		if (pb_track_follow(s->track, t->tgids[i]) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

/* Is there something about unwind tables that waits for another look at what the kernel tells? */
static bool is_pending(const struct pb_session *s)
{
	return s->unwinder && s->parts->unwinder->pending(s->unwinder);
}

/* Take the answers in that the unwinder waits for, up to @rounds times, the last one begun before @end_ns. */
static int settle_tables(struct pb_session *s, uint32_t rounds, uint64_t end_ns)
{
	int err = 0;

	while (!err && rounds-- && is_pending(s) && pb_clock_ns() < end_ns)
		err = pb_track_update(s->track);
	return err;
}

static int attach_followers(struct pb_session *s)
{
	static const char *const names[] = {"on_fork", "on_exec", "on_free"};
	struct bpf_program *prog;
	size_t i;
	int err;

	for (i = 0; i < PB_ARRAY_SIZE(names); i++) {
		prog = bpf_object__find_program_by_name(s->bpf.object, names[i]);
		if (!prog || bpf_program__fd(prog) < 0)
			continue;
		err = pb_session_hold(s, bpf_program__attach(prog));
		if (err)
			return pb_err(-err, "attach %s", names[i]);
	}
	return 0;
}

static int attach(struct pb_session *s)
{
	int err;

	if (!s->parts->probes->knows_cost)
		s->stats_fd = pb_cost_enable();
	s->bpf_ns_before = pb_cost_bpf_ns(s->bpf.object);
	/* First, so that no exec or fork falls between what is read from /proc and what the kernel tells. */
	err = attach_followers(s);
	err = err ? err : insert_targets(s);
	/* Tables are there before the first event. */
	err = err ? err : pb_track_update(s->track);
	err = err ? err : settle_tables(s, ROUNDS_AT_START, pb_clock_ns() + START_NS);
	renew_lease(s, pb_clock_ns());
	err = err ? err : s->parts->probes->attach(s, &s->bpf, s->args);
	if (err)
		return err;
	/* A target that was named by pid must still be that process now. */
	if (pb_target_ended(s->target))
		pb_log(PB_LOG_WARN, "the target ended before everything was attached");
	return 0;
}

static int watch(struct pb_session *s, int fd, uint32_t how)
{
	struct epoll_event e = {.events = EPOLLIN | how, .data.fd = fd};

	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e))
		return pb_err(errno, "watch a descriptor");
	return 0;
}

static int open_loop(struct pb_session *s)
{
	struct itimerspec tick = {.it_interval.tv_nsec = TICK_NS, .it_value.tv_nsec = TICK_NS};
	const int *fds;
	uint32_t n, i;
	int err;

	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->epoll_fd < 0 || s->timer_fd < 0 || timerfd_settime(s->timer_fd, 0, &tick, NULL))
		return pb_err(errno, "set up the event loop");
	err = watch(s, s->signal_fd, 0);
	err = err ? err : watch(s, s->timer_fd, 0);
	err = err ? err : watch(s, pb_drain_fd(s->drain), 0);
	if (s->unwinder)
		err = err ? err : watch(s, s->parts->unwinder->fd(s->unwinder), 0);
	fds = pb_track_fds(s->track, &n);
	for (i = 0; i < n && !err; i++)
		err = watch(s, fds[i], 0);
	/* Once each: a process that has ended stays readable while we wait for the others. */
	for (i = 0; i < s->target->n && !err; i++)
		err = watch(s, s->target->pidfds[i], EPOLLONESHOT);
	return err;
}

static void say_ready(struct pb_session *s)
{
	char byte = '\n';

	s->ready_ns = pb_clock_ns();
	if (s->args->ready_fd == UINT64_MAX)
		pb_log_ready();
	else if (write((int)s->args->ready_fd, &byte, 1) != 1)
		pb_log(PB_LOG_WARN, "cannot write to --ready-fd: %s", strerror(errno));
}

static void show_live(struct pb_session *s, uint64_t now_ns)
{
	struct pb_tally sum;
	uint64_t lost = 0;
	char line[128];
	int i;

	if (!pb_live_wanted() || pb_drain_tally(s->drain, &sum))
		return;
	for (i = 0; i < PB_LOSS_COUNT; i++)
		lost += sum.lost[i];
	snprintf(line, sizeof(line), "%6.1f s  %'llu %s  %'llu lost   (Ctrl-C ends and reports)",
		 (double)(now_ns - s->ready_ns) / 1e9, (unsigned long long)sum.produced,
		 s->parts->probes->events, (unsigned long long)lost);
	pb_live(line);
}

/* A signal behind the capture: the first one is for what takes time, naming and a command that is waited
 * for, so that the profile is not lost; the next one ends the program at once. */
static void on_late_signal(int sig, siginfo_t *info, void *unused)
{
	int saved = errno;

	(void)unused;
	if (signalled)
		_exit(130);
	signalled = hurried = 1;
	/* Ctrl-C at a terminal reaches the whole foreground group by itself. */
	if (late_command && info->si_code != SI_KERNEL)
		kill(late_command, sig);
	errno = saved;
}

/* Once it is reaped its number may become another process': no signal is passed on between. */
static int reap_command(struct pb_session *s)
{
	sigset_t all, before;
	int status;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	status = pb_launch_status(s->target->launch, false);
	if (status >= 0)
		late_command = 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}

static void arm_late_signals(struct pb_session *s)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction late = {.sa_sigaction = on_late_signal,
				 .sa_flags = SA_RESTART | SA_SIGINFO};
	struct sigaction before;
	sigset_t set;
	size_t i;

	signalled = s->signal != 0;
	if (s->target->launch && reap_command(s) < 0)
		late_command = pb_launch_pid(s->target->launch);
	sigemptyset(&set);
	for (i = 0; i < PB_ARRAY_SIZE(signals); i++) {
		if (!sigaction(signals[i], NULL, &before) && before.sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &late, NULL);
		sigaddset(&set, signals[i]);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* The first signal ends the run; the next one ends the program at once. */
static void take_signal(struct pb_session *s)
{
	struct signalfd_siginfo info;

	if (read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	s->signal = (int)info.ssi_signo;
	/* Ctrl-C at a terminal reaches the whole foreground group by itself. */
	if (s->target->launch && info.ssi_code != SI_KERNEL)
		pb_launch_signal(s->target->launch, s->signal);
}

static void on_tick(struct pb_session *s, uint64_t now_ns)
{
	uint64_t expirations;

	if (read(s->timer_fd, &expirations, sizeof(expirations)) < 0)
		return;
	renew_lease(s, now_ns);
	show_live(s, now_ns);
	if (s->parts->probes->tick)
		s->parts->probes->tick(s, s->bpf.skeleton, now_ns);
	if (now_ns / RETIRE_NS != (now_ns - TICK_NS) / RETIRE_NS)
		pb_track_retire(s->track, now_ns - RETIRE_NS);
}

static void loop(struct pb_session *s)
{
	uint64_t end_ns = s->args->duration_ns ? s->ready_ns + s->args->duration_ns : UINT64_MAX;
	struct epoll_event events[16];
	struct timespec pause = {0};
	struct pb_pace pace = {0};
	uint64_t now_ns = s->ready_ns;
	int timeout_ms, n, i;

	while (!s->signal && !s->ended && now_ns < end_ns && !pb_target_ended(s->target)) {
		timeout_ms = 1000;
		if (end_ns - now_ns < NS_PER_S)
			timeout_ms = (int)((end_ns - now_ns + 999999) / 1000000);
		if (is_pending(s))
			timeout_ms = 0;
		n = epoll_wait(s->epoll_fd, events, PB_ARRAY_SIZE(events), timeout_ms);
		now_ns = pb_clock_ns();
		for (i = 0; i < n; i++) {
			if (events[i].data.fd == s->signal_fd)
				take_signal(s);
			else if (events[i].data.fd == s->timer_fd)
				on_tick(s, now_ns);
		}
		if (s->unwinder)
			s->parts->unwinder->take_misses(s->unwinder);
		pb_drain_stacks(s->drain);
		if (settle_tables(s, ROUNDS, now_ns + ROUNDS_NS))
			pb_log(PB_LOG_WARN, "out of memory: some stacks will be broken");
		pause.tv_nsec = (long)pb_pace_pause(&pace, now_ns, pb_clock_ns());
		if (pause.tv_nsec)
			nanosleep(&pause, NULL);
	}
}

static int describe_capture(struct pb_session *s, struct pb_report *r)
{
	struct utsname name;

	if (uname(&name))
		return pb_err(errno, "ask for the kernel's version");
	r->started_ns = pb_clock_read_ns(CLOCK_REALTIME);
	if (pb_report_set(&r->host, name.nodename) || pb_report_set(&r->kernel, name.release) ||
	    pb_report_set(&r->unwind, unwind_names[s->args->unwind]))
		return -ENOMEM;
	return pb_target_describe(s->target, s->args, r);
}

/* After the links are gone: how long, how dear, how many. */
static int settle(struct pb_session *s, struct pb_report *r)
{
	uint64_t bpf_ns = pb_cost_bpf_ns(s->bpf.object) - s->bpf_ns_before;
	struct pb_tally sum;
	int err;

	r->duration_ns = s->stopped_ns - s->ready_ns;
	r->map_bytes = (int64_t)(pb_cost_map_bytes(s->bpf.object) + pb_track_ring_bytes(s->track));
	pb_drain_stacks(s->drain);
	r->cut_processes = pb_track_cut(s->track);
	if (s->unwinder) {
		r->map_bytes += (int64_t)s->parts->unwinder->bytes(s->unwinder);
		s->parts->unwinder->describe(s->unwinder, r);
	}
	err = pb_drain_ledger(s->drain, r);
	if (err || pb_drain_tally(s->drain, &sum))
		return err ? err : -EIO;
	r->bpf_ns_per_event = r->bpf_cpu_pct = -1;
	if (s->stats_fd >= 0) {
		if (r->produced)
			r->bpf_ns_per_event = (double)bpf_ns / (double)r->produced;
		r->bpf_cpu_pct = 100.0 * (double)bpf_ns / (double)r->duration_ns;
	}
	if (r->asked_hz >= 0)
		r->achieved_hz = (double)sum.ticks * 1e9 / (double)r->duration_ns;
	return s->parts->probes->collect ? s->parts->probes->collect(s, s->bpf.skeleton, r) : 0;
}

/* In a copy of the process. */
static void look(void *session)
{
	struct pb_session *s = session;
	struct pb_report *r = s->report;

	s->hurry_ns = pb_clock_ns() + SO_FAR_NS;
	r->duration_ns = pb_clock_ns() - s->ready_ns;
	if (pb_drain_ledger(s->drain, r))
		return;
	if (s->parts->probes->collect && s->parts->probes->collect(s, s->bpf.skeleton, r))
		return;
	s->parts->so_far(s->parts->so_far_ctx, s);
}

void pb_session_show_so_far(struct pb_session *s)
{
	int err;

	if (!s->parts->so_far)
		return;
	/* The copy has no rings. */
	pb_drain_stacks(s->drain);
	err = pb_snapshot_take(&s->copy, look, s);
	if (err)
		pb_log(PB_LOG_DEBUG, "no look at what there is so far: %s", strerror(-err));
}

/* The command stands still, with its libraries mapped: what is known of it now is known from its beginning. */
static void on_loaded(void *ctx)
{
	struct pb_session *s = ctx;

	if (pb_track_update(s->track) ||
	    settle_tables(s, ROUNDS_AT_START, pb_clock_ns() + NS_PER_S))
		pb_log(PB_LOG_WARN, "out of memory: some stacks will be broken");
	if (s->parts->probes->loaded)
		s->parts->probes->loaded(s->bpf.skeleton);
	renew_lease(s, pb_clock_ns());
}

static int release_command(struct pb_session *s)
{
	int err;

	pb_launch_watch(s->target->launch);
	err = pb_launch_release(s->target->launch);
	if (!err)
		pb_launch_hold(s->target->launch, on_loaded, s);
	return err;
}

int pb_session_run(struct pb_session *s, struct pb_report *report)
{
	int err = describe_capture(s, report);

	s->report = report;
	err = err ? err : open_loop(s);
	err = err ? err : attach(s);
	if (err)
		return err;
	say_ready(s);
	if (s->target->launch)
		err = release_command(s);
	if (err) {
		s->command_not_run = true;
		return err;
	}
	loop(s);
	/* What came in the last moment ended the capture, too. */
	if (!s->signal)
		take_signal(s);
	s->stopped_ns = pb_clock_ns();
	release_links(s);
	arm_late_signals(s);
	pb_live(NULL);
	err = settle(s, report);
	/* What costs the whole machine something ends with the capture, however long a command lasts. */
	pb_track_stop(s->track);
	if (s->stats_fd >= 0)
		close(pb_take_fd(s->stats_fd));
	return err;
}

int pb_session_signal(const struct pb_session *s)
{
	return s->signal;
}

bool pb_session_is_hurried(void *session)
{
	const struct pb_session *s = session;

	return hurried || (s->hurry_ns && pb_clock_ns() > s->hurry_ns);
}

bool pb_session_command_not_run(const struct pb_session *s)
{
	return s->command_not_run;
}

void pb_session_note_command(struct pb_session *s, struct pb_report *report)
{
	int status = s->target->launch ? reap_command(s) : -1;

	report->has_exit = status >= 0;
	report->exit_status = status < 0 ? 0 : status;
}

int pb_session_command_status(struct pb_session *s)
{
	siginfo_t ended;
	pid_t pid;

	if (!s->target->launch)
		return -1;
	pid = pb_launch_pid(s->target->launch);
	while (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT) && errno == EINTR)
		;
	return reap_command(s);
}
