/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What replay_target says of its own stack. */
#ifndef PB_TESTS_UNWIND_REPLAY_TRUTH_H
#define PB_TESTS_UNWIND_REPLAY_TRUTH_H

#include <stdint.h>

#define REPLAY_FRAMES_MAX  600
/* On a frame that a signal interrupted there; as PB_FRAME_INTERRUPTED. */
#define REPLAY_INTERRUPTED (1ull << 63)

struct replay_truth {
	uint32_t tid; /* of the thread that stops */
	uint32_t n_calls, n_frames;
	uint32_t pad;
	uint64_t calls[REPLAY_FRAMES_MAX]; /* return addresses by the functions, outermost first */
	uint64_t frames
		[REPLAY_FRAMES_MAX]; /* by libgcc, from within the innermost function outwards */
};

#endif
