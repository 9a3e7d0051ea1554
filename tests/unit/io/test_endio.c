/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf/abi/iolatency.h"
#include "user/io/endio.h"

static struct pb_iolatency_cfg found_in(const char *text)
{
	struct pb_iolatency_cfg cfg = {0};
	char path[] = "/tmp/endio-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	pb_io_find_end_io(&cfg, path);
	unlink(path);
	return cfg;
}

static void functions_are_found_by_their_whole_names(void **state)
{
	struct pb_iolatency_cfg cfg = found_in("ffffffff81765d30 T iomap_dio_bio_end_io\n"
					       "ffffffff81765d40 T iomap_dio_bio_end_io.cold\n"
					       "ffffffff81aeb080 t blkdev_bio_end_io_async\t[mod]\n"
					       "ffffffff81aeb120 t blkdev_bio_end_io\n"
					       "ffffffff81aeb130 t xblkdev_bio_end_io\n"
					       "ffffffff81aeb140 t submit_bio_wait_endio");

	(void)state;
	assert_true(cfg.iomap_end_io == 0xffffffff81765d30);
	assert_true(cfg.device_end_io[0] == 0xffffffff81aeb120);
	assert_true(cfg.device_end_io[1] == 0xffffffff81aeb080);
	assert_true(cfg.device_end_io[2] == 0xffffffff81aeb140);
}

static void what_is_not_there_stays_0(void **state)
{
	struct pb_iolatency_cfg cfg =
		found_in("\n \nbio_\nffff\nffff T\nffff Tiomap_dio_bio_end_io\n"
			 " T iomap_dio_bio_end_io\n"
			 "0000000000000000 T iomap_dio_bio_end_io\n");

	(void)state;
	assert_true(cfg.iomap_end_io == 0);
	pb_io_find_end_io(&cfg, "/nonexistent");
	assert_true(cfg.iomap_end_io == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_found_by_their_whole_names),
		cmocka_unit_test(what_is_not_there_stays_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
