/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/debugfile.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <zlib.h>

#include "tests/unit/symbol/debug_fixture.h"
#include "user/core/elf.h"
#include "user/symbol/parse/debuglink.h"

#define BY_ID "/usr/lib/debug/.build-id/01/23456789abcdef0123456789abcdef01234567.debug"

/* A child whose root is FIXTURE/root, made anew; 0 if this user may not have one. */
static uint32_t new_target(void)
{
	int ready[2], status;
	pid_t pid;
	char byte;

	fixture_run("rm -rf root; mkdir root");
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		/* A test that fails leaves no process behind. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if ((geteuid() && unshare(CLONE_NEWUSER)) || chroot(fixture_path("root")) ||
		    chdir("/") || write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) == 1) {
		close(ready[0]);
		return (uint32_t)pid;
	}
	close(ready[0]);
	waitpid(pid, &status, 0);
	print_message("no user namespace may be made: no process with a root of its own\n");
	return 0;
}

static void end_target(uint32_t tgid)
{
	kill((pid_t)tgid, SIGKILL);
	waitpid((pid_t)tgid, NULL, 0);
}

static struct pb_wanted by_id(void)
{
	struct pb_wanted w = {.kind = PB_WANTED_BUILD_ID, .build_id_len = sizeof(fixture_id)};

	memcpy(w.build_id, fixture_id, sizeof(fixture_id));
	return w;
}

static struct pb_wanted by_name(enum pb_wanted_kind kind, const char *name)
{
	struct pb_wanted w = by_id();

	w.kind = kind;
	assert_true(strlen(name) < sizeof(w.name));
	memcpy(w.name, name, strlen(name));
	return w;
}

/* What is wanted is opened, and is the file of the fixture that has this path. */
static void expect_file(struct pb_debugfile *d, struct pb_wanted w, const char *path)
{
	pb_autoclose int fd = pb_debugfile_open(d, &w);
	struct stat got, expected;

	if (fd < 0)
		fail_msg("%s is not found: %s", path, strerror(-fd));
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(fstat(fd, &got), 0);
	assert_int_equal(stat(fixture_path(path), &expected), 0);
	assert_true(got.st_ino == expected.st_ino && got.st_dev == expected.st_dev);
}

static void expect_error(struct pb_debugfile *d, struct pb_wanted w, int err)
{
	pb_autoclose int fd = pb_debugfile_open(d, &w);

	assert_int_equal(fd, err);
}

static void the_build_id_folder_of_the_targets_root_is_looked_into(void **state)
{
	struct pb_debugfile d = {.path = "/usr/bin/prog", .tgid = new_target(), .owner = geteuid()};

	(void)state;
	if (!d.tgid)
		skip();
	expect_error(&d, by_id(), -ENOENT);
	fixture_place("prog.debug", "root" BY_ID);
	expect_file(&d, by_id(), "root" BY_ID);
	end_target(d.tgid);
	expect_error(&d, by_id(), -ENOENT);
}

static void a_file_of_another_build_id_is_passed_over(void **state)
{
	struct pb_debugfile d = {.path = "/usr/bin/prog", .tgid = new_target(), .owner = geteuid()};
	struct pb_wanted w = by_name(PB_WANTED_LINK, "prog.debug");

	(void)state;
	if (!d.tgid)
		skip();
	fixture_place("noid.debug", "root" BY_ID);
	fixture_place("noid.debug", "root/usr/bin/prog.debug");
	expect_error(&d, w, -ENOENT);
	fixture_place("prog.debug", "root/usr/bin/.debug/prog.debug");
	expect_file(&d, w, "root/usr/bin/.debug/prog.debug");
	w.build_id[19] ^= 1;
	expect_error(&d, w, -ENOENT);
	w.build_id[19] ^= 1;
	w.build_id_len--;
	expect_error(&d, w, -ENOENT);
	end_target(d.tgid);
}

/* An ordinary user may put a root folder together, and a build id is what a file says of itself. */
static void what_others_than_root_and_the_owner_may_write_is_passed_over(void **state)
{
	struct pb_debugfile d = {.path = "/usr/bin/prog", .tgid = new_target()};
	struct pb_wanted link = by_name(PB_WANTED_LINK, "prog.debug");
	struct pb_wanted alt = by_name(PB_WANTED_ALT, "/alt");

	(void)state;
	if (!d.tgid)
		skip();
	if (geteuid()) {
		end_target(d.tgid);
		print_message("needs root: to give files away\n");
		skip();
	}
	fixture_place("prog.debug", "root" BY_ID);
	fixture_place("prog.debug", "root/alt");
	fixture_run("chown 65534 root" BY_ID " root/alt");
	expect_error(&d, by_id(), -ENOENT);
	expect_error(&d, link, -ENOENT);
	expect_error(&d, alt, -ENOENT);
	assert_false(d.suspect);
	/* The next place is looked at. */
	fixture_place("prog.debug", "root/usr/bin/prog.debug");
	expect_file(&d, link, "root/usr/bin/prog.debug");
	assert_false(d.suspect);
	fixture_run("chmod g+w root/usr/bin/prog.debug");
	expect_error(&d, link, -ENOENT);
	fixture_run("chmod g-w,o+w root/usr/bin/prog.debug");
	expect_error(&d, link, -ENOENT);
	/* Whose module it is may say what is in it. */
	d.owner = 65534;
	expect_file(&d, by_id(), "root" BY_ID);
	assert_true(d.suspect);
	expect_file(&d, alt, "root" BY_ID);
	d.suspect = false;
	fixture_run("rm root" BY_ID);
	expect_file(&d, alt, "root/alt");
	assert_true(d.suspect);
	d.owner = 65533;
	expect_error(&d, alt, -ENOENT);
	end_target(d.tgid);
}

static void a_link_is_looked_for_in_its_three_folders(void **state)
{
	static const char *const places[] = {"root/usr/lib/debug/opt/a/prog.debug",
					     "root/opt/a/.debug/prog.debug",
					     "root/opt/a/prog.debug"};
	struct pb_debugfile d = {.path = "/opt/a/prog", .tgid = new_target(), .owner = geteuid()};
	struct pb_wanted w = by_name(PB_WANTED_LINK, "prog.debug");
	size_t i;

	(void)state;
	if (!d.tgid)
		skip();
	/* Last one first: each is preferred to those before. */
	for (i = 0; i < PB_ARRAY_SIZE(places); i++) {
		fixture_place("prog.debug", places[i]);
		expect_file(&d, w, places[i]);
	}
	/* Without a path that says where it is, the build id is all there is. */
	d.path = "[anon]";
	expect_error(&d, w, -ENOENT);
	fixture_place("prog.debug", "root" BY_ID);
	expect_file(&d, w, "root" BY_ID);
	end_target(d.tgid);
}

static void a_module_without_a_build_id_has_its_link_checked_by_crc(void **state)
{
	pb_autoclose int fd = open(fixture_path("noid"), O_RDONLY | O_CLOEXEC);
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	struct pb_debugfile d = {.owner = geteuid()};
	char path[PATH_MAX];
	struct pb_wanted w;

	(void)state;
	/* Nobody's process: in our own root, beside the module. */
	snprintf(path, sizeof(path), "%s/noid", fixture_dir);
	d.path = path;
	assert_int_equal(pb_elf_open(&e, fd), 0);
	assert_int_equal(pb_debuglink_read(e, &w), 0);
	assert_int_equal(w.build_id_len, 0);
	expect_file(&d, w, "noid.debug");
	w.crc ^= 1;
	expect_error(&d, w, -ENOENT);
}

/* @mb of noise: not what compresses, nor holes. */
static void place_noise(const char *name, unsigned int mb)
{
	char command[256];

	snprintf(command, sizeof(command), "head -c %uM /dev/urandom >%s", mb, name);
	fixture_run(command);
}

static void a_file_too_large_to_be_summed_up_is_not_read(void **state)
{
	struct pb_wanted w = {.kind = PB_WANTED_LINK, .name = "huge.debug"};
	char path[PATH_MAX];
	struct pb_debugfile_sums sums = {0};
	struct pb_debugfile d = {.path = path, .owner = geteuid(), .sums = &sums};

	(void)state;
	snprintf(path, sizeof(path), "%s/noid", fixture_dir);
	fixture_write("huge.debug", "", 0);
	/* Its sum would take years. */
	assert_int_equal(truncate(fixture_path("huge.debug"), 1ll << 42), 0);
	expect_error(&d, w, -ENOENT);
	assert_int_equal(sums.bytes, 0);
	assert_int_equal(d.summed_bytes, 0);
	unlink(fixture_path("huge.debug"));
}

static void a_file_that_is_mostly_holes_is_not_read(void **state)
{
	struct pb_wanted w = {.kind = PB_WANTED_LINK, .name = "holes.debug"};
	char path[PATH_MAX];
	struct pb_debugfile_sums sums = {0};
	struct pb_debugfile d = {.path = path, .owner = geteuid(), .sums = &sums};

	(void)state;
	snprintf(path, sizeof(path), "%s/noid", fixture_dir);
	place_noise("holes.debug", 1);
	assert_int_equal(truncate(fixture_path("holes.debug"), 900 << 20), 0);
	expect_error(&d, w, -ENOENT);
	assert_int_equal(sums.bytes, 0);
	unlink(fixture_path("holes.debug"));
}

static void a_file_is_summed_up_once_until_it_changes(void **state)
{
	struct pb_wanted w = {.kind = PB_WANTED_LINK, .name = "noise.debug"};
	char path[PATH_MAX];
	struct pb_debugfile_sums sums = {0};
	struct pb_debugfile d = {.path = path, .owner = geteuid(), .sums = &sums};
	struct pb_debugfile other = d;

	(void)state;
	snprintf(path, sizeof(path), "%s/noid", fixture_dir);
	place_noise("noise.debug", 2);
	expect_error(&d, w, -ENOENT);
	assert_int_equal(sums.bytes, 2u << 20);
	expect_error(&d, w, -ENOENT);
	expect_error(&other, w, -ENOENT);
	assert_int_equal(sums.bytes, 2u << 20);
	/* The sum that is known serves whoever wants that one. */
	w.crc = sums.known[0].crc;
	expect_file(&other, w, "noise.debug");
	assert_int_equal(sums.bytes, 2u << 20);
	place_noise("noise.debug", 2);
	expect_error(&other, w, -ENOENT);
	assert_int_equal(sums.bytes, 4u << 20);
	unlink(fixture_path("noise.debug"));
}

static void what_is_read_for_sums_has_a_budget(void **state)
{
	struct pb_wanted w = {.kind = PB_WANTED_LINK, .name = "noise.debug"};
	char path[PATH_MAX];
	struct pb_debugfile_sums sums = {.bytes = PB_DEBUGFILE_RUN_BYTES - (1u << 20)};
	struct pb_debugfile d = {.path = path, .owner = geteuid(), .sums = &sums};

	(void)state;
	snprintf(path, sizeof(path), "%s/noid", fixture_dir);
	place_noise("noise.debug", 2);
	expect_error(&d, w, -ENOENT);
	assert_int_equal(sums.bytes, PB_DEBUGFILE_RUN_BYTES - (1u << 20));
	assert_true(sums.said);
	/* Of the module's own, too. */
	d.sums = NULL;
	d.summed_bytes = PB_DEBUGFILE_MODULE_BYTES - (1u << 20);
	expect_error(&d, w, -ENOENT);
	assert_int_equal(d.summed_bytes, PB_DEBUGFILE_MODULE_BYTES - (1u << 20));
	d.summed_bytes = 0;
	expect_error(&d, w, -ENOENT);
	assert_int_equal(d.summed_bytes, 2u << 20);
	unlink(fixture_path("noise.debug"));
}

static void a_module_is_not_its_own_debug_file(void **state)
{
	struct pb_debugfile d = {.path = "/bin/prog", .tgid = new_target(), .owner = geteuid()};
	struct pb_wanted w = by_name(PB_WANTED_LINK, "prog");

	(void)state;
	if (!d.tgid)
		skip();
	fixture_place("prog", "root/bin/prog");
	fixture_run("mkdir -p root/bin/.debug; ln root/bin/prog root/bin/.debug/prog");
	expect_error(&d, w, -ENOENT);
	fixture_place("prog.debug", "root/usr/lib/debug/bin/prog");
	expect_file(&d, w, "root/usr/lib/debug/bin/prog");
	end_target(d.tgid);
}

static void names_that_no_debug_file_has_are_refused(void **state)
{
	static const char *const names[] = {
		"",    ".",    "..",   "/",      "/etc/passwd", "../prog.debug",
		"a/b", "a\nb", "\x7f", "\x1b[2J"};
	struct pb_debugfile d = {.path = "/bin/prog"};
	struct pb_wanted w;
	size_t i;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(names); i++)
		expect_error(&d, by_name(PB_WANTED_LINK, names[i]), -EINVAL);
	w = by_name(PB_WANTED_LINK, "a");
	memset(w.name, 'a', NAME_MAX + 1);
	expect_error(&d, w, -EINVAL);
	memset(w.name, 'a', sizeof(w.name));
	expect_error(&d, w, -EINVAL);
	w.kind = PB_WANTED_ALT;
	expect_error(&d, w, -EINVAL);
	expect_error(&d, by_name(PB_WANTED_ALT, ""), -EINVAL);
	expect_error(&d, by_name(PB_WANTED_ALT, "/a\tb"), -EINVAL);
	w = by_name(PB_WANTED_ALT, "/a");
	w.build_id_len = 0;
	expect_error(&d, w, -EINVAL);
	w.kind = PB_WANTED_BUILD_ID;
	expect_error(&d, w, -EINVAL);
	w.build_id_len = PB_WIRE_ID_MAX + 1;
	expect_error(&d, w, -EINVAL);
	w = by_id();
	w.kind = 77;
	expect_error(&d, w, -EINVAL);
}

static void no_link_leads_out_of_the_targets_root(void **state)
{
	struct pb_debugfile d = {.path = "/bin/prog", .tgid = new_target(), .owner = geteuid()};
	char command[PATH_MAX];

	(void)state;
	if (!d.tgid)
		skip();
	fixture_place("prog.debug", "outside" BY_ID);
	fixture_place("prog.debug", "outside/prog.debug");
	snprintf(
		command, sizeof(command),
		"mkdir -p root/usr/lib root/a; ln -s %s/outside/usr/lib/debug root/usr/lib/debug\n"
		"ln -s ../../../outside root/bin; ln -s ../../../outside/prog.debug root/a/prog.debug",
		fixture_dir);
	fixture_run(command);
	expect_error(&d, by_name(PB_WANTED_LINK, "prog.debug"), -ENOENT);
	d.path = "/a/prog";
	expect_error(&d, by_name(PB_WANTED_LINK, "prog.debug"), -ENOENT);
	d.path = "/../outside/prog";
	expect_error(&d, by_name(PB_WANTED_LINK, "prog.debug"), -ENOENT);
	d.path = "/bin/prog";
	expect_error(&d, by_name(PB_WANTED_ALT, "../outside/prog.debug"), -ENOENT);
	expect_error(&d, by_name(PB_WANTED_ALT, "/../../outside/prog.debug"), -ENOENT);
	/* The same name within is one. */
	fixture_place("prog.debug", "root/outside/prog.debug");
	expect_file(&d, by_name(PB_WANTED_ALT, "/../../outside/prog.debug"),
		    "root/outside/prog.debug");
	end_target(d.tgid);
}

static void only_regular_files_are_opened(void **state)
{
	struct pb_debugfile d = {.path = "/bin/prog", .tgid = new_target(), .owner = geteuid()};

	(void)state;
	if (!d.tgid)
		skip();
	fixture_run("mkdir -p root/usr/lib/debug/.build-id/01 root/bin/prog.debug root/bin/.debug\n"
		    "mkfifo root" BY_ID " root/bin/.debug/prog.debug");
	expect_error(&d, by_name(PB_WANTED_LINK, "prog.debug"), -ENOENT);
	/* In our own root: a device, and a file that is not one. */
	expect_error(&d, by_name(PB_WANTED_ALT, "/dev/zero"), -ENOENT);
	expect_error(&d, by_name(PB_WANTED_ALT, "/proc/kmsg"), -ENOENT);
	end_target(d.tgid);
	d.tgid = 0;
	expect_error(&d, by_name(PB_WANTED_ALT, "/dev/zero"), -ENOENT);
	expect_error(&d, by_name(PB_WANTED_ALT, "/proc/self/exe"), -ENOENT);
	expect_error(&d, by_name(PB_WANTED_ALT, "/proc/kmsg"), -ENOENT);
}

/* As Fedora has it: .build-id holds links, the alternate is named from where the file itself is. */
static void an_alternate_is_named_from_the_folder_of_the_debug_file_itself(void **state)
{
	struct pb_debugfile d = {.path = "/usr/bin/prog", .tgid = new_target(), .owner = geteuid()};
	struct pb_wanted alt = by_name(PB_WANTED_ALT, "../../../.dwz/prog");

	(void)state;
	if (!d.tgid)
		skip();
	alt.build_id[0] = 0xff;
	/* A relocatable file, as dwz makes them. */
	fixture_run("gcc -c prog.c -o prog.o\n"
		    "ld -r --build-id=0xff23456789abcdef0123456789abcdef01234567 prog.o -o alt");
	fixture_place("prog.debug", "root/usr/lib/debug/usr/lib/x/prog.debug");
	fixture_place("alt", "root/usr/lib/debug/.dwz/prog");
	fixture_run("d=root/usr/lib/debug; mkdir -p $d/.build-id/01\n"
		    "ln -s ../../usr/lib/x/prog.debug root" BY_ID);
	expect_error(&d, alt, -ENOENT);
	expect_file(&d, by_id(), "root/usr/lib/debug/usr/lib/x/prog.debug");
	expect_file(&d, alt, "root/usr/lib/debug/.dwz/prog");
	/* Another file is not taken for it, whatever its name. */
	fixture_place("prog.debug", "root/usr/lib/debug/.dwz/prog");
	expect_error(&d, alt, -ENOENT);
	fixture_place(
		"alt",
		"root/usr/lib/debug/.build-id/ff/23456789abcdef0123456789abcdef01234567.debug");
	expect_file(&d, alt,
		    "root/usr/lib/debug/.build-id/ff/23456789abcdef0123456789abcdef01234567.debug");
	end_target(d.tgid);
}

/* As Debian has it. */
static void an_alternates_absolute_path_is_one_of_the_same_root(void **state)
{
	struct pb_debugfile d = {.path = "/usr/bin/prog", .tgid = new_target(), .owner = geteuid()};
	struct pb_wanted alt = by_name(PB_WANTED_ALT, "/usr/lib/debug/.dwz/prog.debug");
	struct pb_wanted ours;
	char path[PATH_MAX];

	(void)state;
	if (!d.tgid)
		skip();
	fixture_place("prog.debug", "root" BY_ID);
	fixture_place("prog.debug", "root/usr/lib/debug/.dwz/prog.debug");
	expect_file(&d, by_id(), "root" BY_ID);
	fixture_run("rm root" BY_ID);
	expect_file(&d, alt, "root/usr/lib/debug/.dwz/prog.debug");
	/* It is there in our root, but that is not where the debug file was. */
	snprintf(path, sizeof(path), "%s/prog.debug", fixture_dir);
	ours = by_name(PB_WANTED_ALT, path);
	expect_error(&d, ours, -ENOENT);
	end_target(d.tgid);
}

static void the_files_of_a_process_that_is_gone_are_looked_for_in_our_root(void **state)
{
	char path[PATH_MAX];
	struct pb_debugfile d = {.path = path, .tgid = new_target(), .owner = geteuid()};

	(void)state;
	if (!d.tgid)
		skip();
	end_target(d.tgid);
	snprintf(path, sizeof(path), "%s/prog (deleted)", fixture_dir);
	expect_file(&d, by_name(PB_WANTED_LINK, "prog.debug"), "prog.debug");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_build_id_folder_of_the_targets_root_is_looked_into),
		cmocka_unit_test(a_file_of_another_build_id_is_passed_over),
		cmocka_unit_test(what_others_than_root_and_the_owner_may_write_is_passed_over),
		cmocka_unit_test(a_link_is_looked_for_in_its_three_folders),
		cmocka_unit_test(a_module_without_a_build_id_has_its_link_checked_by_crc),
		cmocka_unit_test(a_file_too_large_to_be_summed_up_is_not_read),
		cmocka_unit_test(a_file_that_is_mostly_holes_is_not_read),
		cmocka_unit_test(a_file_is_summed_up_once_until_it_changes),
		cmocka_unit_test(what_is_read_for_sums_has_a_budget),
		cmocka_unit_test(a_module_is_not_its_own_debug_file),
		cmocka_unit_test(names_that_no_debug_file_has_are_refused),
		cmocka_unit_test(no_link_leads_out_of_the_targets_root),
		cmocka_unit_test(only_regular_files_are_opened),
		cmocka_unit_test(an_alternate_is_named_from_the_folder_of_the_debug_file_itself),
		cmocka_unit_test(an_alternates_absolute_path_is_one_of_the_same_root),
		cmocka_unit_test(the_files_of_a_process_that_is_gone_are_looked_for_in_our_root),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
