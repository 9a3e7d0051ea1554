/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/verbs.h"

#include <errno.h>

#include "user/core/log.h"

#define MISSING(verb)                                                                              \
	int pb_bead_##verb(const struct pb_bead_args *args)                                        \
	{                                                                                          \
		(void)args;                                                                        \
		return pb_fail(ENOSYS, #verb " is missing");                                       \
	}

MISSING(change)
