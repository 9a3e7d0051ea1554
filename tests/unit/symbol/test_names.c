/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Parsers that misbehave in every way, and one that does not. */
#include "user/symbol/names.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "user/core/clock.h"
#include "user/core/log.h"
#include "user/symbol/parse/parser.h"

#define MB     (1024 * 1024)
#define SECOND (1000ull * 1000 * 1000)
/* Far more than an honest answer takes. */
#define AMPLE  (60 * SECOND)

/* How a parser misbehaves, and by which questions. */
enum manner {
	HONEST,
	CRASH,
	ABORT,
	HANG,
	SPIN,
	EAT_MEMORY,
	SEND_GARBAGE,
	HANG_UP,
	TRICKLE,
	WANT_WITHOUT_END,
	LEAVE_AFTER_ANSWER,
	ANSWER_TWICE, /* and leave */
};

struct script {
	enum manner manner;
	bool debug_info_only; /* honest where no debug information is asked for */
	bool names_only;      /* honest where nothing is to be demangled */
};

/* Every address is named "f" and itself, or as @name. Freed by the caller. */
static struct pb_answer *make_answer(const struct pb_question *q, const char *name)
{
	struct pb_answer *a = calloc(1, sizeof(*a));
	size_t len = 1, size = 1 + q->n_addrs * 64ul;

	if (!a)
		_exit(99);
	a->has_debug_info = !!(q->flags & PB_ASK_DEBUG_INFO);
	a->n_addrs = a->n_frames = q->n_addrs;
	a->addrs = calloc(q->n_addrs + 1, sizeof(*a->addrs));
	a->frames = calloc(q->n_addrs + 1, sizeof(*a->frames));
	a->strings = calloc(1, size);
	if (!a->addrs || !a->frames || !a->strings)
		_exit(99);
	for (uint32_t i = 0; i < q->n_addrs; i++) {
		a->addrs[i] = (struct pb_answer_addr){q->addrs[i], 0, i, 1};
		a->frames[i].name = (uint32_t)len;
		len += 1 + (size_t)snprintf(a->strings + len, size - len, "%s%lu", name,
					    (unsigned long)q->addrs[i]);
	}
	a->strings_len = (uint32_t)len;
	return a;
}

static void eat_memory(void)
{
	for (;;) {
		char *p = mmap(NULL, MB, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (p == MAP_FAILED)
			_exit(PB_SANDBOX_NO_MEMORY);
	}
}

/* A byte now and then: not even a header in the time there is. */
static void trickle(int sock)
{
	while (send(sock, "\x04", 1, 0) == 1)
		poll(NULL, 0, 200);
}

static void want_without_end(struct pb_wire *wire)
{
	struct pb_wanted wanted = {.kind = PB_WANTED_BUILD_ID, .build_id_len = 1};

	while (pb_wire_want(wire, &wanted) == -ENOENT)
		;
}

static void misbehave(struct pb_wire *wire, enum manner manner)
{
	volatile bool forever = true;
	char garbage[4096];

	switch (manner) {
	case CRASH:
		raise(SIGSEGV);
		break;
	case ABORT:
		abort();
	case HANG:
		for (;;)
			poll(NULL, 0, -1);
	case SPIN:
		while (forever)
			;
		break;
	case EAT_MEMORY:
		eat_memory();
		break;
	case SEND_GARBAGE:
		memset(garbage, 0xa5, sizeof(garbage));
		send(wire->sock, garbage, sizeof(garbage), 0);
		for (;;)
			poll(NULL, 0, -1);
	case HANG_UP:
		_exit(3);
	case TRICKLE:
		trickle(wire->sock);
		break;
	case WANT_WITHOUT_END:
		want_without_end(wire);
		break;
	default:
		break;
	}
}

static void serve_script(int sock, void *ctx)
{
	const struct script *script = ctx;
	struct pb_wire wire = {.sock = sock};
	struct pb_question q;

	while (!pb_wire_receive(&wire, &q)) {
		bool honest = (script->debug_info_only && !(q.flags & PB_ASK_DEBUG_INFO)) ||
			      (script->names_only && q.flags & PB_ASK_RAW_NAMES);
		struct pb_answer *a = make_answer(&q, "f");

		if (!honest)
			misbehave(&wire, script->manner);
		if (pb_wire_reply(&wire, a))
			return;
		if (!honest && script->manner == ANSWER_TWICE)
			pb_wire_reply(&wire, a);
		if (!honest && script->manner >= LEAVE_AFTER_ANSWER)
			return;
		pb_answer_free(a);
		pb_question_drop(&q);
	}
}

/* stderr goes to a file from setup() to said(). */
static int real_stderr = -1, log_fd = -1;

static int setup(void **state)
{
	(void)state;
	pb_log_init("test", PB_LOG_WARN);
	real_stderr = dup(STDERR_FILENO);
	log_fd = memfd_create("log", MFD_CLOEXEC);
	return real_stderr < 0 || log_fd < 0 || dup2(log_fd, STDERR_FILENO) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	close(log_fd);
	return 0;
}

/* What was logged so far. */
static const char *said(void)
{
	static char text[8192];
	ssize_t n = pread(log_fd, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static struct pb_names *start(const struct script *script, uint64_t time_ns)
{
	const struct pb_names_bounds bounds = {
		.memory_bytes = 64 * MB,
		.time_ns = time_ns,
		.serve = serve_script,
		.serve_ctx = (void *)script,
	};
	struct pb_names *n = NULL;

	assert_int_equal(pb_names_new_bounded(&n, &bounds), 0);
	assert_non_null(n);
	return n;
}

static const uint64_t three[] = {10, 20, 30}, two[] = {40, 50};

static struct pb_answer *ask(struct pb_names *n, const uint64_t *addrs, uint32_t n_addrs,
			     uint32_t flags)
{
	const struct pb_question q = {
		.kind = PB_ASK_VDSO,
		.flags = flags,
		.addrs = addrs,
		.n_addrs = n_addrs,
		.fds = {-1, -1},
	};
	struct pb_answer *a = NULL;

	assert_int_equal(pb_names_ask(n, "/bin/target", &q, NULL, NULL, &a), 0);
	assert_non_null(a);
	return a;
}

/* Right for the question, and freed. */
static void expect_names(struct pb_answer *a, const uint64_t *addrs, uint32_t n, bool debug_info)
{
	char name[32];

	assert_int_equal(a->state, PB_ANSWER_OK);
	assert_int_equal(a->has_debug_info, debug_info);
	assert_int_equal(a->n_addrs, n);
	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "f%lu", (unsigned long)addrs[i]);
		assert_string_equal(pb_answer_text(a, a->frames[a->addrs[i].first].name), name);
	}
	pb_answer_free(a);
}

static void expect_given_up(struct pb_answer *a)
{
	assert_int_equal(a->state, PB_ANSWER_GIVEN_UP);
	assert_int_equal(a->n_addrs, 0);
	assert_int_equal(a->n_frames, 0);
	assert_string_equal(pb_answer_text(a, 0), "");
	pb_answer_free(a);
}

/*
 * A parser that fails with debug information only, and one that fails always: what is left, and what is
 * said about it. The next module is not concerned.
 */
static void expect_bounded_loss(enum manner manner, uint64_t time_ns, const char *how)
{
	struct script script = {.manner = manner, .debug_info_only = true};
	struct pb_names *n = start(&script, time_ns);
	char line[256];

	expect_names(ask(n, three, 3, PB_ASK_DEBUG_INFO), three, 3, false);
	snprintf(line, sizeof(line),
		 "test: /bin/target: no inlined functions and lines, as the symbol parser was "
		 "stopped: %s\n",
		 how);
	assert_string_equal(said(), line);
	expect_names(ask(n, two, 2, 0), two, 2, false);
	assert_string_equal(said(), line);
	pb_names_free(n);

	/* Who never answers is not in time however short that is. */
	script.debug_info_only = false;
	n = start(&script, time_ns == AMPLE ? AMPLE : SECOND / 10);
	expect_given_up(ask(n, three, 3, PB_ASK_DEBUG_INFO));
	snprintf(line, sizeof(line),
		 "test: /bin/target: no names, as the symbol parser was stopped: %s\n", how);
	assert_non_null(strstr(said(), line));
	if (time_ns == AMPLE) {
		script.manner = HONEST;
		expect_names(ask(n, two, 2, PB_ASK_DEBUG_INFO), two, 2, true);
	}
	pb_names_free(n);
}

static void good_parser_is_kept(void **state)
{
	struct script script = {.manner = HONEST};
	struct pb_names *n = start(&script, AMPLE);

	(void)state;
	expect_names(ask(n, three, 3, PB_ASK_DEBUG_INFO), three, 3, true);
	/* What it was forked with counts, so that another would crash. */
	script.manner = CRASH;
	expect_names(ask(n, two, 2, 0), two, 2, false);
	assert_string_equal(said(), "");
	assert_int_equal(pb_names_peak_bytes(n), 0);
	pb_names_stop(n);
	assert_true(pb_names_peak_bytes(n) > 0);
	expect_given_up(ask(n, two, 2, 0));
	pb_names_free(n);
}

static void crash_costs_one_module(void **state)
{
	(void)state;
	expect_bounded_loss(CRASH, AMPLE, "it crashed (signal 11)");
}

static void abort_costs_one_module(void **state)
{
	(void)state;
	expect_bounded_loss(ABORT, AMPLE, "it crashed (signal 6)");
}

/* Only the second, honest answer has to come in time. */
static void hang_costs_one_module(void **state)
{
	(void)state;
	expect_bounded_loss(HANG, 2 * SECOND, "it took too long");
}

static void busy_loop_costs_one_module(void **state)
{
	(void)state;
	expect_bounded_loss(SPIN, 2 * SECOND, "it took too long");
}

static void trickling_bytes_do_not_buy_time(void **state)
{
	(void)state;
	expect_bounded_loss(TRICKLE, 2 * SECOND, "it took too long");
}

static void hunger_for_memory_costs_one_module(void **state)
{
	struct script script = {.manner = EAT_MEMORY, .debug_info_only = true};
	struct pb_names *n;

	(void)state;
	expect_bounded_loss(EAT_MEMORY, AMPLE, "it ran out of memory");
	n = start(&script, AMPLE);
	expect_names(ask(n, two, 2, PB_ASK_DEBUG_INFO), two, 2, false);
	/* All that it could have, but for what the address space holds besides. */
	assert_in_range(pb_names_peak_bytes(n), 32 * MB, 1024 * MB);
	pb_names_free(n);
}

static void garbage_costs_one_module(void **state)
{
	(void)state;
	expect_bounded_loss(SEND_GARBAGE, AMPLE, "it gave an answer that cannot be");
}

static void closed_socket_costs_one_module(void **state)
{
	(void)state;
	expect_bounded_loss(HANG_UP, AMPLE, "it gave up (exit status 3)");
}

static void endless_wishes_cost_one_module(void **state)
{
	(void)state;
	expect_bounded_loss(WANT_WITHOUT_END, AMPLE, "it gave an answer that cannot be");
}

/* Until our only child has ended; it is not reaped. */
static void await_exit(void)
{
	siginfo_t ended;

	assert_int_equal(waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT), 0);
}

static void expect_replacement(enum manner manner)
{
	struct script script = {.manner = manner};
	struct pb_names *n = start(&script, AMPLE);

	expect_names(ask(n, three, 3, PB_ASK_DEBUG_INFO), three, 3, true);
	await_exit();
	/* Nothing of this question is lost. */
	expect_names(ask(n, two, 2, PB_ASK_DEBUG_INFO), two, 2, true);
	assert_string_equal(said(), "");
	pb_names_free(n);
}

static void second_answer_is_not_that_of_the_next_question(void **state)
{
	(void)state;
	expect_replacement(ANSWER_TWICE);
}

static void parser_that_left_meanwhile_is_replaced(void **state)
{
	(void)state;
	expect_replacement(LEAVE_AFTER_ANSWER);
}

static void without_debug_information_it_is_asked_once(void **state)
{
	struct script script = {.manner = CRASH};
	struct pb_names *n = start(&script, AMPLE);

	(void)state;
	expect_given_up(ask(n, three, 3, 0));
	assert_string_equal(said(),
			    "test: /bin/target: no names, as the symbol parser was stopped: "
			    "it crashed (signal 11)\n");
	pb_names_free(n);
}

static void question_that_cannot_be_is_not_asked(void **state)
{
	static const uint64_t unsorted[] = {2, 1};
	struct script script = {.manner = HONEST};
	struct pb_names *n = start(&script, AMPLE);

	(void)state;
	expect_given_up(ask(n, unsorted, 2, 0));
	assert_non_null(strstr(said(), "cannot ask it: Invalid argument"));
	expect_names(ask(n, two, 2, PB_ASK_DEBUG_INFO), two, 2, true);
	pb_names_free(n);
}

static void without_a_sandbox_nothing_is_parsed(void **state)
{
	const struct pb_question q = {.kind = PB_ASK_VDSO, .addrs = two, .n_addrs = 2};
	struct script script = {.manner = HONEST};
	struct pb_names *n = start(&script, AMPLE);
	struct pb_answer *a = NULL;
	struct rlimit before, none;
	int err;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	err = pb_names_ask(n, "/bin/target", &q, NULL, NULL, &a);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(err, -EMFILE);
	assert_null(a);
	expect_names(ask(n, two, 2, PB_ASK_DEBUG_INFO), two, 2, true);
	pb_names_free(n);
}

/* No process can be started in a process namespace whose first one has ended. */
static int enter_dead_namespace(void)
{
	pid_t first;

	if (unshare(CLONE_NEWPID))
		return -1;
	first = fork();
	if (!first)
		_exit(0);
	return first > 0 && waitpid(first, NULL, 0) == first ? 0 : -1;
}

static int ask_without_processes(void)
{
	const struct pb_question q = {.kind = PB_ASK_VDSO, .addrs = two, .n_addrs = 2};
	struct script script = {.manner = HONEST};
	struct pb_names *n = start(&script, AMPLE);
	struct pb_answer *a = NULL;
	int err;

	if (enter_dead_namespace() || fork() >= 0 || errno != ENOMEM)
		return 2;
	err = pb_names_ask(n, "/bin/target", &q, NULL, NULL, &a);
	pb_names_free(n);
	return err == -EAGAIN && !a ? 0 : 1;
}

static void want_of_memory_for_a_process_is_not_that_of_our_heap(void **state)
{
	int status = -1;
	pid_t pid;

	(void)state;
	if (geteuid())
		skip();
	pid = fork();
	if (!pid)
		_exit(ask_without_processes());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_non_null(strstr(said(), "start the pb-symbols"));
}

/* True from the @ctx-th time on. */
static bool stop_at(void *ctx)
{
	int *left = ctx;

	return --*left < 0;
}

static void naming_that_is_stopped_waits_for_no_answer(void **state)
{
	struct script script = {.manner = HANG};
	struct pb_names *n = start(&script, AMPLE);
	uint64_t from = pb_clock_ns();
	int left = 6;

	(void)state;
	pb_names_stop_when(n, stop_at, &left);
	expect_given_up(ask(n, three, 3, PB_ASK_DEBUG_INFO));
	assert_true(pb_clock_ns() - from < 20 * SECOND);
	/* Not even asked. */
	script.manner = HONEST;
	expect_given_up(ask(n, two, 2, PB_ASK_DEBUG_INFO));
	assert_string_equal(said(), "");
	pb_names_stop_when(n, NULL, NULL);
	expect_names(ask(n, two, 2, PB_ASK_DEBUG_INFO), two, 2, true);
	pb_names_free(n);
}

static void names_that_crash_the_demangler_are_shown_as_they_are(void **state)
{
	struct script script = {.manner = CRASH, .names_only = true};
	struct pb_names *n = start(&script, AMPLE);
	struct pb_answer *a;

	(void)state;
	a = ask(n, three, 3, PB_ASK_DEBUG_INFO);
	assert_int_equal(a->left_out, 1);
	expect_names(a, three, 3, false);
	assert_non_null(strstr(said(), "names are not demangled, as the symbol parser was stopped: "
				       "it crashed (signal 11)"));
	assert_null(strstr(said(), "no names"));
	pb_names_free(n);
}

/* Name addresses by the text of the file that it wanted. */
static void serve_wanted(int sock, void *ctx)
{
	struct pb_wanted wanted = {.kind = PB_WANTED_LINK, .name = "x.debug"};
	struct pb_wire wire = {.sock = sock};
	struct pb_question q;
	char name[8] = "";
	int fd;

	(void)ctx;
	if (pb_wire_receive(&wire, &q))
		return;
	fd = pb_wire_want(&wire, &wanted);
	if (fd < 0 || pread(fd, name, sizeof(name) - 1, 0) <= 0)
		return;
	pb_wire_reply(&wire, make_answer(&q, name));
}

static int open_temporary(void *ctx, const struct pb_wanted *wanted)
{
	int fd = memfd_create("wanted", MFD_CLOEXEC);

	assert_string_equal(wanted->name, ctx);
	assert_int_equal(write(fd, "found", 5), 5);
	return fd;
}

static void wanted_file_reaches_the_parser(void **state)
{
	const struct pb_names_bounds bounds = {.time_ns = AMPLE, .serve = serve_wanted};
	const struct pb_question q = {.kind = PB_ASK_VDSO, .addrs = two, .n_addrs = 2};
	struct pb_names *n = NULL;
	struct pb_answer *a = NULL;
	char name[] = "x.debug";

	(void)state;
	assert_int_equal(pb_names_new_bounded(&n, &bounds), 0);
	assert_int_equal(pb_names_ask(n, "/bin/target", &q, open_temporary, name, &a), 0);
	assert_int_equal(a->n_addrs, 2);
	assert_string_equal(pb_answer_text(a, a->frames[0].name), "found40");
	pb_answer_free(a);
	pb_names_free(n);
}

/* The file offset of one of our own functions; this program's headers come first. */
static int find_offset(struct dl_phdr_info *info, size_t size, void *ctx)
{
	uint64_t *at = ctx, vaddr = *at - info->dlpi_addr;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type == PT_LOAD && vaddr >= ph->p_vaddr &&
		    vaddr < ph->p_vaddr + ph->p_filesz)
			*at = vaddr - ph->p_vaddr + ph->p_offset;
	}
	return 1;
}

static void real_parser_works_in_the_sandbox(void **state)
{
	uint64_t at = (uint64_t)(uintptr_t)pb_names_ask;
	struct pb_question q = {.kind = PB_ASK_ELF, .flags = PB_ASK_DEBUG_INFO, .n_addrs = 1};
	struct pb_names *n = NULL;
	struct pb_answer *a = NULL;

	(void)state;
	dl_iterate_phdr(find_offset, &at);
	q.addrs = &at;
	q.fds[0] = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	q.n_fds = 1;
	assert_true(q.fds[0] >= 0);
	assert_int_equal(pb_names_new(&n), 0);
	assert_int_equal(pb_names_ask(n, "this test", &q, NULL, NULL, &a), 0);
	assert_int_equal(a->state, PB_ANSWER_OK);
	assert_int_equal(a->n_addrs, 1);
	assert_int_equal(a->addrs[0].n_frames, 1);
	assert_string_equal(pb_answer_text(a, a->frames[0].name), "pb_names_ask");
	assert_non_null(strstr(pb_answer_text(a, a->frames[0].file), "names.c"));
	assert_string_equal(said(), "");
	pb_answer_free(a);
	close(q.fds[0]);
	pb_names_free(n);
}

static void serve_and_tell_environment(int sock, void *ctx)
{
	char is_set;

	pb_parser_serve(sock, ctx);
	is_set = !!getenv("DEBUGINFOD_URLS");
	send(sock, &is_set, 1, 0);
}

static void parser_has_no_servers_to_ask(void **state)
{
	const struct pb_sandbox_limits limits = {0};
	struct pb_sandbox *s = NULL;
	char is_set = 1;

	(void)state;
	setenv("DEBUGINFOD_URLS", "http://127.0.0.1:9/", 1);
	assert_int_equal(pb_sandbox_start(&s, "test", &limits, serve_and_tell_environment, NULL),
			 0);
	assert_int_equal(shutdown(pb_sandbox_socket(s), SHUT_WR), 0);
	assert_int_equal(recv(pb_sandbox_socket(s), &is_set, 1, 0), 1);
	assert_int_equal(is_set, 0);
	unsetenv("DEBUGINFOD_URLS");
	pb_sandbox_free(s);
}

static void none_is_freed(void **state)
{
	(void)state;
	pb_names_free(NULL);
}

#define NAMES_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NAMES_TEST(good_parser_is_kept),
		NAMES_TEST(crash_costs_one_module),
		NAMES_TEST(abort_costs_one_module),
		NAMES_TEST(hang_costs_one_module),
		NAMES_TEST(busy_loop_costs_one_module),
		NAMES_TEST(trickling_bytes_do_not_buy_time),
		NAMES_TEST(hunger_for_memory_costs_one_module),
		NAMES_TEST(garbage_costs_one_module),
		NAMES_TEST(closed_socket_costs_one_module),
		NAMES_TEST(endless_wishes_cost_one_module),
		NAMES_TEST(second_answer_is_not_that_of_the_next_question),
		NAMES_TEST(parser_that_left_meanwhile_is_replaced),
		NAMES_TEST(without_debug_information_it_is_asked_once),
		NAMES_TEST(question_that_cannot_be_is_not_asked),
		NAMES_TEST(without_a_sandbox_nothing_is_parsed),
		NAMES_TEST(want_of_memory_for_a_process_is_not_that_of_our_heap),
		NAMES_TEST(naming_that_is_stopped_waits_for_no_answer),
		NAMES_TEST(names_that_crash_the_demangler_are_shown_as_they_are),
		NAMES_TEST(wanted_file_reaches_the_parser),
		NAMES_TEST(real_parser_works_in_the_sandbox),
		NAMES_TEST(parser_has_no_servers_to_ask),
		NAMES_TEST(none_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
