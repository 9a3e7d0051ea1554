/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The code under test is this program itself: its addresses are known without an oracle. */
#include "user/symbol/symbol.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/core/elf.h"
#include "user/core/profile.h"
#include "user/symbol/shared/wire.h"

/* The canonical place of this program in the profiles below: nothing like the real one. */
#define START 0x7000000000ull

int pb_test_one(int x);
int pb_test_two(int x);

__attribute__((noinline)) int pb_test_one(int x)
{
	return x * 3 + getpid();
}

__attribute__((noinline)) int pb_test_two(int x)
{
	return x + pb_test_one(x);
}

static int self_fd = -1;
static uint64_t self_base;

static int first_object(struct dl_phdr_info *info, size_t size, void *base)
{
	(void)size;
	*(uint64_t *)base = info->dlpi_addr;
	return 1;
}

static int open_self(void **state)
{
	(void)state;
	self_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	dl_iterate_phdr(first_object, &self_base);
	return self_fd < 0;
}

/* Virtual address in the file. */
static uint64_t vaddr_of(int (*function)(int))
{
	return (uint64_t)(uintptr_t)function - self_base;
}

/* Offset in the file, for programs whose code segment is one. */
static uint64_t offset_of(int (*function)(int))
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	uint64_t off, vaddr;

	assert_int_equal(pb_elf_open(&e, self_fd), 0);
	for (off = 0; off < 64 << 20; off++)
		if (!pb_elf_vaddr(e, off, &vaddr) && vaddr == vaddr_of(function))
			return off;
	fail_msg("not in the file");
	return 0;
}

/* What a source was asked for, and what it answers. */
struct fake {
	int fd;
	int second_fd; /* of module 1, if not 0 */
	const char *perf_map;
	uint32_t asked_module;
	uint32_t n_maps;
};

static int fake_module_fd(void *ctx, uint32_t module)
{
	struct fake *f = ctx;

	return module == 1 && f->second_fd ? f->second_fd : f->fd;
}

static int fake_perf_map_fd(void *ctx, uint32_t module)
{
	struct fake *f = ctx;
	int fd;

	f->asked_module = module;
	f->n_maps++;
	if (!f->perf_map)
		return -1;
	fd = memfd_create("map", MFD_CLOEXEC);
	assert_int_equal(write(fd, f->perf_map, strlen(f->perf_map)), strlen(f->perf_map));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static struct pb_symbol_source source_of(struct fake *f)
{
	return (struct pb_symbol_source){
		.module_fd = fake_module_fd, .perf_map_fd = fake_perf_map_fd, .ctx = f};
}

static struct pb_profile *new_profile(void)
{
	static const struct pb_value_type type = {"samples", "count"};
	struct pb_profile *p = NULL;

	assert_int_equal(pb_profile_new(&p, &type, 1), 0);
	return p;
}

static uint32_t add_module(struct pb_profile *p, const char *path, enum pb_module_kind kind)
{
	struct pb_module m = {.path = pb_profile_string(p, path, strlen(path)),
			      .kind = kind,
			      .limit = UINT64_MAX};

	if (kind == PB_MODULE_FILE || kind == PB_MODULE_VDSO)
		m.start = START;
	if (kind == PB_MODULE_ANON)
		m.tgid = 4711;
	return pb_profile_module(p, &m);
}

static const struct pb_function *function_of(const struct pb_profile *p, uint32_t location)
{
	const struct pb_location *l = &p->locations[location];

	assert_int_equal(l->n_lines, 1);
	return &p->functions[p->lines[l->first_line].function];
}

static const char *name_of(const struct pb_profile *p, uint32_t location)
{
	return pb_profile_text(p, function_of(p, location)->name);
}

static void expect_known(const struct pb_profile *p, uint32_t location, const char *name)
{
	assert_string_equal(name_of(p, location), name);
	assert_string_equal(pb_profile_text(p, function_of(p, location)->system_name), name);
}

static void expect_unknown(const struct pb_profile *p, uint32_t location, const char *name)
{
	assert_string_equal(name_of(p, location), name);
	assert_int_equal(function_of(p, location)->system_name, 0);
}

static void functions_of_a_file_are_named(void **state)
{
	struct fake fake = {.fd = self_fd};
	struct pb_symbol_source source = source_of(&fake);
	struct pb_symbol_stats stats;
	struct pb_profile *p = new_profile();
	uint32_t m = add_module(p, "/usr/bin/self", PB_MODULE_FILE);
	uint32_t one, one_again, two;

	(void)state;
	two = pb_profile_location(p, m, START + offset_of(pb_test_two), false);
	one = pb_profile_location(p, m, START + offset_of(pb_test_one), false);
	one_again = pb_profile_location(p, m, START + offset_of(pb_test_one) + 1, true);
	assert_int_equal(pb_symbolize(p, &source, NULL, &stats), 0);
	expect_known(p, one, "pb_test_one");
	expect_known(p, one_again, "pb_test_one");
	expect_known(p, two, "pb_test_two");
	assert_int_equal(stats.named, 3);
	assert_int_equal(stats.unnamed, 0);
	assert_true(p->modules[m].has_functions);
	/* This program has debug information. */
	assert_true(p->modules[m].has_lines);
	assert_non_null(strstr(pb_profile_text(p, function_of(p, one)->file), "test_symbolize.c"));
	assert_int_equal(stats.with_debug_info, 1);
	assert_int_equal(p->n_functions, 2);
	pb_symbol_stats_drop(&stats);
	pb_profile_free(p);
}

static void a_return_address_belongs_to_the_call_before_it(void **state)
{
	struct fake fake = {.fd = self_fd};
	struct pb_symbol_source source = source_of(&fake);
	struct pb_profile *p = new_profile();
	uint32_t m = add_module(p, "/usr/bin/self", PB_MODULE_FILE);
	uint64_t off = offset_of(pb_test_one);
	uint32_t leaf, caller;

	(void)state;
	leaf = pb_profile_location(p, m, START + off, false);
	caller = pb_profile_location(p, m, START + off, true);
	assert_int_equal(pb_symbolize(p, &source, NULL, NULL), 0);
	expect_known(p, leaf, "pb_test_one");
	assert_string_not_equal(name_of(p, caller), "pb_test_one");
	pb_profile_free(p);
}

static void unknown_code_shows_the_address_that_addr2line_takes(void **state)
{
	struct fake fake = {.fd = self_fd};
	struct pb_symbol_source source = source_of(&fake);
	struct pb_symbol_stats stats;
	struct pb_profile *p = new_profile();
	uint32_t m = add_module(p, "/usr/bin/self", PB_MODULE_FILE);
	uint32_t header, caller, outside;

	(void)state;
	/* The ELF header is mapped, at 0 or where the linker put it, and is no function. */
	header = pb_profile_location(p, m, START + 0x10, false);
	caller = pb_profile_location(p, m, START + 0x20, true);
	outside = pb_profile_location(p, m, START + (1ull << 40), false);
	assert_int_equal(pb_symbolize(p, &source, NULL, &stats), 0);
	expect_unknown(p, header, "self+0x10");
	expect_unknown(p, caller, "self+0x20");
	expect_unknown(p, outside, "self+0x10000000000");
	assert_int_equal(stats.unnamed, 3);
	assert_true(p->modules[m].has_functions);
	pb_symbol_stats_drop(&stats);
	pb_profile_free(p);
}

static void a_file_of_another_build_names_nothing(void **state)
{
	struct fake fake = {.fd = self_fd};
	struct pb_symbol_source source = source_of(&fake);
	struct pb_symbol_stats stats;
	struct pb_profile *p = new_profile();
	uint32_t m = add_module(p, "/usr/bin/self", PB_MODULE_FILE), one;
	uint64_t off = offset_of(pb_test_one);
	char expected[64];

	(void)state;
	p->modules[m].build_id_len = 20;
	memset(p->modules[m].build_id, 0x5a, 20);
	one = pb_profile_location(p, m, START + off, false);
	assert_int_equal(pb_symbolize(p, &source, NULL, &stats), 0);
	snprintf(expected, sizeof(expected), "self+0x%llx", (unsigned long long)off);
	expect_unknown(p, one, expected);
	assert_int_equal(stats.build_id_mismatch, 1);
	assert_false(p->modules[m].has_functions);
	pb_symbol_stats_drop(&stats);
	pb_profile_free(p);
}

static void a_file_of_the_same_build_names_its_code(void **state)
{
	struct fake fake = {.fd = self_fd};
	struct pb_symbol_source source = source_of(&fake);
	struct pb_symbol_stats stats;
	struct pb_profile *p = new_profile();
	uint32_t m = add_module(p, "/usr/bin/self", PB_MODULE_FILE), one;
	pb_auto(pb_elf) struct pb_elf *e = NULL;

	(void)state;
	assert_int_equal(pb_elf_open(&e, self_fd), 0);
	p->modules[m].build_id_len =
		(uint8_t)pb_elf_build_id(e, p->modules[m].build_id, PB_BUILD_ID_MAX);
	if (!p->modules[m].build_id_len)
		skip();
	one = pb_profile_location(p, m, START + offset_of(pb_test_one), false);
	assert_int_equal(pb_symbolize(p, &source, NULL, &stats), 0);
	expect_known(p, one, "pb_test_one");
	assert_int_equal(stats.build_id_mismatch, 0);
	pb_symbol_stats_drop(&stats);
	pb_profile_free(p);
}

static void without_a_file_the_offset_in_it_is_shown(void **state)
{
	struct fake fake = {.fd = -1};
	struct pb_symbol_source source = source_of(&fake);
	struct pb_profile *p = new_profile();
	uint32_t m = add_module(p, "/opt/gone/lib\033[31m.so", PB_MODULE_FILE), known, unnamed;

	(void)state;
	p->modules[m].file_off = 0x2000;
	known = pb_profile_location(p, m, START + 0x345, false);
	unnamed = pb_profile_location(p, add_module(p, "", PB_MODULE_FILE), START + 0x1, true);
	assert_int_equal(pb_symbolize(p, &source, NULL, NULL), 0);
	expect_unknown(p, known, "lib\\x1b[31m.so+0x2345");
	expect_unknown(p, unnamed, "[unknown]+0x1");
	assert_false(p->modules[m].has_functions);
	pb_profile_free(p);
}

static void what_is_not_an_elf_file_costs_only_its_names(void **state)
{
	pb_autoclose int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct fake fake = {.fd = fd};
	struct pb_symbol_source source = source_of(&fake);
	struct pb_profile *p = new_profile();
	uint32_t m = add_module(p, "/dev/zero", PB_MODULE_FILE), location;

	(void)state;
	location = pb_profile_location(p, m, START + 0x345, false);
	assert_int_equal(pb_symbolize(p, &source, NULL, NULL), 0);
	expect_unknown(p, location, "zero+0x345");
	pb_profile_free(p);
}

static void jit_code_is_named_by_one_reading_of_each_perf_map(void **state)
{
	struct fake fake = {.fd = -1, .perf_map = "1000 100 old\n1000 10 new\n9000 10 far away\n"};
	struct pb_symbol_source source = source_of(&fake);
	struct pb_symbol_stats stats;
	struct pb_profile *p = new_profile();
	uint32_t a = add_module(p, "[anon]", PB_MODULE_ANON);
	uint32_t b = add_module(p, "[anon]", PB_MODULE_ANON);
	uint32_t new, old, far, none;

	(void)state;
	new = pb_profile_location(p, a, 0x1000, false);
	old = pb_profile_location(p, a, 0x1011, true);
	far = pb_profile_location(p, b, 0x9000, false);
	none = pb_profile_location(p, b, 0x9011, true);
	assert_int_equal(pb_symbolize(p, &source, NULL, &stats), 0);
	expect_known(p, new, "new");
	expect_known(p, old, "old");
	expect_known(p, far, "far away");
	expect_unknown(p, none, "[anon]+0x9011");
	/* Two modules of one process: an exec lies between them. */
	assert_int_equal(fake.n_maps, 2);
	assert_int_equal(fake.asked_module, b);
	assert_int_equal(stats.named, 3);
	assert_int_equal(stats.unnamed, 1);
	assert_true(p->modules[a].has_functions && p->modules[b].has_functions);
	pb_symbol_stats_drop(&stats);
	pb_profile_free(p);
}

static void jit_code_without_a_map_shows_its_address(void **state)
{
	struct fake fake = {.fd = -1};
	struct pb_symbol_source source = source_of(&fake);
	struct pb_profile *p = new_profile();
	uint32_t m = add_module(p, "[anon]", PB_MODULE_ANON), location;

	(void)state;
	location = pb_profile_location(p, m, 0x7f0012345678, false);
	assert_int_equal(pb_symbolize(p, &source, NULL, NULL), 0);
	expect_unknown(p, location, "[anon]+0x7f0012345678");
	assert_false(p->modules[m].has_functions);
	pb_profile_free(p);
}

static void the_vdso_needs_no_source(void **state)
{
	struct pb_profile *p = new_profile();
	uint32_t m = add_module(p, "[vdso]", PB_MODULE_VDSO), start;
	struct pb_symbol_stats stats;

	(void)state;
	if (!getauxval(AT_SYSINFO_EHDR))
		skip();
	start = pb_profile_location(p, m, START + 0x4, false);
	assert_int_equal(pb_symbolize(p, NULL, NULL, &stats), 0);
	expect_unknown(p, start, "[vdso]+0x4");
	assert_true(p->modules[m].has_functions);
	assert_int_equal(stats.unnamed, 1);
	pb_symbol_stats_drop(&stats);
	pb_profile_free(p);
}

/* The address of a kernel function, 0 if hidden. */
static uint64_t kernel_function(const char *wanted)
{
	pb_autofclose FILE *f = fopen("/proc/kallsyms", "re");
	char line[1024], name[512], type;
	unsigned long long addr;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %c %511s", &addr, &type, name) == 3 && !strcmp(name, wanted))
			return addr;
	return 0;
}

static void kernel_code_is_named(void **state)
{
	uint64_t addr = kernel_function("schedule");
	struct pb_profile *p = new_profile();
	uint32_t m = add_module(p, "[kernel.kallsyms]", PB_MODULE_KERNEL), known, low;
	struct pb_symbol_stats stats;

	(void)state;
	if (!addr) {
		pb_profile_free(p);
		skip();
	}
	known = pb_profile_location(p, m, addr + 4, true);
	low = pb_profile_location(p, m, 0xffff800000000010, false);
	assert_int_equal(pb_symbolize(p, NULL, NULL, &stats), 0);
	expect_known(p, known, "schedule");
	expect_unknown(p, low, "[kernel]+0xffff800000000010");
	assert_int_equal(stats.kallsyms_hidden, 0);
	assert_true(p->modules[m].has_functions);
	pb_symbol_stats_drop(&stats);
	pb_profile_free(p);
}

/* In a process without privileges. Exit status: 0 hidden and told so, 1 wrong, 2 not hidden. */
static int symbolize_unprivileged(void)
{
	struct pb_profile *p = new_profile();
	uint32_t m = add_module(p, "[kernel.kallsyms]", PB_MODULE_KERNEL), location;
	struct pb_symbol_stats stats;
	int right;

	if (setresuid(65534, 65534, 65534))
		return 1;
	if (kernel_function("schedule"))
		return 2;
	location = pb_profile_location(p, m, 0xffffffff81000010, false);
	close(STDERR_FILENO); /* the warning */
	right = !pb_symbolize(p, NULL, NULL, &stats) && stats.kallsyms_hidden == 1 &&
		stats.unnamed == 1 && !p->modules[m].has_functions &&
		!strcmp(name_of(p, location), "[kernel]+0xffffffff81000010");
	pb_profile_free(p);
	return right ? 0 : 1;
}

static void hidden_kernel_symbols_are_told_and_cost_only_names(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid())
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(symbolize_unprivileged());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 2)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

__attribute__((noinline)) int pb_test_with_inlined(volatile int *x);

static inline __attribute__((always_inline)) void inlined_store(volatile int *x)
{
	*x = *x * 5 + 1;
}

__attribute__((noinline)) int pb_test_with_inlined(volatile int *x)
{
	inlined_store(x);
	return *x;
}

static void an_inlined_call_is_a_line_of_its_own(void **state)
{
	struct fake fake = {.fd = self_fd};
	struct pb_symbol_source source = source_of(&fake);
	struct pb_symbol_stats stats;
	struct pb_profile *p = new_profile();
	uint32_t m = add_module(p, "/usr/bin/self", PB_MODULE_FILE), first, i;
	uint64_t off = offset_of((int (*)(int))(uintptr_t)pb_test_with_inlined);
	bool found = false;

	(void)state;
	for (i = 0; i < 64; i++)
		pb_profile_location(p, m, START + off + i, false);
	assert_int_equal(pb_symbolize(p, &source, NULL, &stats), 0);
	for (i = 0; i < p->n_locations; i++) {
		const struct pb_location *l = &p->locations[i];

		first = l->first_line;
		if (l->n_lines != 2)
			continue;
		found = true;
		assert_string_equal(pb_profile_text(p, p->functions[p->lines[first].function].name),
				    "inlined_store");
		assert_string_equal(
			pb_profile_text(p, p->functions[p->lines[first + 1].function].name),
			"pb_test_with_inlined");
		/* The call stands below what it calls, which stands further up in this file. */
		assert_true(p->lines[first].line &&
			    p->lines[first].line < p->lines[first + 1].line);
	}
	assert_true(found);
	assert_true(stats.inlined > 0 && p->modules[m].has_inlines);
	pb_symbol_stats_drop(&stats);
	pb_profile_free(p);
}

static void count_progress(void *ctx, uint32_t done, uint32_t modules, const char *name)
{
	uint32_t *calls = ctx;

	assert_int_equal(done, *calls);
	assert_int_equal(modules, 2);
	assert_true(name[0]);
	(*calls)++;
}

static void copies_of_one_file_are_read_once(void **state)
{
	struct fake fake = {.fd = self_fd};
	struct pb_symbol_source source = source_of(&fake);
	uint32_t calls = 0;
	struct pb_symbol_opts opts = {.progress = count_progress, .progress_ctx = &calls};
	struct pb_symbol_stats stats;
	struct pb_profile *p = new_profile();
	uint32_t a = add_module(p, "/usr/bin/self", PB_MODULE_FILE);
	uint32_t b = add_module(p, "/proc/1/root/usr/bin/self", PB_MODULE_FILE);
	uint32_t other = add_module(p, "/usr/bin/other", PB_MODULE_FILE), one, two;
	pb_auto(pb_elf) struct pb_elf *e = NULL;

	(void)state;
	assert_int_equal(pb_elf_open(&e, self_fd), 0);
	p->modules[a].build_id_len =
		(uint8_t)pb_elf_build_id(e, p->modules[a].build_id, PB_BUILD_ID_MAX);
	p->modules[b].build_id_len = p->modules[a].build_id_len;
	memcpy(p->modules[b].build_id, p->modules[a].build_id, PB_BUILD_ID_MAX);
	if (!p->modules[a].build_id_len)
		skip();
	one = pb_profile_location(p, a, START + offset_of(pb_test_one), false);
	two = pb_profile_location(p, b, START + offset_of(pb_test_one), false);
	pb_profile_location(p, other, START + 0x10, false);
	assert_int_equal(pb_symbolize(p, &source, &opts, &stats), 0);
	expect_known(p, one, "pb_test_one");
	expect_known(p, two, "pb_test_one");
	assert_true(p->modules[a].has_lines && p->modules[b].has_lines);
	assert_int_equal(calls, 2);
	pb_symbol_stats_drop(&stats);
	pb_profile_free(p);
}

/* This program with "pb_test_one" called "pb_test_ONE", wherever that stands. */
static int renamed_copy(void)
{
	int fd = memfd_create("copy", MFD_CLOEXEC);
	pb_autofree char *bytes = NULL;
	struct stat st;
	char *at, *end;

	assert_int_equal(fstat(self_fd, &st), 0);
	bytes = malloc((size_t)st.st_size);
	assert_int_equal(pread(self_fd, bytes, (size_t)st.st_size, 0), st.st_size);
	end = bytes + st.st_size;
	for (at = bytes; (at = memmem(at, (size_t)(end - at), "pb_test_one", 12)); at += 12)
		memcpy(at, "pb_test_ONE", 12);
	assert_int_equal(write(fd, bytes, (size_t)st.st_size), st.st_size);
	return fd;
}

static void files_that_only_claim_to_be_one_keep_their_names_apart(void **state)
{
	pb_autoclose int copy = renamed_copy();
	struct fake fake = {.fd = self_fd, .second_fd = copy};
	struct pb_symbol_source source = source_of(&fake);
	struct pb_profile *p = new_profile();
	uint32_t a = add_module(p, "/usr/bin/self", PB_MODULE_FILE);
	uint32_t b = add_module(p, "/usr/bin/self", PB_MODULE_FILE), one, two;
	pb_auto(pb_elf) struct pb_elf *e = NULL;

	(void)state;
	assert_int_equal(pb_elf_open(&e, self_fd), 0);
	p->modules[a].build_id_len =
		(uint8_t)pb_elf_build_id(e, p->modules[a].build_id, PB_BUILD_ID_MAX);
	p->modules[b].build_id_len = p->modules[a].build_id_len;
	memcpy(p->modules[b].build_id, p->modules[a].build_id, PB_BUILD_ID_MAX);
	one = pb_profile_location(p, a, START + offset_of(pb_test_one), false);
	two = pb_profile_location(p, b, START + offset_of(pb_test_one), false);
	assert_int_equal(pb_symbolize(p, &source, NULL, NULL), 0);
	expect_known(p, one, "pb_test_one");
	expect_known(p, two, "pb_test_ONE");
	pb_profile_free(p);
}

static void gaps_say_what_has_no_names_and_why(void **state)
{
	struct fake fake = {.fd = -1};
	struct pb_symbol_source source = source_of(&fake);
	struct pb_symbol_stats stats;
	struct pb_profile *p = new_profile();
	uint32_t few = add_module(p, "/few", PB_MODULE_FILE);
	uint32_t many = add_module(p, "/many", PB_MODULE_FILE);

	(void)state;
	pb_profile_location(p, few, START + 1, false);
	pb_profile_location(p, many, START + 1, false);
	pb_profile_location(p, many, START + 2, false);
	assert_int_equal(pb_symbolize(p, &source, NULL, &stats), 0);
	assert_int_equal(stats.n_gaps, 2);
	assert_int_equal(stats.gaps[0].module, many);
	assert_int_equal(stats.gaps[0].locations, 2);
	assert_int_equal(stats.gaps[0].state, PB_ANSWER_NO_FILE);
	assert_int_equal(stats.gaps[1].module, few);
	pb_symbol_stats_drop(&stats);
	pb_profile_free(p);
}

static void locations_that_have_names_and_markers_are_left_alone(void **state)
{
	struct fake fake = {.fd = self_fd};
	struct pb_symbol_source source = source_of(&fake);
	struct pb_symbol_stats stats;
	struct pb_profile *p = new_profile();
	uint32_t m = add_module(p, "/usr/bin/self", PB_MODULE_FILE), named, marker;
	struct pb_function function = {.name = pb_profile_string(p, "mine", 4)};
	struct pb_line line = {.function = pb_profile_function(p, &function)};

	(void)state;
	named = pb_profile_location(p, m, START + offset_of(pb_test_one), false);
	pb_profile_set_lines(p, named, &line, 1);
	marker = pb_profile_marker(p, "[truncated]");
	assert_int_equal(pb_symbolize(p, &source, NULL, &stats), 0);
	assert_string_equal(name_of(p, named), "mine");
	assert_string_equal(name_of(p, marker), "[truncated]");
	assert_int_equal(stats.named + stats.unnamed, 0);
	pb_symbol_stats_drop(&stats);
	pb_profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_of_a_file_are_named),
		cmocka_unit_test(a_return_address_belongs_to_the_call_before_it),
		cmocka_unit_test(unknown_code_shows_the_address_that_addr2line_takes),
		cmocka_unit_test(a_file_of_another_build_names_nothing),
		cmocka_unit_test(a_file_of_the_same_build_names_its_code),
		cmocka_unit_test(without_a_file_the_offset_in_it_is_shown),
		cmocka_unit_test(what_is_not_an_elf_file_costs_only_its_names),
		cmocka_unit_test(jit_code_is_named_by_one_reading_of_each_perf_map),
		cmocka_unit_test(jit_code_without_a_map_shows_its_address),
		cmocka_unit_test(the_vdso_needs_no_source),
		cmocka_unit_test(kernel_code_is_named),
		cmocka_unit_test(hidden_kernel_symbols_are_told_and_cost_only_names),
		cmocka_unit_test(an_inlined_call_is_a_line_of_its_own),
		cmocka_unit_test(copies_of_one_file_are_read_once),
		cmocka_unit_test(files_that_only_claim_to_be_one_keep_their_names_apart),
		cmocka_unit_test(gaps_say_what_has_no_names_and_why),
		cmocka_unit_test(locations_that_have_names_and_markers_are_left_alone),
	};

	return cmocka_run_group_tests(tests, open_self, NULL);
}
