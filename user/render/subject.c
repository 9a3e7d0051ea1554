/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/subject.h"

#include <stdio.h>
#include <string.h>

#include "user/core/report.h"
#include "user/core/text.h"

/* The report's own texts are safe by contract; a title on a terminal does not rely on it. */
static const char *safe(char *buf, size_t size, const char *text)
{
	pb_text_safe(buf, size, text ? text : "", text ? strlen(text) : 0);
	return buf;
}

char *pb_report_subject(const struct pb_report *r)
{
	char comm_buf[256], scope_buf[1024];
	const char *comm = safe(comm_buf, sizeof(comm_buf), r->comm);
	const char *scope = safe(scope_buf, sizeof(scope_buf), r->scope);
	char *text = NULL;
	int len;

	if (!*comm || !*scope)
		return strdup(*comm ? comm : *scope ? scope : "unknown target");
	len = asprintf(&text, "%s (%s)", comm, scope);
	return len < 0 ? NULL : text;
}
