/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the makers of documents from option tables share. */
#ifndef PB_CORE_OPTS_INSIDE_H
#define PB_CORE_OPTS_INSIDE_H

#include "user/core/opts.h"

/* Called for each visible row in document order, headings (PB_OPT_GROUP) included. */
typedef void pb_opts_row_fn(const struct pb_option *o, void *ctx);

void pb_opts_visit(const struct pb_program *program, pb_opts_row_fn *row, void *ctx);

bool pb_opts_takes_value(const struct pb_option *o);
/* What stands for its value in documents. */
const char *pb_opts_value_name(const struct pb_option *o);

#endif
