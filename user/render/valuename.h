/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What people call the values of a profile. */
#ifndef PB_RENDER_VALUENAME_H
#define PB_RENDER_VALUENAME_H

struct pb_value_name {
	const char *type;
	const char
		*label;   /* in a list of values, and behind a count: "live bytes", "allocations" */
	const char *said; /* behind an amount with its unit: "12 MiB live" */
	const char *heading; /* of a narrow column: "live" */
};

/* For a type that is not known here, all of them are @type itself, in *@scratch. Never NULL. */
const struct pb_value_name *pb_value_name(const char *type, struct pb_value_name *scratch);

#endif
