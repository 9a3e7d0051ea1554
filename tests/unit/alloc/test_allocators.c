/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Allocators of the system, where they are installed, and small programs built here, each with one thing that
 * is to be told from the others; as files, as commands, and as processes.
 */
#include "user/alloc/allocators.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "user/core/log.h"

#define LIBDIR   "/usr/lib/x86_64-linux-gnu/"
#define JEMALLOC LIBDIR "libjemalloc.so.2"
#define TCMALLOC LIBDIR "libtcmalloc_minimal.so.4"
#define MIMALLOC LIBDIR "libmimalloc.so.2"
#define LIBC     LIBDIR "libc.so.6"

static char dir[] = "/tmp/pb-allocators-XXXXXX";

/* --- programs --- */

/* Waits, after a word to its parent that all is loaded. */
static const char wait_c[] = "#include <stdlib.h>\n#include <unistd.h>\n"
			     "int main(void) { void *volatile p = malloc(1); free(p);\n"
			     "if (write(1, \"r\", 1) != 1) return 1; pause(); return 0; }\n";
/* An allocator of @P's: never called, only to be found. */
static const char own_c[] =
	"#include <stddef.h>\n#define C(a, b) a##b\n#define N(p, n) C(p, n)\n"
	"#ifndef V\n#define V\n#endif\n"
	"static char heap[1 << 20]; static size_t used;\n"
	"V void *N(P, malloc)(size_t n) { void *p = heap + used;\n"
	"	used += (n + 31) & ~15ul; return used < sizeof(heap) ? p : NULL; }\n"
	"V void N(P, free)(void *p) { __asm__ volatile(\"\" : : \"r\"(p)); }\n"
	"V void *N(P, calloc)(size_t a, size_t b) { return N(P, malloc)(a * b); }\n"
	"V void *N(P, realloc)(void *p, size_t n) { N(P, free)(p); return N(P, malloc)(n); }\n"
	"int P_used(void); int P_used(void) { void *p = N(P, malloc)(7);\n"
	"	N(P, free)(N(P, realloc)(p, 9)); return !N(P, calloc)(1, 1); }\n";

static const char *in_dir(const char *name)
{
	static char paths[4][128];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* In the directory, by the shell. */
static int run(const char *command)
{
	char line[1024];

	snprintf(line, sizeof(line), "cd %s && %s", dir, command);
	return system(line);
}

static void build(const char *command)
{
	assert_int_equal(run(command), 0);
}

static int make_programs(void **state)
{
	(void)state;
	pb_log_init("test", PB_LOG_WARN);
	if (!mkdtemp(dir))
		return -1;
	write_file("wait.c", wait_c);
	write_file("own.c", own_c);
	/* -fno-builtin: compilers know too much about malloc */
	return run(
		"gcc -O1 wait.c -o wait && gcc -O1 -fno-builtin '-DP=' -fPIC -shared own.c -o libown.so "
		"&& gcc -O1 -static wait.c -o static && gcc -O1 -static-pie wait.c -o static-pie "
		"&& strip -o stripped static");
}

static int remove_programs(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* --- expectations --- */

static const struct pb_alloc_function *find(const struct pb_allocator *a, const char *name)
{
	uint32_t i;

	for (i = 0; i < a->n; i++)
		if (!strcmp(a->functions[i].name, name))
			return &a->functions[i];
	return NULL;
}

static int of_file(struct pb_allocator *out, const char *path)
{
	pb_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return pb_allocators_of_file(out, fd, path);
}

/* Names in the order of addresses, "*" behind those that nest. */
static void expect_functions(const struct pb_allocator *a, const char *const *names)
{
	uint32_t n = 0, i;

	for (; names[n]; n++) {
		size_t len = strcspn(names[n], "*");
		bool found = false;

		for (i = 0; i < a->n && !found; i++) {
			const struct pb_alloc_function *f = &a->functions[i];

			found = strlen(f->name) == len && !memcmp(f->name, names[n], len);
			if (found && f->nests != (names[n][len] == '*'))
				fail_msg("%s: nests is %d", names[n], f->nests);
		}
		if (!found)
			fail_msg("%s is not found", names[n]);
	}
	assert_int_equal(a->n, n);
}

static void expect_library(const char *path, const char *kind, const char *const *names)
{
	struct pb_allocator a;
	uint32_t i;

	if (access(path, R_OK)) {
		print_message("%s is not installed\n", path);
		skip();
	}
	assert_int_equal(of_file(&a, path), 0);
	assert_string_equal(a.kind, kind);
	assert_string_equal(a.path, path);
	assert_true(a.serves_malloc);
	assert_false(a.has_ifunc);
	expect_functions(&a, names);
	for (i = 1; i < a.n; i++)
		assert_true(a.functions[i - 1].addr < a.functions[i].addr);
	pb_allocator_drop(&a);
}

/* --- the system's --- */

static void glibc_is_known(void **state)
{
	static const char *const names[] = {"malloc",  "calloc",          "realloc*",
					    "free",    "posix_memalign*", "aligned_alloc*",
					    "valloc*", "pvalloc*",        NULL};

	(void)state;
	expect_library(LIBC, "glibc", names);
}

static void jemalloc_is_known(void **state)
{
	/* operator delete that is but a jump to free is left out, and so is new[], which jumps to new. */
	static const char *const names[] = {"malloc",
					    "calloc",
					    "realloc",
					    "free",
					    "posix_memalign*",
					    "aligned_alloc*",
					    "memalign*",
					    "valloc*",
					    "mallocx",
					    "rallocx",
					    "dallocx",
					    "sdallocx",
					    "_Znwm*",
					    "_ZnwmRKSt9nothrow_t*",
					    "_ZnwmSt11align_val_tRKSt9nothrow_t*",
					    "_ZnamSt11align_val_tRKSt9nothrow_t*",
					    "_ZdlPvm",
					    "_ZdaPvm",
					    "_ZdlPvmSt11align_val_t*",
					    "_ZdaPvmSt11align_val_t*",
					    NULL};

	(void)state;
	expect_library(JEMALLOC, "jemalloc", names);
}

static void tcmalloc_is_known(void **state)
{
	/* free is operator delete, too, and tc_free, and cfree. */
	static const char *const names[] = {"malloc",
					    "calloc",
					    "realloc",
					    "free",
					    "posix_memalign*",
					    "aligned_alloc*",
					    "valloc*",
					    "pvalloc*",
					    "_Znwm",
					    "_ZnwmRKSt9nothrow_t",
					    "_ZnwmSt11align_val_t",
					    "_ZnwmSt11align_val_tRKSt9nothrow_t",
					    "_ZdlPvm",
					    "_ZdlPvRKSt9nothrow_t",
					    "_ZdlPvSt11align_val_t",
					    "_ZdlPvmSt11align_val_t",
					    "_ZdlPvSt11align_val_tRKSt9nothrow_t",
					    NULL};

	(void)state;
	expect_library(TCMALLOC, "tcmalloc", names);
}

static void mimalloc_is_known(void **state)
{
	/* posix_memalign and others are jumps to those with the prefix. */
	static const char *const names[] = {"malloc",
					    "calloc",
					    "realloc",
					    "free",
					    "_Znwm",
					    "mi_posix_memalign*",
					    "mi_aligned_alloc*",
					    "mi_memalign*",
					    "mi_valloc*",
					    "mi_pvalloc*",
					    "mi_reallocarray*",
					    "mi_cfree*",
					    "mi_malloc_small",
					    "mi_zalloc_small",
					    "mi_zalloc",
					    "mi_mallocn",
					    "mi_reallocn",
					    "mi_reallocf*",
					    "mi_rezalloc",
					    "mi_recalloc",
					    "mi_new_nothrow",
					    "mi_new_aligned_nothrow*",
					    "mi_malloc_aligned",
					    "mi_zalloc_aligned",
					    "mi_calloc_aligned",
					    "mi_realloc_aligned",
					    NULL};

	(void)state;
	expect_library(MIMALLOC, "mimalloc", names);
}

static void a_file_offset_is_that_of_the_code(void **state)
{
	const struct pb_alloc_function *f;
	struct pb_allocator a;

	(void)state;
	assert_int_equal(of_file(&a, in_dir("libown.so")), 0);
	f = find(&a, "malloc");
	assert_non_null(f);
	assert_int_equal(f->call, PB_CALL_SIZE_0);
	/* What nm says is the address; code begins where its page does in the file, as ld lays it out. */
	assert_int_equal(f->file_off % 4096, f->addr % 4096);
	assert_string_equal(a.kind, "unknown");
	assert_true(find(&a, "calloc")->nests);
	assert_false(find(&a, "malloc")->nests);
	pb_allocator_drop(&a);
}

static void a_library_without_an_allocator_has_none(void **state)
{
	struct pb_allocator a;

	(void)state;
	assert_int_equal(of_file(&a, in_dir("wait")), -ENOENT);
	/* Its operator new calls malloc. */
	if (!access(LIBDIR "libstdc++.so.6", R_OK))
		assert_int_equal(of_file(&a, LIBDIR "libstdc++.so.6"), -ENOENT);
	assert_int_equal(of_file(&a, in_dir("wait.c")), -ENOEXEC);
	assert_int_equal(of_file(&a, "tests/fuzz/corpus/elf/small32"), -ENOTSUP);
}

/* --- symbols of all sorts --- */

static void a_static_program_serves_itself(void **state)
{
	static const char *const programs[] = {"static", "static-pie"};
	struct pb_allocator a;
	size_t i;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(programs); i++) {
		assert_int_equal(of_file(&a, in_dir(programs[i])), 0);
		assert_string_equal(a.kind, "glibc");
		assert_true(a.serves_malloc);
		assert_non_null(find(&a, "malloc"));
		assert_non_null(find(&a, "free"));
		assert_true(find(&a, "realloc")->nests);
		pb_allocator_drop(&a);
	}
}

static void a_stripped_static_program_has_none(void **state)
{
	struct pb_allocator a;

	(void)state;
	assert_int_equal(of_file(&a, in_dir("stripped")), -ENOENT);
}

static void prefixes_are_known(void **state)
{
	static const struct {
		const char *prefix, *kind;
	} rows[] = {{"je_", "jemalloc"},
		    {"_rjem_", "jemalloc"},
		    {"__rjem_", "jemalloc"},
		    {"mi_", "mimalloc"},
		    {"tc_", "tcmalloc"}};
	char command[256], name[32];
	struct pb_allocator a;
	size_t i;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(rows); i++) {
		/* In the program itself, and hidden, as Rust links them. */
		snprintf(
			command, sizeof(command),
			"gcc -O1 -DP=%s '-DV=__attribute__((visibility(\"hidden\"),noinline))' own.c wait.c "
			"-o prefixed",
			rows[i].prefix);
		build(command);
		assert_int_equal(of_file(&a, in_dir("prefixed")), 0);
		assert_string_equal(a.kind, rows[i].kind);
		assert_false(a.serves_malloc);
		assert_int_equal(a.n, 4);
		snprintf(name, sizeof(name), "%smalloc", rows[i].prefix);
		assert_non_null(find(&a, name));
		pb_allocator_drop(&a);
	}
}

static void a_malloc_for_itself_alone_serves_no_one_else(void **state)
{
	struct pb_allocator a;

	(void)state;
	build("gcc -O1 -fno-builtin -DP= '-DV=__attribute__((visibility(\"hidden\"),noinline))' -fPIC -shared "
	      "own.c -o libprivate.so");
	assert_int_equal(of_file(&a, in_dir("libprivate.so")), 0);
	assert_false(a.serves_malloc);
	assert_non_null(find(&a, "malloc"));
	pb_allocator_drop(&a);
	build("gcc -O1 -fno-builtin -DP= '-DV=__attribute__((visibility(\"hidden\"),noinline))' own.c "
	      "wait.c -o private");
	assert_int_equal(of_file(&a, in_dir("private")), 0);
	assert_false(a.serves_malloc);
	pb_allocator_drop(&a);
	build("strip libprivate.so");
	assert_int_equal(of_file(&a, in_dir("libprivate.so")), -ENOENT);
	/* A function that happens to have such a name. */
	write_file("valloc.c",
		   "__attribute__((noinline)) static int valloc(int i) { return i * 3; }\n"
		   "int main(int n, char **v) { (void)v; return valloc(n); }\n");
	build("gcc -O1 -fno-builtin valloc.c -o valloc");
	assert_int_equal(of_file(&a, in_dir("valloc")), -ENOENT);
}

static void versions_of_one_name_are_functions_of_their_own(void **state)
{
	struct pb_allocator a;
	uint32_t i, n = 0;

	(void)state;
	write_file(
		"versions.c",
		"#include <stddef.h>\n"
		"void *old(size_t, size_t); void *new(size_t, size_t); void *malloc(size_t);\n"
		"void *malloc(size_t n) { return (void *)n; } void free(void *p) { (void)p; }\n"
		"void *old(size_t a, size_t n) { return (void *)(a + n); }\n"
		"void *new(size_t a, size_t n) { return (void *)(a * n); }\n"
		"__asm__(\".symver old, aligned_alloc@ONE\"); __asm__(\".symver new, aligned_alloc@@TWO\");\n");
	write_file("versions.map", "ONE { global: malloc; free; local: *; }; TWO {} ONE;\n");
	build("gcc -O1 -fno-builtin -w -fPIC -shared -Wl,--version-script=versions.map versions.c -o libversions.so");
	assert_int_equal(of_file(&a, in_dir("libversions.so")), 0);
	for (i = 0; i < a.n; i++)
		n += !strcmp(a.functions[i].name, "aligned_alloc");
	assert_int_equal(n, 2);
	assert_int_equal(a.n, 4);
	pb_allocator_drop(&a);
}

static void what_is_chosen_while_loading_is_not_probed(void **state)
{
	struct pb_allocator a;

	(void)state;
	write_file(
		"ifunc.c",
		"#include <stddef.h>\nstatic void *mine(size_t n) { return (void *)n; }\n"
		"static void *choose(void) { return mine; }\n"
		"void *malloc(size_t) __attribute__((ifunc(\"choose\")));\n"
		"void *calloc(size_t a, size_t b) { return (void *)(a * b); } void free(void *p) { (void)p; }\n");
	build("gcc -O1 -fno-builtin -w -fPIC -shared ifunc.c -o libifunc.so");
	assert_int_equal(of_file(&a, in_dir("libifunc.so")), 0);
	assert_true(a.has_ifunc);
	assert_true(a.serves_malloc);
	assert_null(find(&a, "malloc"));
	assert_non_null(find(&a, "calloc"));
	pb_allocator_drop(&a);
}

static void aliases_are_one_and_jumps_are_left_out(void **state)
{
	static const char *const flags[] = {"", "-fcf-protection", "-fno-plt", "-Wl,-z,lazy",
					    "-Wl,-Bsymbolic"};
	char command[256];
	struct pb_allocator a;
	size_t i;

	(void)state;
#ifndef __x86_64__
	skip();
#endif
	write_file("jumps.c", "#include <stddef.h>\nvoid *malloc(size_t n) { return (void *)n; }\n"
			      "void free(void *p) { __asm__ volatile(\"\" : : \"r\"(p)); }\n"
			      "void mi_free(void *) __attribute__((alias(\"free\")));\n"
			      "void *tc_malloc(size_t) __attribute__((alias(\"malloc\")));\n"
			      "void step(void *p) { free(p); } void _ZdlPv(void *p) { step(p); }\n"
			      "void _ZdaPv(void *p) { if (p) free(p); }\n"
			      "void *valloc(size_t n) { return malloc(n); }\n");
	for (i = 0; i < PB_ARRAY_SIZE(flags); i++) {
		/* Each to the next one: calls at the end of a function become jumps. */
		snprintf(
			command, sizeof(command),
			"gcc -O2 -fno-builtin -w -fPIC -shared -fno-inline %s jumps.c -o libjumps.so",
			flags[i]);
		build(command);
		assert_int_equal(of_file(&a, in_dir("libjumps.so")), 0);
		assert_non_null(find(&a, "malloc"));
		assert_non_null(find(&a, "free"));
		assert_true(find(&a, "_ZdaPv")->nests);
		assert_int_equal(a.n, 3);
		pb_allocator_drop(&a);
	}
}

/* --- processes --- */

struct process {
	pid_t pid;
	int from;
};

/* @env: one variable more; or NULL */
static struct process start_in(char *const *argv, const char *env)
{
	struct process p = {.pid = -1};
	int ends[2];
	char word;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	p.pid = fork();
	if (!p.pid) {
		dup2(ends[1], STDOUT_FILENO);
		if (env)
			putenv((char *)env);
		execv(argv[0], argv);
		_exit(127);
	}
	assert_true(p.pid > 0);
	close(ends[1]);
	p.from = ends[0];
	assert_int_equal(read(p.from, &word, 1), 1);
	return p;
}

static struct process start(const char *path, const char *env)
{
	char *const argv[] = {(char *)path, NULL};

	return start_in(argv, env);
}

static void stop(const struct process *p)
{
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	close(p->from);
}

/* The process' allocators, when it has said its word; it is gone afterwards. */
static struct pb_allocators *of_process(struct process p)
{
	struct pb_allocators *all = NULL;
	int err = pb_allocators_of_process(&all, p.pid);

	stop(&p);
	assert_int_equal(err, 0);
	return all;
}

static void expect_one(struct pb_allocators *all, const char *kind, const char *path_end)
{
	size_t len, cut = strlen(path_end);

	assert_int_equal(all->n, 1);
	assert_string_equal(all->items[0].kind, kind);
	assert_true(all->items[0].serves_malloc);
	assert_true(all->items[0].fd >= 0);
	len = strlen(all->items[0].path);
	if (len < cut || strcmp(all->items[0].path + len - cut, path_end))
		fail_msg("%s is not ...%s", all->items[0].path, path_end);
	pb_allocators_free(all);
}

static void glibc_serves_a_process(void **state)
{
	struct pb_allocators *all = of_process(start(in_dir("wait"), NULL));

	(void)state;
	/* The program, the C library, its loader. */
	assert_int_equal(all->objects, 3);
	assert_false(all->is_static);
	assert_false(all->is_go);
	assert_false(all->is_32bit);
	expect_one(all, "glibc", "/libc.so.6");
}

static void a_preloaded_one_shadows_glibc(void **state)
{
	static const char *const rows[][3] = {
		{JEMALLOC, "jemalloc", "/libjemalloc.so.2"},
		{TCMALLOC, "tcmalloc", "/libtcmalloc_minimal.so.4.5.10"},
		{MIMALLOC, "mimalloc", "/libmimalloc.so.2.0"}};
	char env[128];
	size_t i;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(rows); i++) {
		if (access(rows[i][0], R_OK)) {
			print_message("%s is not installed\n", rows[i][0]);
			continue;
		}
		snprintf(env, sizeof(env), "LD_PRELOAD=%s", rows[i][0]);
		expect_one(of_process(start(in_dir("wait"), env)), rows[i][1], rows[i][2]);
	}
}

static void the_first_preload_wins(void **state)
{
	char env[512];

	(void)state;
	build("cp libown.so libsecond.so");
	snprintf(env, sizeof(env), "LD_PRELOAD=%s:%s", in_dir("libsecond.so"), in_dir("libown.so"));
	expect_one(of_process(start(in_dir("wait"), env)), "unknown", "/libsecond.so");
}

static void a_program_s_own_malloc_comes_before_preloads(void **state)
{
	char env[256];

	(void)state;
	build("gcc -O1 -fno-builtin -DP= own.c wait.c -o own");
	snprintf(env, sizeof(env), "LD_PRELOAD=%s", in_dir("libown.so"));
	expect_one(of_process(start(in_dir("own"), env)), "unknown", "/own");
}

static void a_static_process_serves_itself(void **state)
{
	struct pb_allocators *all;

	(void)state;
	all = of_process(start(in_dir("static"), NULL));
	assert_true(all->is_static);
	expect_one(all, "glibc", "/static");
	all = of_process(start(in_dir("static-pie"), NULL));
	assert_true(all->is_static);
	expect_one(all, "glibc", "/static-pie");
	all = of_process(start(in_dir("stripped"), NULL));
	assert_true(all->is_static);
	assert_int_equal(all->objects, 1);
	assert_int_equal(all->n, 0);
	pb_allocators_free(all);
}

static void a_prefixed_one_is_found_beside_glibc(void **state)
{
	struct pb_allocators *all;
	uint32_t served = 0, i;

	(void)state;
	build("gcc -O1 -DP=je_ own.c wait.c -o prefixed");
	all = of_process(start(in_dir("prefixed"), NULL));
	assert_int_equal(all->n, 2);
	for (i = 0; i < all->n; i++) {
		served += all->items[i].serves_malloc;
		if (!strcmp(all->items[i].kind, "jemalloc"))
			assert_non_null(find(&all->items[i], "je_malloc"));
	}
	assert_int_equal(served, 1);
	pb_allocators_free(all);
}

static const char open_c[] =
	"#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <stdlib.h>\n#include <unistd.h>\n"
	"int main(int n, char **v) { void *p = n > 2 ? dlmopen(LM_ID_NEWLM, v[1], RTLD_NOW)\n"
	": dlopen(v[1], RTLD_NOW); if (!p || write(1, \"r\", 1) != 1) return 1; pause(); return 0; }\n";

static void a_dlopened_one_is_shadowed(void **state)
{
	char *argv[] = {(char *)in_dir("open"), (char *)in_dir("libown.so"), NULL};

	(void)state;
	write_file("open.c", open_c);
	build("gcc -O1 open.c -ldl -o open");
	expect_one(of_process(start_in(argv, NULL)), "glibc", "/libc.so.6");
}

/* What is known calls no other one, so that nothing is counted twice. */
static void a_known_one_that_was_dlopened_is_found(void **state)
{
	char *argv[] = {(char *)in_dir("open"), (char *)in_dir("libje.so"), NULL};
	struct pb_allocators *all;

	(void)state;
	build("echo 'int mallctl(void); int mallctl(void) { return 0; }' > je.c && "
	      "gcc -O1 -fno-builtin '-DP=' -fPIC -shared own.c je.c -o libje.so");
	all = of_process(start_in(argv, NULL));
	assert_int_equal(all->n, 2);
	assert_string_equal(all->items[0].kind, "glibc");
	assert_string_equal(all->items[1].kind, "jemalloc");
	assert_true(all->items[0].serves_malloc && !all->items[1].serves_malloc);
	assert_non_null(find(&all->items[1], "malloc"));
	assert_non_null(find(&all->items[1], "free"));
	assert_int_equal(all->n_unseen, 0);
	pb_allocators_free(all);
}

static void an_unknown_one_that_was_dlopened_is_named_as_unseen(void **state)
{
	char *argv[] = {(char *)in_dir("open"), (char *)in_dir("libown.so"), NULL};
	struct pb_allocators *all = of_process(start_in(argv, NULL));

	(void)state;
	assert_int_equal(all->n, 1);
	assert_int_equal(all->n_unseen, 1);
	assert_non_null(strstr(all->unseen[0], "/libown.so"));
	pb_allocators_free(all);
}

/* It may go on to the next one. */
static void a_known_one_behind_an_unknown_one_is_unseen(void **state)
{
	struct pb_allocators *all;
	char env[512];

	(void)state;
	snprintf(env, sizeof(env), "LD_PRELOAD=%s:%s", in_dir("libown.so"), in_dir("libje.so"));
	all = of_process(start(in_dir("wait"), env));
	assert_int_equal(all->n, 1);
	assert_string_equal(all->items[0].kind, "unknown");
	assert_int_equal(all->n_unseen, 1);
	assert_non_null(strstr(all->unseen[0], "/libje.so"));
	pb_allocators_free(all);
}

static void one_that_serves_another_namespace_is_found(void **state)
{
	char new[] = "new",
	     *argv[] = {(char *)in_dir("open"), (char *)in_dir("libown.so"), new, NULL};
	struct pb_allocators *all;

	(void)state;
	all = of_process(start_in(argv, NULL));
	assert_int_equal(all->n, 2);
	assert_string_equal(all->items[0].kind, "glibc");
	assert_string_equal(all->items[1].kind, "unknown");
	assert_true(all->items[0].serves_malloc && all->items[1].serves_malloc);
	pb_allocators_free(all);
}

static void a_deleted_file_is_read_still(void **state)
{
	struct pb_allocators *all;
	struct process p;
	char env[256];

	(void)state;
	if (geteuid()) {
		print_message("map_files is for root\n");
		skip();
	}
	build("cp libown.so libgone.so && cp wait gone");
	snprintf(env, sizeof(env), "LD_PRELOAD=%s", in_dir("libgone.so"));
	p = start(in_dir("gone"), env);
	/* Another file has the name now. */
	build("rm libgone.so gone && echo nothing > libgone.so");
	all = of_process(p);
	assert_non_null(find(&all->items[0], "malloc"));
	expect_one(all, "unknown", "/libgone.so");
}

static void a_file_of_another_mount_namespace_is_read(void **state)
{
	char command[512], sh[] = "/bin/sh", option[] = "-c";
	char *argv[] = {sh, option, command, NULL};

	(void)state;
	if (geteuid() || run("unshare -m true 2>/dev/null")) {
		print_message("no mount namespace can be made\n");
		skip();
	}
	snprintf(command, sizeof(command),
		 "exec unshare -m sh -c 'mkdir -p %s/mnt && mount -t tmpfs none %s/mnt && "
		 "cp %s/libown.so %s/wait %s/mnt && LD_PRELOAD=%s/mnt/libown.so exec %s/mnt/wait'",
		 dir, dir, dir, dir, dir, dir, dir);
	expect_one(of_process(start_in(argv, NULL)), "unknown", "/mnt/libown.so");
}

static void a_process_without_a_link_map_is_searched_by_mappings(void **state)
{
	char loader[] = "/lib64/ld-linux-x86-64.so.2", env[256];
	char *argv[] = {loader, (char *)in_dir("wait"), NULL};

	(void)state;
	if (access(argv[0], X_OK)) {
		print_message("%s is not there\n", argv[0]);
		skip();
	}
	/* The kernel started the loader: there is no DT_DEBUG in what it knows of. */
	expect_one(of_process(start_in(argv, NULL)), "glibc", "/libc.so.6");
	snprintf(env, sizeof(env), "LD_PRELOAD=%s", in_dir("libown.so"));
	expect_one(of_process(start_in(argv, env)), "unknown", "/libown.so");
}

static void a_go_program_is_told(void **state)
{
	struct pb_allocators *all;

	(void)state;
	write_file("go.c", "__attribute__((section(\".go.buildinfo\"))) char mark[] = \"Go\";\n");
	build("gcc -O1 go.c wait.c -o go");
	all = of_process(start(in_dir("go"), NULL));
	assert_true(all->is_go);
	expect_one(all, "glibc", "/libc.so.6");
}

static void a_process_that_is_gone_is_told(void **state)
{
	struct pb_allocators *all = NULL;
	struct process p = start(in_dir("wait"), NULL);
	siginfo_t info;

	(void)state;
	kill(p.pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)p.pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(pb_allocators_of_process(&all, p.pid), -ESRCH);
	stop(&p);
	assert_int_equal(pb_allocators_of_process(&all, p.pid), -ESRCH);
	assert_null(all);
}

static void a_process_of_somebody_else_is_told(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid()) {
		print_message("only root can become somebody else\n");
		skip();
	}
	pid = fork();
	if (!pid) {
		struct pb_allocators *all = NULL;

		if (setgid(65534) || setuid(65534))
			_exit(2);
		_exit(pb_allocators_of_process(&all, getppid()) == -EPERM ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* --- commands --- */

static struct pb_allocators *of_command(const char *path, const char *env)
{
	struct pb_allocators *all = NULL;
	char *const environ[] = {(char *)env, NULL};

	assert_int_equal(pb_allocators_of_command(&all, path, environ), 0);
	return all;
}

static void a_command_is_asked_for_its_libraries(void **state)
{
	char env[256];

	(void)state;
	expect_one(of_command(in_dir("wait"), NULL), "glibc", "/libc.so.6");
	snprintf(env, sizeof(env), "LD_PRELOAD=%s", in_dir("libown.so"));
	expect_one(of_command(in_dir("wait"), env), "unknown", "/libown.so");
	build("gcc -O1 wait.c -L. -lown -o linked");
	snprintf(env, sizeof(env), "LD_LIBRARY_PATH=%s", dir);
	expect_one(of_command(in_dir("linked"), env), "unknown", "/libown.so");
	expect_one(of_command(in_dir("static"), NULL), "glibc", "/static");
}

static void a_script_is_its_interpreter(void **state)
{
	struct pb_allocators *all = NULL;
	char text[512];

	(void)state;
	snprintf(text, sizeof(text), "#! %s -x\nexit\n", in_dir("static"));
	write_file("script", text);
	snprintf(text, sizeof(text), "#!%s/script", dir);
	write_file("script2", text);
	write_file("text", "exit 0\n");
	write_file("ring", "");
	snprintf(text, sizeof(text), "#!%s/ring\n", dir);
	write_file("ring", text);
	write_file("empty", "#!  \n");
	assert_int_equal(pb_allocators_of_command(&all, in_dir("script"), NULL), -ENOENT);
	build("chmod +x script script2 text ring empty");
	expect_one(of_command(in_dir("script"), NULL), "glibc", "/static");
	expect_one(of_command(in_dir("script2"), NULL), "glibc", "/static");
	expect_one(of_command(in_dir("text"), NULL), "glibc", "/libc.so.6");
	assert_int_equal(pb_allocators_of_command(&all, in_dir("ring"), NULL), -ENOENT);
	assert_int_equal(pb_allocators_of_command(&all, in_dir("empty"), NULL), -ENOENT);
	assert_int_equal(pb_allocators_of_command(&all, in_dir("missing"), NULL), -ENOENT);
	assert_int_equal(pb_allocators_of_command(&all, dir, NULL), -ENOENT);
	assert_null(all);
}

static void a_setuid_program_takes_no_preloads(void **state)
{
	char env[256];

	(void)state;
	if (geteuid()) {
		print_message("only root can give a file away\n");
		skip();
	}
	build("cp wait suid && chown 65534 suid && chmod 4755 suid");
	snprintf(env, sizeof(env), "LD_PRELOAD=%s", in_dir("libown.so"));
	expect_one(of_command(in_dir("suid"), env), "glibc", "/libc.so.6");
}

/* --- damage --- */

static int memory_file(const uint8_t *bytes, size_t size)
{
	int fd = memfd_create("damaged", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	return fd;
}

static void read_damaged(const uint8_t *bytes, size_t size)
{
	pb_autoclose int fd = memory_file(bytes, size);
	struct pb_allocator a;

	if (!pb_allocators_of_file(&a, fd, "damaged"))
		pb_allocator_drop(&a);
}

static uint8_t *read_whole(const char *path, size_t *size)
{
	pb_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *bytes;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	*size = (size_t)st.st_size;
	bytes = malloc(*size);
	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, *size), st.st_size);
	return bytes;
}

/* Nothing but an error, or fewer functions. */
static void damaged_files_do_no_harm(void **state)
{
	size_t size, i, k;
	pb_autofree uint8_t *bytes = read_whole(in_dir("libown.so"), &size);
	pb_autofree uint8_t *copy = malloc(size);
	uint32_t seed = 1;

	(void)state;
	assert_non_null(copy);
	for (i = 0; i < size; i += size / 200)
		read_damaged(bytes, i);
	for (i = 0; i < 2000; i++) {
		memcpy(copy, bytes, size);
		/* In all of the file, or where its headers are. */
		for (k = 0; k < 1 + i % 8; k++) {
			seed = seed * 1664525 + 1013904223;
			copy[(seed >> 8) % (i % 2 ? size : 1024)] ^= (uint8_t)(1u << (seed & 7));
		}
		read_damaged(copy, size);
	}
	/* The section headers, which stand at the end. */
	for (i = 0; i < 2000 && i < size; i++) {
		memcpy(copy, bytes, size);
		copy[size - 1 - i] = 0xff;
		read_damaged(copy, size);
	}
}

static void what_is_no_regular_file_is_refused(void **state)
{
	struct pb_allocator a;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(pb_allocators_of_file(&a, ends[0], "pipe"), -ENOEXEC);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(pb_allocators_of_file(&a, ends[0], "closed"), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(glibc_is_known),
		cmocka_unit_test(jemalloc_is_known),
		cmocka_unit_test(tcmalloc_is_known),
		cmocka_unit_test(mimalloc_is_known),
		cmocka_unit_test(a_file_offset_is_that_of_the_code),
		cmocka_unit_test(a_library_without_an_allocator_has_none),
		cmocka_unit_test(a_static_program_serves_itself),
		cmocka_unit_test(a_stripped_static_program_has_none),
		cmocka_unit_test(prefixes_are_known),
		cmocka_unit_test(a_malloc_for_itself_alone_serves_no_one_else),
		cmocka_unit_test(versions_of_one_name_are_functions_of_their_own),
		cmocka_unit_test(what_is_chosen_while_loading_is_not_probed),
		cmocka_unit_test(aliases_are_one_and_jumps_are_left_out),
		cmocka_unit_test(glibc_serves_a_process),
		cmocka_unit_test(a_preloaded_one_shadows_glibc),
		cmocka_unit_test(the_first_preload_wins),
		cmocka_unit_test(a_program_s_own_malloc_comes_before_preloads),
		cmocka_unit_test(a_static_process_serves_itself),
		cmocka_unit_test(a_prefixed_one_is_found_beside_glibc),
		cmocka_unit_test(a_dlopened_one_is_shadowed),
		cmocka_unit_test(a_known_one_that_was_dlopened_is_found),
		cmocka_unit_test(an_unknown_one_that_was_dlopened_is_named_as_unseen),
		cmocka_unit_test(a_known_one_behind_an_unknown_one_is_unseen),
		cmocka_unit_test(one_that_serves_another_namespace_is_found),
		cmocka_unit_test(a_deleted_file_is_read_still),
		cmocka_unit_test(a_file_of_another_mount_namespace_is_read),
		cmocka_unit_test(a_process_without_a_link_map_is_searched_by_mappings),
		cmocka_unit_test(a_go_program_is_told),
		cmocka_unit_test(a_process_that_is_gone_is_told),
		cmocka_unit_test(a_process_of_somebody_else_is_told),
		cmocka_unit_test(a_command_is_asked_for_its_libraries),
		cmocka_unit_test(a_script_is_its_interpreter),
		cmocka_unit_test(a_setuid_program_takes_no_preloads),
		cmocka_unit_test(damaged_files_do_no_harm),
		cmocka_unit_test(what_is_no_regular_file_is_refused),
	};

	return cmocka_run_group_tests(tests, make_programs, remove_programs);
}
