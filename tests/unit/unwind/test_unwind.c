/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The unwinder over real maps. What it stands on is made up here: which processes there are and what they have
 * mapped, the files, and their tables. The test also plays the kernel half, which writes and deletes
 * elements of processes by itself.
 */
#include "user/unwind/unwind.h"

#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/unwind/tables.h"
#include "user/core/elf.h"
#include "user/core/files.h"
#include "user/core/report.h"
#include "user/core/track.h"
#include "user/unwind/module.h"

#define SECOND    1000000000ull
#define SOON      1000000ull
#define TGIDS     8192
#define FILES     16
#define SEGMENT   sizeof(struct pb_unwind_segment)
#define BASE_ADDR 0x400000ull /* virtual address of each file's offset 0 */

static struct tables maps;
static bool permitted;
static void *unwinder;
static uint64_t now_ns;

/* --- what it stands on --- */

static struct pb_track_listener listener;
static struct world {
	struct pb_place *places; /* NULL: not followed */
	uint32_t n;
} world[TGIDS];
static uint32_t n_no_memory;    /* so often there is none for pb_track_current() */
static uint32_t exec_meanwhile; /* who execs while that is asked */
static uint32_t asking_us;      /* so long that takes */
static int look_again_result;
static uint32_t n_looks, last_look;

static void kernel_execs(uint32_t tgid, uint64_t owner);

void pb_track_listen(struct pb_track *t, const struct pb_track_listener *l)
{
	(void)t;
	listener = *l;
}

int pb_track_current(const struct pb_track *t, uint32_t tgid, struct pb_place **out, uint32_t *n)
{
	(void)t;
	if (tgid >= TGIDS || !world[tgid].places)
		return -ESRCH;
	if (n_no_memory) {
		n_no_memory--;
		return -ENOMEM;
	}
	if (tgid == exec_meanwhile)
		kernel_execs(tgid, 78);
	usleep(asking_us);
	*n = world[tgid].n;
	*out = calloc(*n + 1, sizeof(**out));
	assert_non_null(*out);
	memcpy(*out, world[tgid].places, *n * sizeof(**out));
	return 0;
}

int pb_track_look_again(struct pb_track *t, uint32_t tgid)
{
	(void)t;
	n_looks++;
	last_look = tgid;
	return look_again_result;
}

/* Of each file: rows of its table, or the error that compiling it gives. */
static struct file {
	uint32_t rows;
	int err, fd;
	uint32_t compiled; /* so often */
	uint32_t takes_us; /* each time */
} file[FILES];

struct pb_elf {
	uint32_t file; /* FILES: the vdso */
};

int pb_files_fd(const struct pb_files *f, uint32_t id)
{
	(void)f;
	return file[id].fd;
}

const char *pb_files_path(const struct pb_files *f, uint32_t id)
{
	(void)f;
	(void)id;
	return "/usr/lib/libmade-up.so";
}

int pb_elf_open(struct pb_elf **out, int fd)
{
	*out = malloc(sizeof(**out));
	assert_non_null(*out);
	(*out)->file = (uint32_t)fd;
	return 0;
}

int pb_elf_open_memory(struct pb_elf **out, const void *image, size_t size)
{
	assert_memory_equal(image, ELFMAG, SELFMAG);
	assert_true(size > sizeof(Elf64_Ehdr) && size < 1 << 20);
	return pb_elf_open(out, FILES);
}

void pb_elf_free(struct pb_elf *e)
{
	free(e);
}

int pb_elf_code_vaddr(const struct pb_elf *e, uint64_t file_off, uint64_t *vaddr)
{
	(void)e;
	if (file_off >= 0x10000000)
		return -ENOENT;
	*vaddr = BASE_ADDR + file_off;
	return 0;
}

/* A row every 16 bytes in pages of 4096 rows; each row's rule names the file in cfa_off. */
static int32_t mark_of(uint32_t id)
{
	return 1000 + (int32_t)id;
}

int pb_unwind_module(struct pb_unwind_table **out, const struct pb_elf *elf)
{
	uint32_t rows = elf->file < FILES ? file[elf->file].rows : 10, i;
	struct pb_unwind_table *t;

	if (elf->file < FILES) {
		file[elf->file].compiled++;
		usleep(file[elf->file].takes_us);
		if (file[elf->file].err)
			return file[elf->file].err;
	}
	t = calloc(1, sizeof(*t));
	assert_non_null(t);
	t->base = BASE_ADDR;
	t->n_pages = (rows + 4095) / 4096;
	t->n_rows = rows;
	t->n_rules = 2;
	t->pages = calloc(t->n_pages, sizeof(*t->pages));
	t->rows = calloc(rows, sizeof(*t->rows));
	t->rules = calloc(2, sizeof(*t->rules));
	assert_true(t->pages && t->rows && t->rules);
	t->rules[1] = (struct pb_unwind_rule){.cfa = PB_CFA_SP, .cfa_off = mark_of(elf->file)};
	for (i = 0; i < rows; i++) {
		t->rows[i] = i % 4096 * 16 << 16 | 1;
		t->pages[i / 4096].first = i / 4096 * 4096;
		t->pages[i / 4096].rows++;
	}
	*out = t;
	return 0;
}

void pb_unwind_table_free(struct pb_unwind_table *t)
{
	free(t->pages);
	free(t->rows);
	free(t->rules);
	free(t);
}

int bpf_object__find_map_fd_by_name(const struct bpf_object *object, const char *name)
{
	const struct {
		const char *name;
		int fd;
	} fds[] = {
		{"segments", maps.segments}, {"pages", maps.pages},         {"rules", maps.rules},
		{"mappings", maps.mappings}, {"processes", maps.processes}, {"misses", maps.misses},
	};
	uint32_t i;

	(void)object;
	for (i = 0; i < PB_ARRAY_SIZE(fds); i++) {
		if (!strcmp(fds[i].name, name))
			return fds[i].fd;
	}
	return -ENOENT;
}

/* --- how the tests speak --- */

static int setup_sized(uint32_t processes_max)
{
	uint32_t i;

	permitted = make_tables(&maps, processes_max);
	memset(world, 0, sizeof(world));
	for (i = 0; i < FILES; i++)
		file[i] = (struct file){.rows = 1000, .fd = (int)i};
	n_no_memory = n_looks = exec_meanwhile = asking_us = 0;
	look_again_result = 0;
	now_ns = 100 * SECOND;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return setup_sized(PB_UNWIND_PROCESSES_MAX);
}

static int setup_few_processes(void **state)
{
	(void)state;
	return setup_sized(4);
}

static int teardown(void **state)
{
	uint32_t i;

	(void)state;
	pb_unwind.free(pb_take(unwinder));
	for (i = 0; i < TGIDS; i++)
		free(pb_take(world[i].places));
	close_tables(&maps);
	return 0;
}

static void open_unwinder(uint32_t segments)
{
	const struct pb_unwinder_parts parts = {.limit_bytes = segments * SEGMENT};

	if (!permitted) {
		print_message("BPF maps are not permitted here\n");
		skip();
	}
	assert_int_equal(pb_unwind.open(&unwinder, &parts), 0);
}

static void set_places(uint32_t tgid, const struct pb_place *places, uint32_t n)
{
	free(world[tgid].places);
	world[tgid].places = calloc(n + 1, sizeof(*places));
	assert_non_null(world[tgid].places);
	memcpy(world[tgid].places, places, n * sizeof(*places));
	world[tgid].n = n;
}

/* File @id at @start, 1 MB of it from its beginning. */
static struct pb_place place_of(uint32_t id, uint64_t start)
{
	return (struct pb_place){id, PB_MODULE_FILE, start, start + (1 << 20), 0};
}

static struct pb_place anonymous(uint64_t start, uint64_t size)
{
	return (struct pb_place){PB_NONE, PB_MODULE_ANON, start, start + size, 0};
}

/* A process maps one file, at 0x10000000 times (1 + file). */
static void maps_file(uint32_t tgid, uint32_t id)
{
	struct pb_place place = place_of(id, 0x10000000ull * (1 + id));

	set_places(tgid, &place, 1);
	listener.on_mapped(listener.ctx, tgid);
}

static void update_once(uint64_t after_ns)
{
	now_ns += after_ns;
	listener.on_updated(listener.ctx, now_ns);
}

/* As a session does. */
static void update(uint64_t after_ns)
{
	uint32_t rounds = 0;

	update_once(after_ns);
	while (pb_unwind.pending(unwinder)) {
		assert_true(rounds++ < 1000);
		update_once(0);
	}
}

static void forks(uint32_t parent, uint32_t child)
{
	set_places(child, world[parent].places, world[parent].n);
	listener.on_fork(listener.ctx, parent, child);
}

static void ends(uint32_t tgid)
{
	free(pb_take(world[tgid].places));
	listener.on_gone(listener.ctx, tgid);
}

/* The kernel half, when it frees a process. */
static void kernel_deletes(uint32_t tgid)
{
	assert_int_equal(bpf_map_delete_elem(maps.processes, &tgid), 0);
}

static bool has_entry(uint32_t tgid)
{
	struct pb_unwind_process entry;

	return !bpf_map_lookup_elem(maps.processes, &tgid, &entry);
}

/* And it says something. */
static bool has_run(uint32_t tgid)
{
	struct pb_unwind_process entry;

	return !bpf_map_lookup_elem(maps.processes, &tgid, &entry) && entry.n;
}

static struct pb_unwind_process entry_of(uint32_t tgid)
{
	struct pb_unwind_process entry = {0};

	assert_int_equal(bpf_map_lookup_elem(maps.processes, &tgid, &entry), 0);
	return entry;
}

/* The kernel half, when it fills in an owner, or at a fork. */
static void kernel_writes(uint32_t tgid, struct pb_unwind_process entry, uint64_t owner)
{
	entry.owner = owner;
	assert_int_equal(bpf_map_update_elem(maps.processes, &tgid, &entry, BPF_ANY), 0);
}

/* The kernel half, at an exec. */
static void kernel_execs(uint32_t tgid, uint64_t owner)
{
	kernel_writes(tgid, (struct pb_unwind_process){0}, owner);
}

#define UNKNOWN_PROCESS (-1)
#define NO_MAPPING      (-2)
#define NO_TABLE        (-3)
#define NO_RULE         (-4)

/* What a walk by an element would find at an address: the file that the rule there is of, or one of these. */
static int walk_entry(const struct pb_unwind_process *entry, uint64_t addr)
{
	struct pb_unwind_mapping m;
	uint32_t i, key, id;

	for (i = 0; i < entry->n; i++) {
		key = entry->first + i;
		assert_int_equal(bpf_map_lookup_elem(maps.mappings, &key, &m), 0);
		if (addr - m.start >= m.size)
			continue;
		if (!m.n_pages)
			return NO_TABLE;
		id = find_row(&maps, m.first_page, m.n_pages, addr - m.bias);
		return id ? read_rule(&maps, id).cfa_off - 1000 : NO_RULE;
	}
	return NO_MAPPING;
}

static int walk(uint32_t tgid, uint64_t addr)
{
	struct pb_unwind_process entry;

	if (bpf_map_lookup_elem(maps.processes, &tgid, &entry) || !entry.n)
		return UNKNOWN_PROCESS;
	return walk_entry(&entry, addr);
}

/* At the file that maps_file() has mapped. */
static int walk_file(uint32_t tgid, uint32_t id)
{
	return walk(tgid, 0x10000000ull * (1 + id) + 100);
}

/* Report a miss, as a walk does. */
static void miss(uint32_t tgid, uint64_t addr)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 2, .imm = (int32_t)addr},
		{.imm = (int32_t)(addr >> 32)},
		{.code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = 10, .src_reg = 2, .off = -16},
		{.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 2, .imm = (int32_t)tgid},
		{.imm = 0},
		{.code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = 10, .src_reg = 2, .off = -8},
		{.code = BPF_LD | BPF_DW | BPF_IMM,
		 .dst_reg = 1,
		 .src_reg = BPF_PSEUDO_MAP_FD,
		 .imm = maps.misses},
		{.imm = 0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 2, .src_reg = 10},
		{.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 2, .imm = -16},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = 16},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 4, .imm = 0},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ringbuf_output},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	char packet[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = sizeof(packet));
	int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "miss", "GPL", insns,
			       PB_ARRAY_SIZE(insns), NULL);

	assert_true(fd >= 0);
	assert_int_equal(bpf_prog_test_run_opts(fd, &run), 0);
	close(fd);
}

static struct pb_report describe(void)
{
	struct pb_report report = {0};

	pb_unwind.describe(unwinder, &report);
	return report;
}

/* --- what is published --- */

static void every_address_leads_to_the_rule_of_its_file(void **state)
{
	const struct pb_place places[] = {
		place_of(3, 0x555555000000),
		anonymous(0x7f0000000000, 4096),
		place_of(5, 0x7f1000000000),
		{PB_NONE, PB_MODULE_VDSO, 0x7fff00000000, 0x7fff00002000, 0},
	};

	(void)state;
	open_unwinder(4);
	set_places(100, places, PB_ARRAY_SIZE(places));
	listener.on_mapped(listener.ctx, 100);
	assert_int_equal(walk(100, 0x555555000000), UNKNOWN_PROCESS);
	update(0);
	assert_int_equal(walk(100, 0x555555000000), 3);
	assert_int_equal(walk(100, 0x555555000000 + 999 * 16), 3);
	assert_int_equal(walk(100, 0x5555550fffff), NO_RULE); /* behind the one page it has */
	assert_int_equal(walk(100, 0x555555100000), NO_MAPPING);
	assert_int_equal(walk(100, 0x7f0000000010), NO_TABLE);
	assert_int_equal(walk(100, 0x7f1000000010), 5);
	assert_int_equal(walk(100, 0x7fff00000010), FILES);
	assert_int_equal(entry_of(100).owner, 0);
	assert_int_equal(pb_unwind.bytes(unwinder), SEGMENT);
	assert_true(pb_unwind.fd(unwinder) >= 0);
}

static void a_mapping_of_the_middle_of_a_file_has_its_rules(void **state)
{
	struct pb_place place = {2, PB_MODULE_FILE, 0x7f0000000000, 0x7f0000010000, 0x20000};
	struct pb_unwind_mapping m;
	uint32_t first;

	(void)state;
	open_unwinder(4);
	file[2].rows = 3 * 4096;
	set_places(100, &place, 1);
	listener.on_mapped(listener.ctx, 100);
	update(0);
	assert_int_equal(walk(100, place.start), 2);
	first = entry_of(100).first;
	assert_int_equal(bpf_map_lookup_elem(maps.mappings, &first, &m), 0);
	/* The third page of the table, the last there is. */
	assert_int_equal((place.start - m.bias) >> 16, 2);
	assert_int_equal(m.n_pages, 3);
}

static void code_that_the_file_does_not_have_there_has_no_table(void **state)
{
	struct pb_place place = {2, PB_MODULE_FILE, 0x7f0000000000, 0x7f0000010000, 0x10000000};

	(void)state;
	open_unwinder(4);
	set_places(100, &place, 1);
	listener.on_mapped(listener.ctx, 100);
	update(0);
	assert_int_equal(walk(100, place.start), NO_TABLE);
}

static void all_that_is_known_is_published_by_the_first_update(void **state)
{
	uint32_t tgid;

	(void)state;
	open_unwinder(4);
	for (tgid = 1; tgid < 1000; tgid++)
		maps_file(tgid, tgid % FILES);
	update(0);
	for (tgid = 1; tgid < 1000; tgid++)
		assert_int_equal(walk_file(tgid, tgid % FILES), tgid % FILES);
	for (tgid = 0; tgid < FILES; tgid++)
		assert_int_equal(file[tgid].compiled, 1);
}

static void neighbours_without_a_table_are_one_mapping(void **state)
{
	const struct pb_place places[] = {
		anonymous(0x10000, 0x1000), anonymous(0x11000, 0x1000), place_of(7, 0x12000),
		place_of(1, 0x112000),      anonymous(0x212000, 0x100), anonymous(0x212200, 0x100),
	};

	(void)state;
	open_unwinder(4);
	file[7].err = -ENODATA;
	set_places(100, places, PB_ARRAY_SIZE(places));
	listener.on_mapped(listener.ctx, 100);
	update(0);
	assert_int_equal(entry_of(100).n, 4);
	assert_int_equal(walk(100, 0x11fff), NO_TABLE);
	assert_int_equal(walk(100, 0x12000), NO_TABLE);
	assert_int_equal(walk(100, 0x112000), 1);
	assert_int_equal(walk(100, 0x212150), NO_MAPPING);
	assert_int_equal(walk(100, 0x212250), NO_TABLE);
}

static void files_without_unwind_information_are_tried_once(void **state)
{
	static const int errors[] = {-ENODATA, -EPROTO, -ENOEXEC, -EFBIG, -EIO};
	uint32_t tgid, i;

	(void)state;
	open_unwinder(4);
	for (i = 0; i < PB_ARRAY_SIZE(errors); i++)
		file[i].err = errors[i];
	file[5].fd = -1;
	for (tgid = 1; tgid < 30; tgid++) {
		maps_file(tgid, tgid % 7);
		update(SECOND);
		assert_int_equal(walk_file(tgid, tgid % 7), tgid % 7 == 6 ? 6 : NO_TABLE);
	}
	for (i = 0; i < 7; i++)
		assert_int_equal(file[i].compiled, i == 5 ? 0 : 1);
	assert_int_equal(describe().unwind_without, 6);
	assert_int_equal(describe().unwind_modules, 1);
	assert_int_equal(describe().unwind_rows, 1000);
	assert_int_equal(describe().unwind_refused, 0);
}

static void what_has_not_changed_is_not_written_again(void **state)
{
	struct pb_unwind_process before;

	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	kernel_writes(100, entry_of(100), 77);
	before = entry_of(100);
	maps_file(100, 1);
	update(SECOND);
	maps_file(100, 1);
	update(3 * SECOND);
	assert_int_equal(entry_of(100).first, before.first);
	assert_int_equal(entry_of(100).owner, 77);
	maps_file(101, 2);
	update(SECOND);
	assert_int_equal(entry_of(101).first, before.first + 1);
}

static void a_new_run_keeps_the_owner_and_the_old_one_waits(void **state)
{
	struct pb_unwind_process old;

	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	kernel_writes(100, entry_of(100), 77);
	old = entry_of(100);
	maps_file(100, 2);
	update(SOON);
	assert_int_equal(entry_of(100).owner, 77);
	assert_int_not_equal(entry_of(100).first, old.first);
	assert_int_equal(walk_file(100, 2), 2);
	/* A walk that read the element before it was replaced goes on unharmed. */
	maps_file(101, 3);
	update(SOON); /* the grace begins here */
	maps_file(102, 4);
	update(SECOND);
	assert_int_equal(walk_entry(&old, 0x20000064), 1);
	maps_file(103, 5);
	update(SOON);
	assert_int_equal(entry_of(103).first, old.first);
}

static void processes_with_equal_mappings_share_a_run(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	maps_file(101, 1);
	maps_file(102, 2);
	update(0);
	assert_int_equal(entry_of(101).first, entry_of(100).first);
	assert_int_not_equal(entry_of(102).first, entry_of(100).first);
	ends(100);
	update(SECOND);
	update(2 * SECOND);
	maps_file(103, 3);
	update(0);
	assert_int_equal(walk_file(101, 1), 1);
	assert_int_equal(walk_file(103, 3), 3);
}

static void without_memory_it_is_done_at_the_next_update(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	maps_file(101, 2);
	n_no_memory = 1;
	update(0);
	assert_int_equal(walk_file(100, 1), UNKNOWN_PROCESS);
	assert_int_equal(walk_file(101, 2), 2);
	update(SOON);
	assert_int_equal(walk_file(100, 1), 1);
}

static void a_process_with_nothing_mapped_stays_unknown(void **state)
{
	const struct pb_place nothing = anonymous(0x1000, 0);

	(void)state;
	open_unwinder(4);
	set_places(100, &nothing, 0);
	listener.on_mapped(listener.ctx, 100);
	listener.on_mapped(listener.ctx, 101); /* not followed any more */
	update(0);
	set_places(100, &nothing, 1);
	listener.on_mapped(listener.ctx, 100);
	update(0);
	assert_false(has_entry(100));
	assert_false(has_entry(101));
}

/* --- fork, exec, exit --- */

static void a_process_whose_mappings_were_all_forgotten_is_unknown_again(void **state)
{
	const struct pb_place nothing = anonymous(0x1000, 0);

	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	kernel_writes(100, entry_of(100), 77);
	set_places(100, &nothing, 0);
	listener.on_mapped(listener.ctx, 100);
	update(SOON);
	assert_false(has_entry(100));
	update(SOON);
	assert_false(has_entry(100));
	maps_file(100, 2);
	update(SOON);
	assert_int_equal(walk_file(100, 2), 2);
}

static void a_child_shares_the_run_of_its_parent(void **state)
{
	struct pb_unwind_process entry;

	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	entry = entry_of(100);
	kernel_writes(200, entry, 88);
	forks(100, 200);
	update(SOON);
	assert_int_equal(entry_of(200).first, entry.first);
	assert_int_equal(entry_of(200).owner, 88);
	/* The parent goes on to other mappings and ends; the child's stay. */
	maps_file(100, 2);
	update(SECOND);
	ends(100);
	update(SECOND);
	update(2 * SECOND);
	maps_file(101, 3);
	maps_file(102, 4);
	update(2 * SECOND);
	assert_int_equal(walk_file(200, 1), 1);
	assert_int_equal(entry_of(200).owner, 88);
	assert_int_equal(file[1].compiled, 1);
}

static void a_child_of_an_unpublished_parent_is_published_itself(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	forks(100, 200);
	update(0);
	assert_int_equal(walk_file(200, 1), 1);
	assert_int_equal(entry_of(200).first, entry_of(100).first);
}

static void a_child_of_a_changed_parent_is_brought_up_to_date(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	maps_file(100, 2);
	kernel_writes(200, entry_of(100), 88);
	forks(100, 200);
	update(SOON);
	assert_int_equal(walk_file(200, 2), 2);
	assert_int_equal(entry_of(200).owner, 88);
}

static void a_child_of_nobody_we_know_is_published_itself(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	set_places(200, world[100].places, 1);
	listener.on_fork(listener.ctx, 4000, 200);
	update(0);
	assert_int_equal(walk_file(200, 1), 1);
}

static void a_child_that_got_a_run_of_the_past_is_put_right(void **state)
{
	struct pb_unwind_process old;

	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	old = entry_of(100);
	maps_file(100, 2);
	update(SOON);
	/* It forked before that, and we hear of it now. */
	kernel_writes(200, old, 88);
	forks(100, 200);
	update(SOON);
	assert_int_equal(entry_of(200).first, entry_of(100).first);
	assert_int_equal(entry_of(200).owner, 88);
}

static void a_child_whose_element_comes_late_is_put_right_too(void **state)
{
	struct pb_unwind_process old;

	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	old = entry_of(100);
	forks(100, 200);
	maps_file(100, 2);
	update(SOON);
	assert_false(has_entry(200));
	kernel_writes(200, old, 88);
	update(SECOND / 10);
	update(SECOND / 5);
	assert_int_equal(walk_file(200, 1), 1);
	/* What it points to is its own for as long as it lives. */
	update(2 * SECOND);
	maps_file(101, 3);
	update(SECOND);
	assert_int_equal(walk_file(200, 1), 1);
}

static void an_element_that_changed_after_the_first_look_is_seen_at_the_second(void **state)
{
	struct pb_unwind_process stale;

	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	stale = entry_of(100);
	maps_file(100, 2);
	update(SOON);
	forks(100, 200);
	update(SOON);
	kernel_writes(200, stale, 88);
	update(SECOND / 10);
	assert_int_equal(entry_of(200).first, stale.first);
	update(SECOND / 5);
	assert_int_equal(entry_of(200).first, entry_of(100).first);
	assert_int_equal(entry_of(200).owner, 88);
}

static void a_reused_pid_begins_with_its_new_parent(void **state)
{
	struct pb_unwind_process old;

	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	maps_file(200, 2);
	update(0);
	old = entry_of(200);
	kernel_writes(200, entry_of(100), 99);
	forks(100, 200);
	update(SOON);
	assert_int_equal(walk_file(200, 1), 1);
	assert_int_equal(walk_file(200, 2), NO_MAPPING);
	update(SECOND + 1);
	maps_file(101, 3);
	update(SOON);
	assert_int_equal(entry_of(101).first, old.first);
}

static void an_exec_that_is_not_reported_yet_is_waited_for(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	kernel_execs(100, 78);
	/* Its first new mapping comes before the word of its exec, from a buffer of another CPU. */
	maps_file(100, 2);
	update(SOON);
	update(SECOND);
	assert_false(has_run(100));
	listener.on_exec(listener.ctx, 100);
	update(SOON);
	assert_false(has_run(100));
	maps_file(100, 3);
	update(SOON);
	assert_int_equal(walk_file(100, 3), 3);
	assert_int_equal(entry_of(100).owner, 78);
}

static void an_exec_in_the_middle_of_publishing_wins(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	/* Nobody has claimed it, so the new program would. */
	exec_meanwhile = 100;
	maps_file(100, 2);
	update_once(SOON);
	assert_false(has_run(100));
	exec_meanwhile = 0;
	listener.on_exec(listener.ctx, 100);
	maps_file(100, 3);
	update(SOON);
	assert_int_equal(walk_file(100, 3), 3);
}

/* The one is replaced just when it execs: what is written then has the owner of the program before. */
static void an_exec_takes_back_what_was_published_too_late(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	kernel_writes(100, entry_of(100), 77);
	exec_meanwhile = 100;
	maps_file(100, 2);
	update(SOON);
	exec_meanwhile = 0;
	assert_int_equal(entry_of(100).owner, 77);
	listener.on_exec(listener.ctx, 100);
	maps_file(100, 3);
	update_once(SOON);
	assert_false(has_entry(100));
	update_once(SOON);
	assert_int_equal(walk_file(100, 3), 3);
	assert_int_equal(entry_of(100).owner, 0);
}

static void an_exec_gives_its_run_back(void **state)
{
	struct pb_unwind_process old;

	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	old = entry_of(100);
	kernel_execs(100, 78);
	listener.on_exec(listener.ctx, 100);
	maps_file(100, 2);
	update(SOON);
	assert_int_not_equal(entry_of(100).first, old.first);
	update(SECOND + 1);
	maps_file(101, 3);
	update(SOON);
	assert_int_equal(entry_of(101).first, old.first);
}

static void a_second_exec_does_not_get_the_run_of_the_first(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	kernel_execs(100, 78);
	listener.on_exec(listener.ctx, 100);
	maps_file(100, 2);
	/* The second one comes before its owner is read, and is reported behind that. */
	kernel_execs(100, 79);
	update_once(SOON);
	assert_false(has_run(100));
	assert_true(pb_unwind.pending(unwinder));
	listener.on_exec(listener.ctx, 100);
	update(SOON);
	assert_false(has_run(100));
	maps_file(100, 3);
	update(SOON);
	assert_int_equal(walk_file(100, 3), 3);
	assert_int_equal(entry_of(100).owner, 79);
	assert_false(pb_unwind.pending(unwinder));
}

static void an_exec_between_the_two_updates_begins_them_again(void **state)
{
	(void)state;
	open_unwinder(4);
	kernel_execs(100, 78);
	listener.on_exec(listener.ctx, 100);
	maps_file(100, 1);
	update_once(SOON);
	assert_true(pb_unwind.pending(unwinder));
	/* Not reported yet: but the owner is another one. */
	kernel_execs(100, 79);
	update_once(SOON);
	assert_false(has_run(100));
	assert_int_equal(entry_of(100).owner, 79);
	listener.on_exec(listener.ctx, 100);
	maps_file(100, 2);
	update_once(SOON);
	assert_false(has_run(100));
	update_once(SOON);
	assert_int_equal(walk_file(100, 2), 2);
	assert_int_equal(entry_of(100).owner, 79);
}

static void an_exec_before_the_first_element_is_not_written_over(void **state)
{
	(void)state;
	open_unwinder(4);
	exec_meanwhile = 100;
	maps_file(100, 1);
	update_once(0);
	exec_meanwhile = 0;
	assert_false(has_run(100));
	assert_int_equal(entry_of(100).owner, 78);
	assert_true(pb_unwind.pending(unwinder));
	listener.on_exec(listener.ctx, 100);
	maps_file(100, 2);
	update(SOON);
	assert_int_equal(walk_file(100, 2), 2);
	assert_int_equal(entry_of(100).owner, 78);
}

static void a_process_that_is_gone_leaves_nothing(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	forks(100, 200);
	ends(200);
	ends(100);
	ends(300); /* never heard of */
	assert_false(has_entry(100));
	update(SOON);
	maps_file(300, 1);
	ends(300);
	update(SOON);
	assert_false(has_entry(300));
}

static void a_reused_pid_keeps_the_element_of_its_new_process(void **state)
{
	struct pb_unwind_process entry;

	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	kernel_writes(100, entry_of(100), 77);
	entry = entry_of(100);
	kernel_writes(200, entry, 88);
	forks(100, 200);
	update(SOON);
	/* The parent forks again, and gets the same pid: the same run, and another owner. */
	kernel_deletes(200);
	kernel_writes(200, entry, 89);
	ends(200);
	forks(100, 200);
	update(SOON);
	assert_int_equal(entry_of(200).owner, 89);
	assert_int_equal(entry_of(200).first, entry.first);
	/* One with another run, and one with none. */
	kernel_writes(200, (struct pb_unwind_process){.first = entry.first + 9, .n = 1}, 90);
	ends(200);
	assert_int_equal(entry_of(200).owner, 90);
	forks(100, 200);
	update(SOON);
	kernel_execs(200, 91);
	ends(200);
	assert_int_equal(entry_of(200).owner, 91);
}

static void what_was_written_for_a_program_of_before_goes_with_the_process(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	kernel_writes(100, entry_of(100), 77);
	maps_file(100, 2);
	update(SOON);
	assert_int_equal(entry_of(100).owner, 77);
	/* The kernel half, who knows it by another owner, has left it. */
	ends(100);
	assert_false(has_entry(100));
}

static void a_child_with_an_empty_element_is_filled_in(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	kernel_execs(200, 88); /* a fork of a parent that has none looks the same */
	forks(100, 200);
	update(0);
	assert_int_equal(walk_file(200, 1), 1);
	assert_int_equal(entry_of(200).owner, 88);
	/* It comes late, over what we have inserted. */
	maps_file(101, 2);
	forks(101, 201);
	update(SOON);
	kernel_execs(201, 89);
	update(SECOND / 2);
	assert_int_equal(walk_file(201, 2), 2);
	assert_int_equal(entry_of(201).owner, 89);
}

static void a_loss_takes_away_what_does_not_fit(void **state)
{
	struct pb_unwind_process entry;
	uint32_t tgid;

	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	maps_file(101, 2);
	maps_file(102, 3);
	update(0);
	for (tgid = 100; tgid <= 102; tgid++)
		kernel_writes(tgid, entry_of(tgid), 77);
	entry = entry_of(102);
	/* 101 has exec'ed, 102 got the pid of another one, and there are those that we know nothing of. */
	kernel_execs(101, 78);
	entry.first = entry_of(100).first;
	kernel_writes(102, entry, 79);
	for (tgid = 1000; tgid < 3000; tgid++)
		kernel_writes(tgid, entry, tgid);
	listener.on_lost(listener.ctx);
	assert_int_equal(entry_of(100).owner, 77);
	assert_int_equal(walk_file(100, 1), 1);
	assert_false(has_entry(101) || has_entry(102));
	for (tgid = 1000; tgid < 3000; tgid++)
		assert_false(has_entry(tgid));
	/* As /proc has it. */
	maps_file(101, 4);
	update(SOON);
	assert_int_equal(walk_file(101, 4), 4);
	assert_int_equal(walk_file(102, 3), 3);
	assert_int_equal(entry_of(102).owner, 0);
}

static void after_a_loss_an_owner_is_read_anew(void **state)
{
	(void)state;
	open_unwinder(4);
	kernel_execs(100, 78);
	maps_file(100, 1);
	update_once(0);
	listener.on_lost(listener.ctx); /* an exec before the owner was read may be among it */
	update_once(SOON);
	assert_false(has_run(100));
	update_once(SOON);
	assert_int_equal(walk_file(100, 1), 1);
	assert_int_equal(entry_of(100).owner, 78);
}

static void a_fork_storm_leaves_nothing_behind(void **state)
{
	static struct pb_place many[PB_UNWIND_RUN_MAX];
	uint32_t round, tgid, i;

	(void)state;
	open_unwinder(4);
	maps_file(1, 1);
	update(0);
	kernel_writes(1, entry_of(1), 1);
	for (round = 0; round < 4; round++) {
		for (tgid = 2; tgid < 1500; tgid++) {
			kernel_writes(tgid, entry_of(1), tgid);
			forks(1, tgid);
			if (tgid % 3 == 0) {
				kernel_execs(tgid, 10000 + tgid);
				listener.on_exec(listener.ctx, tgid);
				maps_file(tgid, 2 + tgid % 13);
			}
			if (tgid % 100 == 0)
				update(SECOND / 100);
			if (tgid % 700 == 0)
				maps_file(1, tgid % 2);
		}
		update(SECOND / 100);
		for (tgid = 2; tgid < 1500; tgid++) {
			if (tgid % 3 == 0)
				assert_int_equal(walk_file(tgid, 2 + tgid % 13), 2 + tgid % 13);
			else
				assert_int_not_equal(entry_of(tgid).n, 0);
		}
		for (tgid = 2; tgid < 1500; tgid++) {
			kernel_deletes(tgid);
			ends(tgid);
		}
	}
	kernel_deletes(1);
	ends(1);
	update(SOON);
	update(SECOND + 1);
	/* The whole map can be had again. */
	for (i = 0; i < PB_UNWIND_RUN_MAX; i++)
		many[i] = anonymous((i + 1) * 0x2000ull, 0x1000);
	for (tgid = 1; tgid <= PB_UNWIND_MAPPINGS_MAX / PB_UNWIND_RUN_MAX; tgid++) {
		many[0].start += 16;
		set_places(tgid, many, PB_UNWIND_RUN_MAX);
		listener.on_mapped(listener.ctx, tgid);
	}
	update(SOON);
	for (tgid = 1; tgid <= PB_UNWIND_MAPPINGS_MAX / PB_UNWIND_RUN_MAX; tgid++)
		assert_int_equal(entry_of(tgid).n, PB_UNWIND_RUN_MAX);
}

/* --- misses --- */

static void a_miss_makes_us_look_once_for_each_process(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	kernel_writes(100, entry_of(100), 77);
	miss(100, 0x1000);
	miss(4000000, 0x1000);
	miss(100, 0x2000);
	pb_unwind.take_misses(unwinder);
	assert_int_equal(n_looks, 2);
	assert_int_equal(last_look, 4000000);
	assert_int_equal(describe().unwind_misses, 3);
	pb_unwind.take_misses(unwinder);
	assert_int_equal(n_looks, 2);
	update(SOON);
	assert_int_equal(entry_of(100).owner, 77);
	assert_false(has_entry(4000000));
}

static void a_miss_of_a_process_without_an_element_publishes_it(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	kernel_execs(100, 78);
	maps_file(100, 2);
	update(SOON);
	assert_false(has_run(100));
	/* The word of its exec was lost. */
	miss(100, 0x1000);
	pb_unwind.take_misses(unwinder);
	update(SOON);
	assert_int_equal(walk_file(100, 2), 2);
	assert_int_equal(entry_of(100).owner, 78);
}

static void a_miss_that_comes_too_soon_is_answered_by_the_next(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	kernel_execs(100, 78);
	look_again_result = -EAGAIN;
	miss(100, 0x1000);
	pb_unwind.take_misses(unwinder);
	update(SOON);
	assert_false(has_run(100));
	miss(100, 0x1000);
	pb_unwind.take_misses(unwinder);
	update(SOON);
	assert_int_equal(walk_file(100, 1), 1);
}

static void a_process_that_is_gone_is_not_published_for_a_miss(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	kernel_execs(100, 78);
	look_again_result = -ESRCH;
	miss(100, 0x1000);
	miss(100, 0x1000);
	pb_unwind.take_misses(unwinder);
	update(SOON);
	assert_false(has_run(100));
}

static void an_element_that_a_walk_takes_for_anothers_is_disowned(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	kernel_writes(100, entry_of(100), 77);
	/* This one may be older than the element. */
	miss(100, 0x20000064);
	pb_unwind.take_misses(unwinder);
	update(SOON);
	assert_int_equal(entry_of(100).owner, 77);
	/* Had it been his, this address would have been found. */
	miss(100, 0x20000064);
	pb_unwind.take_misses(unwinder);
	update_once(SOON);
	assert_false(has_entry(100));
	update_once(SOON);
	assert_int_equal(entry_of(100).owner, 0);
	assert_int_equal(walk_file(100, 1), 1);
	/* And once only. */
	kernel_writes(100, entry_of(100), 78);
	maps_file(100, 1);
	update(SOON);
	assert_int_equal(entry_of(100).owner, 78);
}

/* --- limits --- */

static void a_module_without_room_is_refused_and_tried_again(void **state)
{
	(void)state;
	open_unwinder(1);
	file[1].rows = 200000;
	file[2].rows = 100000;
	maps_file(100, 1);
	update(0);
	maps_file(101, 2);
	update(SOON);
	assert_int_equal(walk_file(101, 2), NO_TABLE);
	assert_int_equal(describe().unwind_refused, 1);
	update(10 * SECOND);
	assert_int_equal(file[2].compiled, 1); /* nothing went, so nothing can have changed */
	ends(100);
	update(SOON); /* it is not used any more */
	update(SOON); /* nor was it by a walk that began before this */
	assert_int_equal(describe().unwind_evicted, 1);
	update(SECOND);
	assert_int_equal(file[2].compiled, 1);
	assert_int_equal(walk_file(101, 2), NO_TABLE);
	update(SOON);
	assert_int_equal(walk_file(101, 2), 2);
	assert_int_equal(file[2].compiled, 2);
	assert_int_equal(pb_unwind.bytes(unwinder), SEGMENT);
	assert_int_equal(describe().unwind_modules, 2);
	assert_int_equal(describe().unwind_rows, 300000);
}

static void the_rows_of_a_module_that_went_stay_for_the_grace(void **state)
{
	struct pb_unwind_mapping old;
	uint32_t key, id;

	(void)state;
	open_unwinder(1);
	file[1].rows = 200000;
	file[2].rows = 100000;
	maps_file(100, 1);
	update(0);
	key = entry_of(100).first;
	assert_int_equal(bpf_map_lookup_elem(maps.mappings, &key, &old), 0);
	maps_file(101, 2);
	ends(100);
	update(SOON);
	update(SOON);
	file[3].rows = 100000;
	maps_file(102, 3);
	update(SECOND);
	assert_int_equal(walk_file(102, 3), NO_TABLE);
	/* What a walk would read that has come as far as the mapping. */
	id = find_row(&maps, old.first_page, old.n_pages, 100);
	assert_int_equal(read_rule(&maps, id).cfa_off, mark_of(1));
	update(SOON);
	assert_int_equal(walk_file(102, 3), 3);
	assert_int_equal(walk_file(101, 2), 2);
}

static void the_largest_unused_module_goes_first(void **state)
{
	uint32_t i;

	(void)state;
	open_unwinder(1);
	file[1].rows = 50000;
	file[2].rows = 120000;
	file[3].rows = 60000;
	file[4].rows = 100000;
	for (i = 1; i <= 3; i++)
		maps_file(100 + i, i);
	update(0);
	for (i = 1; i <= 3; i++)
		ends(100 + i);
	maps_file(104, 4);
	update(SOON);
	assert_int_equal(walk_file(104, 4), NO_TABLE);
	update(SOON);
	update(SECOND + 1);
	assert_int_equal(walk_file(104, 4), 4);
	assert_int_equal(describe().unwind_evicted, 1);
	/* The others are there still. */
	maps_file(101, 1);
	maps_file(103, 3);
	update(SOON);
	assert_int_equal(walk_file(101, 1), 1);
	assert_int_equal(walk_file(103, 3), 3);
	assert_int_equal(file[1].compiled, 1);
	assert_int_equal(file[3].compiled, 1);
}

static void a_module_in_use_never_goes(void **state)
{
	(void)state;
	open_unwinder(1);
	file[1].rows = 200000;
	file[2].rows = 100000;
	maps_file(100, 1);
	maps_file(102, 3);
	maps_file(103, 4);
	update(0);
	ends(103);
	update(SOON);
	update(200 * SECOND); /* so old is the one that is not used any more */
	update(SOON);
	assert_int_equal(describe().unwind_evicted, 1);
	ends(102);
	update(SOON);
	maps_file(101, 2);
	update(SOON);
	update(SOON);
	assert_int_equal(describe().unwind_evicted, 2);
	update(200 * SECOND);
	update(200 * SECOND);
	assert_int_equal(describe().unwind_evicted, 2);
	assert_int_equal(walk_file(100, 1), 1);
	assert_int_equal(walk_file(101, 2), NO_TABLE);
	assert_int_equal(file[1].compiled, 1);
}

static void a_module_that_can_never_fit_drives_nothing_out(void **state)
{
	(void)state;
	open_unwinder(1);
	file[2].rows = 300000;
	maps_file(100, 1);
	update(0);
	ends(100);
	maps_file(101, 2);
	update(SOON);
	update(SECOND);
	update(2 * SECOND);
	assert_int_equal(describe().unwind_evicted, 0);
	assert_int_equal(describe().unwind_refused, 1);
	assert_int_equal(describe().unwind_without, 0);
	assert_int_equal(file[2].compiled, 1);
}

static void unused_modules_are_kept_for_a_minute(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	ends(100);
	update(SOON);
	update(59 * SECOND);
	maps_file(100, 1);
	update(SOON);
	assert_int_equal(file[1].compiled, 1);
	ends(100);
	update(SOON);
	update(61 * SECOND);
	update(SOON);
	assert_int_equal(describe().unwind_evicted, 1);
	maps_file(100, 1);
	update(SOON);
	assert_int_equal(walk_file(100, 1), 1);
	assert_int_equal(file[1].compiled, 2);
	assert_int_equal(describe().unwind_modules, 1);
}

static void a_module_that_is_seen_again_before_it_went_is_kept(void **state)
{
	(void)state;
	open_unwinder(4);
	maps_file(100, 1);
	update(0);
	ends(100);
	update(SOON);
	/* It leaves in this update, and is mapped anew in the same. */
	maps_file(101, 1);
	update(61 * SECOND);
	update(2 * SECOND);
	assert_int_equal(describe().unwind_evicted, 0);
	assert_int_equal(file[1].compiled, 1);
	assert_int_equal(walk_file(101, 1), 1);
}

static void mappings_beyond_the_bound_of_a_process_are_left_out(void **state)
{
	static struct pb_place many[PB_UNWIND_RUN_MAX + 100];
	uint32_t i;

	(void)state;
	open_unwinder(4);
	for (i = 0; i < PB_ARRAY_SIZE(many); i++)
		many[i] = anonymous((i + 1) * 0x2000ull, 0x1000);
	set_places(100, many, PB_ARRAY_SIZE(many));
	listener.on_mapped(listener.ctx, 100);
	update(0);
	assert_int_equal(entry_of(100).n, PB_UNWIND_RUN_MAX);
	assert_int_equal(walk(100, many[PB_UNWIND_RUN_MAX - 1].start), NO_TABLE);
	assert_int_equal(walk(100, many[PB_UNWIND_RUN_MAX].start), NO_MAPPING);
}

/* So many processes with as much mapped as is kept fill the map, each with mappings of its own. */
#define FULL (PB_UNWIND_MAPPINGS_MAX / PB_UNWIND_RUN_MAX)

static void maps_much(uint32_t tgid, uint64_t start)
{
	static struct pb_place many[PB_UNWIND_RUN_MAX];
	uint32_t i;

	for (i = 0; i < PB_ARRAY_SIZE(many); i++)
		many[i] = anonymous((i + 1) * 0x2000ull, 0x1000);
	many[0].start = start;
	set_places(tgid, many, PB_ARRAY_SIZE(many));
	listener.on_mapped(listener.ctx, tgid);
}

static void a_process_for_whose_mappings_there_is_no_room_is_tried_at_a_miss(void **state)
{
	uint32_t tgid;

	(void)state;
	open_unwinder(4);
	for (tgid = 1; tgid <= FULL + 1; tgid++)
		maps_much(tgid, 0x2000 + 16 * tgid);
	update(0);
	assert_true(has_run(FULL));
	assert_false(has_entry(FULL + 1));
	/* One that has an element keeps it, too. */
	update(SECOND);
	kernel_writes(2, entry_of(2), 77);
	maps_much(2, 0x2000 + 16 * 40);
	update(SOON);
	assert_int_equal(walk(2, 0x2000 + 16 * 2), NO_TABLE);
	/* They have all been tried again just before the grace ends. */
	maps_file(60, 1);
	ends(1);
	update(SOON);
	ends(60);
	update(SECOND);
	update(SOON);
	assert_int_equal(walk(2, 0x2000 + 16 * 2), NO_TABLE);
	miss(2, 0x100);
	pb_unwind.take_misses(unwinder);
	update(SOON);
	assert_int_equal(walk(2, 0x2000 + 16 * 2), NO_MAPPING);
	assert_int_equal(walk(2, 0x2000 + 16 * 40), NO_TABLE);
	assert_int_equal(entry_of(2).owner, 77);
}

static void a_process_without_room_is_tried_again_when_there_may_be_some(void **state)
{
	uint32_t tgid;

	(void)state;
	open_unwinder(4);
	for (tgid = 1; tgid <= FULL + 1; tgid++)
		maps_much(tgid, 0x2000 + 16 * tgid);
	update(0);
	assert_false(has_entry(FULL + 1));
	ends(1);
	update(SOON);
	assert_false(has_entry(FULL + 1));
	update(SECOND + 1);
	assert_true(has_run(FULL + 1));
	/* And nothing is done for those that have all they want. */
	kernel_writes(2, entry_of(2), 77);
	update(2 * SECOND);
	assert_int_equal(entry_of(2).owner, 77);
}

static void a_process_that_maps_often_does_not_use_up_the_grace(void **state)
{
	struct pb_unwind_process before;
	uint32_t i, n_replaced = 0;

	(void)state;
	open_unwinder(4);
	maps_much(1, 0x2000);
	update(0);
	for (i = 0; i < 100; i++) {
		/* Unclaimed elements are inserted anew. */
		kernel_writes(1, entry_of(1), 77);
		before = entry_of(1);
		maps_much(1, 0x2010 + 16 * i);
		update(SECOND / 20);
		n_replaced += entry_of(1).first != before.first;
		/* There is room for others at any time. */
		maps_much(2, 0x3000);
		ends(2);
	}
	/* Two in a row, and then as they come free. */
	assert_in_range(n_replaced, 10, 13);
	/* Nothing is forgotten. */
	update(SECOND);
	assert_int_equal(walk(1, 0x2010 + 16 * 98), NO_MAPPING);
	assert_int_equal(walk(1, 0x2010 + 16 * 99), NO_TABLE);
	maps_much(2, 0x3000);
	update(SOON);
	assert_true(has_run(2));
}

static void events_do_not_wait_for_all_that_is_to_be_published(void **state)
{
	uint32_t tgid, n = 0;

	(void)state;
	open_unwinder(4);
	asking_us = 10000;
	for (tgid = 1; tgid <= 20; tgid++)
		maps_file(tgid, tgid % FILES);
	update_once(0);
	for (tgid = 1; tgid <= 20; tgid++)
		n += has_run(tgid);
	assert_in_range(n, 1, 6);
	assert_true(has_run(1)); /* who came first */
	assert_true(pb_unwind.pending(unwinder));
	update(SOON);
	for (tgid = 1; tgid <= 20; tgid++)
		assert_int_equal(walk_file(tgid, tgid % FILES), tgid % FILES);
	assert_false(pb_unwind.pending(unwinder));
}

static void events_do_not_wait_for_all_tables_of_a_process(void **state)
{
	struct pb_place places[8];
	uint32_t i, n = 0;

	(void)state;
	open_unwinder(4);
	maps_file(101, 0);
	update(0);
	for (i = 0; i < PB_ARRAY_SIZE(places); i++) {
		places[i] = place_of(i, 0x10000000ull * (1 + i));
		file[i].takes_us = 20000;
	}
	set_places(100, places, PB_ARRAY_SIZE(places));
	listener.on_mapped(listener.ctx, 100);
	update_once(SOON);
	for (i = 1; i < PB_ARRAY_SIZE(places); i++)
		n += file[i].compiled;
	assert_in_range(n, 1, 3);
	/* Not a part of it: code with rules would be walked by frame pointers. */
	assert_false(has_run(100));
	assert_true(pb_unwind.pending(unwinder));
	update(SOON);
	for (i = 0; i < PB_ARRAY_SIZE(places); i++) {
		assert_int_equal(walk_file(100, i), i);
		assert_int_equal(file[i].compiled, 1);
	}
	/* Every reference that it had meanwhile was given back: all may go with it. */
	ends(100);
	ends(101);
	update(SOON);
	update(100 * SECOND);
	update(SOON);
	assert_int_equal(describe().unwind_evicted, PB_ARRAY_SIZE(places));
}

static void more_processes_than_the_map_holds_stay_unknown(void **state)
{
	uint32_t tgid;

	(void)state;
	open_unwinder(4);
	for (tgid = 1; tgid <= 6; tgid++)
		maps_file(tgid, tgid);
	update(0);
	assert_true(has_entry(4));
	assert_false(has_entry(5) || has_entry(6));
	ends(1);
	miss(6, 0x1000);
	pb_unwind.take_misses(unwinder);
	update(SOON);
	assert_int_equal(walk_file(6, 6), 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_address_leads_to_the_rule_of_its_file),
		TEST(a_mapping_of_the_middle_of_a_file_has_its_rules),
		TEST(code_that_the_file_does_not_have_there_has_no_table),
		TEST(all_that_is_known_is_published_by_the_first_update),
		TEST(neighbours_without_a_table_are_one_mapping),
		TEST(files_without_unwind_information_are_tried_once),
		TEST(what_has_not_changed_is_not_written_again),
		TEST(a_new_run_keeps_the_owner_and_the_old_one_waits),
		TEST(processes_with_equal_mappings_share_a_run),
		TEST(without_memory_it_is_done_at_the_next_update),
		TEST(a_process_with_nothing_mapped_stays_unknown),
		TEST(a_process_whose_mappings_were_all_forgotten_is_unknown_again),
		TEST(a_child_shares_the_run_of_its_parent),
		TEST(a_child_of_an_unpublished_parent_is_published_itself),
		TEST(a_child_of_a_changed_parent_is_brought_up_to_date),
		TEST(a_child_of_nobody_we_know_is_published_itself),
		TEST(a_child_that_got_a_run_of_the_past_is_put_right),
		TEST(a_child_whose_element_comes_late_is_put_right_too),
		TEST(an_element_that_changed_after_the_first_look_is_seen_at_the_second),
		TEST(a_reused_pid_begins_with_its_new_parent),
		TEST(an_exec_that_is_not_reported_yet_is_waited_for),
		TEST(an_exec_in_the_middle_of_publishing_wins),
		TEST(an_exec_takes_back_what_was_published_too_late),
		TEST(an_exec_gives_its_run_back),
		TEST(a_second_exec_does_not_get_the_run_of_the_first),
		TEST(an_exec_between_the_two_updates_begins_them_again),
		TEST(an_exec_before_the_first_element_is_not_written_over),
		TEST(a_process_that_is_gone_leaves_nothing),
		TEST(a_reused_pid_keeps_the_element_of_its_new_process),
		TEST(what_was_written_for_a_program_of_before_goes_with_the_process),
		TEST(a_child_with_an_empty_element_is_filled_in),
		TEST(a_loss_takes_away_what_does_not_fit),
		TEST(after_a_loss_an_owner_is_read_anew),
		TEST(a_fork_storm_leaves_nothing_behind),
		TEST(a_miss_makes_us_look_once_for_each_process),
		TEST(a_miss_of_a_process_without_an_element_publishes_it),
		TEST(a_miss_that_comes_too_soon_is_answered_by_the_next),
		TEST(a_process_that_is_gone_is_not_published_for_a_miss),
		TEST(an_element_that_a_walk_takes_for_anothers_is_disowned),
		TEST(a_module_without_room_is_refused_and_tried_again),
		TEST(the_rows_of_a_module_that_went_stay_for_the_grace),
		TEST(the_largest_unused_module_goes_first),
		TEST(a_module_in_use_never_goes),
		TEST(a_module_that_can_never_fit_drives_nothing_out),
		TEST(unused_modules_are_kept_for_a_minute),
		TEST(a_module_that_is_seen_again_before_it_went_is_kept),
		TEST(mappings_beyond_the_bound_of_a_process_are_left_out),
		TEST(a_process_for_whose_mappings_there_is_no_room_is_tried_at_a_miss),
		TEST(a_process_without_room_is_tried_again_when_there_may_be_some),
		TEST(a_process_that_maps_often_does_not_use_up_the_grace),
		TEST(events_do_not_wait_for_all_that_is_to_be_published),
		TEST(events_do_not_wait_for_all_tables_of_a_process),
		cmocka_unit_test_setup_teardown(more_processes_than_the_map_holds_stay_unknown,
						setup_few_processes, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
