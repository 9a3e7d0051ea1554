/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "user/bead/capture.h"
#include "user/bead/latencies.h"
#include "user/bead/plan.h"
#include "user/bead/runner.h"
#include "user/core/clock.h"
#include "user/core/own.h"

/* File systems take the time of the last tick: two writes within one cannot be told apart by it. */
#define TICK_NS 50000000ull

/* One file at a moment. */
struct pb_outfile_sight {
	bool exists;
	struct stat st;
	uint64_t at_ns; /* CLOCK_REALTIME, as the times of files */
};

/* Below the directory, links and all. Return: a descriptor; -errno. */
static int open_below(int directory, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, directory, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* How many there are, and the path of one: the golden ones, then that of the latencies. */
static uint32_t count_files(const struct pb_plan_workload *workload)
{
	return workload->golden.n_files + (workload->latencies.path != NULL);
}

static const char *path_of(const struct pb_plan_workload *workload, uint32_t i)
{
	return i < workload->golden.n_files ? workload->golden.files[i].path
					    : workload->latencies.path;
}

struct pb_outfile_sight *pb_outfile_look(const struct pb_plan_workload *workload)
{
	pb_autoclose int directory = open(workload->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint32_t n = count_files(workload);
	struct pb_outfile_sight *sights = calloc((size_t)n + 1, sizeof(*sights));

	for (uint32_t i = 0; i < n && sights && directory >= 0; i++) {
		pb_autoclose int fd = open_below(directory, path_of(workload, i));

		sights[i].exists = fd >= 0 && !fstat(fd, &sights[i].st);
		sights[i].at_ns = pb_clock_read_ns(CLOCK_REALTIME);
	}
	return sights;
}

static uint64_t time_ns(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * 1000000000ull + (uint64_t)t->tv_nsec;
}

static bool is_untouched(const struct pb_outfile_sight *before, const struct stat *now)
{
	const struct stat *was = &before->st;

	return before->exists && was->st_ino == now->st_ino && was->st_dev == now->st_dev &&
	       was->st_size == now->st_size && time_ns(&was->st_ctim) == time_ns(&now->st_ctim) &&
	       time_ns(&was->st_mtim) == time_ns(&now->st_mtim) &&
	       (time_ns(&was->st_ctim) + TICK_NS < before->at_ns ||
		time_ns(&was->st_ctim) > before->at_ns + TICK_NS); /* the clock was set back */
}

/* @room: bytes that all files may still have. */
static int read_file(struct pb_run_file *file, int fd, size_t size, size_t *room)
{
	ssize_t n = 1;

	if (size > *room)
		return EFBIG;
	file->text = pb_capture_text_new(size);
	if (!file->text)
		return ENOMEM;
	file->size = size;
	*room -= size;
	for (size_t done = 0; done < size && n > 0; done += (size_t)n) {
		n = read(fd, file->text + done, size - done);
		if (n <= 0)
			return n ? errno : EAGAIN; /* it shrinks while we read */
	}
	return 0;
}

static int capture(struct pb_run_file *file, int directory, const char *path,
		   const struct pb_outfile_sight *before, size_t *room)
{
	pb_autoclose int fd = open_below(directory, path);
	struct stat st;

	if (fd < 0)
		return -fd;
	if (fstat(fd, &st))
		return errno;
	if (!S_ISREG(st.st_mode))
		return EINVAL;
	if (is_untouched(before, &st))
		return ESTALE;
	return read_file(file, fd, (size_t)st.st_size, room);
}

int pb_outfile_capture(struct pb_run *run, const struct pb_plan_workload *workload,
		       const struct pb_outfile_sight *before)
{
	pb_autoclose int directory = open(workload->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct pb_plan_golden *golden = &workload->golden;
	size_t room = PB_RUN_OUTPUT_MAX, latencies_room = PB_LATENCIES_BYTES_MAX;

	if (workload->latencies.path)
		run->latencies.err = capture(&run->latencies, directory, workload->latencies.path,
					     &before[golden->n_files], &latencies_room);
	if (!golden->n_files)
		return 0;
	run->files = calloc(golden->n_files, sizeof(*run->files));
	if (!run->files)
		return -ENOMEM;
	run->n_files = golden->n_files;
	for (uint32_t i = 0; i < golden->n_files; i++)
		run->files[i].err = capture(&run->files[i], directory, golden->files[i].path,
					    &before[i], &room);
	return 0;
}
