/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A streaming JSON writer: keeps track of commas, indents by two, escapes so that the text may also
 * stand inside an HTML <script> ("<", ">", "&", U+2028/9 as \uXXXX) and be shown on a terminal (so
 * all that pb_text_safe() does not let through). Bytes that are not UTF-8 become the text \xNN.
 * Integers beyond 2^53 - 1 are written as strings (RFC 8259 section 6: interoperable range). The
 * newline behind the whole is the caller's. Errors show in ferror(out).
 */
#ifndef PB_CORE_JSON_H
#define PB_CORE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* What nests deeper is written on one line. */
#define PB_JSON_DEPTH_MAX 16

struct pb_json {
	FILE *out;    /* borrowed */
	bool compact; /* one line, no spaces */
	int depth;
	bool has_member[PB_JSON_DEPTH_MAX + 1];
	bool flat[PB_JSON_DEPTH_MAX + 1]; /* members of this level stay on one line */
};

/* Set up on the caller's stack; nothing to free. */
void pb_json_init(struct pb_json *j, FILE *out, bool compact);

/* @key is NULL inside an array and at the top. */
void pb_json_object(struct pb_json *j, const char *key);
void pb_json_array(struct pb_json *j, const char *key);
/* As above, with the whole content on one line: for rows of a table. */
void pb_json_flat_object(struct pb_json *j, const char *key);
void pb_json_flat_array(struct pb_json *j, const char *key);
/* Ends the innermost object or array with the character given: '}' or ']'. */
void pb_json_end(struct pb_json *j, char bracket);

void pb_json_string(struct pb_json *j, const char *key, const char *text); /* NULL: null */
void pb_json_uint(struct pb_json *j, const char *key, uint64_t value);
void pb_json_int(struct pb_json *j, const char *key, int64_t value);
/* @decimals after the point, 0 to 17. NaN and infinity become null; for "not measured" use null. */
void pb_json_double(struct pb_json *j, const char *key, double value, int decimals);
/* As pb_json_double() with nine decimals, without the zeros at their end but for one: "0.25", "3.0". */
void pb_json_real(struct pb_json *j, const char *key, double value);
void pb_json_bool(struct pb_json *j, const char *key, bool value);
void pb_json_null(struct pb_json *j, const char *key);

#endif
