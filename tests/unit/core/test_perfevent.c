/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/perfevent.c"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include <cmocka.h>

static struct pb_cpus online;

static int setup(void **state)
{
	(void)state;
	pb_log_init("test", PB_LOG_ERROR);
	return pb_cpus_online(&online);
}

static int teardown(void **state)
{
	(void)state;
	free(online.ids);
	return 0;
}

static int add(struct pb_cpus *cpus, const char *text)
{
	char range[64];

	snprintf(range, sizeof(range), "%s", text);
	return add_cpu_range(cpus, range);
}

static void ranges_of_cpus_add_up(void **state)
{
	static const int expected[] = {0, 1, 2, 3, 7, 9, 10};
	struct pb_cpus cpus = {NULL, 0};

	(void)state;
	assert_int_equal(add(&cpus, "0-3"), 0);
	assert_int_equal(add(&cpus, "7"), 0);
	assert_int_equal(add(&cpus, "9-10"), 0);
	assert_int_equal(cpus.n, PB_ARRAY_SIZE(expected));
	assert_memory_equal(cpus.ids, expected, sizeof(expected));
	free(cpus.ids);
}

static void nonsense_is_no_range_of_cpus(void **state)
{
	static const char *const texts[] = {
		"",   "-",     "-1",   "3-",           "3-1",           "a", "0-x", "0x1", " 1",
		"1 ", "0-1-2", "8193", "0-4294967295", "99999999999999"};
	struct pb_cpus cpus = {NULL, 0};
	size_t i;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(texts); i++) {
		if (add(&cpus, texts[i]) != -EPROTO)
			fail_msg("taken for CPUs: \"%s\"", texts[i]);
	}
	assert_int_equal(cpus.n, 0);
	free(cpus.ids);
}

static void online_cpus_are_as_many_as_the_system_says(void **state)
{
	uint32_t i;

	(void)state;
	assert_int_equal(online.n, sysconf(_SC_NPROCESSORS_ONLN));
	for (i = 1; i < online.n; i++)
		assert_true(online.ids[i] > online.ids[i - 1]);
}

static void first_kind_works_everywhere_and_the_table_ends(void **state)
{
	const struct pb_perf_kind *kind = pb_perf_kinds;

	(void)state;
	assert_string_equal(kind->name, "cpu-clock");
	assert_int_equal(kind->type, PERF_TYPE_SOFTWARE);
	assert_string_equal(kind->value_unit, "nanoseconds");
	for (; kind->name; kind++) {
		assert_non_null(kind->value_type);
		assert_non_null(kind->value_unit);
	}
	assert_true(kind - pb_perf_kinds > 1);
}

static void sysctl_that_is_missing_is_told_from_one_that_is_zero(void **state)
{
	(void)state;
	assert_int_equal(read_sysctl("/proc/sys/kernel/no_such_thing"), -1);
	assert_int_equal(read_sysctl("/proc/version"), -1);
	assert_true(read_sysctl("/proc/sys/kernel/pid_max") > 0);
}

static void errors_keep_their_meaning_for_the_exit_status(void **state)
{
	(void)state;
	assert_int_equal(explain(EACCES, pb_perf_kinds, 99), -EACCES);
	assert_int_equal(explain(EPERM, pb_perf_kinds, 99), -EACCES);
	assert_int_equal(explain(ENOENT, pb_perf_kinds, 99), -EOPNOTSUPP);
	assert_int_equal(explain(EOPNOTSUPP, pb_perf_kinds, 99), -EOPNOTSUPP);
	assert_int_equal(explain(EINVAL, pb_perf_kinds, 99), -EINVAL);
	assert_int_equal(explain(EMFILE, pb_perf_kinds, 99), -EMFILE);
}

/* Skips where this machine does not let us. */
static int open_or_skip(int fd)
{
	if (fd == -EACCES) {
		print_message("perf events are not permitted here\n");
		skip();
	}
	assert_true(fd >= 0);
	return fd;
}

static void sampler_is_not_enabled_yet(void **state)
{
	uint64_t count = 1;
	int fd, i;

	(void)state;
	fd = open_or_skip(pb_perf_open_sampler(pb_perf_kinds, online.ids[0], 99));
	for (i = 0; i < 1000; i++)
		getppid();
	assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 0);
	assert_int_equal(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0), 0);
	close(fd);
}

static void rate_above_the_limit_of_the_kernel_is_refused(void **state)
{
	int fd;

	(void)state;
	fd = open_or_skip(pb_perf_open_sampler(pb_perf_kinds, online.ids[0], 99));
	close(fd);
	assert_int_equal(pb_perf_open_sampler(pb_perf_kinds, online.ids[0], 1ull << 40), -EDOM);
}

static void descriptors_do_not_pass_exec(void **state)
{
	int fd;

	(void)state;
	fd = open_or_skip(pb_perf_open_sideband(online.ids[0]));
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ranges_of_cpus_add_up, setup, teardown),
		cmocka_unit_test_setup_teardown(nonsense_is_no_range_of_cpus, setup, teardown),
		cmocka_unit_test_setup_teardown(online_cpus_are_as_many_as_the_system_says, setup,
						teardown),
		cmocka_unit_test_setup_teardown(first_kind_works_everywhere_and_the_table_ends,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			sysctl_that_is_missing_is_told_from_one_that_is_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(errors_keep_their_meaning_for_the_exit_status,
						setup, teardown),
		cmocka_unit_test_setup_teardown(sampler_is_not_enabled_yet, setup, teardown),
		cmocka_unit_test_setup_teardown(rate_above_the_limit_of_the_kernel_is_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(descriptors_do_not_pass_exec, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
