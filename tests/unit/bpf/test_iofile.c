/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/hostbpf/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define END_IOMAP  0x1000ull
#define END_DEVICE 0x2000ull

static struct disk d;
static struct pb_io_leaf leaf;

static int setup(void **state)
{
	(void)state;
	disk_open(&d);
	d.cfg.iomap_end_io = END_IOMAP;
	d.cfg.device_end_io[0] = END_DEVICE;
	d.cfg.device_end_io[1] = END_DEVICE + 1;
	d.cfg.device_end_io[2] = END_DEVICE + 2;
	leaf = (struct pb_io_leaf){};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_free();
	return 0;
}

static void look(void)
{
	leaf = (struct pb_io_leaf){};
	pb_io_bio_file(&d.cfg, &leaf, &d.bio);
}

static void expect(__u64 ino, __u32 fs, __u8 is_disk)
{
	look();
	assert_int_equal(leaf.ino, ino);
	assert_int_equal(leaf.fs, fs);
	assert_int_equal(leaf.is_disk, is_disk);
}

static void page_of_the_cache_is_of_its_file(void **state)
{
	(void)state;
	expect(DISK_INO, DISK_PART, 0);
}

static void page_behind_the_first_of_a_folio_is_of_its_file(void **state)
{
	struct page tail = {.compound_head = (unsigned long)&d.page | 1};

	(void)state;
	d.vec.bv_page = &tail;
	expect(DISK_INO, DISK_PART, 0);
}

static void bio_that_is_begun_is_looked_at_where_it_is(void **state)
{
	struct page anonymous = {.mapping = (void *)1};
	struct bio_vec vecs[2] = {{.bv_page = &anonymous}, {.bv_page = &d.page}};

	(void)state;
	d.bio.bi_io_vec = vecs;
	expect(0, 0, 0);
	d.bio.bi_iter.bi_idx = 1;
	expect(DISK_INO, DISK_PART, 0);
}

static void memory_of_no_file_tells_nothing(void **state)
{
	__u64 bits;

	(void)state;
	for (bits = 1; bits < 4; bits++) {
		d.page.mapping = (void *)((char *)&d.mapping + bits);
		expect(0, 0, 0);
	}
	d.page.mapping = NULL;
	expect(0, 0, 0);
	d.vec.bv_page = NULL;
	expect(0, 0, 0);
	d.bio.bi_io_vec = NULL;
	expect(0, 0, 0);
	d.bio.bi_io_vec = &d.vec;
	d.vec.bv_page = &d.page;
	d.page.mapping = &d.mapping;
	d.bio.bi_iter.bi_size = 0; /* discard, flush */
	expect(0, 0, 0);
	d.bio.bi_iter.bi_size = 512;
	d.mapping.host = NULL;
	expect(0, 0, 0);
}

static void file_in_memory_is_a_buffer(void **state)
{
	(void)state;
	d.sb.s_bdev = NULL; /* tmpfs */
	expect(0, 0, 0);
}

static void block_device_inode_is_the_device(void **state)
{
	(void)state;
	d.inode.i_mode = PB_S_IFBLK | 0600;
	d.inode.i_rdev = DISK_PART;
	d.sb.s_bdev = NULL; /* of bdevfs */
	expect(0, DISK_PART, 1);
	assert_int_equal(host_ring_count(&paths), 0);
}

static void direct_io_of_a_file_is_found_by_what_ends_it(void **state)
{
	struct inode inode = d.inode;
	struct dentry name = d.name;
	struct file file = {.f_inode = &inode, .f_path.dentry = &name};
	struct kiocb kiocb = {.ki_filp = &file};
	struct iomap_dio dio = {.iocb = &kiocb};
	const struct pb_io_path *path;
	size_t size;

	(void)state;
	inode.i_ino = 12;
	name.d_name.name = (const void *)"opened as";
	d.bio.bi_end_io = (void *)END_IOMAP;
	d.bio.bi_private = &dio;
	/* Even where the buffer is a mapping of some other file. */
	expect(12, DISK_PART, 0);
	path = host_ring_record(&paths, 0, &size);
	assert_string_equal(path->names, "opened as");
	d.page.mapping = (void *)1;
	expect(12, DISK_PART, 0);
	/* Where it is not known, it is memory. */
	d.cfg.iomap_end_io = 0;
	expect(0, 0, 0);
}

static void direct_io_of_a_device_is_the_devices(void **state)
{
	__u32 i;

	(void)state;
	for (i = 0; i < 2; i++) {
		d.bio.bi_end_io = (void *)(END_DEVICE + i);
		expect(0, DISK_PART, 1);
	}
	/* One that file systems read pages by, too. */
	d.bio.bi_end_io = (void *)(END_DEVICE + 2);
	expect(DISK_INO, DISK_PART, 0);
	d.page.mapping = (void *)1;
	expect(0, DISK_PART, 1);
	/* Addresses that are not known are nobody's. */
	memset(d.cfg.device_end_io, 0, sizeof(d.cfg.device_end_io));
	d.cfg.iomap_end_io = 0;
	d.bio.bi_end_io = NULL;
	expect(0, 0, 0);
}

static void directories_have_names_other_things_have_none(void **state)
{
	(void)state;
	d.inode.i_mode = 0040755;
	expect(DISK_INO, DISK_PART, 0);
	assert_int_equal(host_ring_count(&paths), 1);
	assert_false(pb_io_inode(&leaf, &d.inode)); /* a call on it is not timed */
	d.inode.i_mode = 0;                         /* btrfs' own */
	expect(0, 0, 0);
}

/* Names one behind the other, as they are sent. */
static void expect_names(size_t i, const char *names, size_t n, __u8 is_cut)
{
	size_t size;
	const struct pb_io_path *path = host_ring_record(&paths, i, &size);

	assert_int_equal(path->ino, DISK_INO);
	assert_int_equal(path->fs, DISK_PART);
	assert_int_equal(path->length, n);
	assert_int_equal(size, PB_IO_PATH_HEADER + n);
	assert_memory_equal(path->names, names, n);
	assert_int_equal(path->is_cut, is_cut);
	assert_int_equal(path->pad, 0);
}

static void names_go_up_to_the_root_and_are_sent_once(void **state)
{
	struct dentry dir = {.d_parent = &d.root, .d_name.name = (const void *)"dir"};

	(void)state;
	d.name.d_parent = &dir;
	look();
	look();
	assert_int_equal(host_ring_count(&paths), 1);
	expect_names(0, "file\0dir", 9, 0);
}

static void root_of_a_file_system_has_no_name(void **state)
{
	(void)state;
	d.inode.i_dentry.first = &d.root.d_u.d_alias;
	look();
	assert_int_equal(host_ring_count(&paths), 1);
	expect_names(0, "", 0, 0);
}

static void inode_without_a_name_is_asked_again(void **state)
{
	(void)state;
	d.inode.i_dentry.first = NULL;
	look();
	assert_int_equal(host_ring_count(&paths), 0);
	d.inode.i_dentry.first = &d.name.d_u.d_alias;
	look();
	assert_int_equal(host_ring_count(&paths), 1);
}

/* Is a path of @n names cut, all of which should be sent? */
static __u8 is_cut(__u32 n)
{
	static struct dentry dirs[PB_IO_PATH_LEVELS + 1];
	const struct pb_io_path *path;
	size_t i, size;

	host_free();
	setup(NULL);
	for (i = 0; i < n; i++)
		dirs[i] = (struct dentry){.d_parent = i + 1 < n ? &dirs[i + 1] : &d.root,
					  .d_name.name = (const void *)"d"};
	d.inode.i_dentry.first = &dirs[0].d_u.d_alias;
	look();
	path = host_ring_record(&paths, 0, &size);
	assert_int_equal(path->length, 2 * (n < PB_IO_PATH_LEVELS ? n : PB_IO_PATH_LEVELS));
	return path->is_cut;
}

static void too_many_levels_are_cut(void **state)
{
	(void)state;
	assert_int_equal(is_cut(PB_IO_PATH_LEVELS - 1), 0);
	assert_int_equal(is_cut(PB_IO_PATH_LEVELS), 0);
	assert_int_equal(is_cut(PB_IO_PATH_LEVELS + 1), 1);
}

static void too_many_bytes_are_cut(void **state)
{
	static struct dentry dirs[20];
	static char name[256];
	const struct pb_io_path *path;
	size_t i, size;

	(void)state;
	memset(name, 'x', 255);
	for (i = 0; i < 20; i++)
		dirs[i] = (struct dentry){.d_parent = i < 19 ? &dirs[i + 1] : &d.root,
					  .d_name.name = (const void *)name};
	d.inode.i_dentry.first = &dirs[0].d_u.d_alias;
	look();
	path = host_ring_record(&paths, 0, &size);
	assert_int_equal(path->is_cut, 1);
	assert_int_equal(path->length, PB_IO_PATH_BYTES);
	assert_int_equal(size, sizeof(*path));
}

static void name_that_cannot_be_read_cuts_the_path(void **state)
{
	struct dentry dir = {.d_parent = &d.root, .d_name.name = (const void *)"dir"};

	(void)state;
	d.name.d_parent = &dir;
	host.unreadable = dir.d_name.name;
	look();
	expect_names(0, "file", 5, 1);
}

static void path_without_room_is_offered_again(void **state)
{
	static const char other[1000];

	(void)state;
	while (!bpf_ringbuf_output(&paths, other, sizeof(other), 0))
		;
	look();
	assert_int_equal(disk_tally()->paths_lost, 1);
	host_ring_consume(&paths);
	look();
	assert_int_equal(disk_tally()->paths_lost, 1);
	expect_names(0, "file", 5, 0);
}

static void interrupt_does_not_write_over_a_path(void **state)
{
	__u32 zero = 0;
	struct pb_io_path_scratch *s = host_map_value(&path_scratch, &zero, 0);

	(void)state;
	s->busy = 1;
	look();
	assert_int_equal(leaf.ino, DISK_INO);
	assert_int_equal(host_ring_count(&paths), 0);
	s->busy = 0;
	look();
	assert_int_equal(host_ring_count(&paths), 1);
	assert_int_equal(s->busy, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(page_of_the_cache_is_of_its_file),
		TEST(page_behind_the_first_of_a_folio_is_of_its_file),
		TEST(bio_that_is_begun_is_looked_at_where_it_is),
		TEST(memory_of_no_file_tells_nothing),
		TEST(file_in_memory_is_a_buffer),
		TEST(block_device_inode_is_the_device),
		TEST(direct_io_of_a_file_is_found_by_what_ends_it),
		TEST(direct_io_of_a_device_is_the_devices),
		TEST(directories_have_names_other_things_have_none),
		TEST(names_go_up_to_the_root_and_are_sent_once),
		TEST(root_of_a_file_system_has_no_name),
		TEST(inode_without_a_name_is_asked_again),
		TEST(too_many_levels_are_cut),
		TEST(too_many_bytes_are_cut),
		TEST(name_that_cannot_be_read_cuts_the_path),
		TEST(path_without_room_is_offered_again),
		TEST(interrupt_does_not_write_over_a_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
