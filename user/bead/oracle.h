/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Golden outputs: what a run has to give. A digest of each output after the declared normalisers, in a store that
 * `sha256sum -c` reads, beside the normalised text itself, so that a difference can be shown.
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

struct pb_plan_golden;
struct pb_plan_workload;
struct pb_run;

#define PB_ORACLE_DIGEST 65 /* hexadecimal and a NUL */

/* sha256, by the kernel's AF_ALG or a library: FIPS 180-4. */
int pb_sha256_hex(char out[PB_ORACLE_DIGEST], const void *data, size_t size);

/**
 * pb_oracle_normalize() - apply the declared rules, line by line, then what the mode needs: keys sorted (json), lines
 * sorted (set).
 * @out: set on success, to be freed; NUL-terminated
 *
 * Return: 0; -EPROTO: it is no JSON, and the mode is json; -ENOMEM.
 */
int pb_oracle_normalize(char **out, size_t *out_size, const struct pb_plan_golden *golden, int mode,
			const char *text, size_t size);

/* What differs, for people: "stdout: line 12: got ..., expected ...". */
struct pb_oracle_difference {
	char output[256]; /* "stdout", "exit", "files/out/result.json", "invariant 1" */
	char text[512];
};

/**
 * pb_oracle_check() - does a run give what was blessed?
 * @store: the directory "golden"
 *
 * Invariants are run as well. Return: 0: equal; 1: not, @difference says where; -ENOENT: nothing was blessed for this
 * workload; -errno, logged.
 */
int pb_oracle_check(const char *store, const struct pb_plan_workload *workload,
		    const struct pb_run *run, struct pb_oracle_difference *difference);

/**
 * pb_oracle_bless() - record the outputs of two runs that agree.
 *
 * Return: 0; 1: they differ, @difference says which bytes vary, and nothing was written; -errno, logged.
 */
int pb_oracle_bless(const char *store, const struct pb_plan_workload *workload,
		    const struct pb_run *first, const struct pb_run *second,
		    struct pb_oracle_difference *difference);

#endif
