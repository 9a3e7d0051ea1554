/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who bought, and for how much, in the order in which they came first. */
#ifndef SHOP_CUSTOMERS_H
#define SHOP_CUSTOMERS_H

#include <stdint.h>

struct customer {
	char *name;
	uint64_t orders;
	uint64_t cents;
};

struct customers {
	struct customer *list;
	uint32_t n, room;
};

/* The customer of that name, who is new if there was none. Valid until the next call. */
struct customer *find_customer(struct customers *customers, const char *name);
void customers_free(struct customers *customers);

#endif
