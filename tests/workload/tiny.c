/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* libtiny.so: a function so short that a call of it is mostly the way there. */
#include <stdint.h>

uint64_t tiny(uint64_t x);
uint64_t tiny(uint64_t x)
{
	return x * 3;
}
