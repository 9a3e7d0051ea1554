/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TESTS_NAMES_CHAIN_H
#define TESTS_NAMES_CHAIN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

uint64_t descend(uint64_t depth);
uint64_t sort_items(uint64_t n);
uint64_t run_program(const uint8_t *code, uint64_t n);
uint64_t far_away(uint64_t x);
uint64_t far_table(uint64_t x, uint64_t y);
uint64_t shapes(uint64_t n);
void complain(const char *what);

#ifdef __cplusplus
}
#endif

#endif
