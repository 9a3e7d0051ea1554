/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What loaders print, and loaders that do not behave. */
#include "user/alloc/loadlist.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

static char dir[] = "/tmp/pb-loadlist-XXXXXX";

static void parse(const char *text, struct pb_loadlist *out)
{
	char copy[4096];

	snprintf(copy, sizeof(copy), "%s", text);
	assert_int_equal(pb_loadlist_parse(out, copy, strlen(copy)), 0);
}

static void paths_are_taken_in_their_order(void **state)
{
	struct pb_loadlist l;

	(void)state;
	parse("\tlinux-vdso.so.1 (0x00007ffc12345000)\n"
	      "\t/opt/libjemalloc.so.2 (0x00007f0000000000)\n"
	      "\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f0000000000)\n"
	      "\tlibgone.so => not found\n"
	      "\t./libhere.so (0x00007f0000000000)\n"
	      "\t/lib64/ld-linux-x86-64.so.2 (0x00007f0000000000)\n",
	      &l);
	assert_int_equal(l.n, 4);
	assert_string_equal(l.paths[0], "/opt/libjemalloc.so.2");
	assert_string_equal(l.paths[1], "/lib/x86_64-linux-gnu/libm.so.6");
	assert_string_equal(l.paths[2], "./libhere.so");
	assert_string_equal(l.paths[3], "/lib64/ld-linux-x86-64.so.2");
	pb_loadlist_drop(&l);
	assert_int_equal(l.n, 0);
}

static void odd_lines_do_no_harm(void **state)
{
	struct pb_loadlist l;

	(void)state;
	parse("", &l);
	assert_int_equal(l.n, 0);
	parse("\n\n\t\n => \n (0x1)\n => (0x1)\nstatically linked\n", &l);
	assert_int_equal(l.n, 0);
	parse("\ta => /odd (0xname)/lib (0x7f00)\n\tlibcut.so => /lib/libcut.so (0x7f", &l);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.paths[0], "/odd (0xname)/lib");
	pb_loadlist_drop(&l);
}

/* A loader that does as @script says. */
static const char *make_loader(const char *name, const char *script)
{
	static char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", script);
	fclose(f);
	assert_int_equal(chmod(path, 0755), 0);
	return path;
}

static int ask(const char *interpreter, char *const environ[], struct pb_loadlist *out)
{
	pb_autoclose int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return pb_loadlist_ask(out, interpreter, "/the/program", fd, environ);
}

static void a_loader_gets_what_decides_and_no_more(void **state)
{
	char preload[] = "LD_PRELOAD=/a", other[] = "LD_DEBUG=all", second[] = "LD_PRELOAD=/b";
	char *const environ[] = {preload, other, second, NULL};
	struct pb_loadlist l;

	(void)state;
	assert_int_equal(
		ask(make_loader("ld-says.so", "echo \"/$1$2 (0x1)\"; echo \"/$LD_PRELOAD (0x1)\"\n"
					      "echo \"/$LD_DEBUG (0x1)\"; echo noise >&2; cat"),
		    environ, &l),
		0);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.paths[0], "/--list/the/program");
	assert_string_equal(l.paths[1], "//b");
	assert_string_equal(l.paths[2], "/");
	pb_loadlist_drop(&l);
}

static void what_is_no_loader_is_not_run(void **state)
{
	struct pb_loadlist l;

	(void)state;
	assert_int_equal(ask("/bin/sh", NULL, &l), -ENOEXEC);
	assert_int_equal(ask("ld.so", NULL, &l), -ENOEXEC);
	assert_int_equal(ask("/nowhere/ld.so", NULL, &l), -EPROTO);
	assert_int_equal(ask(make_loader("ld-fails.so", "echo '/lib (0x1)'; exit 1"), NULL, &l),
			 -EPROTO);
	assert_int_equal(ask(make_loader("ld-dies.so", "kill -9 $$"), NULL, &l), -EPROTO);
}

static void a_loader_that_floods_is_ended(void **state)
{
	struct pb_loadlist l;

	(void)state;
	assert_int_equal(ask(make_loader("ld-floods.so", "yes"), NULL, &l), -EFBIG);
}

/* In both cases its end is not awaited for longer than 5 s; the second one has closed its output. */
static void a_loader_that_hangs_is_ended(void **state)
{
	static const char *const scripts[] = {"sleep 60", "echo '/lib (0x1)'; exec >&-; sleep 60"};
	struct pb_loadlist l;
	time_t start;
	size_t i;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(scripts); i++) {
		start = time(NULL);
		assert_true(ask(make_loader("ld-hangs.so", scripts[i]), NULL, &l) < 0);
		assert_in_range(time(NULL) - start, 4, 20);
	}
	/* Nothing is left of them. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_taken_in_their_order),
		cmocka_unit_test(odd_lines_do_no_harm),
		cmocka_unit_test(a_loader_gets_what_decides_and_no_more),
		cmocka_unit_test(what_is_no_loader_is_not_run),
		cmocka_unit_test(a_loader_that_floods_is_ended),
		cmocka_unit_test(a_loader_that_hangs_is_ended),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
