/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How often to answer what comes all the time. Each answer is paid for by a pause of four times what it took,
 * so that a storm costs about a fifth of a CPU; but the first 25 ms of work are on credit, which a quiet time
 * pays back. What comes after quiet is answered at once, and so is what follows closely: a program that
 * opens a library makes the kernel tell of each of its dependencies by itself.
 */
#ifndef PB_CORE_PACE_H
#define PB_CORE_PACE_H

#include <stdint.h>

#define PB_PACE_FACTOR    4u
#define PB_PACE_CREDIT_NS 100000000ull /* of pauses */
#define PB_PACE_MAX_NS    20000000ull  /* a pause */

struct pb_pace {
	uint64_t owed_ns; /* of pauses, at @at_ns */
	uint64_t at_ns;
};

/**
 * pb_pace_pause() - how long to pause behind an answer.
 * @began_ns, @now_ns: its time, by one clock that never goes back
 *
 * Time that passed since the last call, in a pause or waiting, is paid. Return: ns, at most PB_PACE_MAX_NS.
 */
static inline uint64_t pb_pace_pause(struct pb_pace *p, uint64_t began_ns, uint64_t now_ns)
{
	uint64_t paid_ns = began_ns - p->at_ns;

	p->owed_ns = p->owed_ns > paid_ns ? p->owed_ns - paid_ns : 0;
	p->owed_ns += PB_PACE_FACTOR * (now_ns - began_ns);
	if (p->owed_ns > PB_PACE_CREDIT_NS + PB_PACE_MAX_NS)
		p->owed_ns = PB_PACE_CREDIT_NS + PB_PACE_MAX_NS;
	p->at_ns = now_ns;
	return p->owed_ns > PB_PACE_CREDIT_NS ? p->owed_ns - PB_PACE_CREDIT_NS : 0;
}

#endif
