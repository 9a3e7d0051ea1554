/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The file is sorted for the kernel proper, but not for modules and BPF programs. The wanted
 * addresses cut the address space into slots; each slot remembers its lowest and its highest
 * function. The highest one covers the slot's upper end if it reaches that far, and the lowest one
 * of the next slot that has any is where it ends.
 *
 *                wanted[0]            wanted[1]   wanted[2]
 *     slot 0         |      slot 1        |  slot 2   |   slot 3
 *       f        g   |    h  i        j   |           |    k
 *     lowest  highest   lowest     highest    none       lowest
 */
#include "user/symbol/kallsyms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/core/log.h"
#include "user/core/own.h"
#include "user/symbol/shared/symtab.h"

#define FUNCTION_MAX     (1u << 20)
#define PAGE             4096u
#define CHUNK            (256u << 10) /* of the file at a time; no line is longer */
#define MODULE_NAME_SIZE 72           /* the kernel allows 56 bytes, and we keep the brackets */

/* One line, pointing into the text. */
struct line {
	struct pb_symbol sym; /* size unused */
	const char *module;   /* "[xfs]"; "" for the kernel proper */
};

/* What lies in (wanted[i - 1], wanted[i]]. Its texts are copies: the file is read in pieces. */
struct slot {
	struct pb_symbol highest; /* name NULL: the slot is empty; else the slot's own name */
	uint64_t lowest;
	char *name;
	size_t name_size;
	char highest_module[MODULE_NAME_SIZE];
	char lowest_module[MODULE_NAME_SIZE];
};

/* A pass over the file. */
struct scan {
	const uint64_t *wanted;
	size_t n;
	struct slot *slots; /* n + 1 */
	bool any;           /* there was a function */
	bool any_shown;     /* and one with an address */
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* @s is a line that ends in NUL. False: not a function, or not a line of kallsyms. */
static bool parse_line(char *s, struct line *out)
{
	uint64_t addr = 0;
	char *module;
	int i, digit;

	for (i = 0; i < 16 && (digit = hex_digit(s[i])) >= 0; i++)
		addr = addr << 4 | (unsigned int)digit;
	if (!i || s[i] != ' ')
		return false;
	s += i + 1;
	if ((s[0] != 't' && s[0] != 'T' && s[0] != 'w' && s[0] != 'W') || s[1] != ' ' || !s[2])
		return false;
	out->sym.addr = addr;
	out->sym.rank = s[0] == 'T'   ? PB_SYMBOL_GLOBAL
			: s[0] == 't' ? PB_SYMBOL_LOCAL
				      : PB_SYMBOL_WEAK;
	out->sym.name = s + 2;
	module = strchr(s + 2, '\t');
	if (module)
		*module++ = '\0';
	out->module = module ? module : "";
	return *out->sym.name != '\0';
}

/* The first slot whose wanted address is not below @addr; @n is behind the last. */
static size_t slot_of(const uint64_t *wanted, size_t n, uint64_t addr)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (wanted[mid] < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void copy_module(char to[MODULE_NAME_SIZE], const char *module)
{
	snprintf(to, MODULE_NAME_SIZE, "%s", module);
}

static int put(struct slot *s, const struct line *l)
{
	const struct pb_symbol *best = &s->highest;
	size_t size = strlen(l->sym.name) + 1;

	if (!best->name || l->sym.addr < s->lowest) {
		s->lowest = l->sym.addr;
		copy_module(s->lowest_module, l->module);
	}
	if (best->name && (l->sym.addr < best->addr ||
			   (l->sym.addr == best->addr && pb_symbol_compare(&l->sym, best) <= 0)))
		return 0;
	if (size > s->name_size) {
		char *name = realloc(s->name, size + 64);

		if (!name)
			return -ENOMEM;
		s->name = name;
		s->name_size = size + 64;
	}
	memcpy(s->name, l->sym.name, size);
	s->highest = l->sym;
	s->highest.name = s->name;
	copy_module(s->highest_module, l->module);
	return 0;
}

static uint64_t page_end(uint64_t addr)
{
	return (addr + 2 * PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/*
 * Where code of one module ends and that of another begins, there is a gap that nobody names.
 * BPF programs lie alone and are large.
 */
static uint64_t end_of(const struct slot *s, const struct slot *next)
{
	uint64_t limit = s->highest.addr + FUNCTION_MAX;
	bool is_last = !next || strcmp(s->highest_module, next->lowest_module);

	if (is_last && strcmp(s->highest_module, "[bpf]"))
		limit = page_end(s->highest.addr);
	if (limit < s->highest.addr)
		limit = UINT64_MAX;
	return next && next->lowest < limit ? next->lowest : limit;
}

static int add_covering(struct pb_symtab *t, const struct slot *slots, size_t n)
{
	const struct slot *next = slots[n].highest.name ? &slots[n] : NULL;
	size_t i;

	for (i = n; i-- > 0;) {
		const struct pb_symbol *sym = &slots[i].highest;
		int err;

		if (!sym->name)
			continue;
		err = pb_symtab_add(t, sym->addr, end_of(&slots[i], next) - sym->addr, sym->rank,
				    sym->name, strlen(sym->name));
		if (err)
			return err;
		next = &slots[i];
	}
	return 0;
}

static int start_scan(struct scan *scan, const uint64_t *wanted, size_t n)
{
	*scan = (struct scan){.wanted = wanted, .n = n};
	scan->slots = calloc(n + 1, sizeof(*scan->slots));
	return scan->slots ? 0 : -ENOMEM;
}

/* Give the table what was found; free. */
static int end_scan(struct scan *scan, struct pb_symtab *t, int err)
{
	size_t i;

	if (!err && !scan->any_shown)
		err = scan->any ? -EACCES : -EPROTO;
	if (!err)
		err = add_covering(t, scan->slots, scan->n);
	for (i = 0; scan->slots && i <= scan->n; i++)
		free(scan->slots[i].name);
	free(scan->slots);
	return err;
}

/* Take the whole lines of a piece of the file. @used: bytes of them. */
static int take_lines(struct scan *scan, char *text, size_t len, size_t *used)
{
	char *end = text + len, *s, *newline;
	int err = 0;

	for (s = text; s < end && !err; s = newline + 1) {
		struct line l;

		newline = memchr(s, '\n', (size_t)(end - s));
		if (!newline)
			break;
		*newline = '\0';
		if (!parse_line(s, &l))
			continue;
		scan->any = true;
		if (!l.sym.addr)
			continue;
		scan->any_shown = true;
		err = put(&scan->slots[slot_of(scan->wanted, scan->n, l.sym.addr)], &l);
	}
	*used = (size_t)(s - text);
	return err;
}

int pb_kallsyms_parse(struct pb_symtab *t, char *text, size_t len, const uint64_t *wanted, size_t n)
{
	struct scan scan;
	size_t used;
	int err = start_scan(&scan, wanted, n);

	if (!err)
		err = take_lines(&scan, text, len, &used);
	return end_scan(&scan, t, err);
}

/* In pieces: as a whole the text takes more memory than all else in a run. */
static int take_file(struct scan *scan, int fd)
{
	pb_autofree char *text = malloc(CHUNK);
	size_t len = 0, used;
	ssize_t n;
	int err;

	if (!text)
		return -ENOMEM;
	for (;;) {
		n = read(fd, text + len, CHUNK - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : 0;
		len += (size_t)n;
		err = take_lines(scan, text, len, &used);
		if (err)
			return err;
		len -= used;
		memmove(text, text + used, len);
		if (len == CHUNK)
			return -EPROTO;
	}
}

static void warn_hidden(void)
{
	char restrict_level = '1';
	int fd = open("/proc/sys/kernel/kptr_restrict", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (read(fd, &restrict_level, 1) != 1)
			restrict_level = '1';
		close(fd);
	}
	if (restrict_level == '2')
		pb_log(PB_LOG_WARN, "kernel functions are shown as addresses: /proc/kallsyms hides "
				    "them from everyone; set the sysctl kernel.kptr_restrict to 1");
	else
		pb_log(PB_LOG_WARN,
		       "kernel functions are shown as addresses: /proc/kallsyms hides "
		       "them (sysctl kernel.kptr_restrict is %c); run as root or with "
		       "CAP_SYSLOG",
		       restrict_level == '0' ? '0' : '1');
}

static int read_symbols(struct pb_symtab *t, const uint64_t *wanted, size_t n)
{
	pb_autoclose int fd = -1;
	struct scan scan;
	int err;

	fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = start_scan(&scan, wanted, n);
	if (!err)
		err = take_file(&scan, fd);
	err = end_scan(&scan, t, err);
	return err ? err : pb_symtab_finish(t, 0);
}

int pb_kallsyms_read(struct pb_symtab **out, const uint64_t *wanted, size_t n)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;
	int err;

	err = pb_symtab_new(&t);
	if (!err)
		err = read_symbols(t, wanted, n);
	if (err == -EACCES)
		warn_hidden();
	else if (err && err != -ENOMEM)
		pb_log(PB_LOG_WARN, "kernel functions are shown as addresses: /proc/kallsyms: %s",
		       strerror(-err));
	if (err)
		return err;
	*out = pb_take(t);
	return 0;
}
