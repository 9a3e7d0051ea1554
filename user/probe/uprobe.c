/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/probe/uprobe.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/core/clock.h"
#include "user/core/grow.h"
#include "user/core/log.h"
#include "user/core/opts.h"
#include "user/core/preflight.h"
#include "user/probe/anchor.h"

/* include/uapi/linux/bpf.h; Debian 12's header is of a time before these. */
#define ATTACH_UPROBE_MULTI   48
#define ATTACH_UPROBE_SESSION 57
#define MULTI_RETURN          1u /* BPF_F_UPROBE_MULTI_RETURN */

/* union bpf_attr for BPF_LINK_CREATE with those attach types, as of 6.6 (89ae89f53d20). */
struct multi_attr {
	__u32 prog_fd;
	__u32 target_fd;
	__u32 attach_type;
	__u32 flags;
	__aligned_u64 path;
	__aligned_u64 offsets;
	__aligned_u64 ref_ctr_offsets;
	__aligned_u64 cookies;
	__u32 cnt;
	__u32 multi_flags;
	__u32 pid;
	__u32 pad;
};

/* Hits of a batch, and batches of which the fastest counts: some 10 ms in all. */
#define CALIBRATE_HITS    500
#define CALIBRATE_STEPS   50
#define CALIBRATE_BATCHES 7

#define PATH_OF_FD_MAX 32
#define CLOSERS        15 /* beside the thread that asks */

static void path_of_fd(int fd, char path[PATH_OF_FD_MAX])
{
	snprintf(path, PATH_OF_FD_MAX, "/proc/self/fd/%d", fd);
}

const char *pb_uprobe_way_name(enum pb_uprobe_way way)
{
	static const char *const names[] = {[PB_UPROBE_SESSION] = "uprobe session",
					    [PB_UPROBE_MULTI] = "uprobe multi",
					    [PB_UPROBE_PERF] = "perf uprobe"};

	return names[way];
}

uint32_t pb_uprobe_attach_type(enum pb_uprobe_way way)
{
	switch (way) {
	case PB_UPROBE_SESSION:
		return ATTACH_UPROBE_SESSION;
	case PB_UPROBE_MULTI:
		return ATTACH_UPROBE_MULTI;
	case PB_UPROBE_PERF:
		break;
	}
	return 0;
}

static int hold(struct pb_uprobes *to, int fd)
{
	if (pb_grow(&to->fds, &to->size, to->n + 1ull, sizeof(*to->fds))) {
		close(fd);
		return -ENOMEM;
	}
	to->fds[to->n++] = fd;
	return 0;
}

static int attach_multi(struct pb_uprobes *to, uint32_t attach_type, int prog_fd, bool at_return,
			int file_fd, pid_t tgid, const struct pb_uprobe *probes, uint32_t n)
{
	pb_autofree __u64 *offsets = calloc(n, sizeof(*offsets));
	pb_autofree __u64 *cookies = calloc(n, sizeof(*cookies));
	char path[PATH_OF_FD_MAX];
	struct multi_attr attr;
	uint32_t i;
	int fd;

	if (!offsets || !cookies)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		offsets[i] = probes[i].offset;
		cookies[i] = probes[i].cookie;
	}
	path_of_fd(file_fd, path);
	memset(&attr, 0, sizeof(attr)); /* the kernel wants padding to be 0, too */
	attr.prog_fd = (__u32)prog_fd;
	attr.attach_type = attach_type;
	attr.path = (__u64)(uintptr_t)path;
	attr.offsets = (__u64)(uintptr_t)offsets;
	attr.cookies = (__u64)(uintptr_t)cookies;
	attr.cnt = n;
	attr.multi_flags = at_return ? MULTI_RETURN : 0;
	attr.pid = (__u32)tgid;
	fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	return fd < 0 ? -errno : hold(to, fd);
}

/* The number behind @before in a file of sysfs. */
static int read_number(const char *path, const char *before, uint64_t *out)
{
	pb_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t skip = strlen(before);
	char text[64];
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? -EOPNOTSUPP : -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= (ssize_t)skip || memcmp(text, before, skip) != 0)
		return -EOPNOTSUPP;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return pb_parse_uint(text + skip, 0, UINT32_MAX, out) ? -EOPNOTSUPP : 0;
}

#define PMU "/sys/bus/event_source/devices/uprobe/"

static int attach_perf(struct pb_uprobes *to, int prog_fd, bool at_return, int file_fd, pid_t tgid,
		       const struct pb_uprobe *probe)
{
	const struct bpf_link_create_opts opts = {.sz = sizeof(opts),
						  .perf_event.bpf_cookie = probe->cookie};
	struct perf_event_attr attr = {.size = sizeof(attr), .disabled = 1};
	char path[PATH_OF_FD_MAX];
	uint64_t type = 0, bit = 0;
	int fd, link, err;

	err = read_number(PMU "type", "", &type);
	err = err ? err : read_number(PMU "format/retprobe", "config:", &bit);
	if (err)
		return err;
	path_of_fd(file_fd, path);
	attr.type = (__u32)type;
	attr.config = at_return ? 1ull << bit : 0;
	attr.config1 = (__u64)(uintptr_t)path; /* uprobe_path */
	attr.config2 = probe->offset;          /* probe_offset */
	fd = (int)syscall(SYS_perf_event_open, &attr, tgid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	link = bpf_link_create(prog_fd, fd, BPF_PERF_EVENT, &opts);
	if (link < 0) {
		close(fd);
		return link;
	}
	/* The link keeps the event. */
	close(fd);
	return hold(to, link);
}

int pb_uprobe_attach(struct pb_uprobes *to, enum pb_uprobe_way way, int prog_fd, bool at_return,
		     int file_fd, pid_t tgid, const struct pb_uprobe *probes, uint32_t n)
{
	uint32_t before = to->n, i;
	int err = 0;

	if (!n)
		return 0;
	if (way != PB_UPROBE_PERF)
		return attach_multi(to, pb_uprobe_attach_type(way), prog_fd, at_return, file_fd,
				    tgid, probes, n);
	for (i = 0; i < n && !err; i++)
		err = attach_perf(to, prog_fd, at_return, file_fd, tgid, &probes[i]);
	if (err)
		pb_uprobe_detach(to, before);
	return err;
}

/* Descriptors that threads take one after the other. */
struct closing {
	int *fds;
	uint32_t n;
	uint32_t next;
};

static void *close_each(void *arg)
{
	struct closing *c = arg;
	uint32_t i;

	while ((i = __atomic_fetch_add(&c->next, 1, __ATOMIC_RELAXED)) < c->n)
		close(c->fds[i]);
	return NULL;
}

void pb_uprobe_detach(struct pb_uprobes *u, uint32_t from)
{
	struct closing c = {.fds = u->fds + from, .n = u->n - from};
	pthread_t threads[CLOSERS];
	uint32_t n = 0;

	if (u->n <= from)
		return;
	while (n < CLOSERS && n + 1 < c.n && !pthread_create(&threads[n], NULL, close_each, &c))
		n++;
	close_each(&c);
	while (n > 0)
		pthread_join(threads[--n], NULL);
	u->n = from;
}

static void *close_and_free(void *arg)
{
	struct closing *c = arg;

	close_each(c);
	free(c->fds);
	free(c);
	return NULL;
}

void pb_uprobes_retire(struct pb_uprobes *u)
{
	struct closing *c = u->n ? malloc(sizeof(*c)) : NULL;
	pthread_t thread;

	if (c) {
		*c = (struct closing){.fds = u->fds, .n = u->n};
		if (!pthread_create(&thread, NULL, close_and_free, c)) {
			pthread_detach(thread);
			*u = (struct pb_uprobes){0};
			return;
		}
		free(c);
	}
	pb_uprobes_drop(u);
}

void pb_uprobes_drop(struct pb_uprobes *u)
{
	pb_uprobe_detach(u, 0);
	free(u->fds);
	u->fds = NULL;
	u->size = 0;
}

/* A program that does nothing. */
static int load_nothing(enum pb_uprobe_way way)
{
	const struct bpf_prog_load_opts opts = {
		.sz = sizeof(opts),
		.expected_attach_type = (enum bpf_attach_type)pb_uprobe_attach_type(way)};
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_KPROBE, "pb_nothing", "Dual BSD/GPL", insns,
			     sizeof(insns) / sizeof(insns[0]), &opts);
}

/* Attach to ourselves for a moment. */
static int try_way(enum pb_uprobe_way way)
{
	struct pb_uprobes links = {0};
	struct pb_anchor anchor = {.file_fd = -1};
	pb_autoclose int prog = load_nothing(way);
	struct pb_uprobe probe = {0};
	int err;

	if (prog < 0)
		return prog;
	err = pb_anchor_open(&anchor);
	probe.offset = anchor.emulated_off;
	err = err ? err
		  : pb_uprobe_attach(&links, way, prog, false, anchor.file_fd, getpid(), &probe, 1);
	pb_uprobes_retire(&links);
	pb_anchor_close(&anchor);
	return err;
}

int pb_uprobe_best_way(enum pb_uprobe_way *out)
{
	int way, err = 0;

	for (way = PB_UPROBE_SESSION; way <= PB_UPROBE_PERF; way++) {
		err = try_way((enum pb_uprobe_way)way);
		pb_log(PB_LOG_DEBUG, "%s: %s", pb_uprobe_way_name((enum pb_uprobe_way)way),
		       err ? strerror(-err) : "works");
		if (!err) {
			*out = (enum pb_uprobe_way)way;
			return 0;
		}
	}
	if (pb_preflight_is_old())
		return pb_fail(EOPNOTSUPP,
			       "this kernel takes no uprobes from us (%s): 6.1 or newer is needed",
			       strerror(-err));
	return pb_fail(-err,
		       "this kernel takes no uprobes from us: %s; they need CAP_SYS_ADMIN (or "
		       "CAP_BPF and CAP_PERFMON before 6.6), and CONFIG_UPROBES",
		       strerror(-err));
}

/* ns of a call, with what is attached to it. */
static double time_calls(void (*function)(void), int hits)
{
	uint64_t best = UINT64_MAX, began, took;
	int batch, i;

	for (batch = 0; batch < CALIBRATE_BATCHES; batch++) {
		began = pb_clock_ns();
		for (i = 0; i < hits; i++)
			function();
		took = pb_clock_ns() - began;
		if (took < best)
			best = took;
	}
	return (double)best / hits;
}

int pb_uprobe_calibrate(enum pb_uprobe_way way, int prog_fd, double *entry_ns, double *return_ns,
			double *step_ns)
{
	struct pb_anchor anchor = {.file_fd = -1};
	int err = pb_anchor_open(&anchor);
	/* A probe at the end comes on top of the one at the beginning, as it will be. */
	const struct {
		double *ns;
		uint64_t off;
		void (*function)(void);
		int hits;
		bool at_return;
	} probes[] = {
		{entry_ns, anchor.emulated_off, pb_anchor_emulated, CALIBRATE_HITS, false},
		{return_ns, anchor.emulated_off, pb_anchor_emulated, CALIBRATE_HITS, true},
		{step_ns, anchor.stepped_off, pb_anchor_stepped, CALIBRATE_STEPS, false},
	};
	struct pb_uprobes links = {0};
	double before, more;
	size_t i;

	for (i = 0; i < PB_ARRAY_SIZE(probes) && !err; i++) {
		const struct pb_uprobe probe = {.offset = probes[i].off};

		before = time_calls(probes[i].function, probes[i].hits);
		err = pb_uprobe_attach(&links, way, prog_fd, probes[i].at_return, anchor.file_fd,
				       getpid(), &probe, 1);
		if (err)
			break;
		more = time_calls(probes[i].function, probes[i].hits) - before;
		*probes[i].ns = more > 0 ? more : 0;
	}
	/* The target need not wait until the kernel has let go of them. */
	pb_uprobes_retire(&links);
	pb_anchor_close(&anchor);
	return err;
}
