/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Numbers in texts of the kernel, and the kernel's device numbers. */
#ifndef PB_IO_DIGITS_H
#define PB_IO_DIGITS_H

#include <stdbool.h>
#include <stdint.h>

#define PB_IO_MINOR_BITS 20

/* Decimal digits at *@at, which is moved behind them. Return: false, and nothing moved, if there are none, or
 * the number is above @max. */
static inline bool pb_io_take_number(const char **at, uint64_t max, uint64_t *out)
{
	const char *p = *at;
	uint64_t value = 0;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value) || value > max)
			return false;
	}
	*at = p;
	*out = value;
	return true;
}

/* "254:1" at *@at: the kernel's dev_t. */
static inline bool pb_io_take_device(const char **at, uint32_t *out)
{
	uint64_t major, minor;
	const char *p = *at;

	if (!pb_io_take_number(&p, 0xfff, &major) || *p++ != ':' ||
	    !pb_io_take_number(&p, (1u << PB_IO_MINOR_BITS) - 1, &minor))
		return false;
	*at = p;
	*out = (uint32_t)(major << PB_IO_MINOR_BITS | minor);
	return true;
}

#endif
