/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "customers.h"

#include <stdlib.h>
#include <string.h>

#include "die.h"

static struct customer *add_customer(struct customers *customers, const char *name)
{
	struct customer *customer;

	if (customers->n == customers->room) {
		customers->room = customers->room ? 2 * customers->room : 64;
		customers->list =
			realloc(customers->list, customers->room * sizeof(*customers->list));
		if (!customers->list)
			die_errno("memory for customers");
	}
	customer = &customers->list[customers->n++];
	*customer = (struct customer){.name = strdup(name)};
	if (!customer->name)
		die_errno("memory for a name");
	return customer;
}

struct customer *find_customer(struct customers *customers, const char *name)
{
	for (uint32_t i = 0; i < customers->n; i++)
		if (!strcmp(customers->list[i].name, name))
			return &customers->list[i];
	return add_customer(customers, name);
}

void customers_free(struct customers *customers)
{
	for (uint32_t i = 0; i < customers->n; i++)
		free(customers->list[i].name);
	free(customers->list);
}
