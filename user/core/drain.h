/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Taking what the kernel half has gathered: frames while it runs, counters and the ledger after. */
#ifndef PB_CORE_DRAIN_H
#define PB_CORE_DRAIN_H

#include <stdint.h>

#include "bpf/abi/capture.h"
#include "user/core/own.h"

struct bpf_object;
struct pb_drain;
struct pb_report;
struct pb_stacks;
struct pb_track;

/* All borrowed. @object is loaded. Return: 0; -errno, logged. */
int pb_drain_new(struct pb_drain **out, struct bpf_object *object, struct pb_stacks *stacks,
		 struct pb_track *track);
void pb_drain_free(struct pb_drain *d);
PB_DEFINE_FREE(pb_drain, pb_drain_free);

/* To poll: readable when the ring buffer fills up. */
int pb_drain_fd(const struct pb_drain *d);

/* Take all new stacks, then what was mapped until now, and resolve the first by the second. Without
 * memory stacks are dropped, and counted by pb_drain_ledger(). */
void pb_drain_stacks(struct pb_drain *d);

/* Sum over all CPUs so far, but for ticks: those of the CPU that had most, since an idle CPU of a
 * virtual machine sleeps through some. Return: 0; -errno. */
int pb_drain_tally(const struct pb_drain *d, struct pb_tally *sum);

/**
 * pb_drain_ledger() - after detaching: join counters to stacks, and fill the report's events.
 *
 * produced comes from its own counter, kept from the joined stacks, lost from the causes: that they
 * agree is a fact, not a definition. Return: 0; -errno, logged.
 */
int pb_drain_ledger(struct pb_drain *d, struct pb_report *report);

#endif
