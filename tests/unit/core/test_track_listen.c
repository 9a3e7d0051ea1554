/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who hears what, and when: the events here are made by the test, so it needs no perf events. */
#include "user/core/track.c"

#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#define PAGE   4096
#define PARENT 5000000u /* above any pid, so that /proc has none */
#define CHILD  5000001u
#define CODE   0x400000ull
#define SECOND 1000000000ull

static struct pb_track *track;
static char heard[512];

static void hear(void *ctx, const char *what, uint32_t tgid)
{
	size_t used = strlen(heard);

	assert_ptr_equal(ctx, heard);
	snprintf(heard + used, sizeof(heard) - used, "%s%s %s", used ? ", " : "", what,
		 tgid == PARENT               ? "parent"
		 : tgid == CHILD              ? "child"
		 : tgid == (uint32_t)getpid() ? "self"
					      : "other");
}

static void hear_mapped(void *ctx, uint32_t tgid)
{
	hear(ctx, "mapped", tgid);
}

static void hear_remap(void *ctx, uint32_t tgid)
{
	hear(ctx, "remap", tgid);
}

static void hear_exec(void *ctx, uint32_t tgid)
{
	hear(ctx, "exec", tgid);
}

static void hear_fork(void *ctx, uint32_t parent_tgid, uint32_t tgid)
{
	assert_int_equal(parent_tgid, PARENT);
	hear(ctx, "fork", tgid);
}

static void hear_gone(void *ctx, uint32_t tgid)
{
	hear(ctx, "gone", tgid);
}

static void hear_lost(void *ctx)
{
	hear(ctx, "lost", 0);
}

static const struct pb_track_listener listener = {
	.on_mapped = hear_mapped,
	.on_remap = hear_remap,
	.on_exec = hear_exec,
	.on_fork = hear_fork,
	.on_gone = hear_gone,
	.on_lost = hear_lost,
	.ctx = heard,
};

static int setup(void **state)
{
	(void)state;
	pb_log_init("test", PB_LOG_ERROR);
	track = calloc(1, sizeof(*track));
	if (!track || pb_files_new(&track->files))
		return -1;
	track->children = true;
	track->budget.limit_bytes = SPACE_BYTES;
	heard[0] = '\0';
	pb_track_listen(track, &listener);
	return 0;
}

static int teardown(void **state)
{
	struct pb_files *files = track->files;

	(void)state;
	pb_track_free(track);
	pb_files_free(files);
	return 0;
}

/* All that was heard since the last time. */
static void expect(const char *want)
{
	assert_string_equal(heard, want);
	heard[0] = '\0';
}

static void map(uint32_t tgid, const char *path, uint64_t start, uint64_t time_ns)
{
	struct pb_sideband_event e = {.kind = PB_SIDEBAND_MAP,
				      .time_ns = time_ns,
				      .tgid = tgid,
				      .start = start,
				      .end = start + PAGE,
				      .path = path};

	on_event(track, &e);
}

static void happen(enum pb_sideband_kind kind, uint32_t tgid, uint64_t time_ns)
{
	struct pb_sideband_event e = {
		.kind = kind, .time_ns = time_ns, .tgid = tgid, .parent_tgid = PARENT};

	on_event(track, &e);
}

static const char *path_at(uint32_t tgid, uint64_t time_ns, uint64_t addr)
{
	struct pb_place place;

	if (pb_track_find(track, tgid, time_ns, addr, &place) || place.kind != PB_MODULE_FILE)
		return "";
	return pb_files_path(track->files, place.file);
}

/* A parent that was there before we looked, as far as the tracker knows. */
static void begin_parent(void)
{
	assert_non_null(add_process(track, PARENT, 0, NULL));
	map(PARENT, "/parent", CODE, 10);
	expect("mapped parent");
}

static void changes_are_told_and_repetitions_are_not(void **state)
{
	(void)state;
	begin_parent();
	map(PARENT, "/parent", CODE, 11);
	expect("");
	map(PARENT, "/library", CODE + PAGE, 12);
	expect("mapped parent");
	map(PARENT, "/other", CODE, 13);
	expect("remap parent, mapped parent");
	map(CHILD, "/child", CODE, 14);
	expect(""); /* it is not followed */
}

static void exec_begins_with_nothing_mapped(void **state)
{
	struct pb_place *places;
	uint32_t n;

	(void)state;
	begin_parent();
	happen(PB_SIDEBAND_EXEC, PARENT, 20);
	expect("exec parent");
	assert_int_equal(pb_track_current(track, PARENT, &places, &n), 0);
	assert_int_equal(n, 0);
	free(places);
	map(PARENT, "/new", CODE, 21);
	expect("mapped parent"); /* and no remap: what lay there is gone with its program */
	happen(PB_SIDEBAND_EXEC, CHILD, 22);
	expect("");
	track->everyone = true;
	happen(PB_SIDEBAND_EXEC, CHILD, 23);
	expect("exec child");
}

static void child_has_what_its_parent_had_at_the_fork(void **state)
{
	struct pb_place *places;
	uint32_t n;

	(void)state;
	begin_parent();
	happen(PB_SIDEBAND_FORK, CHILD, 20);
	expect("fork child");
	map(PARENT, "/later", CODE + PAGE, 30);
	expect("mapped parent");
	map(CHILD, "/mine", CODE + 2 * PAGE, 30);
	expect("mapped child");
	assert_string_equal(path_at(CHILD, 40, CODE), "/parent");
	assert_string_equal(path_at(CHILD, 40, CODE + PAGE), "");
	assert_string_equal(path_at(PARENT, 40, CODE + PAGE), "/later");
	assert_string_equal(path_at(PARENT, 40, CODE + 2 * PAGE), "");
	assert_int_equal(pb_track_current(track, CHILD, &places, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(places[0].start, CODE);
	assert_int_equal(places[1].start, CODE + 2 * PAGE);
	free(places);
}

static struct pb_life life_at(uint32_t tgid, uint64_t time_ns)
{
	struct pb_life life = {.id = 0};

	assert_int_equal(pb_track_life(track, tgid, time_ns, &life), 0);
	assert_int_equal(life.tgid, tgid);
	assert_true(life.id);
	return life;
}

static void a_life_lasts_from_fork_or_exec_to_the_next(void **state)
{
	struct pb_life life;

	(void)state;
	begin_parent();
	happen(PB_SIDEBAND_FORK, CHILD, 20);
	life = life_at(CHILD, 25);
	assert_int_equal(life.parent, life_at(PARENT, 20).id);
	assert_int_equal(life.parent_tgid, PARENT);
	assert_int_equal(life.since_ns, 20);
	happen(PB_SIDEBAND_EXEC, CHILD, 30);
	assert_int_equal(life_at(CHILD, 29).id, life.id);
	assert_int_not_equal(life_at(CHILD, 30).id, life.id);
	assert_int_equal(life_at(CHILD, 30).parent, 0);
	assert_int_equal(pb_track_life(track, CHILD + 1, 30, &life), -ENOENT);
}

static void reused_pid_is_gone_and_then_forked(void **state)
{
	(void)state;
	begin_parent();
	happen(PB_SIDEBAND_FORK, CHILD, 20);
	map(CHILD, "/first", CODE + PAGE, 21);
	happen(PB_SIDEBAND_EXIT, CHILD, 22);
	expect("fork child, mapped child");
	happen(PB_SIDEBAND_FORK, CHILD, 30);
	expect("gone child, fork child");
	assert_string_equal(path_at(CHILD, 25, CODE + PAGE), "/first");
	assert_string_equal(path_at(CHILD, 35, CODE + PAGE), "");
	assert_string_equal(path_at(CHILD, 35, CODE), "/parent");
	/* Its end is not that of the one before. */
	pb_track_retire(track, 40);
	expect("");
}

static void pid_that_went_to_a_stranger_is_not_followed(void **state)
{
	struct pb_place *places;
	uint32_t n;

	(void)state;
	begin_parent();
	happen(PB_SIDEBAND_FORK, CHILD, 20);
	happen(PB_SIDEBAND_EXIT, CHILD, 22);
	expect("fork child");
	track->children = false;
	happen(PB_SIDEBAND_FORK, CHILD, 30);
	map(CHILD, "/stranger", CODE, 31);
	happen(PB_SIDEBAND_EXEC, CHILD, 32);
	expect("");
	assert_int_equal(pb_track_current(track, CHILD, &places, &n), -ESRCH);
	assert_int_equal(pb_track_look_again(track, CHILD), -ESRCH);
	/* Stacks of the old one can still be asked for, until nobody will. */
	assert_string_equal(path_at(CHILD, 21, CODE), "/parent");
	pb_track_retire(track, 40);
	expect("gone child");
	assert_null(find_process(track, CHILD));
}

static void reused_pid_is_gone_although_proc_has_it(void **state)
{
	uint32_t self = (uint32_t)getpid();

	(void)state;
	assert_non_null(add_process(track, self, 0, NULL));
	happen(PB_SIDEBAND_EXIT, self, 20);
	pb_track_retire(track, 30);
	expect(""); /* only its first thread ended, since its pid is still there */
	happen(PB_SIDEBAND_FORK, self, 40);
	pb_track_retire(track, 50);
	expect("gone self");
}

/* /proc was read while the report of the fork was still on its way. */
static void child_that_was_read_before_its_fork_was_told_is_no_other(void **state)
{
	struct process *p;

	(void)state;
	begin_parent();
	p = add_process(track, CHILD, 0, NULL);
	assert_non_null(p);
	p->begun_ns = 50;
	happen(PB_SIDEBAND_FORK, CHILD, 20);
	expect("mapped child");
	assert_string_equal(path_at(CHILD, 30, CODE), "/parent");
	happen(PB_SIDEBAND_FORK, CHILD, 60);
	expect("gone child, fork child");
}

static void child_of_an_unknown_parent_is_read_when_it_is_asked_for(void **state)
{
	(void)state;
	track->everyone = true;
	happen(PB_SIDEBAND_FORK, CHILD, 20);
	expect("");
	assert_null(find_process(track, CHILD));
	/* A known pid is another process then, and nothing is known of it. */
	assert_non_null(add_process(track, CHILD, 0, NULL));
	map(CHILD, "/first", CODE, 30);
	happen(PB_SIDEBAND_FORK, CHILD, 40);
	expect("mapped child, gone child");
	assert_string_equal(path_at(CHILD, 45, CODE), "");
}

static void ended_process_is_told_gone_when_nobody_will_ask(void **state)
{
	(void)state;
	begin_parent();
	happen(PB_SIDEBAND_EXIT, PARENT, 20);
	pb_track_retire(track, 20);
	expect("");
	pb_track_retire(track, 21);
	expect("gone parent");
	pb_track_retire(track, 22);
	expect("");
}

static void first_reading_is_told_once_and_not_for_each_mapping(void **state)
{
	uint32_t self = (uint32_t)getpid();

	(void)state;
	assert_int_equal(pb_track_follow(track, self), 0);
	expect("mapped self");
	assert_int_equal(pb_track_follow(track, self), 0);
	expect(""); /* nothing new */
	assert_int_equal(pb_track_follow(track, CHILD), -ESRCH);
	expect("");
}

static void process_that_find_meets_is_told(void **state)
{
	struct pb_place place;

	(void)state;
	assert_int_equal(pb_track_find(track, (uint32_t)getpid(), 1,
				       (uint64_t)(uintptr_t)process_that_find_meets_is_told,
				       &place),
			 0);
	expect("mapped self");
}

static void looking_again_finds_what_nobody_told_us(void **state)
{
	uint32_t self = (uint32_t)getpid();
	struct process *p;
	void *code;

	(void)state;
	assert_int_equal(pb_track_look_again(track, self), -ESRCH); /* it is not followed */
	assert_int_equal(pb_track_follow(track, self), 0);
	expect("mapped self");
	p = find_process(track, self);
	code = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(code, MAP_FAILED);
	p->rescanned_ns = 0;
	assert_int_equal(pb_track_look_again(track, self), 0);
	expect("mapped self");
	assert_non_null(pb_space_at(newest(p)->space, 0, (uint64_t)(uintptr_t)code));
	p->rescanned_ns = 0;
	assert_int_equal(pb_track_look_again(track, self), 0);
	expect("");
	munmap(code, PAGE);
}

static void looking_again_too_soon_is_refused(void **state)
{
	uint32_t self = (uint32_t)getpid();
	struct process *p;

	(void)state;
	track->everyone = true;
	assert_int_equal(pb_track_look_again(track, self), 0); /* it is followed from here on */
	expect("mapped self");
	p = find_process(track, self);
	/* On a slow machine the period may have passed: until it has not. */
	do
		p->rescanned_ns = pb_clock_ns();
	while (pb_track_look_again(track, self) != -EAGAIN);
	expect("");
	/* An exec is worth a look at once. */
	happen(PB_SIDEBAND_EXEC, self, pb_clock_ns());
	assert_int_equal(pb_track_look_again(track, self), 0);
	expect("exec self, mapped self");
	assert_int_equal(pb_track_look_again(track, CHILD), -ESRCH);
	expect("");
}

static void process_that_could_not_be_read_is_forgotten(void **state)
{
	(void)state;
	track->everyone = true;
	assert_int_equal(pb_track_look_again(track, CHILD), -ESRCH);
	assert_non_null(find_process(track, CHILD));
	pb_track_retire(track, pb_clock_ns() + 1);
	assert_null(find_process(track, CHILD));
}

static void current_of_an_unknown_process_is_refused(void **state)
{
	struct pb_place *places = NULL;
	uint32_t n = 7;

	(void)state;
	assert_int_equal(pb_track_current(track, CHILD, &places, &n), -ESRCH);
	assert_null(places);
	assert_int_equal(n, 7);
}

static void every_listener_hears_what_it_asked_for(void **state)
{
	static const struct pb_track_listener only_exec = {.on_exec = hear_exec, .ctx = heard};

	(void)state;
	begin_parent();
	pb_track_listen(track, &only_exec);
	map(PARENT, "/library", CODE + PAGE, 12);
	happen(PB_SIDEBAND_EXEC, PARENT, 20);
	expect("mapped parent, exec parent, exec parent");
}

/* Two CPUs may tell of a fork and of the exec behind it in the wrong order. */
static void child_whose_exec_was_told_before_its_fork_is_no_other(void **state)
{
	(void)state;
	track->everyone = true;
	begin_parent();
	happen(PB_SIDEBAND_EXEC, CHILD, 21);
	map(CHILD, "/program", CODE, 22);
	expect("exec child, mapped child");
	happen(PB_SIDEBAND_FORK, CHILD, 20);
	expect("mapped child");
	assert_string_equal(path_at(CHILD, 20, CODE), "/parent");
	assert_string_equal(path_at(CHILD, 30, CODE), "/program");
	happen(PB_SIDEBAND_EXIT, CHILD, 40);
	happen(PB_SIDEBAND_FORK, CHILD, 50);
	expect("gone child, fork child");
	assert_string_equal(path_at(CHILD, 60, CODE), "/parent");
}

static void pid_that_comes_back_from_a_stranger_is_followed(void **state)
{
	(void)state;
	begin_parent();
	happen(PB_SIDEBAND_FORK, CHILD, 20);
	happen(PB_SIDEBAND_EXIT, CHILD, 22);
	track->children = false;
	happen(PB_SIDEBAND_FORK, CHILD, 30);
	track->children = true;
	expect("fork child");
	happen(PB_SIDEBAND_FORK, CHILD, 40);
	expect("gone child, fork child");
	map(CHILD, "/mine", CODE + PAGE, 41);
	expect("mapped child");
	assert_string_equal(path_at(CHILD, 50, CODE + PAGE), "/mine");
}

static void child_of_an_unknown_parent_keeps_what_proc_says(void **state)
{
	uint32_t self = (uint32_t)getpid();

	(void)state;
	track->everyone = true;
	assert_int_equal(pb_track_follow(track, self), 0);
	expect("mapped self");
	happen(PB_SIDEBAND_FORK, self, 20);
	find_process(track, self)->rescanned_ns = pb_clock_ns();
	assert_string_not_equal(path_at(self, 30, (uint64_t)(uintptr_t)pb_track_find), "");
}

static void loss_is_told_before_proc_is_read_again(void **state)
{
	uint32_t self = (uint32_t)getpid();

	(void)state;
	assert_non_null(add_process(track, self, 0, NULL));
	rescan_all(track, 10);
	expect("lost other, mapped self");
	assert_int_equal(track->count, 1);
}

/* Its fork may have been among what was lost. */
static void unknown_processes_are_looked_for_after_a_loss(void **state)
{
	uint32_t self = (uint32_t)getpid(), n;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		alarm(60); /* lest it stays behind if this fails */
		pause();
		_exit(0);
	}
	assert_true(pid > 0);
	track->everyone = true;
	rescan_all(track, 10);
	assert_non_null(find_process(track, self));
	assert_non_null(find_process(track, (uint32_t)pid));
	n = track->count;
	rescan_all(track, 20);
	assert_in_range(track->count, n, n + 20); /* the kernel's own are not met each time */
	assert_null(find_process(track, 2));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* As a JIT compiler does in hours: the kernel tells of what is mapped, and not of what is unmapped. */
static struct process *fill_self(void)
{
	uint32_t self = (uint32_t)getpid(), i;

	assert_int_equal(pb_track_follow(track, self), 0);
	for (i = 0; i < PB_SPACE_MAX; i++)
		map(self, "", CODE + 2ull * i * PAGE, 10 + i);
	heard[0] = '\0';
	return find_process(track, self);
}

static void full_space_is_replaced_by_what_proc_says(void **state)
{
	uint64_t own = (uint64_t)(uintptr_t)full_space_is_replaced_by_what_proc_says, at;
	struct process *p = fill_self();
	struct pb_place place;
	uint64_t later = pb_clock_ns();
	uint32_t self = p->tgid;
	void *code;

	(void)state;
	assert_true(p->full_ns && track->full);
	assert_int_equal(pb_track_cut(track), 1);
	renew_full(track);
	expect("remap self, mapped self");
	assert_int_equal(pb_track_cut(track), 0); /* nothing is missing any more */
	assert_false(p->full_ns || p->crowded || track->full);
	assert_string_not_equal(path_at(self, later, own), "");
	assert_int_equal(pb_track_find(track, self, later, CODE, &place), -ENOENT);
	/* Stacks of before are still looked up in what was there. */
	assert_int_equal(pb_track_find(track, self, 20, CODE, &place), 0);
	/* And there is room for what comes. */
	code = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(code, MAP_FAILED);
	at = (uint64_t)(uintptr_t)code;
	map(self, "", at, later);
	expect("mapped self");
	munmap(code, PAGE);
}

static void full_space_is_replaced_once_a_second(void **state)
{
	struct process *p = fill_self();

	(void)state;
	p->renewed_ns = pb_clock_ns();
	assert_int_equal(pb_track_look_again(track, p->tgid), -EAGAIN);
	p->renewed_ns = pb_clock_ns() - 2 * SECOND;
	assert_int_equal(pb_track_look_again(track, p->tgid), 0);
	assert_int_equal(p->full_ns, 0);
}

/* Pages that are mappings of their own since their neighbours have other rights. */
static void *map_pages(uint32_t n, int even, int odd)
{
	uint8_t *p = mmap(NULL, (size_t)n * PAGE, even, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t i;

	assert_ptr_not_equal(p, MAP_FAILED);
	for (i = 1; i < n; i += 2) {
		if (mprotect(p + (size_t)i * PAGE, PAGE, odd))
			break;
	}
	if (i >= n)
		return p;
	munmap(p, (size_t)n * PAGE);
	print_message("vm.max_map_count is too small\n");
	skip();
	return NULL;
}

static void crowded_process_keeps_its_files_and_is_left_alone(void **state)
{
	uint64_t libc = (uint64_t)(uintptr_t)dlsym(RTLD_DEFAULT, "qsort_r");
	uint32_t n = 2 * PB_SPACE_MAX + 2000, self = (uint32_t)getpid();
	struct process *p;
	void *pages;

	(void)state;
	pages = map_pages(n, PROT_NONE, PROT_READ | PROT_EXEC);
	assert_int_equal(pb_track_follow(track, self), 0);
	p = find_process(track, self);
	assert_true(p->full_ns);
	renew_full(track);
	assert_true(p->crowded && track->full);
	assert_int_equal(pb_track_cut(track), 1);
	assert_string_not_equal(path_at(self, pb_clock_ns(), libc), "");
	assert_int_equal(pb_track_look_again(track, self), -EAGAIN);
	p->renewed_ns = pb_clock_ns() - 5 * SECOND;
	assert_int_equal(pb_track_look_again(track, self), -EAGAIN);
	munmap(pages, (size_t)n * PAGE);
	p->renewed_ns = pb_clock_ns() - 11 * SECOND;
	track->renew_ns = 0;
	assert_int_equal(pb_track_look_again(track, self), 0);
	assert_false(p->crowded || p->full_ns);
	assert_int_equal(pb_track_cut(track), 1); /* at some time, at least */
}

static void neighbouring_anonymous_mappings_are_merged_when_there_is_no_room(void **state)
{
	uint32_t n = PB_SPACE_MAX + 2000, self = (uint32_t)getpid();
	struct pb_place place;
	struct process *p;
	void *pages;

	(void)state;
	pages = map_pages(n, PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE | PROT_EXEC);
	assert_int_equal(pb_track_follow(track, self), 0);
	p = find_process(track, self);
	assert_true(p->full_ns);
	renew_full(track);
	assert_false(p->full_ns || p->crowded);
	assert_int_equal(pb_track_find(track, self, pb_clock_ns(),
				       (uint64_t)(uintptr_t)pages + (n - 1ull) * PAGE, &place),
			 0);
	munmap(pages, (size_t)n * PAGE);
}

static void process_that_ended_while_full_keeps_what_it_had(void **state)
{
	struct pb_place place;
	uint32_t i;

	(void)state;
	begin_parent();
	for (i = 0; i < PB_SPACE_MAX; i++)
		map(PARENT, "", CODE + 2ull * i * PAGE, 10 + i);
	renew_full(track); /* /proc has none of that name */
	assert_int_equal(find_process(track, PARENT)->n_images, 1);
	assert_int_equal(pb_track_find(track, PARENT, 100000, CODE + 2ull * PAGE, &place), 0);
}

/* Each is below the bound of one, and all together are above theirs. */
static void mappings_beyond_the_budget_are_told_as_cut(void **state)
{
	uint32_t tgid, n = 60, i;
	struct pb_place place;

	(void)state;
	for (tgid = PARENT; tgid < PARENT + n; tgid++) {
		assert_non_null(add_process(track, tgid, 0, NULL));
		for (i = 0; i < 16000; i++)
			map(tgid, "", CODE + 2ull * i * PAGE, 10 + i);
		heard[0] = '\0';
	}
	assert_true(track->full);
	assert_in_range(track->budget.used_bytes, SPACE_BYTES / 4 * 3, SPACE_BYTES);
	assert_in_range(pb_track_cut(track), 1, n - 30);
	/* There is room for an ordinary process. */
	assert_non_null(add_process(track, tgid, 0, NULL));
	for (i = 0; i < 200; i++)
		map(tgid, "", CODE + 2ull * i * PAGE, 10 + i);
	heard[0] = '\0';
	assert_int_equal(pb_track_find(track, tgid, 10000, CODE + 398ull * PAGE, &place), 0);
	/* Those that have ended are not forgotten in the report. */
	i = pb_track_cut(track);
	for (tgid = PARENT; tgid <= PARENT + n; tgid++)
		happen(PB_SIDEBAND_EXIT, tgid, 30000);
	pb_track_retire(track, 40000);
	assert_int_equal(pb_track_cut(track), i);
	assert_int_equal(track->budget.used_bytes, 0);
}

/* However many are full, the capture goes on beside it. */
static void full_spaces_are_replaced_one_after_the_other(void **state)
{
	struct process *self = fill_self(), *other;
	pid_t pid = fork();
	uint32_t i;

	(void)state;
	if (!pid) {
		alarm(60); /* lest it stays behind if this fails */
		pause();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(pb_track_follow(track, (uint32_t)pid), 0);
	for (i = 0; i < PB_SPACE_MAX; i++)
		map((uint32_t)pid, "", CODE + 2ull * i * PAGE, 10 + i);
	other = find_process(track, (uint32_t)pid);
	assert_true(self->full_ns && other->full_ns);
	self->renewed_ns = 7; /* the other one has waited longer */
	renew_full(track);
	assert_true(self->full_ns && !other->full_ns && track->full);
	assert_true(track->renew_ns > pb_clock_ns());
	renew_full(track);
	assert_true(self->full_ns && track->full);
	assert_int_equal(pb_track_look_again(track, self->tgid), -EAGAIN);
	track->renew_ns = 0;
	renew_full(track);
	assert_false(self->full_ns || track->full);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(changes_are_told_and_repetitions_are_not, setup,
						teardown),
		cmocka_unit_test_setup_teardown(exec_begins_with_nothing_mapped, setup, teardown),
		cmocka_unit_test_setup_teardown(child_has_what_its_parent_had_at_the_fork, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_life_lasts_from_fork_or_exec_to_the_next, setup,
						teardown),
		cmocka_unit_test_setup_teardown(reused_pid_is_gone_and_then_forked, setup,
						teardown),
		cmocka_unit_test_setup_teardown(pid_that_went_to_a_stranger_is_not_followed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(reused_pid_is_gone_although_proc_has_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			child_that_was_read_before_its_fork_was_told_is_no_other, setup, teardown),
		cmocka_unit_test_setup_teardown(
			child_of_an_unknown_parent_is_read_when_it_is_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(ended_process_is_told_gone_when_nobody_will_ask,
						setup, teardown),
		cmocka_unit_test_setup_teardown(first_reading_is_told_once_and_not_for_each_mapping,
						setup, teardown),
		cmocka_unit_test_setup_teardown(process_that_find_meets_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(looking_again_finds_what_nobody_told_us, setup,
						teardown),
		cmocka_unit_test_setup_teardown(looking_again_too_soon_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(process_that_could_not_be_read_is_forgotten, setup,
						teardown),
		cmocka_unit_test_setup_teardown(current_of_an_unknown_process_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			child_whose_exec_was_told_before_its_fork_is_no_other, setup, teardown),
		cmocka_unit_test_setup_teardown(pid_that_comes_back_from_a_stranger_is_followed,
						setup, teardown),
		cmocka_unit_test_setup_teardown(child_of_an_unknown_parent_keeps_what_proc_says,
						setup, teardown),
		cmocka_unit_test_setup_teardown(loss_is_told_before_proc_is_read_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(unknown_processes_are_looked_for_after_a_loss,
						setup, teardown),
		cmocka_unit_test_setup_teardown(full_space_is_replaced_by_what_proc_says, setup,
						teardown),
		cmocka_unit_test_setup_teardown(full_space_is_replaced_once_a_second, setup,
						teardown),
		cmocka_unit_test_setup_teardown(crowded_process_keeps_its_files_and_is_left_alone,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			neighbouring_anonymous_mappings_are_merged_when_there_is_no_room, setup,
			teardown),
		cmocka_unit_test_setup_teardown(process_that_ended_while_full_keeps_what_it_had,
						setup, teardown),
		cmocka_unit_test_setup_teardown(mappings_beyond_the_budget_are_told_as_cut, setup,
						teardown),
		cmocka_unit_test_setup_teardown(full_spaces_are_replaced_one_after_the_other, setup,
						teardown),
		cmocka_unit_test_setup_teardown(every_listener_hears_what_it_asked_for, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
