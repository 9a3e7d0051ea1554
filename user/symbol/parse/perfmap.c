/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/parse/perfmap.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "user/core/own.h"
#include "user/symbol/parse/readall.h"
#include "user/symbol/shared/symtab.h"
#include "user/symbol/shared/wire.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* At most 16 digits, with or without 0x, and the blanks behind them. NULL: not a number. */
static const char *read_hex(const char *s, const char *end, uint64_t *out)
{
	uint64_t n = 0;
	int digits = 0, digit;

	if (end - s > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		s += 2;
	for (; s < end && (digit = hex_digit(*s)) >= 0; s++) {
		if (++digits > 16)
			return NULL;
		n = n << 4 | (unsigned int)digit;
	}
	if (!digits || s == end || (*s != ' ' && *s != '\t'))
		return NULL;
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	*out = n;
	return s;
}

static int add_line(struct pb_symtab *t, const char *s, const char *end)
{
	uint64_t addr, size;

	if (end > s && end[-1] == '\r')
		end--;
	s = read_hex(s, end, &addr);
	s = s ? read_hex(s, end, &size) : NULL;
	if (!s || s == end || memchr(s, '\0', (size_t)(end - s)))
		return 0;
	if (!size || size > UINT64_MAX - addr)
		return 0;
	return pb_symtab_add(t, addr, size, PB_SYMBOL_GLOBAL, s, (size_t)(end - s));
}

int pb_perfmap_parse(struct pb_symtab *t, const char *text, size_t len)
{
	const char *s = text, *end = text + len, *newline;

	while (s < end && (newline = memchr(s, '\n', (size_t)(end - s)))) {
		int err = add_line(t, s, newline);

		if (err)
			return err;
		s = newline + 1;
	}
	return 0;
}

int pb_perfmap_read(struct pb_symtab *t, int fd)
{
	pb_autofree char *text = NULL;
	size_t len;
	int err;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	err = pb_read_all(fd, PB_WIRE_MAP_MAX, &text, &len);
	return err ? err : pb_perfmap_parse(t, text, len);
}
