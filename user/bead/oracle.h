/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Golden outputs: what a run has to give. A digest of each output after the declared normalisers, in a store that
 * `sha256sum -c` reads, beside the normalised text itself, so that a difference can be shown. The store is replaced as
 * a whole, by exchanging directories: whatever happens meanwhile, it is the old one or the new one.
 *
 *   golden/SHA256SUMS              lines "<digest>  <workload>/<output>"
 *   golden/<workload>/exit         "0\n"
 *   golden/<workload>/stdout       normalised
 *   golden/<workload>/files/out/result.json
 */
#ifndef PB_BEAD_ORACLE_H
#define PB_BEAD_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/bead/sha256.h"

struct pb_plan_golden;
struct pb_plan_workload;
struct pb_run;

/**
 * pb_oracle_normalize() - apply the declared rules, line by line, then what the mode needs: keys sorted (json), lines
 * sorted (set).
 * @out: set on success, to be freed; NUL-terminated
 * @mode: enum pb_compare
 *
 * Rules are tried one after the other on the whole of each line, without its newline, wherever they match; of a line
 * of more than 8 KiB a match of more than 2 KiB may be missed.
 * Return: 0; -EPROTO: it is no JSON, and the mode is json; -ENOMEM.
 */
int pb_oracle_normalize(char **out, size_t *out_size, const struct pb_plan_golden *golden, int mode,
			const char *text, size_t size);

/* What differs, for people: "stdout: line 12: got ..., expected ...". */
struct pb_oracle_difference {
	char output[256]; /* "stdout", "exit", "files/out/result.json", "invariant 1" */
	char text[512];
	bool of_two_runs; /* set by pb_oracle_bless(), to true: the runs are not like each other */
};

/**
 * pb_oracle_check() - does a run give what was blessed?
 * @store: the directory "golden"
 * @stop_fd: of the invariants, as of struct pb_run_options
 *
 * Files are those that the run brought. Invariants are run as well, where all else is equal. Return: 0: equal; 1: not,
 * @difference says where; -ENOENT: nothing was blessed for this workload; -EINTR: an invariant was stopped; both are not
 * logged; -errno, logged.
 */
int pb_oracle_check(const char *store, const struct pb_plan_workload *workload,
		    const struct pb_run *run, int stop_fd, struct pb_oracle_difference *difference);

/**
 * pb_oracle_bless() - record the outputs of two runs that agree, and hold the invariants.
 *
 * Return: 0; 1: they differ, @difference says which bytes vary, and nothing was written; -EINTR, not logged: an invariant
 * was stopped, and nothing was written; -errno, logged.
 */
int pb_oracle_bless(const char *store, const struct pb_plan_workload *workload,
		    const struct pb_run *first, const struct pb_run *second, int stop_fd,
		    struct pb_oracle_difference *difference);

#endif
