/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What both adds to the shared capture: nothing but its rodata. */
#ifndef PB_TESTS_BOTH_H
#define PB_TESTS_BOTH_H

#include "bpf/abi/capture.h"

struct pb_both_cfg {
	struct pb_capture_cfg capture;
};
PB_ABI_SIZE(struct pb_both_cfg, 40);

#endif
