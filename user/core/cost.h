/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a run costs: time in the kernel by the kernel's own account, our CPU time, our memory. */
#ifndef PB_CORE_COST_H
#define PB_CORE_COST_H

#include <stdint.h>

struct bpf_object;
struct bpf_program;
struct pb_report;

/* Switch the kernel's statistics of BPF programs on, for as long as the descriptor lives (5.8, commit
 * d46edd671a14). Return: a descriptor; -1 where that is not permitted: then the cost is unknown. */
int pb_cost_enable(void);

/* Nanoseconds spent in the programs of @object so far; 0 without statistics. */
uint64_t pb_cost_bpf_ns(struct bpf_object *object);
/* The same of one program, loaded or not, whose runs are added to @runs. */
uint64_t pb_cost_program_ns(const struct bpf_program *prog, uint64_t *runs);

/* Bytes that all maps of @object, opened and sized, ask for at least when it is loaded. */
uint64_t pb_cost_asked_bytes(struct bpf_object *object);

/* Bytes of all maps of @object, as the kernel charges them (memlock in fdinfo). */
uint64_t pb_cost_map_bytes(struct bpf_object *object);

/* Fill tool_cpu_s and max_rss_bytes as of now. */
void pb_cost_self(struct pb_report *report);

#endif
