/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * ioload MODE FILE [N [SIZE [THREADS|DEPTH]]]: I/O by the numbers. With WAIT=1 in the environment it begins at
 * SIGUSR1, with DIRECT=1 past the page cache, with RANDOM=1 at random offsets, else one after the other.
 *
 *   make      writes FILE, N blocks of SIZE, and syncs it: what is read later has been written
 *   read      N reads                    write     N writes within it, and no sync
 *   sync-each N writes, fsync after each sync-end  N writes, one fsync
 *   again     the file three times over  cached    N reads, once the file is in the page cache
 *   append    N small write()s at the end, no sync
 *   both      hot_reader() reads N blocks, log_writer() writes and syncs N / 10 behind FILE.log
 *   threads   THREADS at once, N reads each
 *   hop       N reads, on another CPU each time
 *   items     N files FILE.0 ... opened and read, one read each
 *   calls     each system call so often: read 10, pread 11, readv 12, preadv 13, write 14, pwrite 15, writev 16,
 *             pwritev 17, fsync 8, fdatasync 9, sync_file_range 7, sendfile 6
 *   aio-read, aio-write, uring-read, uring-write    N, DEPTH at a time
 *
 * All reads go through serve > fetch > hot_reader > one_read, all writes through serve > record > log_writer >
 * one_write. It says what it did, with the nearest-rank percentiles of its own calls (of aio and io_uring: of a
 * submission until it was reaped) in microseconds:
 *
 *   extent FROM TO      sectors of 512 bytes where FILE lies on its device, a line for each piece
 *   reads COUNT BYTES P50 P95 P99 MAX
 *   writes ...
 *   syncs ...
 *
 * Built with frame pointers (ioload) and without (ioload-nofp).
 */
#include "tests/workload/workload.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define MAX_DEPTH 256

struct times {
	uint64_t *ns;
	uint64_t n, room, bytes;
};

static struct times reads, writes, syncs;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *path;
static uint64_t n_blocks, size;
static bool is_direct, is_random;
static char *buffer; /* of the main thread, aligned */

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void note(struct times *t, uint64_t from, int64_t bytes)
{
	uint64_t took = now_ns() - from;

	if (bytes < 0)
		fail("I/O");
	pthread_mutex_lock(&lock);
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 4096;
		t->ns = realloc(t->ns, t->room * sizeof(*t->ns));
		if (!t->ns)
			fail("realloc");
	}
	t->ns[t->n++] = took;
	t->bytes += (uint64_t)bytes;
	pthread_mutex_unlock(&lock);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double rank_us(const struct times *t, uint64_t per_cent)
{
	uint64_t i = (t->n * per_cent + 99) / 100;

	return (double)t->ns[i ? i - 1 : 0] / 1e3;
}

static void say(const char *what, struct times *t)
{
	if (!t->n)
		return;
	qsort(t->ns, t->n, sizeof(*t->ns), compare);
	printf("%s %llu %llu %.3f %.3f %.3f %.3f\n", what, (unsigned long long)t->n,
	       (unsigned long long)t->bytes, rank_us(t, 50), rank_us(t, 95), rank_us(t, 99),
	       (double)t->ns[t->n - 1] / 1e3);
}

static uint64_t file_blocks(int fd)
{
	uint64_t n = (uint64_t)lseek(fd, 0, SEEK_END) / size;

	return n ? n : 1;
}

/* Block @i of @blocks. */
static off_t place(uint64_t i, uint64_t blocks)
{
	uint64_t x = i;

	if (is_random) {
		x = (i + 1) * 0x9e3779b97f4a7c15u;
		x ^= x >> 29;
		x *= 0xbf58476d1ce4e5b9u;
		x ^= x >> 32;
	}
	return (off_t)(x % blocks * size);
}

static int open_file(const char *name, int flags)
{
	int fd = open(name, flags | (is_direct ? O_DIRECT : 0) | O_CLOEXEC, 0644);

	if (fd < 0)
		fail(name);
	return fd;
}

static char *new_buffer(uint64_t bytes)
{
	char *p = NULL;

	if (posix_memalign((void **)&p, 4096, bytes < 4096 ? 4096 : bytes))
		fail("memory");
	memset(p, 'x', bytes);
	return p;
}

VISIBLE static void one_read(int fd, char *to, off_t at)
{
	uint64_t from = now_ns();

	note(&reads, from, pread(fd, to, size, at));
	KEEP_FRAME();
}

VISIBLE static void one_write(int fd, off_t at)
{
	uint64_t from = now_ns();

	note(&writes, from, at < 0 ? write(fd, buffer, size) : pwrite(fd, buffer, size, at));
	KEEP_FRAME();
}

VISIBLE static void one_sync(int fd)
{
	uint64_t from = now_ns();

	note(&syncs, from, fsync(fd));
	KEEP_FRAME();
}

VISIBLE static void hot_reader(int fd, char *to, uint64_t n, uint64_t seed)
{
	uint64_t blocks = file_blocks(fd), i;

	for (i = 0; i < n; i++)
		one_read(fd, to, place(i + seed, blocks));
	KEEP_FRAME();
}

/* @sync_each: how many writes go before an fsync; 0: none. */
VISIBLE static void log_writer(int fd, uint64_t n, uint64_t sync_each, bool at_end)
{
	uint64_t blocks = file_blocks(fd), i;

	for (i = 0; i < n; i++) {
		one_write(fd, at_end ? -1 : place(i, blocks));
		if (sync_each && (i + 1) % sync_each == 0)
			one_sync(fd);
	}
	KEEP_FRAME();
}

VISIBLE static void fetch(int fd, uint64_t n)
{
	hot_reader(fd, buffer, n, 0);
	KEEP_FRAME();
}

VISIBLE static void record(int fd, uint64_t n, uint64_t sync_each, bool at_end)
{
	log_writer(fd, n, sync_each, at_end);
	KEEP_FRAME();
}

static void make(void)
{
	int fd = open_file(path, O_RDWR | O_CREAT | O_TRUNC);
	uint64_t i;

	for (i = 0; i < n_blocks; i++)
		if (pwrite(fd, buffer, size, (off_t)(i * size)) != (ssize_t)size)
			fail("make");
	if (fsync(fd))
		fail("fsync");
	close(fd);
}

static void drop_from_cache(int fd)
{
	fsync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static void both(void)
{
	char log[4096];
	int fd = open_file(path, O_RDONLY), to;

	snprintf(log, sizeof(log), "%s.log", path);
	is_direct = false;
	to = open_file(log, O_RDWR | O_CREAT | O_TRUNC);
	fetch(fd, n_blocks);
	record(to, n_blocks / 10, 1, true);
}

struct reader {
	pthread_t thread;
	uint64_t seed;
};

static void *read_in_thread(void *arg)
{
	struct reader *r = arg;
	int fd = open_file(path, O_RDONLY);

	hot_reader(fd, new_buffer(size), n_blocks, r->seed);
	close(fd);
	return NULL;
}

static void threads(uint64_t n)
{
	struct reader *r = calloc(n, sizeof(*r));
	uint64_t i;

	for (i = 0; r && i < n; i++) {
		r[i].seed = i * n_blocks;
		if (pthread_create(&r[i].thread, NULL, read_in_thread, &r[i]))
			fail("thread");
	}
	for (i = 0; r && i < n; i++)
		pthread_join(r[i].thread, NULL);
}

static void hop(int fd)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t blocks = file_blocks(fd), i;
	cpu_set_t set;

	for (i = 0; i < n_blocks; i++) {
		CPU_ZERO(&set);
		CPU_SET(i % (uint64_t)cpus, &set);
		sched_setaffinity(0, sizeof(set), &set);
		one_read(fd, buffer, place(i, blocks));
	}
}

/* The work of a page that asks for each item by itself. */
VISIBLE static void items(void)
{
	char name[4096];
	uint64_t i;
	int fd;

	for (i = 0; i < n_blocks; i++) {
		snprintf(name, sizeof(name), "%s.%llu", path, (unsigned long long)i);
		fd = open_file(name, O_RDWR | O_CREAT);
		if (lseek(fd, 0, SEEK_END) < (off_t)size) {
			if (write(fd, buffer, size) != (ssize_t)size)
				fail(name);
			drop_from_cache(fd);
		}
		one_read(fd, buffer, 0);
		close(fd);
	}
}

#define TIMES(n, what)                                                                             \
	do {                                                                                       \
		int i_;                                                                            \
		for (i_ = 0; i_ < (n); i_++)                                                       \
			if ((what) < 0)                                                            \
				fail(#what);                                                       \
	} while (0)

static void calls(void)
{
	int fd = open_file(path, O_RDWR), sockets = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct iovec iov = {buffer, size};

	TIMES(10, read(fd, buffer, size));
	TIMES(11, pread(fd, buffer, size, 0));
	TIMES(12, readv(fd, &iov, 1));
	TIMES(13, preadv(fd, &iov, 1, 0));
	lseek(fd, 0, SEEK_SET);
	TIMES(14, write(fd, buffer, size));
	TIMES(15, pwrite(fd, buffer, size, 0));
	TIMES(16, writev(fd, &iov, 1));
	TIMES(17, pwritev(fd, &iov, 1, 0));
	TIMES(8, fsync(fd));
	TIMES(9, fdatasync(fd));
	TIMES(7, sync_file_range(fd, 0, (off_t)size, SYNC_FILE_RANGE_WRITE));
	lseek(fd, 0, SEEK_SET);
	TIMES(6, sendfile(sockets, fd, NULL, size));
}

/* --- libaio's system calls */

VISIBLE static void reap_aio(aio_context_t aio, uint64_t *began, struct times *t, uint64_t *flying)
{
	struct io_event events[MAX_DEPTH];
	long i, n = syscall(SYS_io_getevents, aio, 1L, (long)MAX_DEPTH, events, NULL);

	if (n < 0 && errno != EINTR)
		fail("io_getevents");
	for (i = 0; i < n; i++) {
		note(t, began[events[i].data], events[i].res);
		began[events[i].data] = 0;
		--*flying;
	}
}

static void aio_load(bool is_write, uint64_t depth)
{
	int fd = open_file(path, is_write ? O_RDWR : O_RDONLY);
	uint64_t began[MAX_DEPTH] = {0}, blocks = file_blocks(fd), flying = 0, i, slot;
	struct times *t = is_write ? &writes : &reads;
	char *buffers = new_buffer(depth * size);
	aio_context_t aio = 0;

	if (syscall(SYS_io_setup, depth, &aio) < 0)
		fail("io_setup");
	for (i = 0; i < n_blocks; i++) {
		struct iocb cb = {0}, *one = &cb;

		while (flying == depth)
			reap_aio(aio, began, t, &flying);
		for (slot = 0; began[slot]; slot++)
			;
		cb.aio_data = slot;
		cb.aio_lio_opcode = is_write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
		cb.aio_fildes = (uint32_t)fd;
		cb.aio_buf = (uint64_t)(buffers + slot * size);
		cb.aio_nbytes = size;
		cb.aio_offset = place(i, blocks);
		began[slot] = now_ns();
		if (syscall(SYS_io_submit, aio, 1L, &one) != 1)
			fail("io_submit");
		flying++;
	}
	while (flying)
		reap_aio(aio, began, t, &flying);
	syscall(SYS_io_destroy, aio);
}

/* --- io_uring's */

struct uring {
	int fd;
	uint32_t *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static void uring_new(struct uring *u, uint64_t depth)
{
	struct io_uring_params p = {0};
	size_t sq_bytes, cq_bytes;
	char *sq, *cq;

	u->fd = (int)syscall(SYS_io_uring_setup, (unsigned int)depth, &p);
	if (u->fd < 0)
		fail("io_uring_setup");
	sq_bytes = p.sq_off.array + p.sq_entries * sizeof(uint32_t);
	cq_bytes = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	sq = mmap(NULL, sq_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, u->fd,
		  IORING_OFF_SQ_RING);
	cq = mmap(NULL, cq_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, u->fd,
		  IORING_OFF_CQ_RING);
	u->sqes = mmap(NULL, p.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, u->fd, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || u->sqes == MAP_FAILED)
		fail("mmap");
	u->sq_tail = (uint32_t *)(sq + p.sq_off.tail);
	u->sq_mask = (uint32_t *)(sq + p.sq_off.ring_mask);
	u->sq_array = (uint32_t *)(sq + p.sq_off.array);
	u->cq_head = (uint32_t *)(cq + p.cq_off.head);
	u->cq_tail = (uint32_t *)(cq + p.cq_off.tail);
	u->cq_mask = (uint32_t *)(cq + p.cq_off.ring_mask);
	u->cqes = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
}

static void uring_enter(const struct uring *u, unsigned int submit, unsigned int wait)
{
	if (syscall(SYS_io_uring_enter, u->fd, submit, wait, wait ? IORING_ENTER_GETEVENTS : 0,
		    NULL, 0) < 0 &&
	    errno != EINTR)
		fail("io_uring_enter");
}

static void reap_uring(const struct uring *u, uint64_t *began, struct times *t, uint64_t *flying)
{
	uint32_t head = *u->cq_head;

	uring_enter(u, 0, 1);
	while (head != __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE)) {
		const struct io_uring_cqe *cqe = &u->cqes[head & *u->cq_mask];

		note(t, began[cqe->user_data], cqe->res);
		began[cqe->user_data] = 0;
		--*flying;
		head++;
	}
	__atomic_store_n(u->cq_head, head, __ATOMIC_RELEASE);
}

static void uring_load(bool is_write, uint64_t depth)
{
	int fd = open_file(path, is_write ? O_RDWR : O_RDONLY);
	uint64_t began[MAX_DEPTH] = {0}, blocks = file_blocks(fd), flying = 0, i, slot;
	struct times *t = is_write ? &writes : &reads;
	char *buffers = new_buffer(depth * size);
	struct uring u;

	uring_new(&u, depth);
	for (i = 0; i < n_blocks; i++) {
		uint32_t tail = *u.sq_tail, index = tail & *u.sq_mask;

		while (flying == depth)
			reap_uring(&u, began, t, &flying);
		for (slot = 0; began[slot]; slot++)
			;
		u.sqes[index] = (struct io_uring_sqe){
			.opcode = is_write ? IORING_OP_WRITE : IORING_OP_READ,
			.fd = fd,
			.addr = (uint64_t)(buffers + slot * size),
			.len = (uint32_t)size,
			.off = (uint64_t)place(i, blocks),
			.user_data = slot,
		};
		u.sq_array[index] = index;
		began[slot] = now_ns();
		__atomic_store_n(u.sq_tail, tail + 1, __ATOMIC_RELEASE);
		uring_enter(&u, 1, 0);
		flying++;
	}
	while (flying)
		reap_uring(&u, began, t, &flying);
}

/* Where the file lies. */
static void say_extents(void)
{
	struct {
		struct fiemap map;
		struct fiemap_extent extents[256];
	} ask = {.map = {.fm_length = ~0ull, .fm_extent_count = 256}};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint32_t i;

	if (fd < 0 || ioctl(fd, FS_IOC_FIEMAP, &ask))
		return; /* a device, or a file system that cannot tell */
	for (i = 0; i < ask.map.fm_mapped_extents; i++) {
		const struct fiemap_extent *e = &ask.extents[i];

		if (e->fe_flags & FIEMAP_EXTENT_UNKNOWN)
			continue; /* nowhere yet */
		printf("extent %llu %llu\n", (unsigned long long)e->fe_physical >> 9,
		       ((unsigned long long)(e->fe_physical + e->fe_length) >> 9) - 1);
	}
	close(fd);
}

static void again(int fd)
{
	uint64_t blocks = file_blocks(fd);
	int pass;

	is_random = false;
	for (pass = 0; pass < 3; pass++)
		fetch(fd, blocks);
}

static void cached(int fd)
{
	char *to = new_buffer(1 << 16);

	while (read(fd, to, 1 << 16) > 0)
		;
	fetch(fd, n_blocks);
}

VISIBLE static int serve(const char *mode, uint64_t more)
{
	bool is_write = strstr(mode, "write");

	if (!strcmp(mode, "make"))
		make();
	else if (!strcmp(mode, "read"))
		fetch(open_file(path, O_RDONLY), n_blocks);
	else if (!strcmp(mode, "write"))
		record(open_file(path, O_RDWR | O_CREAT), n_blocks, 0, false);
	else if (!strcmp(mode, "sync-each"))
		record(open_file(path, O_RDWR | O_CREAT), n_blocks, 1, false);
	else if (!strcmp(mode, "sync-end"))
		record(open_file(path, O_RDWR | O_CREAT), n_blocks, n_blocks, false);
	else if (!strcmp(mode, "append"))
		record(open_file(path, O_RDWR | O_CREAT | O_APPEND), n_blocks, 0, true);
	else if (!strcmp(mode, "again"))
		again(open_file(path, O_RDONLY));
	else if (!strcmp(mode, "cached"))
		cached(open_file(path, O_RDONLY));
	else if (!strcmp(mode, "both"))
		both();
	else if (!strcmp(mode, "threads"))
		threads(more);
	else if (!strcmp(mode, "hop"))
		hop(open_file(path, O_RDONLY));
	else if (!strcmp(mode, "items"))
		items();
	else if (!strcmp(mode, "calls"))
		calls();
	else if (!strncmp(mode, "aio-", 4))
		aio_load(is_write, more);
	else if (!strncmp(mode, "uring-", 6))
		uring_load(is_write, more);
	else
		return 2;
	KEEP_FRAME();
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t more = (uint64_t)arg(argc, argv, 5, 16);
	sigset_t set;
	int status, sig;

	if (argc < 3 || more < 1 || more > MAX_DEPTH)
		return 2;
	path = argv[2];
	n_blocks = (uint64_t)arg(argc, argv, 3, 1000);
	size = (uint64_t)arg(argc, argv, 4, 4096);
	is_direct = getenv("DIRECT");
	is_random = getenv("RANDOM");
	buffer = new_buffer(size);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	say_ready();
	if (getenv("WAIT"))
		sigwait(&set, &sig);
	status = serve(argv[1], more);
	say_extents();
	say("reads", &reads);
	say("writes", &writes);
	say("syncs", &syncs);
	printf("done\n");
	return status;
}
