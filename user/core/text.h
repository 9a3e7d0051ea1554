/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Names out of a target (comm, paths, symbols) are hostile bytes. These make them safe for the
 * place they go to. Valid UTF-8 that prints is kept; everything else becomes \xNN.
 */
#ifndef PB_CORE_TEXT_H
#define PB_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Longest name kept anywhere, in bytes; longer ones are cut and end in "...". */
#define PB_NAME_MAX 4096

/**
 * pb_text_safe() - copy @s into @buf so that it may be shown on a terminal or stored as UTF-8.
 * @size: of @buf in bytes, at least 8; the result is always NUL-terminated and valid UTF-8
 * @len: bytes of @s; may hold NUL bytes
 *
 * C0 and C1 controls, DEL, bidi controls (U+061C, U+200E/F, U+202A..E, U+2066..9), line and
 * paragraph separators (U+2028/9) and bytes that are not UTF-8 become \xNN per byte. What does not
 * fit into @size or PB_NAME_MAX is cut between characters and ends in "...".
 * A text that is safe already comes out as it is.
 *
 * Return: bytes written without the NUL.
 */
size_t pb_text_safe(char *buf, size_t size, const char *s, size_t len);

/* As pb_text_safe(), bounded by @size alone: for whole lines. */
size_t pb_text_safe_line(char *buf, size_t size, const char *s, size_t len);

/**
 * pb_text_decode() - the character that @s begins with.
 * @len: bytes of @s
 *
 * Return: its bytes, 1 to 4; 0, and @out untouched, if there is none: at the end, and for bytes
 * that are not UTF-8 (overlong forms, surrogates and what lies above U+10FFFF among them).
 * Source: RFC 3629 section 4.
 */
size_t pb_text_decode(const char *s, size_t len, uint32_t *out);

/* False for the characters that pb_text_safe() does not let through. */
bool pb_text_prints(uint32_t character);

/* Columns that valid UTF-8 text takes on a terminal (as wcwidth, at least 0; in no locale). */
int pb_text_columns(const char *utf8);

/* Bytes of @utf8 that fit into @columns, whole characters with the marks that combine with them. */
size_t pb_text_fit(const char *utf8, int columns);

/**
 * pb_text_print() - print @utf8 in exactly @columns columns, cut with "…" or padded with spaces.
 *
 * @keep_end: cut at the front instead, for paths, whose end tells most.
 */
void pb_text_print(FILE *out, const char *utf8, int columns, int keep_end);

#endif
