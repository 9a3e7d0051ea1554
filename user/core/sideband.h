/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The kernel's own account of processes: executable mappings, exec, fork and exit, in order of time.
 * One dummy perf event and ring per CPU, for the whole machine. Source: perf_event_open(2).
 */
#ifndef PB_CORE_SIDEBAND_H
#define PB_CORE_SIDEBAND_H

#include <stdint.h>

#include "user/core/own.h"
#include "user/core/perfevent.h"
#include "user/core/profile.h"

enum pb_sideband_kind {
	PB_SIDEBAND_MAP,
	PB_SIDEBAND_EXEC,
	PB_SIDEBAND_FORK, /* a new process, not a thread */
	PB_SIDEBAND_EXIT, /* of a process' first thread; others may go on */
	PB_SIDEBAND_LOST, /* records were lost before this one: look into /proc again */
};

struct pb_sideband_event {
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	enum pb_sideband_kind kind;
	uint32_t tgid;
	uint32_t parent_tgid; /* FORK */
	uint64_t start, end;  /* MAP: addresses */
	uint64_t file_off;    /* MAP: offset in the file of start */
	uint8_t build_id[PB_BUILD_ID_MAX];
	uint8_t build_id_len; /* MAP: 0 if there is none */
	uint64_t dev, ino;    /* MAP: of the file, as in struct pb_procmap; 0 with a build id */
	const char *path;     /* MAP: valid during the callback */
};

struct pb_sideband;

/* Opens and maps the rings; recording starts at once. Return: 0; -errno, logged. */
int pb_sideband_open(struct pb_sideband **out, const struct pb_cpus *cpus);
void pb_sideband_free(struct pb_sideband *s);
PB_DEFINE_FREE(pb_sideband, pb_sideband_free);

/* Descriptors to poll, *n of them, owned by @s: readable when there is something worth a look. */
const int *pb_sideband_fds(const struct pb_sideband *s, uint32_t *n);
/* Bytes of all rings. */
uint64_t pb_sideband_bytes(const struct pb_sideband *s);

/**
 * pb_sideband_drain() - hand over everything recorded until the call, oldest first over all CPUs.
 *
 * And what is recorded meanwhile, as far as a few more rounds go.
 * Return: 0; -ENOMEM, with the events still in the rings.
 */
int pb_sideband_drain(struct pb_sideband *s,
		      void (*on_event)(void *, const struct pb_sideband_event *), void *ctx);

#endif
