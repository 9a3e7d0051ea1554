/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/workload/workload.h"

volatile uint64_t sink;
