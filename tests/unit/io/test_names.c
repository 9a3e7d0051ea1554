/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/names.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/io/mounts.h"

#define DEV(major, minor) ((uint32_t)(major) << 20 | (minor))

struct tree {
	char root[64];
	struct pb_io_names *names;
};

/* Makes the folders above, too. */
static void put(const struct tree *t, const char *path, const char *text)
{
	char full[512];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", t->root, path);
	for (char *c = full + strlen(t->root) + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		mkdir(full, 0755);
		*c = '/';
	}
	if (!text)
		return;
	f = fopen(full, "we");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static const char mountinfo[] =
	"27 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw\n"
	"23 27 0:22 / /sys rw shared:7 - sysfs sysfs rw\n"
	"41 23 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
	"50 27 254:2 / /srv/data rw master:1 propagate_from:2 - xfs /dev/vda2 rw\n"
	"51 27 254:2 /deep/down /d rw - xfs /dev/vda2 rw\n"
	"52 27 254:2 /only/this /etc/one\\040file rw - xfs /dev/vda2 rw\n"
	"60 27 8:0 / /a/b rw - ext4 /dev/gone rw\n"
	"61 27 0:50 / /a rw - tmpfs tmpfs rw\n"
	"70 27 0:51 / /stack rw - tmpfs tmpfs rw\n"
	"71 70 0:52 / /stack rw - tmpfs tmpfs rw\n"
	"80 27 259:3 / /mnt/we\\134ird\\012\\011\\033 rw - ext4 x rw\n";

static int setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	strncpy(t->root, "/tmp/pb-names.XXXXXX", sizeof(t->root) - 1);
	assert_non_null(mkdtemp(t->root));
	put(t, "/sys/block/vda/dev", "254:0\n");
	put(t, "/sys/block/vda/vda1/partition", "1\n");
	put(t, "/sys/block/vda/vda1/dev", "254:1\n");
	put(t, "/sys/block/vda/vda2/partition", "2\n");
	put(t, "/sys/block/vda/vda2/dev", "254:2\n");
	put(t, "/sys/block/vda/queue/dev", "1:1\n");
	put(t, "/sys/block/cciss!c0d0/dev", "104:16\n");
	put(t, "/sys/block/cciss!c0d0/cciss!c0d0p1/partition", "1\n");
	put(t, "/sys/block/cciss!c0d0/cciss!c0d0p1/dev", "104:17\n");
	put(t, "/sys/block/loop10/dev", "7:10");
	put(t, "/sys/block/loop2/dev", "7:2\n");
	put(t, "/sys/block/odd1/dev", "254\n");
	put(t, "/sys/block/odd2/dev", "4096:0\n");
	put(t, "/sys/block/odd3/dev", "99999999999999999999:0\n");
	put(t, "/sys/block/odd4/dev", "");
	put(t, "/sys/block/odd5/dev", "8:5 x\n");
	put(t, "/sys/block/odd6/", NULL);
	put(t, "/proc/self/mountinfo", mountinfo);
	put(t, "/sys/fs/cgroup/unified/system.slice/redis\033.service/", NULL);
	put(t, "/sys/fs/cgroup/unified/user.slice/a/b/c/", NULL);
	assert_int_equal(pb_io_names_new(&t->names, t->root), 0);
	*state = t;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int teardown(void **state)
{
	struct tree *t = *state;

	pb_io_names_free(t->names);
	nftw(t->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(t);
	return 0;
}

/* A record of @names, separated by '/', the file first. */
static int offer(struct tree *t, uint64_t ino, uint32_t fs, const char *names, bool is_cut)
{
	struct pb_io_path p = {.ino = ino, .fs = fs, .is_cut = is_cut};

	p.length = (uint16_t)(strlen(names) ? strlen(names) + 1 : 0);
	memcpy(p.names, names, p.length);
	for (uint32_t i = 0; i < p.length; i++)
		p.names[i] = p.names[i] == '/' ? '\0' : p.names[i];
	return pb_io_names_path(t->names, &p, PB_IO_PATH_HEADER + p.length);
}

static void expect_file(struct tree *t, uint64_t ino, uint32_t fs, const char *name)
{
	struct pb_io_leaf leaf = {.ino = ino, .fs = fs};

	assert_string_equal(pb_io_names_file(t->names, &leaf), name);
}

static void expect_path(struct tree *t, uint32_t fs, const char *names, const char *path)
{
	static uint64_t ino = 1000;

	ino++;
	assert_int_equal(offer(t, ino, fs, names, false), 0);
	expect_file(t, ino, fs, path);
}

static void disks_and_partitions_have_names_and_numbers(void **state)
{
	struct tree *t = *state;
	pb_autofree char *all = pb_io_names_disks(t->names);
	uint32_t disk = 7, part = 7;

	assert_string_equal(all, "cciss/c0d0 loop2 loop10 vda");
	assert_int_equal(pb_io_names_disk_of(t->names, "vda", &disk, &part), 0);
	assert_int_equal(disk, DEV(254, 0));
	assert_int_equal(part, 0);
	assert_int_equal(pb_io_names_disk_of(t->names, "/dev/vda2", &disk, &part), 0);
	assert_int_equal(disk, DEV(254, 0));
	assert_int_equal(part, DEV(254, 2));
	assert_int_equal(pb_io_names_disk_of(t->names, "/dev/cciss/c0d0p1", &disk, &part), 0);
	assert_int_equal(part, DEV(104, 17));
	assert_int_equal(pb_io_names_disk_of(t->names, "vdb", &disk, &part), -ENODEV);
	assert_int_equal(pb_io_names_disk_of(t->names, "", &disk, &part), -ENODEV);
	assert_int_equal(pb_io_names_disk_of(t->names, "/dev/null", &disk, &part), -ENODEV);
	assert_int_equal(pb_io_names_disk_of(t->names, "odd2", &disk, &part), -ENODEV);
	assert_string_equal(pb_io_names_disk(t->names, DEV(254, 0)), "vda");
	assert_string_equal(pb_io_names_disk(t->names, DEV(104, 17)), "cciss/c0d0p1");
	assert_string_equal(pb_io_names_disk(t->names, DEV(8, 0)), "8:0");
}

static void a_disk_that_comes_later_is_found_and_one_that_goes_keeps_its_name(void **state)
{
	struct tree *t = *state;

	put(t, "/sys/block/zram0/dev", "252:0\n");
	put(t, "/sys/block/loop2/dev", "");
	assert_string_equal(pb_io_names_disk(t->names, DEV(252, 0)), "zram0");
	assert_string_equal(pb_io_names_disk(t->names, DEV(7, 2)), "loop2");
	/* not looked for again at once */
	put(t, "/sys/block/zram1/dev", "252:1\n");
	assert_string_equal(pb_io_names_disk(t->names, DEV(252, 1)), "252:1");
}

static void a_path_begins_where_its_file_system_is_mounted(void **state)
{
	struct tree *t = *state;

	expect_path(t, DEV(254, 1), "syslog/log/var//", "/var/log/syslog");
	expect_path(t, DEV(254, 1), "syslog/log/var", "/var/log/syslog");
	expect_path(t, DEV(254, 1), "/", "/");
	expect_path(t, DEV(254, 2), "x", "/srv/data/x");
	expect_path(t, DEV(254, 2), "", "/srv/data");
	expect_path(t, DEV(0, 38), "memory.max", "/sys/fs/cgroup/unified/memory.max");
}

static void of_several_mounts_the_shortest_path_counts(void **state)
{
	struct tree *t = *state;

	expect_path(t, DEV(254, 2), "x/down/deep", "/d/x");
	expect_path(t, DEV(254, 2), "x/downer/deep", "/srv/data/deep/downer/x");
	expect_path(t, DEV(254, 2), "down/deep", "/d");
	expect_path(t, DEV(254, 2), "this/only", "/etc/one file");
	expect_path(t, DEV(254, 2), "that/only", "/srv/data/only/that");
}

static void what_another_mount_hides_is_not_shown_there(void **state)
{
	struct tree *t = *state;

	/* below /srv/data of the root's file system: under the mount */
	expect_path(t, DEV(254, 1), "x/data/srv", "vda1:/srv/data/x");
	expect_path(t, DEV(254, 1), "x/database/srv", "/srv/database/x");
	/* /a/b is mounted, and then /a over it */
	expect_path(t, DEV(8, 0), "x", "8:0:/x");
	expect_path(t, DEV(0, 50), "x", "/a/x");
	/* two on one point: the second one is seen */
	expect_path(t, DEV(0, 51), "x", "0:51:/x");
	expect_path(t, DEV(0, 52), "x", "/stack/x");
}

static void without_a_path_there_is_the_inode(void **state)
{
	struct tree *t = *state;
	struct pb_io_leaf none = {0}, disk = {.fs = DEV(254, 1), .is_disk = 1};

	expect_file(t, 12, DEV(254, 1), "inode 12 on vda1");
	/* as btrfs: the number of the file system is in no line */
	assert_int_equal(offer(t, 13, DEV(0, 45), "a/b", false), 0);
	expect_file(t, 13, DEV(0, 45), "inode 13 on 0:45");
	/* mounted in a container only, but on a disk that is known */
	assert_int_equal(offer(t, 14, DEV(104, 17), "a/b", false), 0);
	expect_file(t, 14, DEV(104, 17), "cciss/c0d0p1:/b/a");
	assert_string_equal(pb_io_names_file(t->names, &none), "");
	assert_string_equal(pb_io_names_file(t->names, &disk), "/dev/vda1");
	disk.fs = DEV(9, 9);
	assert_string_equal(pb_io_names_file(t->names, &disk), "/dev/block/9:9");
}

static void a_mount_that_comes_later_is_found(void **state)
{
	struct tree *t = *state;

	put(t, "/proc/self/mountinfo", "27 1 8:1 / / rw - ext4 x rw\n99 27 8:2 / /new rw - x x rw");
	assert_int_equal(offer(t, 5, DEV(8, 2), "f", false), 0);
	expect_file(t, 5, DEV(8, 2), "/new/f");
}

static void a_path_that_was_cut_says_so(void **state)
{
	struct tree *t = *state;

	assert_int_equal(offer(t, 5, DEV(254, 1), "f/e/d", true), 0);
	expect_file(t, 5, DEV(254, 1), ".../d/e/f");
}

static void the_first_path_of_a_file_stays(void **state)
{
	struct tree *t = *state;

	assert_int_equal(offer(t, 5, DEV(254, 1), "before", false), 0);
	assert_int_equal(offer(t, 5, DEV(254, 1), "after", false), 0);
	assert_int_equal(offer(t, 5, DEV(254, 2), "other", false), 0);
	expect_file(t, 5, DEV(254, 1), "/before");
	expect_file(t, 5, DEV(254, 2), "/srv/data/other");
}

static void names_are_made_safe(void **state)
{
	struct tree *t = *state;
	struct pb_io_path p = {.ino = 77, .fs = DEV(254, 1)};

	expect_path(t, DEV(254, 1), "evil\033[31m\n\xff", "/evil\\x1b[31m\\x0a\\xff");
	expect_path(t, DEV(259, 3), "x", "/mnt/we\\ird\\x0a\\x09\\x1b/x");
	/* a memory file may be called so */
	memcpy(p.names, "memfd:/../etc/passwd", 21);
	p.length = 21;
	assert_int_equal(pb_io_names_path(t->names, &p, PB_IO_PATH_HEADER + 21), 0);
	expect_file(t, 77, DEV(254, 1), "/memfd:!..!etc!passwd");
	p.ino = 78;
	p.length = PB_IO_PATH_BYTES;
	memset(p.names, '\001', sizeof(p.names));
	p.names[PB_IO_PATH_BYTES - 1] = '\0';
	assert_int_equal(pb_io_names_path(t->names, &p, sizeof(p)), 0);
	p.ino = 79;
	for (int i = 0; i < PB_IO_PATH_BYTES; i++)
		p.names[i] = i & 1 ? '\0' : 'a';
	assert_int_equal(pb_io_names_path(t->names, &p, sizeof(p)), 0);
}

static void a_record_that_does_not_add_up_is_refused(void **state)
{
	struct tree *t = *state;
	struct pb_io_path p = {.ino = 1, .fs = DEV(254, 1), .length = 4, .names = "abcd"};

	assert_int_equal(pb_io_names_path(t->names, &p, PB_IO_PATH_HEADER + 4), -EPROTO);
	p.length = 5;
	assert_int_equal(pb_io_names_path(t->names, &p, PB_IO_PATH_HEADER + 4), -EPROTO);
	assert_int_equal(pb_io_names_path(t->names, &p, PB_IO_PATH_HEADER - 1), -EPROTO);
	p.length = PB_IO_PATH_BYTES + 1;
	assert_int_equal(pb_io_names_path(t->names, &p, 100000), -EPROTO);
	p.length = 5;
	assert_int_equal(pb_io_names_path(t->names, &p, sizeof(p)), 0);
	expect_file(t, 1, DEV(254, 1), "/abcd");
}

static uint64_t id_of(const struct tree *t, const char *path)
{
	char full[1024];
	struct stat st;

	snprintf(full, sizeof(full), "%s/sys/fs/cgroup/unified%s", t->root, path);
	assert_int_equal(stat(full, &st), 0);
	return st.st_ino;
}

static void cgroups_are_folders_of_the_unified_hierarchy(void **state)
{
	struct tree *t = *state;
	uint64_t deep = id_of(t, "/user.slice/a/b/c"),
		 redis = id_of(t, "/system.slice/redis\033.service");
	char path[256];

	assert_string_equal(pb_io_names_cgroup(t->names, deep), "/user.slice/a/b/c");
	snprintf(path, sizeof(path), "%s/sys/fs/cgroup/unified/user.slice/a/b/c", t->root);
	assert_int_equal(rmdir(path), 0);
	assert_string_equal(pb_io_names_cgroup(t->names, redis),
			    "/system.slice/redis\\x1b.service");
	assert_string_equal(pb_io_names_cgroup(t->names, id_of(t, "")), "/");
	/* gone, but it was seen */
	assert_string_equal(pb_io_names_cgroup(t->names, deep), "/user.slice/a/b/c");
	assert_string_equal(pb_io_names_cgroup(t->names, 1), "cgroup 1");
}

static void a_deep_hierarchy_ends_at_a_bound(void **state)
{
	struct tree *t = *state;
	char path[512] = "/sys/fs/cgroup/unified";

	for (int i = 0; i < 40; i++)
		strncat(path, "/x", sizeof(path) - strlen(path) - 1);
	strncat(path, "/", sizeof(path) - strlen(path) - 1);
	put(t, path, NULL);
	assert_string_equal(pb_io_names_cgroup(t->names, id_of(t, "/x/x/x")), "/x/x/x");
	assert_memory_equal(
		pb_io_names_cgroup(t->names, id_of(t, path + strlen("/sys/fs/cgroup/unified"))),
		"cgroup ", 7);
}

static void a_tree_without_anything_gives_numbers(void **state)
{
	struct pb_io_leaf leaf = {.ino = 3, .fs = DEV(8, 1)};
	struct pb_io_names *n = NULL;
	char *all;

	(void)state;
	assert_int_equal(pb_io_names_new(&n, "/nonexistent"), 0);
	assert_string_equal(pb_io_names_disk(n, DEV(8, 1)), "8:1");
	assert_string_equal(pb_io_names_file(n, &leaf), "inode 3 on 8:1");
	assert_string_equal(pb_io_names_cgroup(n, 3), "cgroup 3");
	all = pb_io_names_disks(n);
	assert_string_equal(all, "");
	free(all);
	pb_io_names_free(n);
	pb_io_names_free(NULL);
}

/* Circles, mounts upon themselves, and lines that are none. */
static void a_forged_mountinfo_does_no_harm(void **state)
{
	static const char text[] = "1 2 8:1 / /a rw - x x x\n"
				   "2 1 8:2 / /b rw - x x x\n"
				   "3 3 8:3 / / rw - x x x\n"
				   "4 3 8:4 / /four rw - x x x\n"
				   "5 3 8:5 relative /five rw - x x x\n"
				   "6 3 8:6 / six rw - x x x\n"
				   "7 3 8:7 / /seven rw x x x\n"
				   "8 3 8:8\n"
				   "9 3 8:9 /\n"
				   "10 3 8:10 /\\04 /\\999\\1 rw - x x x\n"
				   "11 3 99999:1 / /x rw - x x x\n"
				   "18446744073709551616 3 8:12 / /x rw - x x x\n"
				   "\n\n 1\n"
				   "13 3 8:13 / /last rw - x x x";
	struct pb_io_mounts m = {0};
	char *path = NULL;

	(void)state;
	assert_int_equal(pb_io_mounts_parse(&m, text, sizeof(text) - 1), 0);
	assert_int_equal(pb_io_mounts_path(&m, DEV(8, 1), "/x", &path), -ENOENT);
	assert_int_equal(pb_io_mounts_path(&m, DEV(8, 4), "/x", &path), 0);
	assert_string_equal(path, "/four/x");
	free(path);
	assert_int_equal(pb_io_mounts_path(&m, DEV(8, 13), "/", &path), 0);
	assert_string_equal(path, "/last");
	free(path);
	for (uint32_t i = 5; i < 10; i++)
		assert_false(pb_io_mounts_has(&m, DEV(8, i)));
	assert_true(pb_io_mounts_has(&m, DEV(8, 10)));
	assert_null(pb_io_mounts_cgroup2(&m));
	assert_int_equal(pb_io_mounts_parse(&m, "", 0), 0);
	assert_int_equal(m.n, 0);
	pb_io_mounts_drop(&m);
}

static void operations_and_flags_have_words(void **state)
{
	char buf[48];

	(void)state;
	assert_string_equal(pb_io_op_name(PB_IO_READ), "read");
	assert_string_equal(pb_io_op_name(PB_IO_ZEROES), "write_zeroes");
	assert_string_equal(pb_io_op_name(PB_IO_CALL_PREAD), "pread");
	assert_string_equal(pb_io_op_name(PB_IO_CALL_URING_FSYNC), "io_uring fsync");
	assert_string_equal(pb_io_op_name(20), "other");
	assert_string_equal(pb_io_op_name(UINT32_MAX), "other");
	assert_string_equal(pb_io_flag_names(buf, sizeof(buf), 0), "");
	assert_string_equal(pb_io_flag_names(buf, sizeof(buf), PB_IO_SYNC | PB_IO_META),
			    " sync meta");
	assert_string_equal(pb_io_flag_names(buf, sizeof(buf), 0xff),
			    " sync meta readahead fua background");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(disks_and_partitions_have_names_and_numbers),
		TEST(a_disk_that_comes_later_is_found_and_one_that_goes_keeps_its_name),
		TEST(a_path_begins_where_its_file_system_is_mounted),
		TEST(of_several_mounts_the_shortest_path_counts),
		TEST(what_another_mount_hides_is_not_shown_there),
		TEST(without_a_path_there_is_the_inode),
		TEST(a_mount_that_comes_later_is_found),
		TEST(a_path_that_was_cut_says_so),
		TEST(the_first_path_of_a_file_stays),
		TEST(names_are_made_safe),
		TEST(a_record_that_does_not_add_up_is_refused),
		TEST(cgroups_are_folders_of_the_unified_hierarchy),
		TEST(a_deep_hierarchy_ends_at_a_bound),
		cmocka_unit_test(a_tree_without_anything_gives_numbers),
		cmocka_unit_test(a_forged_mountinfo_does_no_harm),
		cmocka_unit_test(operations_and_flags_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
