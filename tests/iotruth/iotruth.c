/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * iotruth [-d DISK] -o FILE [SECONDS]: every block I/O that was issued and completed meanwhile, one a line:
 *
 *	DEVICE OPERATION ISSUE_NS COMPLETE_NS BYTES SECTOR QUEUED_NS TID
 *
 * CLOCK_MONOTONIC; QUEUED_NS is the insertion, 0 if there was none; TID is who issued it. Says "ready PID" when it
 * is attached, ends at SIGINT or SIGTERM, and then says what became of all it saw. FILE is written at the end, so
 * that writing it is not in it.
 *
 * With a DISK it compares with the kernel's own account, /sys/block/DISK/stat, over the same time:
 *
 *	stat READS WRITES DISCARDS FLUSHES    what that counted
 *	seen READS WRITES DISCARDS FLUSHES    what was seen
 *
 * Not every kernel calls its hooks for every completion: on a 6.18 that is a guest of a guest, up to 65 of 5,000 reads
 * were issued and completed without a call, of any tracepoint and for any program, perf among them. They are told
 * as "hidden", as is what is in flight at the end.
 *
 * Exit status: 0, also where nothing was seen; 1 it lost an event or cannot run; 2 usage.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tests/iotruth/iotruth.h"
#include "tests/iotruth/iotruth.skel.h"

#define SLOTS (1u << 16) /* of I/O that is open, chained */

struct open_io {
	struct iotruth_event issue;
	uint64_t queued_ns;
	bool is_issued;
	struct open_io *next;
};

struct io {
	struct iotruth_event issue;
	uint64_t queued_ns;
	uint64_t end_ns;
};

struct truth {
	struct open_io *open[SLOTS];
	struct io *ios;
	size_t n, room;
	uint64_t
		unmatched; /* completions of what was not issued: the end of a flush, and what began before */
	uint64_t partial;
	uint64_t requeued;
	uint64_t hidden; /* begun anew, so it had completed, but no hook was called */
	uint64_t by_op[256];
	uint64_t from_ns, to_ns; /* between the looks at the kernel's account */
};

static volatile sig_atomic_t ended;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void on_signal(int sig)
{
	(void)sig;
	ended = 1;
}

static struct open_io **find_open(struct truth *t, uint64_t key)
{
	struct open_io **at = &t->open[(key >> 6) % SLOTS];

	while (*at && (*at)->issue.key != key)
		at = &(*at)->next;
	return at;
}

static struct open_io *begin(struct truth *t, const struct iotruth_event *e)
{
	struct open_io **at = find_open(t, e->key);

	if (!*at)
		*at = calloc(1, sizeof(**at));
	if (!*at)
		exit(1);
	(*at)->issue = *e;
	return *at;
}

static void complete(struct truth *t, const struct iotruth_event *e)
{
	struct open_io **at = find_open(t, e->key), *o = *at;

	if (!o || !o->is_issued) {
		t->unmatched++;
		return;
	}
	if (e->kind == IOTRUTH_COMPLETE && e->bytes < e->left) {
		t->partial++;
		return;
	}
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 1 << 16;
		t->ios = realloc(t->ios, t->room * sizeof(*t->ios));
		if (!t->ios)
			exit(1);
	}
	t->ios[t->n++] = (struct io){o->issue, o->queued_ns, e->time_ns};
	if (e->time_ns >= t->from_ns && e->time_ns < t->to_ns)
		t->by_op[o->issue.flags & 0xff]++;
	*at = o->next;
	free(o);
}

static int on_event(void *ctx, void *data, size_t size)
{
	const struct iotruth_event *e = data;
	struct truth *t = ctx;
	struct open_io *o;

	(void)size;
	switch (e->kind) {
	case IOTRUTH_INSERT:
		o = begin(t, e);
		t->hidden += o->is_issued;
		o->queued_ns = e->time_ns;
		o->is_issued = false;
		break;
	case IOTRUTH_ISSUE:
	case IOTRUTH_BIO_QUEUE:
		o = begin(t, e);
		t->hidden += o->is_issued;
		o->is_issued = true;
		break;
	case IOTRUTH_REQUEUE:
		t->requeued++;
		begin(t, e)->is_issued = false;
		break;
	default:
		complete(t, e);
	}
	return 0;
}

static const char *op_name(uint32_t flags)
{
	switch (flags & 0xff) {
	case 0:
		return "read";
	case 1:
		return "write";
	case 2:
		return "flush";
	case 3:
	case 5:
		return "discard";
	case 9:
		return "write_zeroes";
	default:
		return "other";
	}
}

/* "loop0" of its number, or MAJOR:MINOR where it has gone. */
static const char *disk_name(uint32_t disk)
{
	static char name[300];
	static uint32_t known;
	char path[64], target[256];
	ssize_t n;

	if (known == disk && name[0])
		return name;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", disk >> 20, disk & 0xfffff);
	n = readlink(path, target, sizeof(target) - 1);
	if (n > 0) {
		target[n] = '\0';
		snprintf(name, sizeof(name), "%s", strrchr(target, '/') + 1);
	} else {
		snprintf(name, sizeof(name), "%u:%u", disk >> 20, disk & 0xfffff);
	}
	known = disk;
	return name;
}

static int write_ios(const struct truth *t, const char *path)
{
	FILE *f = fopen(path, "w");
	size_t i;

	if (!f)
		return -1;
	for (i = 0; i < t->n; i++) {
		const struct io *io = &t->ios[i];

		fprintf(f, "%s %s %llu %llu %u %llu %llu %u\n", disk_name(io->issue.disk),
			op_name(io->issue.flags), (unsigned long long)io->issue.time_ns,
			(unsigned long long)io->end_ns, io->issue.bytes,
			(unsigned long long)io->issue.sector, (unsigned long long)io->queued_ns,
			io->issue.tid);
	}
	return fclose(f);
}

/* I/Os completed: reads, writes, discards, flushes. */
static bool read_stat(const char *disk, uint64_t v[4])
{
	static const int field[4] = {0, 4, 11, 15};
	unsigned long long n;
	char path[300];
	FILE *f;
	int i, j;

	snprintf(path, sizeof(path), "/sys/block/%s/stat", disk);
	f = fopen(path, "r");
	if (!f)
		return false;
	for (i = j = 0; j < 4 && fscanf(f, "%llu", &n) == 1; i++)
		if (i == field[j])
			v[j++] = n;
	fclose(f);
	return j == 4;
}

static uint32_t disk_number(const char *disk)
{
	unsigned int major, minor;
	char path[300];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "/sys/block/%s/dev", disk);
	f = fopen(path, "r");
	if (!f)
		return 0;
	n = fscanf(f, "%u:%u", &major, &minor);
	fclose(f);
	return n == 2 ? major << 20 | minor : 0;
}

/* Programs that were left out because one ran already on the CPU. */
static uint64_t misses(struct iotruth_bpf *skel)
{
	struct bpf_program *prog;
	uint64_t n = 0;

	bpf_object__for_each_program(prog, skel->obj)
	{
		struct bpf_prog_info info = {};
		__u32 size = sizeof(info);

		if (!bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &size))
			n += info.recursion_misses;
	}
	return n;
}

static uint64_t still_open(const struct truth *t)
{
	const struct open_io *o;
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < SLOTS; i++)
		for (o = t->open[i]; o; o = o->next)
			n += o->is_issued;
	return n;
}

/* Of a busy disk one or two are in the one and not in the other. */
static void say_stat(const uint64_t from[4], const uint64_t to[4], const struct truth *t)
{
	int i;

	printf("stat");
	for (i = 0; i < 4; i++)
		printf(" %llu", (unsigned long long)(to[i] - from[i]));
	printf("\nseen %llu %llu %llu %llu\n", (unsigned long long)t->by_op[0],
	       (unsigned long long)t->by_op[1], (unsigned long long)t->by_op[3],
	       (unsigned long long)t->by_op[2]);
}

static int run(const char *disk, const char *file, double seconds, struct truth *t)
{
	struct iotruth_bpf *skel = iotruth_bpf__open();
	struct ring_buffer *ring;
	uint64_t from[4], to[4], lost;
	bool has_stat;

	if (!skel)
		return 1;
	skel->rodata->only_disk = disk ? disk_number(disk) : 0;
	if (disk && !skel->rodata->only_disk) {
		fprintf(stderr, "iotruth: no disk %s\n", disk);
		return 1;
	}
	if (iotruth_bpf__load(skel) || iotruth_bpf__attach(skel))
		return 1;
	ring = ring_buffer__new(bpf_map__fd(skel->maps.events), on_event, t, NULL);
	if (!ring || (disk && !read_stat(disk, from)))
		return 1;
	t->from_ns = now_ns();
	t->to_ns = UINT64_MAX;
	printf("ready %d\n", (int)getpid());
	fflush(stdout);
	/* By the clock, since nobody wakes us: the ring has room for a second of a million. */
	while (!ended && (seconds <= 0 || now_ns() - t->from_ns < (uint64_t)(seconds * 1e9))) {
		usleep(10000);
		ring_buffer__consume(ring);
	}
	t->to_ns = now_ns();
	has_stat = disk && read_stat(disk, to);
	iotruth_bpf__detach(skel);
	ring_buffer__consume(ring);
	if (has_stat)
		say_stat(from, to, t); /* else it has gone */
	lost = skel->bss->lost + misses(skel);
	printf("ios %zu unmatched %llu partial %llu requeued %llu hidden %llu lost %llu\n", t->n,
	       (unsigned long long)t->unmatched, (unsigned long long)t->partial,
	       (unsigned long long)t->requeued, (unsigned long long)(t->hidden + still_open(t)),
	       (unsigned long long)lost);
	ring_buffer__free(ring);
	iotruth_bpf__destroy(skel);
	return write_ios(t, file) || lost ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	const char *disk = NULL, *file = NULL;
	static struct truth truth;
	int c;

	while ((c = getopt(argc, argv, "d:o:")) != -1) {
		switch (c) {
		case 'd':
			disk = optarg;
			break;
		case 'o':
			file = optarg;
			break;
		default:
			return 2;
		}
	}
	if (!file)
		return 2;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return run(disk, file, argc > optind ? atof(argv[optind]) : 0, &truth);
}
