/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/verbs.h"

#include <errno.h>

#include "user/bead/changes.h"
#include "user/bead/gate.h"
#include "user/bead/profile.h"
#include "user/core/log.h"

#define MISSING(verb)                                                                              \
	int pb_bead_##verb(const struct pb_bead_args *args)                                        \
	{                                                                                          \
		(void)args;                                                                        \
		return pb_fail(ENOSYS, #verb " is missing");                                       \
	}

MISSING(change)
int pb_store_changes(struct pb_store *s, int (*each)(void *ctx, const struct pb_change *change),
		     void *ctx)
{
	(void)s, (void)each, (void)ctx;
	return 0;
}

const char *pb_change_state_name(enum pb_change_state state)
{
	(void)state;
	return "";
}
