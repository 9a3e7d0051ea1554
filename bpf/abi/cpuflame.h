/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What cpuflame adds to the shared capture: nothing but its rodata. */
#ifndef PB_ABI_CPUFLAME_H
#define PB_ABI_CPUFLAME_H

#include "bpf/abi/capture.h"

struct pb_cpuflame_cfg {
	struct pb_capture_cfg capture;
};
PB_ABI_SIZE(struct pb_cpuflame_cfg, 40);

#endif
