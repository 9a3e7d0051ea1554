/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Fed by real processes: this one and its children. Where perf events are not permitted, all skip. */
#include "user/core/track.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "user/core/clock.h"
#include "user/core/files.h"
#include "user/core/log.h"
#include "user/core/procmaps.h"

#define PAGE 4096

static char dir[64];
static struct pb_cpus cpus;
static struct pb_files *files;
static struct pb_track *track;
static uint32_t self;

static int setup(void **state)
{
	(void)state;
	pb_log_init("test", PB_LOG_ERROR);
	self = (uint32_t)getpid();
	track = NULL;
	snprintf(dir, sizeof(dir), "/tmp/pb-test-track-XXXXXX");
	if (!mkdtemp(dir) || chdir(dir) || pb_files_new(&files))
		return -1;
	return pb_cpus_online(&cpus);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	pb_track_free(track);
	pb_files_free(files);
	free(cpus.ids);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return chdir("/") || system(command);
}

static void open_or_skip(bool everyone, bool children)
{
	int err = pb_track_new(&track, files, &cpus, everyone, children);

	if (err == -EACCES || err == -EPERM) {
		print_message("perf events are not permitted here\n");
		skip();
	}
	assert_int_equal(err, 0);
}

static void follow(uint32_t tgid)
{
	assert_int_equal(pb_track_follow(track, tgid), 0);
}

static void update(void)
{
	assert_int_equal(pb_track_update(track), 0);
}

static int find(uint32_t tgid, uint64_t time_ns, const void *addr, struct pb_place *out)
{
	return pb_track_find(track, tgid, time_ns, (uint64_t)(uintptr_t)addr, out);
}

/* The path of the file at @addr; "" if it is no file or nothing is known there. */
static const char *path_at(uint32_t tgid, uint64_t time_ns, const void *addr)
{
	struct pb_place place;

	if (find(tgid, time_ns, addr, &place) || place.kind != PB_MODULE_FILE)
		return "";
	return pb_files_path(files, place.file);
}

static const char *own_path(void)
{
	static char path[256];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	assert_true(len > 0);
	path[len] = '\0';
	return path;
}

static void make_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(ftruncate(fd, 4 * PAGE), 0);
	close(fd);
}

/* Map a page of a file as code, at @at if it is not NULL. */
static void *map_code(const char *name, void *at)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	void *p = mmap(at, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | (at ? MAP_FIXED : 0), fd, 0);

	if (p == MAP_FAILED)
		abort();
	close(fd);
	return p;
}

static const char *file_text(uint32_t id)
{
	static char text[32];

	memset(text, 0, sizeof(text));
	assert_true(pread(pb_files_fd(files, id), text, sizeof(text) - 1, 0) > 0);
	return text;
}

static void what_was_mapped_before_is_read_from_proc(void **state)
{
	struct pb_place place;
	uint64_t vdso = getauxval(AT_SYSINFO_EHDR);

	(void)state;
	open_or_skip(false, false);
	follow(self);
	assert_string_equal(path_at(self, pb_clock_ns(), (void *)(uintptr_t)find), own_path());
	assert_int_equal(find(self, pb_clock_ns(), (void *)(uintptr_t)find, &place), 0);
	assert_true(place.start <= (uintptr_t)find && place.end > (uintptr_t)find);
	assert_true(pb_files_fd(files, place.file) >= 0);
	assert_string_equal(path_at(self, 0, (void *)(uintptr_t)find), own_path());
	if (vdso) {
		assert_int_equal(find(self, pb_clock_ns(), (void *)(uintptr_t)vdso, &place), 0);
		assert_int_equal(place.kind, PB_MODULE_VDSO);
		assert_int_equal(place.file, PB_NONE);
	}
	assert_int_equal(find(self, pb_clock_ns(), (void *)16, &place), -ENOENT);
	assert_int_equal(pb_track_count(track), 1);
}

static void mapping_is_not_there_before_it_was_made(void **state)
{
	struct pb_place place;
	uint64_t before, after;
	void *p;

	(void)state;
	open_or_skip(false, false);
	follow(self);
	make_file("code", "x");
	before = pb_clock_ns();
	p = map_code("code", NULL);
	after = pb_clock_ns();
	update();
	assert_non_null(strstr(path_at(self, after, p), "/code"));
	assert_int_equal(find(self, before, p, &place), -ENOENT);
	/* Once told, it is there although it is gone. */
	munmap(p, PAGE);
	update();
	assert_non_null(strstr(path_at(self, pb_clock_ns(), p), "/code"));
}

static uint32_t n_remaps;

static void on_remap(void *ctx, uint32_t tgid)
{
	assert_ptr_equal(ctx, &n_remaps);
	assert_int_equal(tgid, self);
	n_remaps++;
}

static const struct pb_track_listener remaps = {.on_remap = on_remap, .ctx = &n_remaps};

static void same_address_is_another_file_at_another_time(void **state)
{
	uint64_t a, b, again;
	void *p;

	(void)state;
	open_or_skip(false, false);
	n_remaps = 0;
	pb_track_listen(track, &remaps);
	follow(self);
	make_file("a", "a");
	make_file("b", "b");
	p = map_code("a", NULL);
	a = pb_clock_ns();
	update();
	n_remaps = 0;
	map_code("b", p);
	b = pb_clock_ns();
	update();
	assert_int_equal(n_remaps, 1);
	map_code("a", p);
	again = pb_clock_ns();
	update();
	assert_int_equal(n_remaps, 2);
	munmap(p, PAGE);
	assert_non_null(strstr(path_at(self, a, p), "/a"));
	assert_non_null(strstr(path_at(self, b, p), "/b"));
	assert_non_null(strstr(path_at(self, again, p), "/a"));
}

static void protecting_pages_anew_is_no_new_code(void **state)
{
	struct pb_place place;
	void *p, *file;
	int i;

	(void)state;
	open_or_skip(false, false);
	n_remaps = 0;
	pb_track_listen(track, &remaps);
	follow(self);
	make_file("a", "a");
	file = map_code("a", NULL);
	p = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	update();
	n_remaps = 0;
	for (i = 0; i < 50; i++) {
		assert_int_equal(mprotect(p, PAGE, PROT_READ | PROT_WRITE), 0);
		assert_int_equal(mprotect(p, PAGE, PROT_READ | PROT_EXEC), 0);
		assert_int_equal(mprotect(file, PAGE, PROT_READ | PROT_WRITE), 0);
		assert_int_equal(mprotect(file, PAGE, PROT_READ | PROT_EXEC), 0);
	}
	update();
	assert_int_equal(n_remaps, 0);
	assert_int_equal(find(self, pb_clock_ns(), p, &place), 0);
	assert_int_equal(place.kind, PB_MODULE_ANON);
	assert_int_equal(place.file, PB_NONE);
	munmap(p, PAGE);
	munmap(file, PAGE);
}

/* Neither has a build id that could tell them apart. */
static void file_that_was_renamed_over_another_is_not_the_other(void **state)
{
	struct pb_place old, new;
	void *p, *q;

	(void)state;
	open_or_skip(false, false);
	follow(self);
	make_file("program", "old");
	p = map_code("program", NULL);
	update();
	make_file("new", "new");
	assert_int_equal(rename("new", "program"), 0);
	q = map_code("program", NULL);
	update();
	assert_int_equal(find(self, pb_clock_ns(), p, &old), 0);
	assert_int_equal(find(self, pb_clock_ns(), q, &new), 0);
	munmap(p, PAGE);
	munmap(q, PAGE);
	assert_int_not_equal(old.file, new.file);
	assert_string_equal(file_text(old.file), "old");
	assert_string_equal(file_text(new.file), "new");
}

static void library_opened_while_we_watch_is_found(void **state)
{
	uint64_t before;
	void *library, *function;

	(void)state;
	open_or_skip(false, false);
	follow(self);
	before = pb_clock_ns();
	library = dlopen("libBrokenLocale.so.1", RTLD_NOW);
	function = library ? dlsym(library, "__ctype_get_mb_cur_max") : NULL;
	if (!function)
		skip();
	update();
	assert_non_null(strstr(path_at(self, pb_clock_ns(), function), "libBrokenLocale"));
	assert_string_equal(path_at(self, before, function), "");
	dlclose(library);
}

/* A child that does what its function says once it gets a byte, then says one and waits. */
struct child {
	pid_t pid;
	int go, done;
};

static void *shared; /* where a child has mapped code */

static struct child start_child(void (*work)(void))
{
	int go[2], done[2];
	struct child c;
	char byte;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	assert_int_equal(pipe2(done, O_CLOEXEC), 0);
	c = (struct child){.pid = fork(), .go = go[1], .done = done[0]};
	if (!c.pid) {
		close(go[1]);
		if (read(go[0], &byte, 1) != 1)
			_exit(1);
		work();
		if (write(done[1], "", 1) == 1 && read(go[0], &byte, 1) >= 0)
			_exit(0);
		_exit(1);
	}
	assert_true(c.pid > 0);
	close(go[0]);
	close(done[1]);
	return c;
}

/* Let it work; it has when we get its byte, or, with exec, when the pipe closes. */
static void let_work(const struct child *c)
{
	char byte;

	assert_int_equal(write(c->go, "", 1), 1);
	assert_true(read(c->done, &byte, 1) >= 0);
}

static void end_child(struct child *c)
{
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	close(c->go);
	close(c->done);
}

static void exec_sleep(void)
{
	execlp("sleep", "sleep", "1000", NULL);
}

struct first_file {
	const char *wanted;
	uint64_t addr;
};

static void on_procmap(void *ctx, const struct pb_procmap *map)
{
	struct first_file *f = ctx;

	if (!f->addr && strstr(map->path, f->wanted))
		f->addr = map->start;
}

/* Where a process has code of a file now. */
static void *code_of(pid_t pid, const char *wanted)
{
	struct first_file f = {.wanted = wanted};

	assert_int_equal(pb_procmaps_read((uint32_t)pid, on_procmap, &f), 0);
	assert_true(f.addr);
	return (void *)(uintptr_t)f.addr;
}

static void stack_from_before_an_exec_belongs_to_the_old_program(void **state)
{
	uint64_t before, after;
	struct child c;
	void *code;

	(void)state;
	open_or_skip(false, false);
	c = start_child(exec_sleep);
	follow((uint32_t)c.pid);
	before = pb_clock_ns();
	let_work(&c);
	/* The pipe closes in exec, a little before the new program is mapped; /proc tells. */
	while (waitpid(c.pid, NULL, WNOHANG) == 0) {
		struct first_file f = {.wanted = "/libc.so"};

		if (!pb_procmaps_read((uint32_t)c.pid, on_procmap, &f) && f.addr) {
			f = (struct first_file){.wanted = own_path()};
			pb_procmaps_read((uint32_t)c.pid, on_procmap, &f);
			if (!f.addr)
				break;
		}
	}
	code = code_of(c.pid, "/libc.so");
	after = pb_clock_ns();
	update();
	end_child(&c);
	assert_string_equal(path_at((uint32_t)c.pid, before, (void *)(uintptr_t)find), own_path());
	assert_string_not_equal(path_at((uint32_t)c.pid, after, (void *)(uintptr_t)find),
				own_path());
	assert_non_null(strstr(path_at((uint32_t)c.pid, after, code), "/libc.so"));
	assert_int_equal(pb_track_count(track), 1);
}

static void nothing(void)
{
}

static uint32_t n_forks, n_mapped, n_updated, forked_tgid;

static void on_fork(void *ctx, uint32_t parent_tgid, uint32_t tgid)
{
	(void)ctx;
	assert_int_equal(parent_tgid, self);
	forked_tgid = tgid;
	n_forks++;
}

static void on_mapped(void *ctx, uint32_t tgid)
{
	(void)ctx;
	(void)tgid;
	n_mapped++;
}

static void on_updated(void *ctx, uint64_t time_ns)
{
	(void)ctx;
	assert_true(time_ns <= pb_clock_ns());
	/* What the update took in was told before. */
	assert_int_equal(n_forks, 1);
	n_updated++;
}

static void update_is_told_behind_all_that_it_took_in(void **state)
{
	static const struct pb_track_listener listener = {
		.on_fork = on_fork, .on_mapped = on_mapped, .on_updated = on_updated};
	struct child c;

	(void)state;
	open_or_skip(false, true);
	n_forks = n_mapped = n_updated = 0;
	pb_track_listen(track, &listener);
	follow(self);
	assert_int_equal(n_mapped, 1);
	c = start_child(nothing);
	update();
	end_child(&c);
	assert_int_equal(n_forks, 1);
	assert_int_equal(forked_tgid, c.pid);
	assert_int_equal(n_updated, 1);
	assert_int_equal(n_mapped, 1);
}

static void current_is_what_proc_lists(void **state)
{
	struct pb_place *places = NULL, place;
	uint32_t n = 0, i;

	(void)state;
	open_or_skip(false, false);
	follow(self);
	assert_int_equal(pb_track_current(track, self, &places, &n), 0);
	assert_true(n > 1);
	for (i = 0; i < n; i++) {
		assert_true(places[i].start < places[i].end);
		assert_true(!i || places[i - 1].end <= places[i].start);
		assert_int_equal(
			find(self, pb_clock_ns(), (void *)(uintptr_t)places[i].start, &place), 0);
		assert_int_equal(place.file, places[i].file);
		assert_int_equal(place.file_off, places[i].file_off);
	}
	free(places);
}

static void child_starts_with_its_parents_code(void **state)
{
	struct child c;

	(void)state;
	open_or_skip(false, true);
	follow(self);
	c = start_child(nothing);
	let_work(&c);
	end_child(&c); /* so that /proc cannot help */
	update();
	assert_int_equal(pb_track_count(track), 2);
	assert_string_equal(path_at((uint32_t)c.pid, pb_clock_ns(), (void *)(uintptr_t)find),
			    own_path());
}

static void children_are_left_out_where_nobody_wants_them(void **state)
{
	struct child c;

	(void)state;
	open_or_skip(false, false);
	follow(self);
	c = start_child(nothing);
	let_work(&c);
	end_child(&c);
	update();
	assert_int_equal(pb_track_count(track), 1);
}

static void map_in_child(void)
{
	map_code("code", shared);
}

static void short_lived_process_is_known_after_its_end(void **state)
{
	struct child c;
	uint64_t then;

	(void)state;
	open_or_skip(true, false);
	follow(self);
	make_file("code", "x");
	shared = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	c = start_child(map_in_child);
	let_work(&c);
	then = pb_clock_ns();
	end_child(&c);
	munmap(shared, PAGE);
	update();
	assert_non_null(strstr(path_at((uint32_t)c.pid, then, shared), "/code"));
	assert_string_equal(path_at(self, then, shared), "");
}

static void ended_process_is_forgotten_when_nobody_can_ask(void **state)
{
	struct child c;
	uint64_t then;

	(void)state;
	open_or_skip(false, true);
	follow(self);
	c = start_child(nothing);
	let_work(&c);
	then = pb_clock_ns();
	end_child(&c);
	update();
	pb_track_retire(track, then); /* it ended later */
	assert_string_equal(path_at((uint32_t)c.pid, then, (void *)(uintptr_t)find), own_path());
	pb_track_retire(track, pb_clock_ns());
	assert_string_equal(path_at((uint32_t)c.pid, then, (void *)(uintptr_t)find), "");
	/* We live. */
	assert_string_equal(path_at(self, then, (void *)(uintptr_t)find), own_path());
}

static void unknown_process_is_read_when_it_is_asked_for(void **state)
{
	struct child c;

	(void)state;
	open_or_skip(false, false);
	c = start_child(nothing);
	assert_string_equal(path_at((uint32_t)c.pid, pb_clock_ns(), (void *)(uintptr_t)find),
			    own_path());
	end_child(&c);
}

static void process_that_is_gone_is_told(void **state)
{
	struct pb_place place;
	struct child c;

	(void)state;
	open_or_skip(false, false);
	c = start_child(nothing);
	end_child(&c);
	assert_int_equal(pb_track_follow(track, (uint32_t)c.pid), -ESRCH);
	assert_int_equal(find((uint32_t)c.pid, pb_clock_ns(), (void *)(uintptr_t)find, &place),
			 -ENOENT);
}

static void everyone_is_all_of_proc(void **state)
{
	struct child c;
	uint32_t n;

	(void)state;
	open_or_skip(true, false);
	c = start_child(nothing);
	assert_int_equal(pb_track_follow_all(track), 0);
	assert_true(pb_track_count(track) > 1);
	n = pb_track_count(track);
	assert_string_equal(path_at((uint32_t)c.pid, pb_clock_ns(), (void *)(uintptr_t)find),
			    own_path());
	assert_int_equal(pb_track_count(track), n);
	end_child(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_mapped_before_is_read_from_proc, setup,
						teardown),
		cmocka_unit_test_setup_teardown(mapping_is_not_there_before_it_was_made, setup,
						teardown),
		cmocka_unit_test_setup_teardown(same_address_is_another_file_at_another_time, setup,
						teardown),
		cmocka_unit_test_setup_teardown(protecting_pages_anew_is_no_new_code, setup,
						teardown),
		cmocka_unit_test_setup_teardown(file_that_was_renamed_over_another_is_not_the_other,
						setup, teardown),
		cmocka_unit_test_setup_teardown(library_opened_while_we_watch_is_found, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			stack_from_before_an_exec_belongs_to_the_old_program, setup, teardown),
		cmocka_unit_test_setup_teardown(child_starts_with_its_parents_code, setup,
						teardown),
		cmocka_unit_test_setup_teardown(update_is_told_behind_all_that_it_took_in, setup,
						teardown),
		cmocka_unit_test_setup_teardown(current_is_what_proc_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(children_are_left_out_where_nobody_wants_them,
						setup, teardown),
		cmocka_unit_test_setup_teardown(short_lived_process_is_known_after_its_end, setup,
						teardown),
		cmocka_unit_test_setup_teardown(ended_process_is_forgotten_when_nobody_can_ask,
						setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_process_is_read_when_it_is_asked_for, setup,
						teardown),
		cmocka_unit_test_setup_teardown(process_that_is_gone_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(everyone_is_all_of_proc, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
