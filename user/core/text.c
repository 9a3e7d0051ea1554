/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/text.h"

#include <stdint.h>
#include <limits.h>
#include <string.h>

#include "user/core/own.h"

struct range {
	uint32_t first, last;
};

/*
 * Two columns: East Asian Width W and F of Unicode 15, neighbours merged where what lies between
 * is unassigned. Sorted.
 */
static const struct range wide[] = {
	{0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},
	{0x23f0, 0x23f0},   {0x23f3, 0x23f3},   {0x25fd, 0x25fe},   {0x2614, 0x2615},
	{0x2648, 0x2653},   {0x267f, 0x267f},   {0x2693, 0x2693},   {0x26a1, 0x26a1},
	{0x26aa, 0x26ab},   {0x26bd, 0x26be},   {0x26c4, 0x26c5},   {0x26ce, 0x26ce},
	{0x26d4, 0x26d4},   {0x26ea, 0x26ea},   {0x26f2, 0x26f3},   {0x26f5, 0x26f5},
	{0x26fa, 0x26fa},   {0x26fd, 0x26fd},   {0x2705, 0x2705},   {0x270a, 0x270b},
	{0x2728, 0x2728},   {0x274c, 0x274c},   {0x274e, 0x274e},   {0x2753, 0x2755},
	{0x2757, 0x2757},   {0x2795, 0x2797},   {0x27b0, 0x27b0},   {0x27bf, 0x27bf},
	{0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2b55, 0x2b55},   {0x2e80, 0x303e},
	{0x3041, 0x3247},   {0x3250, 0x4dbf},   {0x4e00, 0xa4cf},   {0xa960, 0xa97f},
	{0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},
	{0xff01, 0xff60},   {0xffe0, 0xffe6},   {0x16fe0, 0x18d08}, {0x1aff0, 0x1b2fb},
	{0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a},
	{0x1f200, 0x1f320}, {0x1f32d, 0x1f335}, {0x1f337, 0x1f37c}, {0x1f37e, 0x1f393},
	{0x1f3a0, 0x1f3ca}, {0x1f3cf, 0x1f3d3}, {0x1f3e0, 0x1f3f0}, {0x1f3f4, 0x1f3f4},
	{0x1f3f8, 0x1f43e}, {0x1f440, 0x1f440}, {0x1f442, 0x1f4fc}, {0x1f4ff, 0x1f53d},
	{0x1f54b, 0x1f54e}, {0x1f550, 0x1f567}, {0x1f57a, 0x1f57a}, {0x1f595, 0x1f596},
	{0x1f5a4, 0x1f5a4}, {0x1f5fb, 0x1f64f}, {0x1f680, 0x1f6c5}, {0x1f6cc, 0x1f6cc},
	{0x1f6d0, 0x1f6d2}, {0x1f6d5, 0x1f6df}, {0x1f6eb, 0x1f6ec}, {0x1f6f4, 0x1f6fc},
	{0x1f7e0, 0x1f7f0}, {0x1f90c, 0x1f93a}, {0x1f93c, 0x1f945}, {0x1f947, 0x1f9ff},
	{0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
};

/* No column of their own: combining marks of the scripts seen in names, joiners, selectors. */
static const struct range zero[] = {
	{0x0300, 0x036f},   {0x0483, 0x0489}, {0x0591, 0x05bd},   {0x05bf, 0x05bf},
	{0x05c1, 0x05c2},   {0x05c4, 0x05c5}, {0x0610, 0x061a},   {0x064b, 0x065f},
	{0x0670, 0x0670},   {0x06d6, 0x06dc}, {0x06df, 0x06e4},   {0x06e7, 0x06e8},
	{0x06ea, 0x06ed},   {0x0900, 0x0902}, {0x093a, 0x093a},   {0x093c, 0x093c},
	{0x0941, 0x0948},   {0x094d, 0x094d}, {0x0951, 0x0957},   {0x0e31, 0x0e31},
	{0x0e34, 0x0e3a},   {0x0e47, 0x0e4e}, {0x1160, 0x11ff},   {0x1ab0, 0x1aff},
	{0x1dc0, 0x1dff},   {0x200b, 0x200f}, {0x202a, 0x202e},   {0x2060, 0x206f},
	{0x20d0, 0x20f0},   {0x302a, 0x302d}, {0x3099, 0x309a},   {0xfe00, 0xfe0f},
	{0xfe20, 0xfe2f},   {0xfeff, 0xfeff}, {0xe0001, 0xe0001}, {0xe0020, 0xe007f},
	{0xe0100, 0xe01ef},
};

static bool is_in(uint32_t c, const struct range *ranges, size_t n)
{
	size_t lo = 0;

	while (lo < n) {
		size_t mid = lo + (n - lo) / 2;

		if (c > ranges[mid].last)
			lo = mid + 1;
		else if (c < ranges[mid].first)
			n = mid;
		else
			return true;
	}
	return false;
}

size_t pb_text_decode(const char *s, size_t len, uint32_t *out)
{
	/* the least character for which a sequence of this length is the shortest */
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)s;
	uint32_t c;
	size_t n;

	if (!len)
		return 0;
	if (p[0] < 0x80) {
		*out = p[0];
		return 1;
	}
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n > len)
		return 0;
	c = p[0] & (0x7f >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return n;
}

bool pb_text_prints(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	if (c == 0x61c || c == 0x200e || c == 0x200f)
		return false;
	return !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069);
}

size_t pb_text_safe_line(char *buf, size_t size, const char *s, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	size_t used = 0, cut = 0;
	size_t i = 0;

	while (i < len) {
		uint32_t c;
		size_t n = pb_text_decode(s + i, len - i, &c);
		bool keep = n && pb_text_prints(c);
		size_t need = keep ? n : 4;

		if (need >= size - used) {
			memcpy(buf + cut, "...", 4);
			return cut + 3;
		}
		if (keep) {
			memcpy(buf + used, s + i, n);
		} else {
			unsigned char byte = (unsigned char)s[i];

			memcpy(buf + used, "\\x", 2);
			buf[used + 2] = hex[byte >> 4];
			buf[used + 3] = hex[byte & 15];
			n = 1;
		}
		i += n;
		used += need;
		if (used + 4 <= size) /* here "..." and the NUL would still fit */
			cut = used;
	}
	buf[used] = '\0';
	return used;
}

size_t pb_text_safe(char *buf, size_t size, const char *s, size_t len)
{
	return pb_text_safe_line(buf, size <= PB_NAME_MAX ? size : PB_NAME_MAX + 1, s, len);
}

/*
 * The character at @s: its bytes, and its columns in @columns. A byte that is not UTF-8 counts as
 * one column, so that a caller's mistake cannot hang or overrun anything.
 */
static size_t step(const char *s, size_t len, int *columns)
{
	uint32_t c;
	size_t n = pb_text_decode(s, len, &c);

	*columns = 1;
	if (!n)
		return 1;
	if (c >= 0x300 && is_in(c, zero, PB_ARRAY_SIZE(zero)))
		*columns = 0;
	else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		*columns = 0;
	else if (c >= 0x1100 && is_in(c, wide, PB_ARRAY_SIZE(wide)))
		*columns = 2;
	return n;
}

/* Columns of @len bytes, saturating. */
static int columns_of(const char *s, size_t len)
{
	int sum = 0;

	for (size_t i = 0; i < len;) {
		int columns;

		i += step(s + i, len - i, &columns);
		if (sum > INT_MAX - columns)
			return INT_MAX;
		sum += columns;
	}
	return sum;
}

int pb_text_columns(const char *utf8)
{
	return columns_of(utf8, strlen(utf8));
}

size_t pb_text_fit(const char *utf8, int columns)
{
	size_t len = strlen(utf8);
	size_t i = 0;

	while (i < len) {
		int width;
		size_t n = step(utf8 + i, len - i, &width);

		if (width > columns)
			break;
		columns -= width;
		i += n;
	}
	return i;
}

void pb_text_print(FILE *out, const char *utf8, int columns, int keep_end)
{
	size_t len = strlen(utf8);
	int have = columns_of(utf8, len);
	size_t n;

	if (columns <= 0)
		return;
	if (have <= columns) {
		fprintf(out, "%s%*s", utf8, columns - have, "");
		return;
	}
	if (!keep_end) {
		n = pb_text_fit(utf8, columns - 1);
		fwrite(utf8, 1, n, out);
		fprintf(out, "…%*s", columns - 1 - columns_of(utf8, n), "");
		return;
	}
	/* Drop characters, and the marks that combine with the last of them, until the rest fits. */
	for (n = 0; n < len;) {
		int width;
		size_t bytes = step(utf8 + n, len - n, &width);

		if (have <= columns - 1 && width)
			break;
		have -= width;
		n += bytes;
	}
	fprintf(out, "…%s%*s", utf8 + n, columns - 1 - have, "");
}
