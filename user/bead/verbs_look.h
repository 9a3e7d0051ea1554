/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How one bead is shown, alone or in a list. */
#ifndef PB_BEAD_VERBS_LOOK_H
#define PB_BEAD_VERBS_LOOK_H

#include "user/bead/verbs.h"

struct pb_json;

/* For people. Return: 0; -errno, logged. */
int pb_look_print(const struct pb_desk *desk, uint32_t i, const struct pb_bead_standing *standing);
/* The members of an object that is open. Return: as above. */
int pb_look_write(struct pb_json *j, const struct pb_desk *desk, uint32_t i,
		  const struct pb_bead_standing *standing);

#endif
