/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * No wrong name on a stripped program: each is built with symbols, stripped as a copy, and asked about at
 * random addresses of its code. What the copy says must be what the symbols of its twin say, which are read
 * here by libelf.
 */
#include <gelf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/symbol/fixture.h"

#define ADDRS        3000u
#define FUNCTIONS    400u
#define SECTIONS_MAX 64u

/* A symbol of the twin that names code. */
struct known {
	uint64_t addr, size;
	char *name;
	bool is_function;
};

/* The program with its symbols. */
struct twin {
	struct known *known;
	size_t n_known;
	struct {
		uint64_t vaddr, off, size;
	} code[SECTIONS_MAX];
	uint32_t n_code;
	uint64_t code_bytes;
};

static struct fixture fixture;
static uint64_t seed;

static uint64_t draw(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 24;
}

static void free_twin(struct twin *t)
{
	size_t i;

	for (i = 0; i < t->n_known; i++)
		free(t->known[i].name);
	free(t->known);
}

static void take_symbols(struct twin *t, Elf *elf, Elf_Scn *scn, const GElf_Shdr *shdr)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t n = shdr->sh_size / shdr->sh_entsize, i;

	t->known = calloc(n, sizeof(*t->known));
	assert_non_null(t->known);
	for (i = 0; i < n; i++) {
		GElf_Sym s;
		int type;

		assert_non_null(gelf_getsym(data, (int)i, &s));
		type = GELF_ST_TYPE(s.st_info);
		if (s.st_shndx == SHN_UNDEF || s.st_shndx == SHN_ABS ||
		    (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE))
			continue;
		t->known[t->n_known++] =
			(struct known){.addr = s.st_value,
				       .size = s.st_size,
				       .name = strdup(elf_strptr(elf, shdr->sh_link, s.st_name)),
				       .is_function = type != STT_NOTYPE};
	}
}

static void read_twin(struct twin *t, const char *name)
{
	pb_autoclose int fd = open_file(&fixture, name);
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	Elf *elf;

	*t = (struct twin){0};
	assert_int_not_equal(elf_version(EV_CURRENT), EV_NONE);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	assert_non_null(elf);
	while ((scn = elf_nextscn(elf, scn))) {
		assert_non_null(gelf_getshdr(scn, &shdr));
		if (shdr.sh_type == SHT_SYMTAB)
			take_symbols(t, elf, scn, &shdr);
		if (!(shdr.sh_flags & SHF_EXECINSTR) || t->n_code == SECTIONS_MAX)
			continue;
		t->code[t->n_code].vaddr = shdr.sh_addr;
		t->code[t->n_code].off = shdr.sh_offset;
		t->code[t->n_code++].size = shdr.sh_size;
		t->code_bytes += shdr.sh_size;
	}
	elf_end(elf);
	assert_true(t->n_known > 0 && t->code_bytes > 0);
}

static int compare_u64(const void *pa, const void *pb)
{
	const uint64_t *a = pa, *b = pb;

	return *a < *b ? -1 : *a > *b;
}

/* Distinct offsets of code in the file, sorted. */
static uint32_t draw_offsets(const struct twin *t, uint64_t *offs)
{
	uint32_t n = 0, i, section;

	for (i = 0; i < ADDRS; i++) {
		uint64_t at = draw() % t->code_bytes;

		for (section = 0; at >= t->code[section].size; section++)
			at -= t->code[section].size;
		offs[i] = t->code[section].off + at;
	}
	qsort(offs, ADDRS, sizeof(*offs), compare_u64);
	for (i = 0; i < ADDRS; i++)
		if (!n || offs[n - 1] != offs[i])
			offs[n++] = offs[i];
	return n;
}

/* Whether another one begins between a symbol and an address behind it. */
static bool is_in_between(const struct twin *t, const struct known *k, uint64_t vaddr)
{
	size_t i;

	for (i = 0; i < t->n_known; i++)
		if (t->known[i].addr > k->addr && t->known[i].addr <= vaddr)
			return true;
	return false;
}

/* Whether a symbol of this name, versions aside, covers the address; one without a size (assembly) reaches
 * to the next one. */
static bool is_true_name(const struct twin *t, uint64_t vaddr, const char *name)
{
	size_t len = strlen(name), i;

	for (i = 0; i < t->n_known; i++) {
		const struct known *k = &t->known[i];

		if (vaddr < k->addr || (k->size && vaddr - k->addr >= k->size) ||
		    strncmp(k->name, name, len) != 0 || (k->name[len] && k->name[len] != '@'))
			continue;
		if (k->size || !is_in_between(t, k, vaddr))
			return true;
	}
	return false;
}

static bool covers(const struct known *k, uint64_t vaddr)
{
	return vaddr >= k->addr && vaddr - k->addr < k->size;
}

/* Whether a symbol begins at @start and covers the address. */
static bool is_function_at(const struct twin *t, uint64_t vaddr, uint64_t start)
{
	size_t i;

	for (i = 0; i < t->n_known; i++)
		if (t->known[i].addr == start && covers(&t->known[i], vaddr))
			return true;
	return false;
}

/*
 * Whether what the twin knows at the address begins at @start. Assembly in glibc describes the padding
 * before a function as part of it (_dl_tlsdesc_undefweak): a start in padding, of less than 16 bytes, is
 * that of what follows.
 */
static bool is_true_start(const struct twin *t, uint64_t vaddr, uint64_t start)
{
	uint64_t next = UINT64_MAX;
	bool is_padding = true, begins = false;
	size_t i;

	for (i = 0; i < t->n_known; i++) {
		const struct known *k = &t->known[i];

		if (k->addr == start && (covers(k, vaddr) || !k->size))
			begins = true;
		if (k->addr <= start && (covers(k, start) || k->addr == start))
			is_padding = false;
		if (k->is_function && k->addr > start && k->addr < next)
			next = k->addr;
	}
	/* One that does not say where it ends is at least not beyond the next. */
	if (!is_padding)
		return begins && (vaddr < next || is_function_at(t, vaddr, start));
	return next - start < 16 && (vaddr < next || is_function_at(t, vaddr, next));
}

static bool is_stub(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && !strcmp(name + len - 4, "@plt");
}

struct tally {
	uint32_t named, started, silent, wrong;
};

static void judge(const struct twin *t, const struct pb_answer *stripped,
		  const struct pb_answer *full, struct tally *tally)
{
	uint32_t i;

	for (i = 0; i < stripped->n_addrs; i++) {
		const struct pb_answer_addr *a = &stripped->addrs[i];
		const char *name = symbol_of(stripped, i);
		bool right = true;

		if (!a->n_frames && !a->function) {
			tally->silent++;
			continue;
		}
		if (a->n_frames) {
			tally->named++;
			right = is_stub(name) ? !strcmp(name, symbol_of(full, i))
					      : is_true_name(t, a->vaddr, name);
		} else {
			tally->started++;
			right = is_true_start(t, a->vaddr, a->function);
		}
		if (right)
			continue;
		tally->wrong++;
		print_message("0x%llx: %s start 0x%llx, with symbols %s\n",
			      (unsigned long long)a->vaddr, name, (unsigned long long)a->function,
			      symbol_of(full, i));
	}
}

/* What symbols say of the program with them must be true as well. */
static void judge_full(const struct twin *t, const struct pb_answer *full, struct tally *tally)
{
	uint32_t i;

	for (i = 0; i < full->n_addrs; i++) {
		const char *name = symbol_of(full, i);

		if (!name[0] || is_stub(name) || is_true_name(t, full->addrs[i].vaddr, name))
			continue;
		tally->wrong++;
		print_message("0x%llx: %s in the program with symbols\n",
			      (unsigned long long)full->addrs[i].vaddr, name);
	}
}

/* Compare NAME with its stripped copy; both are there. */
static void compare(const char *name, struct tally *tally)
{
	pb_auto(pb_answer) struct pb_answer *full = NULL, *stripped = NULL;
	pb_autofree uint64_t *offs = calloc(ADDRS, sizeof(*offs));
	struct pb_question q = {.kind = PB_ASK_ELF, .n_fds = 1, .addrs = offs};
	char copy[64];
	struct twin t;

	assert_non_null(offs);
	*tally = (struct tally){0};
	seed = 1;
	read_twin(&t, name);
	q.n_addrs = draw_offsets(&t, offs);
	q.fds[0] = open_file(&fixture, name);
	full = ask(&q, NULL, NULL);
	close(q.fds[0]);
	snprintf(copy, sizeof(copy), "%s.stripped", name);
	q.fds[0] = open_file(&fixture, copy);
	stripped = ask(&q, NULL, NULL);
	close(q.fds[0]);
	judge(&t, stripped, full, tally);
	judge_full(&t, full, tally);
	free_twin(&t);
	print_message("%s: %u names, %u starts, %u neither\n", name, tally->named, tally->started,
		      tally->silent);
}

/* Build $D/NAME by a command, strip a copy, compare. */
static void expect_no_wrong_name_by(const char *strip_command, const char *name,
				    const char *command, uint32_t least_known)
{
	char strip[128];
	struct tally tally;

	if (!run(&fixture, command))
		fail_msg("%s does not build", name);
	snprintf(strip, sizeof(strip), "%s -o $D/%s.stripped $D/%s", strip_command, name, name);
	assert_true(run(&fixture, strip));
	compare(name, &tally);
	assert_int_equal(tally.wrong, 0);
	/* A program that says nothing is never wrong: that would be no test. */
	assert_true(tally.named + tally.started >= least_known);
}

static void expect_no_wrong_name(const char *name, const char *command, uint32_t least_known)
{
	expect_no_wrong_name_by("strip", name, command, least_known);
}

/* Many functions, most of them static, some exported, some with a cold part, each of another size. */
static int setup(void **state)
{
	FILE *f;
	char path[128];
	uint32_t i, j;

	(void)state;
	init_fixture(&fixture);
	snprintf(path, sizeof(path), "%s/many.c", fixture.dir);
	f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f, "#include <stdlib.h>\n#include <stdio.h>\n"
		   "#define OWN static __attribute__((noinline))\n"
		   "volatile unsigned long v;\n");
	for (i = 0; i < FUNCTIONS; i++) {
		fprintf(f, "%s unsigned long f%u(unsigned long x)\n{\n",
			i % 7 ? "OWN" : "__attribute__((noinline))", i);
		for (j = 0; j < i % 11; j++)
			fprintf(f, "\tv += x * %uu + %u;\n", i + j + 3, j);
		if (i % 5 == 0)
			fprintf(f,
				"\tif (__builtin_expect(v == %u, 0)) { puts(\"f%u\"); abort(); }\n",
				i, i);
		fprintf(f, "\tv ^= %uu;\n", i);
		if (i)
			fprintf(f, "\treturn f%u(x + v) + %u;\n}\n", i - 1 - (i > 3 ? i % 3 : 0),
				i);
		else
			fprintf(f, "\treturn x + v;\n}\n");
	}
	fprintf(f, "int main(int argc, char **argv)\n{\n\t(void)argv;\n\tunsigned long n = 0;\n");
	for (i = 0; i < FUNCTIONS; i++)
		fprintf(f, "\tn += f%u(argc);\n", i);
	fprintf(f, "\tprintf(\"%%lu\", n);\n\treturn 0;\n}\n");
	return fclose(f);
}

static int teardown(void **state)
{
	(void)state;
	free_fixture(&fixture);
	return 0;
}

static void a_program_of_gcc(void **state)
{
	(void)state;
	expect_no_wrong_name("gcc", "gcc -O2 $D/many.c -o $D/gcc", 2500);
}

static void a_program_that_exports_its_functions(void **state)
{
	(void)state;
	expect_no_wrong_name("rdynamic", "gcc -O2 -rdynamic -no-pie $D/many.c -o $D/rdynamic",
			     2500);
}

static void a_program_of_clang(void **state)
{
	(void)state;
	expect_no_wrong_name("clang", "clang -O2 -rdynamic $D/many.c -o $D/clang", 2500);
}

static void a_shared_library_with_functions_in_sections_of_their_own(void **state)
{
	(void)state;
	expect_no_wrong_name("shared",
			     "gcc -O2 -fPIC -shared -ffunction-sections -Wl,--gc-sections "
			     "$D/many.c -o $D/shared",
			     2500);
}

static void a_program_of_link_time_optimization(void **state)
{
	(void)state;
	expect_no_wrong_name("lto", "gcc -Os -flto -rdynamic $D/many.c -o $D/lto", 2000);
}

static void a_static_program_with_the_assembly_of_the_c_library(void **state)
{
	(void)state;
	expect_no_wrong_name("static", "gcc -O2 -static $D/many.c -o $D/static", 2000);
}

static void a_static_program_that_keeps_its_dynamic_symbols(void **state)
{
	(void)state;
	expect_no_wrong_name("staticpie", "gcc -O2 -static-pie -rdynamic $D/many.c -o $D/staticpie",
			     2000);
}

static void lazy_stubs(void **state)
{
	(void)state;
	expect_no_wrong_name("lazy",
			     "gcc -O0 -Wl,-z,lazy -fcf-protection=full $D/many.c -o $D/lazy", 2500);
}

/* Cold parts, exceptions, and names that several functions share. */
static void a_program_with_the_cpp_library_in_it(void **state)
{
	(void)state;
	expect_no_wrong_name("cpp",
			     "g++ -std=gnu++17 -O2 -rdynamic -I. "
			     "tests/workload/inlined.cc -o $D/cpp -Wl,--whole-archive "
			     "-l:libstdc++.a -Wl,--no-whole-archive",
			     2500);
}

static void programs_stripped_of_a_part(void **state)
{
	(void)state;
	expect_no_wrong_name_by("strip -x", "x", "gcc -O2 $D/many.c -o $D/x", 2500);
	expect_no_wrong_name_by("strip -x", "xstatic", "gcc -O2 -static $D/many.c -o $D/xstatic",
				2500);
	expect_no_wrong_name_by("strip -K main", "main", "gcc -O2 $D/many.c -o $D/main", 2500);
	expect_no_wrong_name_by(
		"strip -K main -K f1 -K bare", "bare",
		"echo '.globl bare; .type bare, @function; bare: ret' >$D/bare.S && "
		"gcc -O2 $D/bare.S $D/many.c -o $D/bare",
		2500);
}

/* The project's own, as a distribution would build them. */
static void workloads(void **state)
{
	static const char *const names[] = {"shape",  "threads", "deep",     "mixed",
					    "stacks", "exits",   "mainexit", "chains"};
	char command[256], name[32];
	size_t i;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(names); i++) {
		snprintf(name, sizeof(name), "w-%s", names[i]);
		snprintf(command, sizeof(command),
			 "gcc -std=gnu11 -D_GNU_SOURCE -O2 -DPB_NO_FRAMES -I. tests/workload/%s.c "
			 "tests/workload/sink.c -pthread -ldl -o $D/%s",
			 names[i], name);
		expect_no_wrong_name(name, command, 50);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_of_gcc),
		cmocka_unit_test(a_program_that_exports_its_functions),
		cmocka_unit_test(a_program_of_clang),
		cmocka_unit_test(a_shared_library_with_functions_in_sections_of_their_own),
		cmocka_unit_test(a_program_of_link_time_optimization),
		cmocka_unit_test(a_static_program_with_the_assembly_of_the_c_library),
		cmocka_unit_test(a_static_program_that_keeps_its_dynamic_symbols),
		cmocka_unit_test(lazy_stubs),
		cmocka_unit_test(a_program_with_the_cpp_library_in_it),
		cmocka_unit_test(programs_stripped_of_a_part),
		cmocka_unit_test(workloads),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
