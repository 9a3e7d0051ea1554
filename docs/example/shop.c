/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * An order log, and what a shop wants to know of it.
 *
 *   shop totals ORDERS            the ten best customers
 *   shop months ORDERS            what was sold in each month
 *   shop invoices ORDERS JOURNAL  a journal with an invoice for each order
 *
 * ORDERS has lines of "date,order,customer,item,quantity,cents", as `orders` makes them.
 */
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "customers.h"
#include "die.h"
#include "journal.h"

#define BEST 10

struct order {
	const char *id, *customer;
	uint32_t month; /* from 0 */
	uint64_t cents; /* of all items together */
};

/* A number without sign that ends where the text does. */
static uint64_t number(const struct csv *csv, const char *text)
{
	uint64_t value = 0;
	const char *s = text;

	for (; *s >= '0' && *s <= '9' && s - text < 15; s++)
		value = 10 * value + (uint64_t)(*s - '0');
	if (*s || s == text)
		die("%s:%llu: \"%s\" is no number", csv->path, (unsigned long long)csv->line, text);
	return value;
}

/* "2026-03-17" is 2. */
static uint32_t month_of(const struct csv *csv, const char *date)
{
	uint32_t month = 0;

	if (strlen(date) == 10 && date[4] == '-' && date[7] == '-')
		month = 10u * (uint32_t)(date[5] - '0') + (uint32_t)(date[6] - '0');
	if (month < 1 || month > 12)
		die("%s:%llu: \"%s\" is no date", csv->path, (unsigned long long)csv->line, date);
	return month - 1;
}

/* The next order; valid until the one behind it. Return: false at the end. */
static bool next_order(struct csv *csv, struct order *order)
{
	char **field;

	if (!csv_next(csv))
		return false;
	if (csv->row->n_fields != 6)
		die("%s:%llu: %u fields, not 6", csv->path, (unsigned long long)csv->line,
		    csv->row->n_fields);
	field = csv->row->field;
	order->month = month_of(csv, field[0]);
	order->id = field[1];
	order->customer = field[2];
	order->cents = number(csv, field[4]) * number(csv, field[5]);
	return true;
}

/* Who spent most; of two who spent the same, who comes first by name. */
static int by_cents(const void *a, const void *b)
{
	const struct customer *x = a, *y = b;

	if (x->cents != y->cents)
		return x->cents < y->cents ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void print_line(const char *name, uint64_t orders, uint64_t cents)
{
	printf("%-16s %8llu orders %10llu.%02llu\n", name, (unsigned long long)orders,
	       (unsigned long long)(cents / 100), (unsigned long long)(cents % 100));
}

static void totals(struct csv *csv)
{
	struct customers customers = {0};
	uint64_t orders = 0, cents = 0;
	struct order order;

	while (next_order(csv, &order)) {
		struct customer *customer = find_customer(&customers, order.customer);

		customer->orders++;
		customer->cents += order.cents;
		orders++;
		cents += order.cents;
	}
	if (customers.n)
		qsort(customers.list, customers.n, sizeof(*customers.list), by_cents);
	for (uint32_t i = 0; i < customers.n && i < BEST; i++)
		print_line(customers.list[i].name, customers.list[i].orders,
			   customers.list[i].cents);
	printf("%u customers\n", customers.n);
	print_line("all", orders, cents);
	customers_free(&customers);
}

static void months(struct csv *csv)
{
	uint64_t orders[12] = {0}, cents[12] = {0}, all_orders = 0, all_cents = 0;
	struct order order;
	char name[16];

	while (next_order(csv, &order)) {
		orders[order.month]++;
		cents[order.month] += order.cents;
	}
	for (uint32_t i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "month %02u", i + 1);
		print_line(name, orders[i], cents[i]);
		all_orders += orders[i];
		all_cents += cents[i];
	}
	print_line("all", all_orders, all_cents);
}

static void invoices(struct csv *csv, const char *path)
{
	struct journal journal;
	struct order order;
	uint64_t cents = 0;

	journal_open(&journal, path);
	while (next_order(csv, &order)) {
		journal_append(&journal, order.customer, order.id, order.cents);
		cents += order.cents;
	}
	journal_close(&journal);
	print_line("invoices", journal.records, cents);
}

int main(int argc, char **argv)
{
	const char *command = argc > 2 ? argv[1] : "";
	struct csv csv;

	if ((strcmp(command, "totals") || argc != 3) && (strcmp(command, "months") || argc != 3) &&
	    (strcmp(command, "invoices") || argc != 4))
		die("usage: shop totals|months ORDERS, shop invoices ORDERS JOURNAL");
	csv_open(&csv, argv[2]);
	if (!strcmp(command, "totals"))
		totals(&csv);
	else if (!strcmp(command, "months"))
		months(&csv);
	else
		invoices(&csv, argv[3]);
	csv_close(&csv);
	if (fflush(stdout))
		die_errno("stdout");
	return 0;
}
