/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One program in all the forms that distributions make of it, and questions about each. */
#include "user/symbol/parse/parser.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "tests/unit/symbol/fixture.h"
#include "user/core/elf.h"

#define SYMBOLS_ONLY 0

/* Tests look up its lines by what they say. */
static const char source[] =
	"#include <stdio.h>\n"
	"#include <stdlib.h>\n"
	"volatile unsigned v;\n"
	"static inline __attribute__((always_inline)) unsigned inner(unsigned x)\n"
	"{\n"
	"	v += x;\n"
	"	return v * 3;\n"
	"}\n"
	"static __attribute__((noinline)) unsigned hidden(unsigned x)\n"
	"{\n"
	"	return inner(x) + 1;\n"
	"}\n"
	"unsigned mangled(unsigned x) __asm__(\"_ZN2ns4nameEj\");\n"
	"__attribute__((noinline)) unsigned mangled(unsigned x)\n"
	"{\n"
	"	v ^= x;\n"
	"	return v;\n"
	"}\n"
	"__attribute__((noinline)) unsigned exported(unsigned x)\n"
	"{\n"
	"	return hidden(x) ^ 5;\n"
	"}\n"
	"__asm__(\".globl unsized; .type unsized, @function; unsized: ret\");\n"
	"static __attribute__((noinline, used)) unsigned behind(unsigned x)\n"
	"{\n"
	"	v *= x;\n"
	"	return v + 9;\n"
	"}\n"
	"int main(int argc, char **argv)\n"
	"{\n"
	"	srand(exported((unsigned)argc));\n"
	"	puts(argv[0]);\n"
	"	return (int)mangled(3);\n"
	"}\n";

static const char build[] =
	"set -e; cd $D\n"
	"gcc -O2 -g -rdynamic -fno-ipa-icf prog.c -o full\n"
	"gcc -O2 -g -rdynamic -no-pie prog.c -o fixed\n"
	"gcc -O2 -g -static prog.c -o static\n"
	"gcc -O2 -g -rdynamic -Wl,--build-id=none prog.c -o anonymous\n"
	"gcc -O1 -DOTHER -g prog.c -o other\n"
	"for i in full fixed static anonymous; do strip -o $i.stripped $i\n"
	"	objcopy --only-keep-debug $i $i.debug; nm $i >$i.nm; done\n"
	"objcopy --add-gnu-debuglink=full.debug full.stripped full.linked\n"
	"objcopy --add-gnu-debuglink=anonymous.debug anonymous.stripped anonymous.linked\n"
	"strip -g -o full.nodebug full\n"
	"strip -x -o full.nolocals full\n"
	"objcopy --strip-symbol=hidden full full.nohidden\n"
	"objcopy --change-section-address .text+16 full.debug full.moved\n"
	"dwz -o full.dwz full.debug || cp full.debug full.dwz\n"
	"eu-strip -f full.eu -o full.eustripped full || cp full.debug full.eu\n"
	/* e_shoff, then e_shnum and e_shstrndx */
	"cp full.stripped full.bare; for i in 40 41 42 43 44 45 46 47 60 61 62 63; do\n"
	"	printf '\\0' | dd of=full.bare bs=1 seek=$i conv=notrunc; done\n"
	"strip -K exported -o full.kept full; strip -K hidden -o static.kept static\n"
	"nm -D --format=posix --defined-only full | cut -d' ' -f1 | sort >exported\n"
	"nm --format=posix --defined-only full | awk '$2 ~ /[tT]/ { print $1 }' | sort >functions\n"
	"comm -13 exported functions >kept\n"
	"objcopy -S --keep-symbols=kept full.debug mini; xz -k mini\n"
	"objcopy --add-section .gnu_debugdata=mini.xz full.stripped full.mini\n"
	"objcopy --add-section .gnu_debugdata=mini.xz full.kept full.keptmini\n"
	"printf %64s x >junk; objcopy --update-section .debug_info=junk full full.baddebug\n"
	"objcopy --add-section .debug_info=junk static.stripped static.baddebug\n"
	"gcc -g -c zero.S && ld -Ttext=0 -e first -z noseparate-code zero.o -o zero\n"
	"nm zero >zero.nm\n";

/* A function at 0, and code that a line table covers, but no function of the debug information does. */
static const char zero_source[] =
	".globl first\n.type first, @function\nfirst: nop\nnop\n.size first, 2\n"
	".globl second\n.type second, @function\nsecond: nop\nnop\n.size second, 2\n"
	"nameless: nop\nnop\n";

static struct fixture fixture;

static int setup(void **state)
{
	(void)state;
	init_fixture(&fixture);
	write_text(&fixture, "prog.c", source);
	write_text(&fixture, "zero.S", zero_source);
	if (run(&fixture, build))
		return 0;
	run(&fixture, "cat $D/log");
	return -1;
}

static int teardown(void **state)
{
	(void)state;
	free_fixture(&fixture);
	return 0;
}

/* The number of the line of the source that holds a text. */
static uint32_t line_of(const char *text)
{
	const char *at = strstr(source, text), *p;
	uint32_t line = 1;

	assert_non_null(at);
	for (p = source; p < at; p++)
		line += *p == '\n';
	return line;
}

/* The virtual address of a symbol of a program. */
static uint64_t vaddr_of(const char *program, const char *symbol)
{
	unsigned long long addr;
	char path[128], name[128], type;
	bool is_found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.nm", fixture.dir, program);
	f = fopen(path, "re");
	assert_non_null(f);
	while (!is_found && fscanf(f, "%*[ ]") >= 0) {
		if (fscanf(f, "%llx %c %127s", &addr, &type, name) == 3)
			is_found = !strcmp(name, symbol);
		else if (fscanf(f, "%*[^\n]") < 0)
			break;
	}
	fclose(f);
	assert_true(is_found);
	return addr;
}

/* What is asked about a file, by virtual addresses. */
struct query {
	struct pb_question q;
	uint64_t offs[1024];
};

static void begin(struct query *query, const char *file, uint32_t flags)
{
	*query = (struct query){.q = {.kind = PB_ASK_ELF, .flags = flags, .n_fds = 1}};
	query->q.fds[0] = open_file(&fixture, file);
	query->q.addrs = query->offs;
}

static void end(struct query *query)
{
	close(query->q.fds[0]);
}

/* @vaddr must not be less than the one before. */
static void add(struct query *query, uint64_t vaddr)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	const Elf64_Phdr *loads;
	uint32_t n, i;

	assert_int_equal(pb_elf_open(&e, query->q.fds[0]), 0);
	loads = pb_elf_loads(e, &n);
	for (i = 0; i < n; i++)
		if (vaddr - loads[i].p_vaddr < loads[i].p_filesz && vaddr >= loads[i].p_vaddr)
			break;
	assert_true(i < n && query->q.n_addrs < PB_ARRAY_SIZE(query->offs));
	query->offs[query->q.n_addrs++] = vaddr - loads[i].p_vaddr + loads[i].p_offset;
}

/* The answer about one address of a file. */
static struct pb_answer *ask_one(const char *file, uint32_t flags, uint64_t vaddr,
				 pb_wanted_open *opener, void *ctx)
{
	struct pb_answer *a;
	struct query query;

	begin(&query, file, flags);
	add(&query, vaddr);
	a = ask(&query.q, opener, ctx);
	end(&query);
	assert_int_equal(a->addrs[0].vaddr, vaddr);
	return a;
}

static void expect_symbol(const char *file, const char *program, const char *symbol,
			  pb_wanted_open *opener, void *ctx)
{
	pb_auto(pb_answer) struct pb_answer *a =
		ask_one(file, SYMBOLS_ONLY, vaddr_of(program, symbol) + 1, opener, ctx);

	assert_int_equal(a->addrs[0].n_frames, 1);
	assert_string_equal(symbol_of(a, 0), symbol);
}

/* A static function of a stripped program: no name, but its start. */
static void expect_start(const char *file, const char *program, const char *symbol)
{
	uint64_t vaddr = vaddr_of(program, symbol);
	pb_auto(pb_answer) struct pb_answer *a = ask_one(file, SYMBOLS_ONLY, vaddr + 3, NULL, NULL);

	assert_int_equal(a->addrs[0].n_frames, 0);
	assert_int_equal(a->addrs[0].function, vaddr);
}

static void functions_of_the_symbol_table_are_named(void **state)
{
	(void)state;
	expect_symbol("full", "full", "hidden", NULL, NULL);
	expect_symbol("full", "full", "exported", NULL, NULL);
	expect_symbol("fixed", "fixed", "hidden", NULL, NULL);
	expect_symbol("static", "static", "hidden", NULL, NULL);
}

static void names_are_demangled_and_the_symbol_is_kept(void **state)
{
	uint64_t vaddr = vaddr_of("full", "_ZN2ns4nameEj");
	pb_auto(pb_answer) struct pb_answer *brief =
		ask_one("full", SYMBOLS_ONLY, vaddr, NULL, NULL);
	pb_auto(pb_answer) struct pb_answer *full =
		ask_one("full", PB_ASK_FULL_NAMES, vaddr, NULL, NULL);

	(void)state;
	assert_string_equal(symbol_of(brief, 0), "_ZN2ns4nameEj");
	assert_string_equal(pb_answer_text(brief, function_of(brief, 0)->name), "ns::name");
	assert_string_equal(pb_answer_text(full, function_of(full, 0)->name),
			    "ns::name(unsigned int)");
}

static void debug_info_adds_inlined_frames_and_lines(void **state)
{
	uint64_t vaddr = vaddr_of("full", "hidden"), at;
	const struct pb_answer_frame *f = NULL;
	pb_auto(pb_answer) struct pb_answer *a = NULL;
	struct query query;
	uint32_t i;

	(void)state;
	begin(&query, "full", PB_ASK_DEBUG_INFO);
	for (at = vaddr; at < vaddr + 8; at++)
		add(&query, at);
	a = ask(&query.q, NULL, NULL);
	end(&query);
	assert_int_equal(a->has_debug_info, 1);
	for (i = 0; i < a->n_addrs && !f; i++)
		if (a->addrs[i].n_frames == 2)
			f = &a->frames[a->addrs[i].first];
	assert_non_null(f);
	assert_string_equal(pb_answer_text(a, f[0].name), "inner");
	assert_int_equal(f[0].line, line_of("v += x"));
	assert_int_equal(f[0].start_line, line_of("unsigned inner"));
	assert_string_equal(pb_answer_text(a, f[1].name), "hidden");
	assert_int_equal(f[1].line, line_of("return inner"));
	assert_non_null(strstr(pb_answer_text(a, f[1].file), "prog.c"));
}

static void code_of_a_line_table_alone_is_not_named_after_what_begins_at_0(void **state)
{
	uint64_t vaddr = vaddr_of("zero", "second") + 1;
	pb_auto(pb_answer) struct pb_answer *a =
		ask_one("zero", PB_ASK_DEBUG_INFO, vaddr, NULL, NULL);

	(void)state;
	assert_int_equal(a->has_debug_info, 1);
	assert_string_equal(symbol_of(a, 0), "second");
	assert_int_equal(function_of(a, 0)->line, 9);
}

static void debug_info_that_cannot_be_read_is_told_and_costs_no_names(void **state)
{
	uint64_t vaddr = vaddr_of("full", "exported") + 1;
	pb_auto(pb_answer) struct pb_answer *named =
		ask_one("full.baddebug", PB_ASK_DEBUG_INFO, vaddr, NULL, NULL);
	pb_auto(pb_answer) struct pb_answer *unasked =
		ask_one("full.baddebug", SYMBOLS_ONLY, vaddr, NULL, NULL);

	(void)state;
	assert_string_equal(symbol_of(named, 0), "exported");
	assert_int_equal(named->state, PB_ANSWER_OK);
	assert_int_equal(named->has_debug_info, 0);
	assert_int_equal(named->left_out, 1);
	assert_int_equal(unasked->left_out, 0);
}

static void debug_info_that_is_all_there_is_and_cannot_be_read_is_the_state(void **state)
{
	uint64_t vaddr = vaddr_of("static", "hidden") + 1;
	pb_auto(pb_answer) struct pb_answer *a =
		ask_one("static.baddebug", PB_ASK_DEBUG_INFO, vaddr, NULL, NULL);

	(void)state;
	assert_int_equal(a->n_frames, 0);
	assert_int_equal(a->state, PB_ANSWER_UNREADABLE);
	assert_int_equal(a->left_out, 1);
}

static void without_asking_there_is_no_debug_info(void **state)
{
	pb_auto(pb_answer) struct pb_answer *a =
		ask_one("full", SYMBOLS_ONLY, vaddr_of("full", "hidden"), NULL, NULL);

	(void)state;
	assert_int_equal(a->has_debug_info, 0);
	assert_int_equal(a->n_frames, 1);
	assert_int_equal(a->frames[0].line, 0);
	assert_int_equal(a->frames[0].file, 0);
}

static struct pb_elf_section section_of(int fd, const char *name)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	struct pb_elf_section section = {0};

	assert_int_equal(pb_elf_open(&e, fd), 0);
	/* Without .plt.sec the stubs are in .plt. */
	if (pb_elf_section(e, name, 65536, &section))
		assert_int_equal(pb_elf_section(e, ".plt", 65536, &section), 0);
	return section;
}

static void a_function_has_the_same_name_with_and_without_debug_info(void **state)
{
	pb_auto(pb_answer) struct pb_answer *with = NULL, *without = NULL;
	struct pb_elf_section text;
	struct query query;
	uint32_t i, named = 0;

	(void)state;
	begin(&query, "full", PB_ASK_DEBUG_INFO);
	text = section_of(query.q.fds[0], ".text");
	for (i = 0; i < text.size && i < PB_ARRAY_SIZE(query.offs); i++)
		add(&query, text.vaddr + i);
	free(text.bytes);
	with = ask(&query.q, NULL, NULL);
	query.q.flags = 0;
	without = ask(&query.q, NULL, NULL);
	end(&query);
	for (i = 0; i < with->n_addrs; i++) {
		assert_string_equal(symbol_of(with, i), symbol_of(without, i));
		named += with->addrs[i].n_frames > 0;
	}
	assert_true(named > 100);
}

static void a_file_of_another_build_gives_no_names(void **state)
{
	pb_auto(pb_answer) struct pb_answer *right = NULL, *wrong = NULL, *unknown = NULL;
	struct query query;

	(void)state;
	begin(&query, "full", PB_ASK_DEBUG_INFO);
	add(&query, vaddr_of("full", "exported"));
	unknown = ask(&query.q, NULL, NULL);
	assert_int_equal(unknown->state, PB_ANSWER_OK);
	assert_int_equal(unknown->build_id_len, 20);
	memcpy(query.q.build_id, unknown->build_id, 20);
	query.q.build_id_len = 20;
	right = ask(&query.q, NULL, NULL);
	assert_int_equal(right->state, PB_ANSWER_OK);
	assert_int_equal(right->addrs[0].n_frames, 1);
	query.q.build_id[19] ^= 1;
	wrong = ask(&query.q, NULL, NULL);
	end(&query);
	assert_int_equal(wrong->state, PB_ANSWER_MISMATCH);
	assert_int_equal(wrong->n_frames, 0);
	assert_int_equal(wrong->addrs[0].function, 0);
	assert_int_equal(wrong->addrs[0].vaddr, query.offs[0]);
	assert_memory_equal(wrong->build_id, unknown->build_id, 20);
}

static void an_offset_in_no_segment_is_its_own_address(void **state)
{
	pb_auto(pb_answer) struct pb_answer *a = NULL;
	struct query query;

	(void)state;
	begin(&query, "fixed", SYMBOLS_ONLY);
	query.offs[query.q.n_addrs++] = 1ull << 40;
	a = ask(&query.q, NULL, NULL);
	end(&query);
	assert_int_equal(a->addrs[0].vaddr, 1ull << 40);
	assert_int_equal(a->addrs[0].n_frames + a->addrs[0].function, 0);
}

static void a_stripped_program_has_starts_and_exported_names_only(void **state)
{
	(void)state;
	expect_start("full.stripped", "full", "hidden");
	expect_start("fixed.stripped", "fixed", "hidden");
	expect_start("static.stripped", "static", "hidden");
	expect_start("static.stripped", "static", "exported");
	expect_symbol("full.stripped", "full", "exported", NULL, NULL);
	expect_symbol("fixed.stripped", "fixed", "main", NULL, NULL);
}

/* A function without a size would reach over the local ones behind it. */
static void a_program_stripped_of_local_names_has_no_wrong_ones(void **state)
{
	(void)state;
	expect_symbol("full", "full", "behind", NULL, NULL);
	expect_start("full.nolocals", "full", "behind");
	expect_start("full.nolocals", "full", "hidden");
	expect_symbol("full.nolocals", "full", "exported", NULL, NULL);
}

/* Unwind information knows of a function whose name was taken out, behind one that has no size. */
static void a_function_without_a_size_ends_where_unwind_information_begins_another(void **state)
{
	(void)state;
	expect_symbol("full", "full", "unsized", NULL, NULL);
	expect_symbol("full.nohidden", "full", "unsized", NULL, NULL);
	expect_start("full.nohidden", "full", "hidden");
}

static void debug_info_names_what_has_no_symbol(void **state)
{
	pb_auto(pb_answer) struct pb_answer *a =
		ask_one("full.nohidden", PB_ASK_DEBUG_INFO, vaddr_of("full", "hidden"), NULL, NULL);

	(void)state;
	assert_string_equal(symbol_of(a, 0), "hidden");
}

static void what_has_neither_symbols_nor_debug_info_says_so(void **state)
{
	uint64_t vaddr = vaddr_of("static", "hidden");
	pb_auto(pb_answer) struct pb_answer *a =
		ask_one("static.stripped", PB_ASK_DEBUG_INFO, vaddr, NULL, NULL);

	(void)state;
	assert_int_equal(a->state, PB_ANSWER_NO_SYMBOLS);
	assert_int_equal(a->has_debug_info, 0);
	assert_int_equal(a->addrs[0].function, vaddr);
}

/* What is handed out for each kind of wish, and what was wished for. */
struct shelf {
	const char *by_id, *by_link;
	uint32_t n_asked;
	struct pb_wanted asked[4];
};

static int open_from_shelf(void *ctx, const struct pb_wanted *wanted)
{
	struct shelf *s = ctx;
	const char *name = wanted->kind == PB_WANTED_BUILD_ID ? s->by_id : s->by_link;

	assert_true(s->n_asked < PB_ARRAY_SIZE(s->asked));
	s->asked[s->n_asked++] = *wanted;
	return name ? open_file(&fixture, name) : -ENOENT;
}

static void a_separate_file_is_found_by_build_id(void **state)
{
	struct shelf shelf = {.by_id = "full.debug"};
	pb_auto(pb_answer) struct pb_answer *a =
		ask_one("full.stripped", PB_ASK_DEBUG_INFO, vaddr_of("full", "hidden"),
			open_from_shelf, &shelf);

	(void)state;
	assert_int_equal(shelf.n_asked, 1);
	assert_int_equal(shelf.asked[0].kind, PB_WANTED_BUILD_ID);
	assert_int_equal(shelf.asked[0].build_id_len, a->build_id_len);
	assert_memory_equal(shelf.asked[0].build_id, a->build_id, 20);
	assert_int_equal(a->has_debug_info, 1);
	assert_int_equal(a->left_out, 0);
	assert_string_equal(symbol_of(a, 0), "hidden");
	assert_true(function_of(a, 0)->line > 0);
}

static void symbols_alone_are_worth_a_separate_file(void **state)
{
	struct shelf shelf = {.by_id = "full.debug"};

	(void)state;
	expect_symbol("full.stripped", "full", "hidden", open_from_shelf, &shelf);
	assert_int_equal(shelf.n_asked, 1);
}

static void a_link_is_asked_for_with_the_build_id_in_it(void **state)
{
	struct shelf shelf = {.by_link = "full.debug"}, no_id = {.by_link = "anonymous.debug"};

	(void)state;
	expect_symbol("full.linked", "full", "hidden", open_from_shelf, &shelf);
	assert_int_equal(shelf.n_asked, 1);
	assert_int_equal(shelf.asked[0].kind, PB_WANTED_LINK);
	assert_int_equal(shelf.asked[0].build_id_len, 20);
	assert_string_equal(shelf.asked[0].name, "full.debug");
	expect_symbol("anonymous.linked", "anonymous", "hidden", open_from_shelf, &no_id);
	assert_int_equal(no_id.n_asked, 1);
	assert_int_equal(no_id.asked[0].kind, PB_WANTED_LINK);
}

static void a_file_that_has_all_asks_for_no_other(void **state)
{
	struct shelf shelf = {0};
	uint64_t vaddr = vaddr_of("full", "hidden");

	(void)state;
	pb_answer_free(ask_one("full", PB_ASK_DEBUG_INFO, vaddr, open_from_shelf, &shelf));
	pb_answer_free(ask_one("full.nodebug", SYMBOLS_ONLY, vaddr, open_from_shelf, &shelf));
	assert_int_equal(shelf.n_asked, 0);
	pb_answer_free(ask_one("full.nodebug", PB_ASK_DEBUG_INFO, vaddr, open_from_shelf, &shelf));
	assert_int_equal(shelf.n_asked, 1);
}

static void a_separate_file_of_another_build_is_not_used(void **state)
{
	struct shelf shelf = {.by_id = "other"};
	uint64_t vaddr = vaddr_of("full", "hidden");
	pb_auto(pb_answer) struct pb_answer *a =
		ask_one("full.stripped", PB_ASK_DEBUG_INFO, vaddr, open_from_shelf, &shelf);

	(void)state;
	assert_int_equal(shelf.n_asked, 1);
	assert_int_equal(a->n_frames, 0);
	assert_int_equal(a->has_debug_info, 0);
	assert_int_equal(a->addrs[0].function, vaddr);
}

static void a_separate_file_of_another_layout_is_not_used(void **state)
{
	struct shelf shelf = {.by_id = "full.moved"};
	uint64_t vaddr = vaddr_of("full", "hidden");
	pb_auto(pb_answer) struct pb_answer *stripped =
		ask_one("full.stripped", PB_ASK_DEBUG_INFO, vaddr, open_from_shelf, &shelf);

	(void)state;
	assert_int_equal(shelf.n_asked, 1);
	assert_int_equal(stripped->n_frames, 0);
	assert_int_equal(stripped->has_debug_info, 0);
	assert_int_equal(stripped->addrs[0].function, vaddr);
}

static void separate_files_of_every_tool_have_the_layout_of_the_program(void **state)
{
	static const char *const names[] = {"full.debug", "full.eu", "full.dwz", "full"};
	uint64_t vaddr = vaddr_of("full", "hidden");
	size_t i;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(names); i++) {
		struct shelf shelf = {.by_id = names[i]};
		pb_auto(pb_answer) struct pb_answer *stripped =
			ask_one("full.stripped", PB_ASK_DEBUG_INFO, vaddr, open_from_shelf, &shelf);
		pb_auto(pb_answer) struct pb_answer *bare =
			ask_one("full.bare", PB_ASK_DEBUG_INFO, vaddr, open_from_shelf, &shelf);

		assert_string_equal(symbol_of(stripped, 0), "hidden");
		assert_int_equal(stripped->has_debug_info, 1);
		assert_string_equal(symbol_of(bare, 0), "hidden");
		assert_int_equal(bare->has_debug_info, 1);
	}
}

/* Another name that is left in .symtab hides nothing that other tables have. */
static void a_partly_stripped_program_takes_names_from_all_tables(void **state)
{
	struct shelf shelf = {.by_id = "full.debug"}, whole = {.by_id = "static.debug"};

	(void)state;
	expect_symbol("full.kept", "full", "exported", NULL, NULL);
	expect_symbol("full.kept", "full", "main", NULL, NULL);
	expect_start("full.kept", "full", "hidden");
	expect_symbol("full.keptmini", "full", "hidden", NULL, NULL);
	expect_symbol("full.keptmini", "full", "main", NULL, NULL);
	expect_symbol("full.kept", "full", "hidden", open_from_shelf, &shelf);
	expect_symbol("full.kept", "full", "exported", open_from_shelf, &shelf);
	expect_symbol("static.kept", "static", "hidden", NULL, NULL);
	expect_symbol("static.kept", "static", "exported", open_from_shelf, &whole);
}

static void a_separate_file_that_is_none_costs_only_itself(void **state)
{
	struct shelf shelf = {.by_id = "prog.c"};
	pb_auto(pb_answer) struct pb_answer *a =
		ask_one("full.stripped", PB_ASK_DEBUG_INFO, vaddr_of("full", "exported"),
			open_from_shelf, &shelf);

	(void)state;
	expect_symbol("full.stripped", "full", "exported", open_from_shelf, &shelf);
	assert_int_equal(a->state, PB_ANSWER_OK);
	assert_int_equal(a->left_out, 1);
}

static void minidebuginfo_and_exported_symbols_make_one_table(void **state)
{
	(void)state;
	expect_symbol("full.mini", "full", "hidden", NULL, NULL);
	expect_symbol("full.mini", "full", "exported", NULL, NULL);
}

static void stubs_are_named_by_what_they_jump_to(void **state)
{
	pb_auto(pb_answer) struct pb_answer *a = NULL;
	struct pb_elf_section plt;
	bool has_srand = false, has_puts = false;
	struct query query;
	uint64_t at;
	uint32_t i;

	(void)state;
	begin(&query, "full.stripped", SYMBOLS_ONLY);
	plt = section_of(query.q.fds[0], ".plt.sec");
	for (at = plt.vaddr; at < plt.vaddr + plt.size; at += 4)
		add(&query, at);
	a = ask(&query.q, NULL, NULL);
	end(&query);
	for (i = 0; i < a->n_addrs; i++) {
		assert_int_equal(a->addrs[i].function, 0);
		has_srand |= !strcmp(symbol_of(a, i), "srand@plt");
		has_puts |= !strcmp(symbol_of(a, i), "puts@plt");
	}
	free(plt.bytes);
	assert_true(has_srand && has_puts);
}

static void the_vdso_needs_no_file(void **state)
{
	void *handle = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
	uint64_t base = getauxval(AT_SYSINFO_EHDR), off = 0;
	struct pb_question q = {
		.kind = PB_ASK_VDSO, .flags = PB_ASK_DEBUG_INFO, .n_addrs = 1, .addrs = &off};
	pb_auto(pb_answer) struct pb_answer *a = NULL;
	void *function;

	(void)state;
	if (!base || !handle)
		skip();
	function = dlsym(handle, "__vdso_clock_gettime");
	if (!function)
		function = dlsym(handle, "__kernel_clock_gettime");
	off = (uint64_t)(uintptr_t)function - base + 1;
	a = ask(&q, NULL, NULL);
	assert_int_equal(a->state, PB_ANSWER_OK);
	assert_non_null(strstr(symbol_of(a, 0), "clock_gettime"));
}

/* A jitdump with one function, "dumped" at 0x2000. */
static void write_dump(const char *name)
{
	static const struct {
		uint32_t magic, version, total_size, elf_mach, pad, pid;
		uint64_t timestamp, flags;
		uint32_t id, record_size;
		uint64_t record_time;
		uint32_t record_pid, tid;
		uint64_t vma, addr, size, index;
		char name[7], code[9];
	} dump = {.magic = 0x4a695444,
		  .version = 1,
		  .total_size = 40,
		  .elf_mach = 62,
		  .pid = 1,
		  .record_size = 72,
		  .record_pid = 1,
		  .vma = 0x2000,
		  .addr = 0x2000,
		  .size = 9,
		  .name = "dumped"};
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", fixture.dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(&dump, 1, 112, f), 112);
	assert_int_equal(fclose(f), 0);
}

static struct pb_answer *ask_jit(uint32_t flags, const char *first, const char *second)
{
	static const uint64_t addrs[] = {0x1004, 0x2004, 0x3004};
	struct pb_question q = {.kind = PB_ASK_JIT, .flags = flags, .n_addrs = 3, .addrs = addrs};
	struct pb_answer *a;

	q.fds[q.n_fds++] = open_file(&fixture, first);
	if (second)
		q.fds[q.n_fds++] = open_file(&fixture, second);
	/* Who asks once more has the same descriptor, read to its end. */
	pb_answer_free(ask(&q, NULL, NULL));
	a = ask(&q, NULL, NULL);
	close(q.fds[0]);
	if (second)
		close(q.fds[1]);
	return a;
}

static void code_of_a_jit_is_named_by_map_and_dump(void **state)
{
	pb_auto(pb_answer) struct pb_answer *map = NULL, *dump = NULL, *both = NULL;

	(void)state;
	write_text(&fixture, "map", "1000 10 first\n2000 10 mapped\n1000 10 second\n");
	write_dump("dump");
	map = ask_jit(0, "map", NULL);
	dump = ask_jit(PB_ASK_FIRST_IS_DUMP, "dump", NULL);
	both = ask_jit(0, "map", "dump");
	assert_string_equal(symbol_of(map, 0), "second");
	assert_string_equal(symbol_of(map, 1), "mapped");
	assert_string_equal(symbol_of(map, 2), "");
	assert_int_equal(map->addrs[2].vaddr, 0x3004);
	assert_string_equal(symbol_of(dump, 0), "");
	assert_string_equal(symbol_of(dump, 1), "dumped");
	assert_string_equal(symbol_of(both, 0), "second");
	assert_string_equal(symbol_of(both, 1), "dumped");
}

static void what_is_no_elf_file_is_an_answer_too(void **state)
{
	pb_auto(pb_answer) struct pb_answer *text = NULL, *none = NULL;
	struct query query;

	(void)state;
	begin(&query, "prog.c", PB_ASK_DEBUG_INFO);
	query.offs[query.q.n_addrs++] = 64;
	text = ask(&query.q, NULL, NULL);
	assert_int_equal(text->state, PB_ANSWER_UNREADABLE);
	assert_int_equal(text->addrs[0].vaddr, 64);
	query.q.n_fds = 0;
	none = ask(&query.q, NULL, NULL);
	end(&query);
	assert_int_equal(none->state, PB_ANSWER_UNREADABLE);
}

/* Ask about all of a file of these bytes. */
static void ask_about_bytes(const uint8_t *bytes, size_t size)
{
	int fd = memfd_create("bytes", MFD_CLOEXEC);
	struct query query = {.q = {.kind = PB_ASK_ELF, .n_fds = 1, .fds = {fd}}};
	uint64_t at;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	query.q.addrs = query.offs;
	for (at = 0; at < size && query.q.n_addrs < PB_ARRAY_SIZE(query.offs); at += 37)
		query.offs[query.q.n_addrs++] = at;
	/* It checks that the answer is one. */
	pb_answer_free(ask(&query.q, NULL, NULL));
	close(fd);
}

static uint8_t *read_bytes(const char *name, size_t *size)
{
	pb_autoclose int fd = open_file(&fixture, name);
	off_t end_off = lseek(fd, 0, SEEK_END);
	uint8_t *bytes = malloc((size_t)end_off);

	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, (size_t)end_off, 0), end_off);
	*size = (size_t)end_off;
	return bytes;
}

static void a_file_that_was_cut_anywhere_gives_an_answer(void **state)
{
	static const char *const names[] = {"full", "full.mini"};
	size_t size, i, cut;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(names); i++) {
		pb_autofree uint8_t *bytes = read_bytes(names[i], &size);

		for (cut = 0; cut < size; cut += size / 150)
			ask_about_bytes(bytes, cut);
	}
}

static void a_file_with_flipped_bytes_gives_an_answer(void **state)
{
	static const char *const names[] = {"full.stripped", "full.mini", "full.nodebug"};
	uint64_t seed = 1;
	size_t size, i, j;
	int round;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(names); i++) {
		pb_autofree uint8_t *whole = read_bytes(names[i], &size);
		pb_autofree uint8_t *bytes = malloc(size);

		assert_non_null(bytes);
		for (round = 0; round < 200; round++) {
			memcpy(bytes, whole, size);
			for (j = 0; j < 8; j++) {
				seed = seed * 6364136223846793005u + 1442695040888963407u;
				/* Sections' headers are at the end; nothing runs without the first bytes. */
				bytes[64 + (seed >> 20) % (size - 64)] ^= (uint8_t)(seed >> 12);
			}
			bytes[size - 1 - (seed >> 40) % 2048] ^= (uint8_t)(seed >> 52);
			ask_about_bytes(bytes, size);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_of_the_symbol_table_are_named),
		cmocka_unit_test(names_are_demangled_and_the_symbol_is_kept),
		cmocka_unit_test(debug_info_adds_inlined_frames_and_lines),
		cmocka_unit_test(code_of_a_line_table_alone_is_not_named_after_what_begins_at_0),
		cmocka_unit_test(debug_info_that_cannot_be_read_is_told_and_costs_no_names),
		cmocka_unit_test(debug_info_that_is_all_there_is_and_cannot_be_read_is_the_state),
		cmocka_unit_test(without_asking_there_is_no_debug_info),
		cmocka_unit_test(a_function_has_the_same_name_with_and_without_debug_info),
		cmocka_unit_test(a_file_of_another_build_gives_no_names),
		cmocka_unit_test(an_offset_in_no_segment_is_its_own_address),
		cmocka_unit_test(a_stripped_program_has_starts_and_exported_names_only),
		cmocka_unit_test(a_program_stripped_of_local_names_has_no_wrong_ones),
		cmocka_unit_test(
			a_function_without_a_size_ends_where_unwind_information_begins_another),
		cmocka_unit_test(debug_info_names_what_has_no_symbol),
		cmocka_unit_test(what_has_neither_symbols_nor_debug_info_says_so),
		cmocka_unit_test(a_separate_file_is_found_by_build_id),
		cmocka_unit_test(symbols_alone_are_worth_a_separate_file),
		cmocka_unit_test(a_link_is_asked_for_with_the_build_id_in_it),
		cmocka_unit_test(a_file_that_has_all_asks_for_no_other),
		cmocka_unit_test(a_separate_file_of_another_build_is_not_used),
		cmocka_unit_test(a_separate_file_of_another_layout_is_not_used),
		cmocka_unit_test(separate_files_of_every_tool_have_the_layout_of_the_program),
		cmocka_unit_test(a_partly_stripped_program_takes_names_from_all_tables),
		cmocka_unit_test(a_separate_file_that_is_none_costs_only_itself),
		cmocka_unit_test(minidebuginfo_and_exported_symbols_make_one_table),
		cmocka_unit_test(stubs_are_named_by_what_they_jump_to),
		cmocka_unit_test(the_vdso_needs_no_file),
		cmocka_unit_test(code_of_a_jit_is_named_by_map_and_dump),
		cmocka_unit_test(what_is_no_elf_file_is_an_answer_too),
		cmocka_unit_test(a_file_that_was_cut_anywhere_gives_an_answer),
		cmocka_unit_test(a_file_with_flipped_bytes_gives_an_answer),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
