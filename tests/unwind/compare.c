/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * compare FILE: rows as tests/unwind/rows.awk prints them on stdin, looked up in the table of FILE
 * at both ends. Last line: rows compared, rows that readelf's words do not tell enough of
 * (expressions), rows that differ. Exits 1 if some do, or there were none.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/core/elf.h"
#include "user/unwind/module.h"

#define SHOWN_MAX 10

static const char *const x86_names[] = {"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
					"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

static bool is_x86;

/* The DWARF number of a register; -1 if it is none. */
static int register_of(const char *name, size_t len)
{
	char known[8];
	int i;

	for (i = 0; i < 32; i++) {
		if (is_x86 && i < 16)
			snprintf(known, sizeof(known), "%s", x86_names[i]);
		else if (is_x86)
			break;
		else
			snprintf(known, sizeof(known), i == 31 ? "sp" : "x%d", i);
		if (strlen(known) == len && !memcmp(known, name, len))
			return i;
	}
	return -1;
}

/* "u" and no column: the register is untouched. */
static bool is_untouched(const char *word)
{
	return !strcmp(word, "u") || !strcmp(word, "s") || !strcmp(word, "-");
}

/* "c-16" */
static bool parse_saved(const char *word, int *off)
{
	return sscanf(word, "c%d", off) == 1;
}

/* The rule in readelf's words. Return: false if they do not tell it. */
static bool expect(const char *cfa, const char *fp, const char *ra, const char *sp,
		   struct pb_unwind_rule *rule)
{
	size_t len = strcspn(cfa, "+-");
	int reg = register_of(cfa, len), off, saved;

	memset(rule, 0, sizeof(*rule));
	if (!strcmp(cfa, "signal")) {
		rule->cfa = PB_CFA_SIGNAL;
		return true;
	}
	if (!strcmp(ra, "u") && is_x86) {
		rule->cfa = PB_CFA_END;
		return true;
	}
	if (reg < 0 || !is_untouched(sp) || sscanf(cfa + len, "%d", &off) != 1)
		return false;
	rule->cfa_off = off;
	rule->cfa = PB_CFA_REG;
	if (reg == (is_x86 ? 7 : 31))
		rule->cfa = PB_CFA_SP;
	else if (reg == (is_x86 ? 6 : 29))
		rule->cfa = PB_CFA_FP;
	else
		rule->reg = (uint8_t)reg;
	if (parse_saved(fp, &saved)) {
		rule->fp = PB_FP_CFA;
		rule->fp_off = saved;
	} else if (!is_untouched(fp)) {
		return false;
	}
	if (parse_saved(ra, &saved)) {
		rule->ra_off = (int16_t)saved;
		return true;
	}
	/* One register is all that a rule has room for. */
	reg = 30;
	if ((!is_untouched(ra) && sscanf(ra, "r%d", &reg) != 1) || rule->cfa == PB_CFA_REG)
		return false;
	rule->ra = PB_RA_REG;
	rule->reg = (uint8_t)reg;
	return true;
}

static bool is_equal(const struct pb_unwind_table *t, uint64_t addr,
		     const struct pb_unwind_rule *expected)
{
	return !memcmp(pb_unwind_lookup(t, addr), expected, sizeof(*expected));
}

static int compare(const struct pb_unwind_table *t)
{
	unsigned long compared = 0, told_too_little = 0, different = 0;
	char line[256], cfa[32], fp[32], ra[32], sp[32];
	uint64_t start, end;

	while (fgets(line, sizeof(line), stdin)) {
		struct pb_unwind_rule expected;

		if (sscanf(line, "%" SCNx64 "%" SCNx64 "%31s%31s%31s%31s", &start, &end, cfa, fp,
			   ra, sp) != 6) {
			printf("not a row: %s", line);
			return 1;
		}
		if (!expect(cfa, fp, ra, sp, &expected)) {
			told_too_little++;
			continue;
		}
		compared++;
		if (is_equal(t, start, &expected) && is_equal(t, end - 1, &expected))
			continue;
		if (different++ < SHOWN_MAX)
			printf("different: %s", line);
	}
	printf("%lu rows compared, %lu not comparable, %lu different\n", compared, told_too_little,
	       different);
	return different || !compared;
}

int main(int argc, char **argv)
{
	pb_auto(pb_unwind_table) struct pb_unwind_table *t = NULL;
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	pb_autoclose int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	int err;

	err = fd < 0 ? -errno : pb_elf_open(&e, fd);
	if (!err)
		err = pb_unwind_module(&t, e);
	if (err) {
		printf("no table: %s\n", strerror(-err));
		return 1;
	}
	is_x86 = pb_elf_machine(e) == EM_X86_64;
	return compare(t);
}
