/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/procmaps.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/core/elf.h"
#include "user/core/own.h"
#include "user/core/profile.h"

static char line[8192];

/* The parser writes into its line: give it one. */
static int parse(const char *text, struct pb_procmap *out)
{
	snprintf(line, sizeof(line), "%s", text);
	return pb_procmaps_parse(line, out);
}

static void executable_mapping_of_a_file_is_read(void **state)
{
	struct pb_procmap m;

	(void)state;
	assert_int_equal(parse("55d0a1b2c000-55d0a1b2d000 r-xp 00001000 fe:01 1234567"
			       "                    /usr/bin/true",
			       &m),
			 1);
	assert_int_equal(m.start, 0x55d0a1b2c000);
	assert_int_equal(m.end, 0x55d0a1b2d000);
	assert_int_equal(m.file_off, 0x1000);
	assert_int_equal(m.dev, 0xfe00000001);
	assert_int_equal(m.ino, 1234567);
	assert_string_equal(m.path, "/usr/bin/true");
}

static void data_is_not_executable(void **state)
{
	struct pb_procmap m;

	(void)state;
	assert_int_equal(parse("1000-2000 rw-p 00000000 00:00 0 [heap]", &m), 0);
	assert_int_equal(parse("1000-2000 ---p 00000000 00:00 0", &m), 0);
	assert_int_equal(parse("1000-2000 --xp 00000000 00:00 0", &m), 1);
	assert_int_equal(parse("1000-2000 rwxs 00000000 00:00 0", &m), 1);
}

static void anonymous_memory_has_an_empty_path(void **state)
{
	struct pb_procmap m;

	(void)state;
	assert_int_equal(parse("1000-2000 r-xp 00000000 00:00 0 ", &m), 1);
	assert_string_equal(m.path, "");
	assert_int_equal(parse("1000-2000 r-xp 00000000 00:00 0", &m), 1);
	assert_string_equal(m.path, "");
}

static void hostile_paths_come_through_as_they_are(void **state)
{
	static const char *const paths[] = {
		"/tmp/with  two spaces",
		"/tmp/ends with space ",
		"/tmp/gone (deleted)",
		"/tmp/1000-2000 r-xp 00000000 00:00 0 /etc/passwd",
		"/tmp/new\\012line",
		"/tmp/\033[31mred\302\205",
		"/tmp/\377\376",
		"//deleted",
		"[vdso]",
		"[anon: some name]",
		"anon_inode:[perf_event]",
		"/memfd:jit code (deleted)",
		"%s%n",
	};
	struct pb_procmap m;
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(text, sizeof(text), "1000-2000 r-xp 00000000 08:01 7    %s", paths[i]);
		assert_int_equal(parse(text, &m), 1);
		assert_string_equal(m.path, paths[i]);
	}
}

static void longest_path_is_not_cut(void **state)
{
	static char text[5000], path[4096];
	struct pb_procmap m;

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	snprintf(text, sizeof(text), "1000-2000 r-xp 00000000 08:01 7 %s", path);
	assert_int_equal(parse(text, &m), 1);
	assert_string_equal(m.path, path);
}

static void topmost_addresses_are_read(void **state)
{
	struct pb_procmap m;

	(void)state;
	assert_int_equal(
		parse("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]", &m), 1);
	assert_true(m.start == 0xffffffffff600000);
	assert_int_equal(parse("0-ffffffffffffffff --xp ffffffffffffffff ff:fffff "
			       "18446744073709551615 /x",
			       &m),
			 1);
	assert_true(m.file_off == UINT64_MAX);
	assert_true(m.ino == UINT64_MAX);
}

static void what_is_no_mapping_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"1000",
		"1000-",
		"1000-2000",
		"1000-2000 ",
		"1000-2000 r-xp",
		"1000-2000 r-xp ",
		"1000-2000 r-xp 0",
		"1000-2000 r-xp 0 08",
		"1000-2000 r-xp 0 08:01",
		"1000-2000 r-xp 0 08:01 ",
		"1000-2000 r-xp 0 08:01 x",
		"-2000 r-xp 0 08:01 7 /x",
		"1000-2000 r-x 0 08:01 7 /x",
		"1000-2000 r-xpp 0 08:01 7 /x",
		"2000-1000 r-xp 0 08:01 7 /x",
		"1000-1000 r-xp 0 08:01 7 /x",
		"10000000000000000-20000000000000000 r-xp 0 08:01 7 /x",
		"1000-2000 r-xp 0 0801 7 /x",
		"-1000-2000 r-xp 0 08:01 7 /x",
		"0x1000-0x2000 r-xp 0 08:01 7 /x",
		"Size:                  4 kB",
	};
	struct pb_procmap m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (parse(texts[i], &m) != -EPROTO)
			fail_msg("taken for a mapping: \"%s\"", texts[i]);
	}
}

struct search {
	uint64_t addr;
	int n, hits;
	uint32_t tid;
	bool executable_file;
	struct pb_procmap found; /* its path is no longer valid */
};

static void look(void *ctx, const struct pb_procmap *m)
{
	struct search *s = ctx;

	s->n++;
	s->tid = m->tid;
	if (s->addr >= m->start && s->addr < m->end) {
		s->hits++;
		s->found = *m;
		s->executable_file = m->path[0] == '/' && m->ino;
	}
}

static void own_code_is_found(void **state)
{
	struct search s = {.addr = (uint64_t)(uintptr_t)look};

	(void)state;
	assert_int_equal(pb_procmaps_read((uint32_t)getpid(), look, &s), 0);
	assert_int_equal(s.hits, 1);
	assert_true(s.executable_file);
	assert_true(s.n > 1);
	assert_int_equal(s.tid, getpid());
}

static void own_data_is_found_among_all_mappings(void **state)
{
	struct search s = {.addr = (uint64_t)(uintptr_t)line};

	(void)state;
	assert_int_equal(pb_procmaps_read((uint32_t)getpid(), look, &s), 0);
	assert_int_equal(s.hits, 0);
	assert_int_equal(pb_procmaps_read_all((uint32_t)getpid(), look, &s), 0);
	assert_int_equal(s.hits, 1);
	assert_false(s.found.executable);
}

static void missing_process_is_told(void **state)
{
	struct search s = {0};
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(0);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(pb_procmaps_read((uint32_t)pid, look, &s), -ESRCH);
	assert_int_equal(pb_procmaps_read(UINT32_MAX, look, &s), -ESRCH);
	assert_int_equal(s.n, 0);
}

static void zombie_has_no_mappings(void **state)
{
	struct search s = {0};
	siginfo_t info;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(0);
	assert_true(pid > 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(pb_procmaps_read((uint32_t)pid, look, &s), -ESRCH);
	waitpid(pid, NULL, 0);
	assert_int_equal(s.n, 0);
}

static int to_parent, go_on;

/* The thread that stays when main() has gone: wait until the first thread is a zombie. */
static void *stay(void *unused)
{
	char path[64], text[512];
	const char *after;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)getpid());
	do {
		f = fopen(path, "re");
		if (!f || !fgets(text, sizeof(text), f))
			_exit(1);
		fclose(f);
		after = strrchr(text, ')');
	} while (!after || after[2] != 'Z');
	if (write(to_parent, "", 1) != 1 || read(go_on, text, 1) < 0)
		_exit(1);
	_exit(0);
	return unused;
}

static void process_whose_first_thread_has_exited_still_has_mappings(void **state)
{
	struct search s = {.addr = (uint64_t)(uintptr_t)look};
	int up[2], down[2];
	pthread_t thread;
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(up), 0);
	assert_int_equal(pipe(down), 0);
	pid = fork();
	if (!pid) {
		to_parent = up[1];
		go_on = down[0];
		close(up[0]);
		close(down[1]);
		if (pthread_create(&thread, NULL, stay, NULL))
			_exit(1);
		pthread_exit(NULL);
	}
	assert_true(pid > 0);
	close(up[1]);
	close(down[0]);
	assert_int_equal(read(up[0], &byte, 1), 1);
	assert_int_equal(pb_procmaps_read((uint32_t)pid, look, &s), 0);
	assert_int_equal(s.hits, 1);
	assert_int_not_equal(s.tid, pid); /* whose map_files are there */
	assert_int_not_equal(s.tid, 0);
	close(down[1]);
	close(up[0]);
	waitpid(pid, NULL, 0);
}

static void kernel_thread_has_no_mappings(void **state)
{
	char comm[32] = "";
	struct search s = {0};
	FILE *f = fopen("/proc/2/comm", "re");

	(void)state;
	if (!f || !fgets(comm, sizeof(comm), f) || strcmp(comm, "kthreadd\n")) {
		if (f)
			fclose(f);
		skip(); /* a pid namespace without kernel threads */
	}
	fclose(f);
	assert_int_equal(pb_procmaps_read(2, look, &s), -ESRCH);
	assert_int_equal(s.n, 0);
}

static void build_id_of_own_code_is_that_of_the_file(void **state)
{
	pb_autoclose int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	pb_auto(pb_elf) struct pb_elf *elf = NULL;
	uint8_t id[PB_BUILD_ID_MAX], expected[PB_BUILD_ID_MAX];
	struct search s = {.addr = (uintptr_t)build_id_of_own_code_is_that_of_the_file};
	size_t len;

	(void)state;
	assert_int_equal(pb_procmaps_read((uint32_t)getpid(), look, &s), 0);
	len = pb_procmaps_build_id((uint32_t)getpid(), s.found.start, s.found.ino, id, sizeof(id));
	if (!len) {
		print_message("the kernel cannot tell (before 6.11)\n");
		skip();
	}
	assert_int_equal(pb_elf_open(&elf, fd), 0);
	assert_int_equal(len, pb_elf_build_id(elf, expected, sizeof(expected)));
	assert_memory_equal(id, expected, len);
	/* Another mapping, or another file, than the one that was seen. */
	assert_int_equal(pb_procmaps_build_id((uint32_t)getpid(), s.found.start + 1, s.found.ino,
					      id, sizeof(id)),
			 0);
	assert_int_equal(pb_procmaps_build_id((uint32_t)getpid(), s.found.start, s.found.ino + 1,
					      id, sizeof(id)),
			 0);
}

static void memory_without_a_file_has_no_build_id(void **state)
{
	uint8_t id[PB_BUILD_ID_MAX];

	(void)state;
	assert_int_equal(
		pb_procmaps_build_id((uint32_t)getpid(), (uintptr_t)&id, 0, id, sizeof(id)), 0);
	assert_int_equal(pb_procmaps_build_id(0x7fffffff, 0x1000, 0, id, sizeof(id)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(executable_mapping_of_a_file_is_read),
		cmocka_unit_test(data_is_not_executable),
		cmocka_unit_test(anonymous_memory_has_an_empty_path),
		cmocka_unit_test(hostile_paths_come_through_as_they_are),
		cmocka_unit_test(longest_path_is_not_cut),
		cmocka_unit_test(topmost_addresses_are_read),
		cmocka_unit_test(what_is_no_mapping_is_refused),
		cmocka_unit_test(own_code_is_found),
		cmocka_unit_test(own_data_is_found_among_all_mappings),
		cmocka_unit_test(missing_process_is_told),
		cmocka_unit_test(zombie_has_no_mappings),
		cmocka_unit_test(process_whose_first_thread_has_exited_still_has_mappings),
		cmocka_unit_test(kernel_thread_has_no_mappings),
		cmocka_unit_test(build_id_of_own_code_is_that_of_the_file),
		cmocka_unit_test(memory_without_a_file_has_no_build_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
