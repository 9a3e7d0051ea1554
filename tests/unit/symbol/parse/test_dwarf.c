/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Debug information of programs that compilers make while the test runs, and, for what no compiler writes,
 * entries written by hand in assembly. tests/ring/names compares whole programs with addr2line.
 */
#include "user/symbol/parse/dwarf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT     0x401000ull
#define MANY     64
#define TEXT_MAX 65536

static char folder[] = "/tmp/pb-test-dwarf-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

/* Runs a shell command in the test's folder. */
static int run(const char *command)
{
	char line[2048];

	snprintf(line, sizeof(line), "cd '%s' && { %s; } >log 2>&1", folder, command);
	return system(line);
}

static int remove_folder(void **state)
{
	(void)state;
	return run("rm -rf \"$PWD\"");
}

static void write_source(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int open_fixture(const char *name, int flags)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, flags | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static uint64_t address_of(const char *program, const char *symbol)
{
	unsigned long long addr = 0;
	char line[512];
	FILE *f;

	snprintf(line, sizeof(line), "nm '%s/%s' | awk '$3 == \"%s\" { print $1 }'", folder,
		 program, symbol);
	f = popen(line, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%llx", &addr), 1);
	pclose(f);
	return addr;
}

/* ---- entries by hand ---- */

/*
 * Macros of the assembler, one per kind of entry; what they leave open "up" ends. "at" gives an address of
 * the code, which is of 4 KB and begins at TEXT. References are to labels.
 */
static const char prologue[] =
	".macro unit_begin n\n"
	" .section .debug_info,\"\",@progbits\n"
	"unit\\n: .long unit_end\\n - 1f\n"
	"1: .value 4\n .long abbrevs\n .byte 8\n"
	".endm\n"
	".macro unit n, lo, hi\n"
	" unit_begin \\n\n .uleb128 1\n .asciz \"unit\"\n .quad \\lo, \\hi\n"
	".endm\n"
	".macro lined n, lo, hi\n"
	" unit_begin \\n\n .uleb128 12\n .long lines\n .quad \\lo, \\hi\n"
	".endm\n"
	".macro open_unit n\n unit_begin \\n\n .uleb128 2\n .asciz \"unit\"\n.endm\n"
	".macro unit_end n\n .byte 0\nunit_end\\n:\n.endm\n"
	".macro up\n .byte 0\n.endm\n"
	".macro function name, lo, hi\n .uleb128 3\n .asciz \"\\name\"\n .quad \\lo, \\hi\n .byte 9\n.endm\n"
	".macro abstract name\n .uleb128 4\n .asciz \"\\name\"\n .byte 7\n.endm\n"
	".macro inlined origin, unit, lo, hi, line\n"
	" .uleb128 5\n .long \\origin - unit\\unit\n .quad \\lo, \\hi\n .byte 1, \\line\n"
	".endm\n"
	".macro block\n .uleb128 6\n.endm\n"
	".macro namespace name\n .uleb128 7\n .asciz \"\\name\"\n.endm\n"
	".macro nameless lo, hi, line\n .uleb128 8\n .quad \\lo, \\hi\n .byte 1, \\line\n.endm\n"
	".macro instance origin, unit, lo, hi\n"
	" .uleb128 9\n .long \\origin - unit\\unit\n .quad \\lo, \\hi\n"
	".endm\n"
	".macro link origin, unit\n .uleb128 10\n .long \\origin - unit\\unit\n.endm\n"
	".macro call_site\n .uleb128 11\n.endm\n"
	".macro split name, ranges\n .uleb128 13\n .asciz \"\\name\"\n .long \\ranges\n.endm\n"
	".macro abbrev n, tag, children, rest:vararg\n"
	" .uleb128 \\n, \\tag\n .byte \\children\n .uleb128 \\rest\n .uleb128 0, 0\n"
	".endm\n"
	".section .debug_abbrev,\"\",@progbits\nabbrevs:\n"
	/* Pairs of attribute and form: name 3, low_pc 0x11, high_pc 0x12, decl_line 0x3b, abstract_origin
	 * 0x31, call_file 0x58, call_line 0x59, stmt_list 0x10, ranges 0x55; string 8, addr 1, data1 11,
	 * ref4 0x13, sec_offset 0x17. */
	"abbrev 1, 0x11, 1, 3,8, 0x11,1, 0x12,1\n"
	"abbrev 2, 0x11, 1, 3,8\n"
	"abbrev 3, 0x2e, 1, 3,8, 0x11,1, 0x12,1, 0x3b,11\n"
	"abbrev 4, 0x2e, 0, 3,8, 0x3b,11\n"
	"abbrev 5, 0x1d, 1, 0x31,0x13, 0x11,1, 0x12,1, 0x58,11, 0x59,11\n"
	" .uleb128 6, 0x0b\n .byte 1\n .uleb128 0, 0\n"
	"abbrev 7, 0x39, 1, 3,8\n"
	"abbrev 8, 0x1d, 1, 0x11,1, 0x12,1, 0x58,11, 0x59,11\n"
	"abbrev 9, 0x2e, 0, 0x31,0x13, 0x11,1, 0x12,1\n"
	"abbrev 10, 0x2e, 0, 0x31,0x13\n"
	" .uleb128 11, 0x48\n .byte 1\n .uleb128 0, 0\n"
	"abbrev 12, 0x11, 1, 0x10,0x17, 0x11,1, 0x12,1\n"
	"abbrev 13, 0x2e, 0, 3,8, 0x55,0x17\n"
	" .byte 0\n"
	".text\n.globl text\ntext: .skip 0x1000, 0x90\n";

/* The object of a file of such entries. */
static struct pb_dwarf *assemble(const char *entries)
{
	pb_autofree char *text = malloc(TEXT_MAX);
	struct pb_dwarf *d = NULL;
	pb_autoclose int fd = -1;

	assert_non_null(text);
	assert_true(snprintf(text, TEXT_MAX, "%s%s", prologue, entries) < TEXT_MAX);
	write_source("hand.s", text);
	assert_int_equal(run("as hand.s -o hand.o && ld -Ttext=0x401000 -e text hand.o -o hand"),
			 0);
	fd = open_fixture("hand", O_RDONLY);
	assert_int_equal(pb_dwarf_new(&d, fd, NULL, NULL), 0);
	/* What was opened is mapped. */
	return d;
}

/* "inner < outer" at an address; "" if nothing is there. */
static const char *names_at(struct pb_dwarf *d, uint64_t addr)
{
	static char text[4096];
	struct pb_dwarf_frame frames[MANY];
	uint64_t start;
	uint32_t n = pb_dwarf_find(d, addr, frames, MANY, &start), i;
	size_t len = 0;

	text[0] = 0;
	for (i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? " < " : "",
					frames[i].name);
	return text;
}

static void of_two_units_over_one_address_the_narrower_function_wins(void **state)
{
	pb_auto(pb_dwarf) struct pb_dwarf *d =
		assemble("unit 1, text, text+0x400\n"
			 " function wide, text, text+0x300\n up\n"
			 "unit_end 1\n"
			 "unit 2, text+0x100, text+0x200\n"
			 " function narrow, text+0x100, text+0x140\n up\n"
			 "unit_end 2\n"
			 "unit 3, text+0x110, text+0x118\n"
			 "unit_end 3\n"
			 "unit 4, text+0x2f0, text+0x800\n"
			 " function late, text+0x2f0, text+0x800\n up\n"
			 "unit_end 4\n");

	(void)state;
	assert_string_equal(names_at(d, TEXT), "wide");
	assert_string_equal(names_at(d, TEXT + 0xff), "wide");
	assert_string_equal(names_at(d, TEXT + 0x100), "narrow");
	assert_string_equal(names_at(d, TEXT + 0x114), "narrow");
	assert_string_equal(names_at(d, TEXT + 0x13f), "narrow");
	assert_string_equal(names_at(d, TEXT + 0x140), "wide");
	assert_string_equal(names_at(d, TEXT + 0x2ff), "wide");
	assert_string_equal(names_at(d, TEXT + 0x300), "late");
	assert_string_equal(names_at(d, TEXT + 0x800), "");
	assert_string_equal(names_at(d, TEXT - 1), "");
	assert_string_equal(names_at(d, UINT64_MAX), "");
}

static void a_unit_that_does_not_say_where_its_code_is_is_looked_through(void **state)
{
	pb_auto(pb_dwarf) struct pb_dwarf *d =
		assemble("open_unit 1\n"
			 " function first, text, text+0x10\n up\n"
			 "unit_end 1\n"
			 "unit 2, text+0x10, text+0x20\n"
			 " function second, text+0x10, text+0x20\n up\n"
			 "unit_end 2\n"
			 "open_unit 3\n"
			 " function third, text+0x20, text+0x30\n up\n"
			 "unit_end 3\n");

	(void)state;
	assert_string_equal(names_at(d, TEXT + 0x1f), "second");
	assert_string_equal(names_at(d, TEXT + 0x2f), "third");
	assert_string_equal(names_at(d, TEXT), "first");
	assert_string_equal(names_at(d, TEXT + 0x30), "");
}

static void functions_are_found_in_namespaces_blocks_and_other_functions(void **state)
{
	pb_auto(pb_dwarf) struct pb_dwarf *d =
		assemble("unit 1, text, text+0x400\n"
			 " namespace a\n  namespace b\n"
			 "   function deep, text, text+0x10\n   up\n"
			 "  up\n up\n"
			 " function outer, text+0x10, text+0x20\n"
			 "  block\n   function nested, text+0x40, text+0x50\n   up\n  up\n"
			 " up\n"
			 "last: abstract instance_name\n"
			 " instance last, 1, text+0x60, text+0x70\n"
			 "unit_end 1\n");

	(void)state;
	assert_string_equal(names_at(d, TEXT + 1), "deep");
	assert_string_equal(names_at(d, TEXT + 0x11), "outer");
	assert_string_equal(names_at(d, TEXT + 0x41), "nested");
	assert_string_equal(names_at(d, TEXT + 0x61), "instance_name");
}

static void inlined_calls_are_found_below_blocks_and_call_sites(void **state)
{
	struct pb_dwarf_frame f[MANY];
	uint64_t start = 0;
	pb_auto(pb_dwarf) struct pb_dwarf *d =
		assemble("unit 1, text, text+0x400\n"
			 "one: abstract one\n"
			 "two: abstract two\n"
			 "three: abstract three\n"
			 " function f, text, text+0x100\n"
			 "  block\n   block\n"
			 "    inlined one, 1, text+0x10, text+0x60, 21\n"
			 "     call_site\n"
			 "      inlined two, 1, text+0x20, text+0x50, 22\n"
			 "       block\n"
			 "        inlined three, 1, text+0x30, text+0x40, 23\n        up\n"
			 "       up\n      up\n     up\n    up\n"
			 "   up\n  up\n"
			 "  inlined two, 1, text+0x70, text+0x80, 24\n  up\n"
			 " up\n"
			 "unit_end 1\n");

	(void)state;
	assert_string_equal(names_at(d, TEXT), "f");
	assert_string_equal(names_at(d, TEXT + 0x10), "one < f");
	assert_string_equal(names_at(d, TEXT + 0x20), "two < one < f");
	assert_string_equal(names_at(d, TEXT + 0x50), "one < f");
	assert_string_equal(names_at(d, TEXT + 0x70), "two < f");
	assert_int_equal(pb_dwarf_find(d, TEXT + 0x3f, f, MANY, &start), 4);
	assert_int_equal(start, TEXT);
	assert_int_equal(f[1].line, 23);
	assert_int_equal(f[2].line, 22);
	assert_int_equal(f[3].line, 21);
	assert_int_equal(f[0].start_line, 7);
	assert_int_equal(f[3].start_line, 9);
	/* Room for fewer: the innermost are left out. */
	assert_int_equal(pb_dwarf_find(d, TEXT + 0x3f, f, 2, &start), 2);
	assert_string_equal(f[0].name, "one");
	assert_string_equal(f[1].name, "f");
	assert_int_equal(f[1].line, 21);
	assert_int_equal(pb_dwarf_find(d, TEXT + 0x3f, f, 1, &start), 1);
	assert_string_equal(f[0].name, "f");
	assert_int_equal(pb_dwarf_find(d, TEXT + 0x3f, f, 0, &start), 0);
}

static void an_inlined_call_without_a_name_is_part_of_the_function_around_it(void **state)
{
	struct pb_dwarf_frame f[MANY];
	uint64_t start;
	pb_auto(pb_dwarf) struct pb_dwarf *d =
		assemble("unit 1, text, text+0x400\n"
			 "one: abstract one\n"
			 " function f, text, text+0x100\n"
			 "  nameless text+0x10, text+0x60, 31\n"
			 "   inlined one, 1, text+0x20, text+0x30, 32\n   up\n"
			 "  up\n"
			 " up\n"
			 " function , text+0x200, text+0x210\n up\n"
			 "unit_end 1\n");

	(void)state;
	assert_string_equal(names_at(d, TEXT + 0x20), "one < f");
	assert_int_equal(pb_dwarf_find(d, TEXT + 0x10, f, MANY, &start), 1);
	assert_string_equal(f[0].name, "f");
	assert_int_equal(f[0].line, 31);
	/* The function itself stays: its symbol may have a name. */
	assert_int_equal(pb_dwarf_find(d, TEXT + 0x201, f, MANY, &start), 1);
	assert_string_equal(f[0].name, "");
	assert_string_equal(f[0].linkage_name, "");
	assert_string_equal(f[0].file, "");
	assert_int_equal(start, TEXT + 0x200);
}

static void code_that_was_left_out_by_the_linker_covers_nothing(void **state)
{
	pb_auto(pb_dwarf) struct pb_dwarf *d =
		assemble("unit 1, 0, 0x500000\n"
			 " function dead, 0, 0x500000\n up\n"
			 "unit_end 1\n"
			 "unit 2, text, text+0x1000\n"
			 " function alive, text+0x10, text+0xf00\n up\n"
			 " function dead, 1, 0x401020\n up\n"
			 " function dead, -1, 0x401020\n up\n"
			 "unit_end 2\n");

	(void)state;
	assert_string_equal(names_at(d, TEXT + 0x10), "alive");
	assert_string_equal(names_at(d, TEXT), "");
	assert_string_equal(names_at(d, 0x10), "");
}

static void a_function_in_two_stretches_starts_where_the_one_at_hand_does(void **state)
{
	struct pb_dwarf_frame f[MANY];
	uint64_t start;
	pb_auto(pb_dwarf) struct pb_dwarf *d = assemble(
		"unit 1, text, text+0x400\n"
		" split hot, stretches\n"
		"unit_end 1\n"
		".section .debug_ranges,\"\",@progbits\n"
		"stretches: .quad -1, 0\n .quad text+0x10, text+0x20, text+0x300, text+0x310\n"
		" .quad 0, 0\n");

	(void)state;
	assert_int_equal(pb_dwarf_find(d, TEXT + 0x1f, f, MANY, &start), 1);
	assert_int_equal(start, TEXT + 0x10);
	assert_int_equal(pb_dwarf_find(d, TEXT + 0x305, f, MANY, &start), 1);
	assert_int_equal(start, TEXT + 0x300);
	assert_string_equal(f[0].name, "hot");
	assert_int_equal(pb_dwarf_find(d, TEXT + 0x20, f, MANY, &start), 0);
}

static void references_in_a_circle_end(void **state)
{
	pb_auto(pb_dwarf) struct pb_dwarf *d =
		assemble("unit 1, text, text+0x400\n"
			 "a: link b, 1\n"
			 "b: link a, 1\n"
			 "self: instance self, 1, text, text+0x10\n"
			 " instance a, 1, text+0x10, text+0x20\n"
			 " function f, text+0x20, text+0x30\n"
			 "in: inlined in, 1, text+0x20, text+0x30, 1\n  up\n"
			 " up\n"
			 /* Outside of everything. */
			 " instance unit1+0x7fffffff, 1, text+0x30, text+0x40\n"
			 "unit_end 1\n");

	(void)state;
	assert_string_equal(names_at(d, TEXT), "");
	assert_string_equal(names_at(d, TEXT + 0x10), "");
	assert_string_equal(names_at(d, TEXT + 0x20), "f");
	assert_string_equal(names_at(d, TEXT + 0x30), "");
}

static void nesting_without_end_costs_what_is_in_it_only(void **state)
{
	struct pb_dwarf_frame f[MANY];
	uint64_t start;
	pb_auto(pb_dwarf) struct pb_dwarf *d =
		assemble("unit 1, text, text+0x400\n"
			 "one: abstract one\n"
			 " function blocks, text, text+0x10\n"
			 "  inlined one, 1, text, text+0x10, 1\n  up\n"
			 "  .rept 100000\n  block\n  .endr\n"
			 "  inlined one, 1, text, text+0x8, 2\n  up\n"
			 "  .rept 100000\n  up\n  .endr\n"
			 " up\n"
			 " function calls, text+0x10, text+0x20\n"
			 "  .rept 100000\n  inlined one, 1, text+0x10, text+0x20, 3\n  .endr\n"
			 "  .rept 100000\n  up\n  .endr\n"
			 " up\n"
			 " function after, text+0x20, text+0x30\n up\n"
			 "unit_end 1\n");

	(void)state;
	assert_string_equal(names_at(d, TEXT), "one < blocks");
	assert_int_equal(pb_dwarf_find(d, TEXT + 0x10, f, MANY, &start), MANY);
	assert_string_equal(f[MANY - 1].name, "calls");
	assert_string_equal(f[0].name, "one");
	assert_string_equal(names_at(d, TEXT + 0x20), "after");
}

static void a_name_that_runs_out_of_its_section_is_none(void **state)
{
	/* The macro without the zero that ends the name, the decl_line, and the unit. */
	pb_auto(pb_dwarf) struct pb_dwarf *d = assemble("unit 1, text, text+0x400\n"
							" instance last, 1, text, text+0x10\n"
							"last: .uleb128 4\n .ascii \"unending\"\n"
							"unit_end1:\n");

	(void)state;
	assert_string_equal(names_at(d, TEXT), "");
}

static void line_tables_know_ends_and_lines_that_are_none(void **state)
{
	struct pb_dwarf_frame f[MANY];
	uint64_t start = 1;
	pb_auto(pb_dwarf) struct pb_dwarf *d = assemble(
		"lined 1, text, text+0x2000\n"
		" function f, more, more+4\n up\n"
		"unit_end 1\n"
		".text\nmore: .skip 16, 0x90\n"
		".section .debug_line,\"\",@progbits\n"
		"lines: .long lines_end - 1f\n"
		"1: .value 4\n .long 3f - 2f\n"
		"2: .byte 1, 1, 1, -5, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0\n"
		" .asciz \"first.c\"\n .byte 0, 0, 0\n"
		" .asciz \"second.c\"\n .byte 0, 0, 0, 0\n"
		/* Each row: advance the address (2), the line (3), the file (4), copy (1). */
		"3: .byte 0, 9, 2\n .quad more\n"
		" .byte 3\n .sleb128 4\n .byte 1\n"
		" .byte 2, 1, 3\n .sleb128 -5\n .byte 1\n"
		" .byte 2, 1, 4, 2, 3\n .sleb128 7\n .byte 1\n"
		" .byte 2, 2, 4, 1, 3\n .sleb128 2\n .byte 1\n"
		" .byte 2, 1, 0, 1, 1\n"
		"lines_end:\n");

	(void)state;
	assert_int_equal(pb_dwarf_find(d, TEXT + 0x1000, f, MANY, &start), 1);
	assert_int_equal(start, TEXT + 0x1000);
	assert_int_equal(f[0].line, 5);
	assert_non_null(strstr(f[0].file, "first.c"));
	assert_int_equal(pb_dwarf_find(d, TEXT + 0x1001, f, MANY, &start), 1);
	assert_int_equal(f[0].line, 0);
	assert_int_equal(pb_dwarf_find(d, TEXT + 0x1003, f, MANY, &start), 1);
	assert_int_equal(f[0].line, 7);
	assert_non_null(strstr(f[0].file, "second.c"));
	/* Code of no function has its line, and the names that the symbol table gives it. */
	assert_int_equal(pb_dwarf_find(d, TEXT + 0x1004, f, MANY, &start), 1);
	assert_int_equal(f[0].line, 9);
	assert_string_equal(f[0].name, "");
	assert_string_equal(f[0].linkage_name, "");
	assert_true(start == UINT64_MAX);
	/* Behind the end of the sequence, and in front of it. */
	assert_int_equal(pb_dwarf_find(d, TEXT + 0x1005, f, MANY, &start), 0);
	assert_int_equal(pb_dwarf_find(d, TEXT + 0xfff, f, MANY, &start), 0);
}

/*
 * Two sequences that the linker left out, from 0 and from -16 to behind the code, and one of the code. Rows of
 * the first lie between those of the last.
 */
static const char table_with_dead_rows[] =
	"lined 1, text, text+0x1000\n"
	" function alive, text, text+0x800\n up\n"
	"unit_end 1\n"
	".section .debug_line,\"\",@progbits\n"
	"lines: .long lines_end - 1f\n"
	"1: .value 4\n .long 3f - 2f\n"
	"2: .byte 1, 1, 1, -5, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0\n"
	" .asciz \"first.c\"\n .byte 0, 0, 0\n"
	" .asciz \"second.c\"\n .byte 0, 0, 0, 0\n"
	"3:\n"
	/* Dead: line 101 at 0, 102 at TEXT + 4, its end at TEXT + 0x900. */
	" .byte 0, 9, 2\n .quad 0\n"
	" .byte 3\n .sleb128 100\n .byte 1\n"
	" .byte 2\n .uleb128 0x401004\n .byte 3, 1, 1\n"
	" .byte 2\n .uleb128 0x8fc\n .byte 0, 1, 1\n"
	/* Dead: 201 at -16, 202 at TEXT + 8, where it wraps. */
	" .byte 0, 9, 2\n .quad -16\n"
	" .byte 3\n .sleb128 200\n .byte 1\n"
	" .byte 2\n .uleb128 0x401018\n .byte 3, 1, 1\n"
	" .byte 2, 1, 0, 1, 1\n"
	/* Alive: 11; then by a special opcode 1 byte and 2 lines on (13 + 5 + 2 + 14), 13; by const_add_pc
	 * (17 bytes) and fixed_advance_pc, second.c and column 7, 3; the end, where another one begins. */
	" .byte 0, 9, 2\n .quad text\n"
	" .byte 3\n .sleb128 10\n .byte 1\n"
	" .byte 34\n"
	" .byte 8, 9\n .value 0x100\n .byte 4, 2, 5, 7, 6, 3\n .sleb128 -10\n .byte 1\n"
	" .byte 2\n .uleb128 0x100\n .byte 0, 1, 1\n"
	" .byte 0, 9, 2\n .quad text+0x212\n"
	" .byte 3\n .sleb128 41\n .byte 0, 2, 4, 1, 1\n"
	" .byte 2\n .uleb128 0x10\n .byte 0, 1, 1\n";

static uint32_t line_at(struct pb_dwarf *d, uint64_t addr, const char *file)
{
	struct pb_dwarf_frame f[MANY];
	uint64_t start;

	if (!pb_dwarf_find(d, addr, f, MANY, &start))
		return 0;
	if (f[0].line)
		assert_non_null(strstr(f[0].file, file));
	return f[0].line;
}

static void lines_of_what_the_linker_left_out_are_not_those_of_the_code(void **state)
{
	pb_autofree char *text = malloc(TEXT_MAX);
	pb_auto(pb_dwarf) struct pb_dwarf *d = NULL;

	(void)state;
	assert_non_null(text);
	snprintf(text, TEXT_MAX, "%slines_end:\n", table_with_dead_rows);
	d = assemble(text);
	assert_int_equal(line_at(d, TEXT, "first.c"), 11);
	assert_int_equal(line_at(d, TEXT + 1, "first.c"), 13);
	assert_int_equal(line_at(d, TEXT + 4, "first.c"), 13);
	assert_int_equal(line_at(d, TEXT + 8, "first.c"), 13);
	assert_int_equal(line_at(d, TEXT + 0x111, "first.c"), 13);
	assert_int_equal(line_at(d, TEXT + 0x112, "second.c"), 3);
	assert_int_equal(line_at(d, TEXT + 0x211, "second.c"), 3);
	assert_int_equal(line_at(d, TEXT + 0x212, "first.c"), 42);
	assert_int_equal(line_at(d, TEXT + 0x221, "first.c"), 42);
	assert_int_equal(line_at(d, TEXT + 0x222, ""), 0);
	/* Behind the end of the function too. */
	assert_int_equal(line_at(d, TEXT + 0x880, ""), 0);
}

/* What is there of the table is as libdw sees it; an instruction that runs out of it spoils all. */
static void a_malformed_line_table_gives_no_lines(void **state)
{
	static const char *const ends[] = {
		" .byte 0, 0\nlines_end:\n",
		" .byte 0, 9, 2, 0\nlines_end:\n",
		" .byte 0\n .uleb128 -1\nlines_end:\n",
		"lines_end = . + 100\n",
	};
	pb_autofree char *text = malloc(TEXT_MAX);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < PB_ARRAY_SIZE(ends); i++) {
		pb_auto(pb_dwarf) struct pb_dwarf *d = NULL;

		snprintf(text, TEXT_MAX, "%s%s", table_with_dead_rows, ends[i]);
		d = assemble(text);
		assert_string_equal(names_at(d, TEXT), "alive");
		assert_int_equal(line_at(d, TEXT + 4, ""), 0);
	}
}

/* ---- what compilers make ---- */

static const char program[] =
	"#line 100 \"inner.h\"\n"
	"volatile int sink;\n"
	"#define ALWAYS static inline __attribute__((always_inline))\n"
	"ALWAYS void c1(int x) {\n"
	" sink = x; }\n"
	"ALWAYS void c2(int x) {\n"
	" c1(x * 3); }\n"
	"#line 200 \"middle.h\"\n"
	"ALWAYS void c3(int x) {\n"
	" c2(x + 1); }\n"
	"ALWAYS void c4(int x) {\n"
	" c3(x * x); }\n"
	"#line 1 \"main.c\"\n"
	"ALWAYS void c5(int x) { c4(x); }\n"
	"ALWAYS void c6(int x) { c5(x); }\n"
	"ALWAYS void c7(int x) { c6(x); }\n"
	"ALWAYS void c8(int x) { c7(x); }\n"
	"__attribute__((noinline)) int chain(int x) {\n"
	" c8(x);\n"
	" return x; }\n"
	"int main(int argc, char **argv) { (void)argv; return chain(argc); }\n";

static uint32_t inlined_in_chain(struct pb_dwarf *d, const char *file, struct pb_dwarf_frame *f)
{
	uint64_t at = address_of(file, "chain"), start, end = at + 32;
	uint32_t n = 0;

	/* The store to sink is somewhere in it. */
	for (; at < end && n != 9; at++)
		n = pb_dwarf_find(d, at, f, MANY, &start);
	return n;
}

static void check_chain(const char *file, pb_wanted_open *opener)
{
	static const char *const files[] = {"inner.h", "inner.h", "middle.h", "middle.h", "main.c",
					    "main.c",  "main.c",  "main.c",   "main.c"};
	static const uint32_t lines[] = {103, 105, 201, 203, 1, 2, 3, 4, 6};
	pb_auto(pb_dwarf) struct pb_dwarf *d = NULL;
	pb_autoclose int fd = open_fixture(file, O_RDONLY);
	struct pb_dwarf_frame f[MANY];
	char name[8];
	uint32_t i;

	assert_int_equal(pb_dwarf_new(&d, fd, opener, NULL), 0);
	assert_int_equal(inlined_in_chain(d, file, f), 9);
	for (i = 0; i < 9; i++) {
		snprintf(name, sizeof(name), "c%u", i + 1);
		assert_string_equal(f[i].name, i < 8 ? name : "chain");
		assert_non_null(strstr(f[i].file, files[i]));
		assert_int_equal(f[i].line, lines[i]);
	}
	assert_int_equal(f[0].start_line, 102);
	assert_int_equal(f[8].start_line, 5);
}

/* What was inlined has no linkage name with gcc, which does not put it anywhere else. */
static const char scoped[] = "#define ALWAYS inline __attribute__((always_inline))\n"
			     "volatile int sink;\n"
			     "namespace outer { namespace {\n"
			     "template <typename T> ALWAYS void apply(T f) { f(sink); }\n"
			     "struct box { ALWAYS void put(int x) { sink = x; } };\n"
			     "} }\n"
			     "struct sorter { void sort(int x) __attribute__((noipa)); };\n"
			     "void sorter::sort(int x) {\n"
			     " outer::apply([=](int y) __attribute__((always_inline)) {\n"
			     "  outer::box().put(x * y); });\n"
			     "}\n"
			     "int main(int argc, char **) { sorter().sort(argc); return 0; }\n";

static void check_scopes(const char *file)
{
	pb_auto(pb_dwarf) struct pb_dwarf *d = NULL;
	pb_autoclose int fd = open_fixture(file, O_RDONLY);
	uint64_t at = address_of(file, "_ZN6sorter4sortEi"), end = at + 64, start;
	struct pb_dwarf_frame f[MANY];
	uint32_t n = 0, i;

	assert_int_equal(pb_dwarf_new(&d, fd, NULL, NULL), 0);
	for (; at < end && n != 4; at++)
		n = pb_dwarf_find(d, at, f, MANY, &start);
	assert_int_equal(n, 4);
	for (i = 0; i < 3; i++)
		assert_string_equal(f[i].linkage_name, "");
	assert_string_equal(f[0].name, "outer::(anonymous namespace)::box::put");
	assert_string_equal(f[0].name + f[0].scope_len, "put");
	assert_string_equal(f[1].name, "sorter::sort::{lambda}::operator()");
	assert_string_equal(f[1].name + f[1].scope_len, "operator()");
	assert_non_null(strstr(f[2].name, "outer::(anonymous namespace)::apply<"));
	assert_string_equal(f[3].linkage_name, "_ZN6sorter4sortEi");
	assert_string_equal(f[3].name, "sort");
	assert_int_equal(f[3].scope_len, 0);
}

static void cpp_functions_without_a_linkage_name_have_their_scopes(void **state)
{
	(void)state;
	write_source("scoped.cc", scoped);
	if (run("g++ -O2 -gdwarf-4 scoped.cc -o scoped4 && g++ -O2 -gdwarf-5 scoped.cc -o scoped5 &&"
		" g++ -O2 -g -flto scoped.cc -o scoped-lto &&"
		" dwz scoped4 -o scoped-dwz")) {
		print_message("no g++ or dwz\n");
		skip();
	}
	check_scopes("scoped4");
	check_scopes("scoped5");
	check_scopes("scoped-lto");
	check_scopes("scoped-dwz");
}

/* As the frame at main() names its file. */
static void check_path(const char *where, const char *expected)
{
	pb_auto(pb_dwarf) struct pb_dwarf *d = NULL;
	pb_autoclose int fd = open_fixture(where, O_RDONLY);
	struct pb_dwarf_frame f[MANY];
	char path[256];
	uint64_t start;
	uint32_t n;

	if (*expected == '.')
		snprintf(path, sizeof(path), "%s%s", folder, expected + 1);
	else
		snprintf(path, sizeof(path), "%s", expected);
	assert_int_equal(pb_dwarf_new(&d, fd, NULL, NULL), 0);
	n = pb_dwarf_find(d, address_of(where, "main"), f, MANY, &start);
	assert_true(n > 0);
	assert_string_equal(f[n - 1].file, path);
}

static void paths_are_put_behind_the_directory_of_their_unit(void **state)
{
	static const char *const how[] = {"gcc -gdwarf-4", "gcc -gdwarf-5", "clang -gdwarf-4",
					  "clang -gdwarf-5"};
	static const struct {
		const char *named, *expected;
	} rows[] = {
		{"../src/x.c", "./src/x.c"},
		{"./y.c", "./build/y.c"},
		{".././/src/deep/../x.c", "./src/x.c"},
		{"plain.c", "./build/plain.c"},
		{"/abs/../x.c", "/abs/../x.c"},
		{"<built-in>", "<built-in>"},
	};
	char command[512];
	size_t i, k;

	(void)state;
	assert_int_equal(run("mkdir -p build src"), 0);
	for (i = 0; i < PB_ARRAY_SIZE(how); i++) {
		for (k = 0; k < PB_ARRAY_SIZE(rows); k++) {
			snprintf(
				command, sizeof(command),
				"cd build && printf '#line 1 \"%s\"\nint main(void) { return 0; }\n'"
				" >../src/x.c && %s ../src/x.c -o ../pathed",
				rows[k].named, how[i]);
			if (run(command)) {
				print_message("no tool for: %s\n", command);
				break;
			}
			check_path("pathed", rows[k].expected);
		}
	}
	/* As it is without #line. */
	assert_int_equal(run("cd build && echo 'int main(void) { return 0; }' >../src/x.c &&"
			     " gcc -g ../src/x.c -o ../pathed"),
			 0);
	check_path("pathed", "./src/x.c");
}

static void build_program(const char *command)
{
	write_source("main.c", program);
	if (run(command)) {
		print_message("no tool for: %s\n", command);
		skip();
	}
}

static void a_chain_of_eight_is_seen_as_gcc_and_clang_describe_it(void **state)
{
	(void)state;
	build_program("for v in 4 5; do gcc -O2 -gdwarf-$v main.c -o gcc$v &&"
		      " clang -O2 -gdwarf-$v main.c -o clang$v || exit; done");
	check_chain("gcc4", NULL);
	check_chain("gcc5", NULL);
	check_chain("clang4", NULL);
	check_chain("clang5", NULL);
}

static void link_time_optimisation_and_compressed_sections_change_nothing(void **state)
{
	(void)state;
	build_program("gcc -O2 -g -flto main.c -o lto && gcc -O2 -g -gz=zlib main.c -o gz && "
		      "gcc -O2 -g -gz=zlib-gnu main.c -o gz-gnu");
	check_chain("lto", NULL);
	check_chain("gz", NULL);
	check_chain("gz-gnu", NULL);
}

static struct pb_wanted asked;
static uint32_t times_asked;

static int open_common(void *ctx, const struct pb_wanted *wanted)
{
	(void)ctx;
	asked = *wanted;
	times_asked++;
	return open_fixture("common", O_RDONLY);
}

static int open_none(void *ctx, const struct pb_wanted *wanted)
{
	(void)ctx;
	(void)wanted;
	return -ENOENT;
}

static int open_another(void *ctx, const struct pb_wanted *wanted)
{
	(void)ctx;
	(void)wanted;
	return open_fixture("main.c", O_RDONLY);
}

/* Two programs with the same entries, so that dwz moves them out. */
static void build_with_alt(void)
{
	build_program("gcc -O2 -g main.c -o dwz1 && gcc -O2 -g -DX main.c -o dwz2 &&"
		      " dwz -r -m common dwz1 dwz2");
}

/* A removed function is longer than the way from 0 to the code. */
static void lines_are_right_whatever_a_linker_removes(void **state)
{
	static const char *const linkers[] = {"bfd", "gold", "lld"};
	static const char *const how[] = {"-gdwarf-4", "-gdwarf-5", "-gdwarf-5 -gz=zlib"};
	char command[512];
	size_t i;

	(void)state;
	assert_int_equal(run("{ echo 'volatile int x; void dead(void) {';"
			     " yes 'x++;' | head -n 2000; echo '}'; echo '#line 5000';"
			     " echo 'int main(void) {'; yes 'x++;' | head -n 30;"
			     " echo 'return x; }'; } >gc.c"),
			 0);
	for (i = 0; i < PB_ARRAY_SIZE(linkers) * PB_ARRAY_SIZE(how); i++) {
		const char *linker = linkers[i / PB_ARRAY_SIZE(how)];
		pb_auto(pb_dwarf) struct pb_dwarf *d = NULL;
		pb_autoclose int fd = -1;
		uint64_t at, offset;
		uint32_t line;

		snprintf(command, sizeof(command),
			 "gcc -O0 -fcf-protection=none -ffunction-sections %s gc.c -fuse-ld=%s"
			 " -Wl,--gc-sections -o gc && ! nm gc | grep -w dead",
			 how[i % PB_ARRAY_SIZE(how)], linker);
		if (run(command)) {
			print_message("no tool for: %s\n", command);
			continue;
		}
		fd = open_fixture("gc", O_RDONLY);
		assert_int_equal(pb_dwarf_new(&d, fd, NULL, NULL), 0);
		at = address_of("gc", "main");
		assert_int_equal(line_at(d, at, "gc.c"), 5000);
		for (offset = 0; offset < 256; offset++) {
			line = line_at(d, at + offset, "gc.c");
			assert_in_range(line, 5000, 5031);
		}
	}
}

/* The functions lie in a file that is not read; the lines do not. */
static void of_split_debug_information_the_lines_are_known(void **state)
{
	static const char *const how[] = {"gcc -gdwarf-5", "gcc -gdwarf-4", "clang -gdwarf-5",
					  "clang -gdwarf-4"};
	char command[256];
	size_t i;

	(void)state;
	write_source("main.c", program);
	for (i = 0; i < PB_ARRAY_SIZE(how); i++) {
		pb_auto(pb_dwarf) struct pb_dwarf *d = NULL;
		pb_autoclose int fd = -1;
		struct pb_dwarf_frame f[MANY];
		uint64_t start = 0;

		snprintf(command, sizeof(command),
			 "%s -O2 -gsplit-dwarf -ffunction-sections main.c -o split", how[i]);
		if (run(command)) {
			print_message("no tool for: %s\n", command);
			continue;
		}
		fd = open_fixture("split", O_RDONLY);
		assert_int_equal(pb_dwarf_new(&d, fd, NULL, NULL), 0);
		assert_int_equal(pb_dwarf_find(d, address_of("split", "chain"), f, MANY, &start),
				 1);
		assert_string_equal(f[0].name, "");
		assert_true(f[0].line > 0);
		assert_true(start == UINT64_MAX);
	}
}

static void what_dwz_moved_out_is_asked_for_once(void **state)
{
	char id[2 * PB_WIRE_ID_MAX + 1] = "", line[512];
	uint32_t i;

	(void)state;
	build_with_alt();
	times_asked = 0;
	check_chain("dwz1", open_common);
	assert_int_equal(times_asked, 1);
	assert_int_equal(asked.kind, PB_WANTED_ALT);
	assert_string_equal(asked.name, "common");
	assert_int_equal(asked.build_id_len, 20);
	for (i = 0; i < asked.build_id_len; i++)
		snprintf(id + 2 * (size_t)i, 3, "%02x", asked.build_id[i]);
	snprintf(line, sizeof(line), "readelf -n common | grep %s", id);
	assert_int_equal(run(line), 0);
}

static void without_an_alternate_file_its_names_are_missing_and_none_is_looked_for(void **state)
{
	pb_wanted_open *openers[] = {NULL, open_none, open_another};
	uint32_t i, k;

	(void)state;
	build_with_alt();
	/* libdw would find "common", which lies beside the program. */
	for (i = 0; i < PB_ARRAY_SIZE(openers); i++) {
		pb_auto(pb_dwarf) struct pb_dwarf *d = NULL;
		pb_autoclose int fd = open_fixture("dwz1", O_RDONLY);
		uint64_t at = address_of("dwz1", "chain"), start;
		struct pb_dwarf_frame f[MANY];

		assert_int_equal(pb_dwarf_new(&d, fd, openers[i], NULL), 0);
		for (k = 0; k < 8; k++) {
			assert_int_equal(pb_dwarf_find(d, at + k, f, MANY, &start), 1);
			assert_int_equal(start, at);
			assert_string_equal(f[0].name, "");
			assert_non_null(strstr(f[0].file, f[0].line > 99 ? ".h" : "main.c"));
		}
	}
}

/* ---- files that have nothing to say ---- */

static int new_of(const char *file)
{
	struct pb_dwarf *d = NULL;
	pb_autoclose int fd = open_fixture(file, O_RDONLY);
	int err = pb_dwarf_new(&d, fd, NULL, NULL);

	if (err)
		assert_null(d);
	pb_dwarf_free(d);
	return err;
}

static void a_file_without_debug_information_is_told_from_a_broken_one(void **state)
{
	(void)state;
	build_program("gcc -O2 -g main.c -o whole && strip whole -o bare &&"
		      " head -c 3000 whole >cut && : >empty && ar rc archive whole &&"
		      " objcopy --only-keep-debug whole debug");
	assert_int_equal(new_of("whole"), 0);
	assert_int_equal(new_of("debug"), 0);
	assert_int_equal(new_of("bare"), -ENODATA);
	assert_int_equal(new_of("cut"), -EPROTO);
	assert_int_equal(new_of("empty"), -EPROTO);
	assert_int_equal(new_of("main.c"), -EPROTO);
	assert_int_equal(new_of("archive"), -EPROTO);
	pb_dwarf_free(NULL);
}

/* Writes @size into the header of every compressed section of a file. */
static void claim_inflated_size(const char *file, uint64_t size)
{
	pb_autoclose int fd = open_fixture(file, O_RDWR);
	Elf64_Ehdr *e;
	Elf64_Shdr *sh;
	struct stat st;
	uint32_t i, found = 0;
	uint8_t *map;

	assert_int_equal(fstat(fd, &st), 0);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	e = (Elf64_Ehdr *)(void *)map;
	sh = (Elf64_Shdr *)(void *)(map + e->e_shoff);
	for (i = 0; i < e->e_shnum; i++) {
		if (!(sh[i].sh_flags & SHF_COMPRESSED))
			continue;
		((Elf64_Chdr *)(void *)(map + sh[i].sh_offset))->ch_size = size;
		found++;
	}
	munmap(map, (size_t)st.st_size);
	assert_true(found > 1);
}

static void sections_that_claim_to_inflate_to_gigabytes_are_refused(void **state)
{
	(void)state;
	build_program("gcc -O2 -g -gz=zlib main.c -o bomb");
	assert_int_equal(new_of("bomb"), 0);
	claim_inflated_size("bomb", 900ull << 20);
	assert_int_equal(new_of("bomb"), -EFBIG);
	claim_inflated_size("bomb", UINT64_MAX);
	assert_int_equal(new_of("bomb"), -EFBIG);
}

/* Libraries that a sanitizer watches end the process instead. */
static void want_of_memory_is_no_damage(void **state)
{
	(void)state;
#ifdef __SANITIZE_ADDRESS__
	print_message("the sanitizer ends a process without memory\n");
	skip();
#else
	int status;
	pid_t pid;

	build_program("gcc -O2 -g main.c -o fat && head -c 100000000 /dev/zero >zeros &&"
		      " objcopy --add-section .debug_macro=zeros fat &&"
		      " objcopy --compress-debug-sections=zlib fat && rm zeros");
	assert_int_equal(new_of("fat"), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		const struct rlimit limit = {64 << 20, 64 << 20};

		_exit(setrlimit(RLIMIT_AS, &limit) ? 1 : new_of("fat") == -ENOMEM ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_two_units_over_one_address_the_narrower_function_wins),
		cmocka_unit_test(a_unit_that_does_not_say_where_its_code_is_is_looked_through),
		cmocka_unit_test(functions_are_found_in_namespaces_blocks_and_other_functions),
		cmocka_unit_test(inlined_calls_are_found_below_blocks_and_call_sites),
		cmocka_unit_test(an_inlined_call_without_a_name_is_part_of_the_function_around_it),
		cmocka_unit_test(code_that_was_left_out_by_the_linker_covers_nothing),
		cmocka_unit_test(a_function_in_two_stretches_starts_where_the_one_at_hand_does),
		cmocka_unit_test(references_in_a_circle_end),
		cmocka_unit_test(nesting_without_end_costs_what_is_in_it_only),
		cmocka_unit_test(a_name_that_runs_out_of_its_section_is_none),
		cmocka_unit_test(line_tables_know_ends_and_lines_that_are_none),
		cmocka_unit_test(lines_of_what_the_linker_left_out_are_not_those_of_the_code),
		cmocka_unit_test(a_malformed_line_table_gives_no_lines),
		cmocka_unit_test(lines_are_right_whatever_a_linker_removes),
		cmocka_unit_test(of_split_debug_information_the_lines_are_known),
		cmocka_unit_test(a_chain_of_eight_is_seen_as_gcc_and_clang_describe_it),
		cmocka_unit_test(cpp_functions_without_a_linkage_name_have_their_scopes),
		cmocka_unit_test(paths_are_put_behind_the_directory_of_their_unit),
		cmocka_unit_test(link_time_optimisation_and_compressed_sections_change_nothing),
		cmocka_unit_test(what_dwz_moved_out_is_asked_for_once),
		cmocka_unit_test(
			without_an_alternate_file_its_names_are_missing_and_none_is_looked_for),
		cmocka_unit_test(a_file_without_debug_information_is_told_from_a_broken_one),
		cmocka_unit_test(sections_that_claim_to_inflate_to_gigabytes_are_refused),
		cmocka_unit_test(want_of_memory_is_no_damage),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
