/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/probe/placement.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gelf.h>

#include "user/core/own.h"

#define ADDR 0x400000ull
#define RAX  0
#define RDX  1
#define RCX  2
#define RBX  3
#define RSI  4
#define RDI  5
#define R8   8
#define R12  12

/* BYTES("\x90"): with its length, which may hold zeros. */
#define BYTES(s)    (s), sizeof(s) - 1
/* Instructions that are on many a line. */
#define ENDBR64     "\xf3\x0f\x1e\xfa"
#define TEST_RDI    "\x48\x85\xff"
#define MOV_RSI_RDI "\x48\x89\xfe"
#define MOV_RDI_RAX "\x48\x89\xc7"
#define MOV_R12_RDI "\x49\x89\xfc"
#define SUB_RSP     "\x48\x83\xec\x18"
#define LOAD_HOOK   "\x48\x8b\x05\x10\x20\x30\x00"
#define CMP_HOOK    "\x80\x3d\x10\x20\x30\x00\x00"
#define JE_FAR      "\x0f\x84\xbf\x00\x00\x00"
#define PUSH_RBX    "\x53"
#define RET         "\xc3"

static struct pb_placement place(const char *code, size_t size, unsigned int n_args)
{
	/* On the heap, so that a look past its end is seen. */
	pb_autofree uint8_t *copy = malloc(size);
	struct pb_placement p;

	assert_non_null(copy);
	memcpy(copy, code, size);
	memset(&p, 0xa5, sizeof(p));
	assert_int_equal(pb_placement_find(&p, EM_X86_64, copy, size, ADDR, n_args), 0);
	assert_non_null(memchr(p.instruction, 0, sizeof(p.instruction)));
	return p;
}

static void is_cheap_at(const char *code, size_t size, unsigned int n_args, uint32_t offset)
{
	struct pb_placement p = place(code, size, n_args);

	assert_true(p.emulated);
	assert_int_equal(p.offset, offset);
}

static void is_at_entry(const char *code, size_t size, unsigned int n_args)
{
	struct pb_placement p = place(code, size, n_args);

	assert_false(p.emulated);
	assert_false(p.moved);
	assert_int_equal(p.offset, 0);
	assert_int_equal(p.arg_regs[0], RDI);
	assert_int_equal(p.arg_regs[1], RSI);
	assert_int_equal(p.arg_regs[2], RDX);
}

static void emulated_instructions_are_taken_where_they_stand(void **state)
{
	(void)state;
	is_cheap_at(BYTES("\x50"), 3, 0); /* push rax */
	is_cheap_at(BYTES("\x57"), 3, 0);
	is_cheap_at(BYTES("\x41\x50"), 3, 0); /* push r8 */
	is_cheap_at(BYTES("\x41\x57"), 3, 0);
	is_cheap_at(BYTES("\x90"), 3, 0);
	is_cheap_at(BYTES("\xeb\x20"), 3, 0);
	is_cheap_at(BYTES("\xe9\x00\x01\x00\x00"), 3, 0);
	is_cheap_at(BYTES("\x70\x20"), 3, 0); /* jo */
	is_cheap_at(BYTES("\x7f\x20"), 3, 0);
	is_cheap_at(BYTES("\x0f\x80\x00\x01\x00\x00"), 3, 0);
	is_cheap_at(BYTES("\x0f\x8f\x00\x01\x00\x00"), 3, 0);
}

static void what_only_looks_like_it_is_not_taken(void **state)
{
	(void)state;
	is_at_entry(BYTES("\x48\x50"), 1);                 /* push rax with REX.W */
	is_at_entry(BYTES("\x48\x41\x50"), 1);             /* two REX prefixes */
	is_at_entry(BYTES("\x66\x50"), 1);                 /* push ax */
	is_at_entry(BYTES("\x6a\x01"), 1);                 /* push 1 */
	is_at_entry(BYTES("\xff\x37"), 1);                 /* push [rdi] */
	is_at_entry(BYTES("\xff\xf0"), 1);                 /* push rax, the long way */
	is_at_entry(BYTES("\x9c"), 1);                     /* pushf */
	is_at_entry(BYTES("\x66\x90"), 1);                 /* refused by kernels before 6.2 */
	is_at_entry(BYTES("\x41\x90"), 1);                 /* xchg r8, rax */
	is_at_entry(BYTES("\xf3\x90"), 1);                 /* pause */
	is_at_entry(BYTES("\x0f\x1f\x44\x00\x00"), 1);     /* nop of 5 bytes */
	is_at_entry(BYTES("\xe8\x00\x01\x00\x00"), 1);     /* call */
	is_at_entry(BYTES("\xff\x25\x00\x01\x00\x00"), 1); /* jmp [rip] */
	is_at_entry(BYTES("\xff\xe0"), 1);                 /* jmp rax */
	is_at_entry(BYTES("\x66\xe9\x00\x01\x00\x00"), 1); /* branches with 66 are refused */
	is_at_entry(BYTES("\x66\x74\x20"), 1);
	is_at_entry(BYTES("\x2e\x74\x20"), 1);             /* with a hint */
	is_at_entry(BYTES("\xf2\xe9\x00\x01\x00\x00"), 1); /* bnd */
	is_at_entry(BYTES("\xe3\x20"), 1);                 /* jrcxz */
	is_at_entry(BYTES("\xe2\x20"), 1);                 /* loop */
	is_at_entry(BYTES("\x0f\x05"), 1);                 /* syscall */
	is_at_entry(BYTES(RET), 1);
	is_at_entry(BYTES("\xcc"), 1);
}

static void the_line_goes_on_to_the_first_of_them(void **state)
{
	struct pb_placement p;

	(void)state;
	is_cheap_at(BYTES(ENDBR64 PUSH_RBX), 3, 4);
	is_cheap_at(BYTES(CMP_HOOK PUSH_RBX), 3, 7);
	is_cheap_at(BYTES("\x0f\x1f\x44\x00\x00" PUSH_RBX), 3, 5);
	is_cheap_at(BYTES("\x48\x89\x3d\x10\x20\x30\x00" PUSH_RBX), 3, 7);         /* a store */
	is_cheap_at(BYTES("\x64\x48\x8b\x04\x25\x28\x00\x00\x00" PUSH_RBX), 3, 9); /* fs:0x28 */
	is_cheap_at(BYTES("\x66\x48\x0f\x6e\xc7" PUSH_RBX), 3, 5); /* movq xmm0, rdi */
	is_cheap_at(BYTES("\x31\xc0\x0f\x95\xc0" PUSH_RBX), 3, 5); /* xor eax, eax; setne al */
	is_cheap_at(BYTES("\x48\x89\xe0" PUSH_RBX), 3, 3);         /* mov rax, rsp: only read */
	p = place(BYTES(TEST_RDI JE_FAR "\x55"), 1);
	assert_true(p.emulated);
	assert_false(p.moved);
	assert_int_equal(p.offset, 3);
	assert_int_equal(p.arg_regs[0], RDI);
	assert_string_equal(p.instruction, "je 0x4000c8");
	assert_string_equal(place(BYTES("\x41\x54"), 1).instruction, "push r12");
}

static void what_is_not_known_to_be_harmless_ends_the_line(void **state)
{
	(void)state;
	is_at_entry(BYTES("\x0f\x05" PUSH_RBX), 1);         /* syscall */
	is_at_entry(BYTES("\x0f\xa2" PUSH_RBX), 1);         /* cpuid */
	is_at_entry(BYTES("\x48\xf7\xe6" PUSH_RBX), 1);     /* mul rsi: rdx, silently */
	is_at_entry(BYTES("\xf3\x48\xab" PUSH_RBX), 1);     /* rep stosq */
	is_at_entry(BYTES("\xf0\x48\x01\x3e" PUSH_RBX), 1); /* lock add [rsi], rdi */
	is_at_entry(BYTES("\x48\x87\xfe" PUSH_RBX), 1);     /* xchg rsi, rdi */
	is_at_entry(BYTES("\xff\xd0" PUSH_RBX), 1);         /* call rax */
	is_at_entry(BYTES("\xe8\x00\x01\x00\x00" PUSH_RBX), 1);
	is_at_entry(BYTES(RET PUSH_RBX), 1);
	is_at_entry(BYTES("\x0f\x0b" PUSH_RBX), 1); /* ud2 */
	is_at_entry(BYTES("\x66\x74\x20" PUSH_RBX), 1);
	is_at_entry(BYTES("\xe3\x20" PUSH_RBX), 1);
}

static void a_change_of_the_stack_pointer_ends_the_line(void **state)
{
	(void)state;
	is_at_entry(BYTES(SUB_RSP PUSH_RBX), 1);
	is_at_entry(BYTES("\x48\x83\xe4\xf0" PUSH_RBX), 1);     /* and rsp, -16 */
	is_at_entry(BYTES("\x48\x8d\x64\x24\xf8" PUSH_RBX), 1); /* lea rsp, [rsp-8] */
	is_at_entry(BYTES("\x83\xec\x18" PUSH_RBX), 1);         /* sub esp, 24 */
	is_at_entry(BYTES("\x48\x89\xc4" PUSH_RBX), 1);         /* mov rsp, rax */
	is_at_entry(BYTES("\x48\x87\xe0" PUSH_RBX), 1);         /* xchg rax, rsp */
	is_at_entry(BYTES("\x58" PUSH_RBX), 1);                 /* pop rax */
	is_at_entry(BYTES("\xc9" PUSH_RBX), 1);                 /* leave */
	is_at_entry(BYTES("\x6a\x01" PUSH_RBX), 1);
	is_at_entry(BYTES("\xc8\x10\x00\x00" PUSH_RBX), 1); /* enter */
	/* Of no arguments, too. */
	is_at_entry(BYTES(SUB_RSP PUSH_RBX), 0);
}

static void a_lost_argument_ends_the_line(void **state)
{
	(void)state;
	is_at_entry(BYTES("\x31\xff" PUSH_RBX), 1);         /* xor edi, edi */
	is_at_entry(BYTES("\x40\xb7\x01" PUSH_RBX), 1);     /* mov dil, 1 */
	is_at_entry(BYTES("\x66\xff\xc7" PUSH_RBX), 1);     /* inc di */
	is_at_entry(BYTES("\x48\x8b\x3f" PUSH_RBX), 1);     /* mov rdi, [rdi] */
	is_at_entry(BYTES("\x48\x0f\x44\xf8" PUSH_RBX), 1); /* cmove rdi, rax */
	is_at_entry(BYTES("\xb6\x01" PUSH_RBX), 3);         /* mov dh, 1 */
	is_at_entry(BYTES(MOV_RDI_RAX PUSH_RBX), 1);
	/* Only those that were asked for count. */
	is_cheap_at(BYTES("\x31\xff" PUSH_RBX), 0, 2);
	is_cheap_at(BYTES("\x31\xf6" PUSH_RBX), 1, 2); /* xor esi, esi */
	is_at_entry(BYTES("\x31\xf6" PUSH_RBX), 2);
	is_cheap_at(BYTES("\x31\xd2" PUSH_RBX), 2, 2); /* xor edx, edx */
	is_at_entry(BYTES("\x31\xd2" PUSH_RBX), 3);
}

static void a_moved_argument_is_followed(void **state)
{
	struct pb_placement p;

	(void)state;
	/* mimalloc's malloc */
	p = place(BYTES(LOAD_HOOK MOV_RSI_RDI "\x64\x48\x8b\x38" /* mov rdi, fs:[rax] */
					      "\x48\x81\xfe\x00\x04\x00\x00\x77\x29"),
		  1);
	assert_true(p.emulated);
	assert_true(p.moved);
	assert_int_equal(p.offset, 21);
	assert_int_equal(p.arg_regs[0], RSI);
	/* mimalloc's realloc: size to rdx, pointer to rsi, and the heap in rdi */
	p = place(BYTES("\x48\x89\xf2" MOV_RSI_RDI "\x64\x48\x8b\x00" MOV_RDI_RAX
			"\xe9\x00\x10\x00\x00"),
		  2);
	assert_true(p.emulated);
	assert_true(p.moved);
	assert_int_equal(p.arg_regs[0], RSI);
	assert_int_equal(p.arg_regs[1], RDX);
	/* Twice, into a high one and back into a low one. */
	p = place(BYTES(MOV_R12_RDI "\x4c\x89\xe3"
				    "\x31\xff"
				    "\x45\x31\xe4" PUSH_RBX),
		  1);
	assert_true(p.emulated);
	assert_int_equal(p.arg_regs[0], RBX);
	/* Where it still is as usual, that is what is said. */
	p = place(BYTES("\x48\x89\xf9" PUSH_RBX), 1);
	assert_false(p.moved);
	assert_int_equal(p.arg_regs[0], RDI);
}

static void a_copy_is_a_whole_register_and_still_there(void **state)
{
	(void)state;
	is_at_entry(BYTES("\x89\xfe\x31\xff" PUSH_RBX), 1);                 /* mov esi, edi */
	is_at_entry(BYTES(MOV_RSI_RDI "\x31\xff\x31\xf6" PUSH_RBX), 1);     /* both lost */
	is_at_entry(BYTES("\x48\x63\xf7\x31\xff" PUSH_RBX), 1);             /* movsxd rsi, edi */
	is_at_entry(BYTES(MOV_RSI_RDI "\x40\xb6\x01\x31\xff" PUSH_RBX), 1); /* mov sil, 1 */
	/* A conditional copy is none. */
	is_at_entry(BYTES("\x48\x0f\x44\xf7\x31\xff" PUSH_RBX), 1);
	/* The second one is overwritten by a copy of the first. */
	is_at_entry(BYTES(MOV_RSI_RDI PUSH_RBX), 2);
	/* xchg would be two copies, and is not followed. */
	is_at_entry(BYTES("\x48\x87\xfe" PUSH_RBX), 2);
}

static void nothing_behind_a_jump_target_is_taken(void **state)
{
	(void)state;
	is_cheap_at(BYTES(TEST_RDI PUSH_RBX RET), 1, 3);
	/* To it, from behind: a loop. */
	is_at_entry(BYTES(TEST_RDI PUSH_RBX "\xeb\xfd"), 1);
	is_at_entry(BYTES(TEST_RDI PUSH_RBX "\x75\xfd"), 1);
	is_at_entry(BYTES(TEST_RDI PUSH_RBX "\xe2\xfd"), 1); /* loop */
	is_at_entry(BYTES(TEST_RDI PUSH_RBX "\xe9\xfa\xff\xff\xff"), 1);
	is_at_entry(BYTES(TEST_RDI PUSH_RBX "\x0f\x85\xf9\xff\xff\xff"), 1);
	is_at_entry(BYTES(TEST_RDI PUSH_RBX "\xe8\xfa\xff\xff\xff"), 1);     /* call */
	is_at_entry(BYTES(TEST_RDI PUSH_RBX "\xc7\xf8\xf9\xff\xff\xff"), 1); /* xbegin */
	/* With a prefix. */
	is_at_entry(BYTES(TEST_RDI PUSH_RBX "\x2e\x75\xfc"), 1);
	/* Between the entry and it, also into the middle of an instruction. */
	is_at_entry(BYTES(TEST_RDI TEST_RDI PUSH_RBX "\x75\xfa"), 1);
	is_at_entry(BYTES(TEST_RDI PUSH_RBX "\x75\xfb"), 1);
	/* To the entry: as often as the entry is hit, so nothing is lost. */
	is_cheap_at(BYTES(TEST_RDI PUSH_RBX "\x75\xfa"), 1, 3);
	/* Before the entry, and behind the instruction. */
	is_cheap_at(BYTES(TEST_RDI PUSH_RBX "\x75\xf9"), 1, 3);
	is_cheap_at(BYTES(TEST_RDI PUSH_RBX "\x90\x75\xfd"), 1, 3);
	/* At the entry a jump to it changes nothing either. */
	is_cheap_at(BYTES(PUSH_RBX "\x75\xfd"), 1, 0);
}

static void jumps_are_found_behind_data(void **state)
{
	/* A table of 8 bytes that leaves a decoder out of step: the jump would be part of movabs. */
	static const char code[] = TEST_RDI PUSH_RBX RET "\xff\xff\xff\x48\xb8"
							 "\xe9\xf4\xff\xff\xff" RET RET RET;

	(void)state;
	is_at_entry(BYTES(code), 1);
}

static void only_the_first_4_kb_are_looked_at(void **state)
{
	static uint8_t code[8192];
	struct pb_placement p;

	(void)state;
	/* mov eax, eax, and a jump from the end back to the second one */
	memset(code, 0, sizeof(code));
	for (size_t i = 0; i < sizeof(code); i += 2)
		memcpy(code + i, "\x89\xc0", 2);
	memcpy(code + 4094, "\x90", 1);
	memcpy(code + 8000, "\xe9\xbd\xe0\xff\xff", 5);
	assert_int_equal(pb_placement_find(&p, EM_X86_64, code, sizeof(code), ADDR, 1), 0);
	assert_true(p.emulated);
	assert_int_equal(p.offset, 4094);
	memcpy(code + 4094, "\x89\xc0\x90", 3);
	assert_int_equal(pb_placement_find(&p, EM_X86_64, code, sizeof(code), ADDR, 1), 0);
	assert_false(p.emulated);
}

static void cut_and_foreign_bytes_end_the_line(void **state)
{
	size_t size;

	(void)state;
	/* The je is there only when it is there wholly. */
	for (size = 1; size < sizeof(TEST_RDI JE_FAR) - 1; size++)
		is_at_entry(TEST_RDI JE_FAR, size, 1);
	is_cheap_at(BYTES(TEST_RDI JE_FAR), 1, 3);
	is_at_entry(BYTES("\x41"), 1);
	is_at_entry(BYTES("\xe9\x00\x00\x00"), 1);
	is_at_entry(BYTES("\x00"), 1);
	is_at_entry(BYTES("\x06" PUSH_RBX), 1); /* no instruction in 64 bits */
	assert_string_equal(place(BYTES("\x06"), 1).instruction, "(not an instruction)");
	is_at_entry(BYTES("\xff\xff\xff\xff\xff\xff\xff\xff"), 1);
	is_at_entry(BYTES("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x50"), 1);
}

static void what_is_probed_for_want_of_better_is_said(void **state)
{
	(void)state;
	assert_string_equal(place(BYTES(SUB_RSP RET), 1).instruction, "sub rsp, 0x18");
	/* Too long for its place. */
	assert_string_equal(
		place(BYTES("\x48\xc7\x84\xf7\x44\x33\x22\x11\x88\x77\x66\x55" RET), 1).instruction,
		"mov qword ptr [rdi + rsi*8 + ..");
}

static void nonsense_is_refused_and_nothing_is_written(void **state)
{
	struct pb_placement p, before;
	const uint8_t code[] = {0x90};

	(void)state;
	memset(&p, 0xa5, sizeof(p));
	before = p;
	assert_int_equal(pb_placement_find(&p, EM_X86_64, NULL, 1, ADDR, 1), -EINVAL);
	assert_int_equal(pb_placement_find(&p, EM_X86_64, code, 0, ADDR, 1), -EINVAL);
	assert_int_equal(pb_placement_find(&p, EM_X86_64, code, 1, ADDR, 4), -EINVAL);
	assert_int_equal(pb_placement_find(&p, EM_AARCH64, code, 1, ADDR, 1), -ENOTSUP);
	assert_int_equal(pb_placement_find(&p, EM_386, code, 1, ADDR, 1), -ENOTSUP);
	assert_memory_equal(&p, &before, sizeof(p));
}

/* The allocators of this machine. */

struct function {
	const char *name;
	unsigned int n_args;
};

/* Not reallocarray(): glibc's multiplies first, which takes an argument's register, and calls realloc(). */
static const struct function c_functions[] = {
	{"malloc", 1},         {"calloc", 2},        {"realloc", 2},  {"free", 1},
	{"posix_memalign", 3}, {"aligned_alloc", 2}, {"memalign", 2}, {"valloc", 1},
	{"pvalloc", 1},        {"sdallocx", 3},      {NULL, 0},
};
static const struct function cpp_functions[] = {
	{"_Znwm", 1},   {"_Znam", 1},   {"_ZdlPv", 1}, {"_ZdaPv", 1},
	{"_ZdlPvm", 2}, {"_ZdaPvm", 2}, {NULL, 0},
};

struct library {
	Elf *elf;
	int fd;
};

static bool library_open(struct library *lib, const char *name)
{
	pb_autofree char *path = NULL;

	assert_true(asprintf(&path, "/usr/lib/x86_64-linux-gnu/%s", name) > 0);
	lib->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (lib->fd < 0) {
		print_message("there is no %s\n", path);
		return false;
	}
	elf_version(EV_CURRENT);
	lib->elf = elf_begin(lib->fd, ELF_C_READ, NULL);
	assert_non_null(lib->elf);
	return true;
}

static void library_close(struct library *lib)
{
	elf_end(lib->elf);
	close(lib->fd);
}

/* Where one byte of the code is found in the file, and the rest behind it. */
static const uint8_t *bytes_of(const struct library *lib, const GElf_Sym *sym)
{
	GElf_Shdr header;
	Elf_Scn *scn = elf_getscn(lib->elf, sym->st_shndx);
	Elf_Data *data;

	assert_non_null(gelf_getshdr(scn, &header));
	data = elf_rawdata(scn, NULL);
	assert_true(data && sym->st_value >= header.sh_addr &&
		    sym->st_value - header.sh_addr + sym->st_size <= data->d_size);
	return (const uint8_t *)data->d_buf + (sym->st_value - header.sh_addr);
}

static bool find_function(const struct library *lib, const char *name, GElf_Sym *sym)
{
	GElf_Shdr header;
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(lib->elf, scn))) {
		Elf_Data *data;
		size_t i;

		if (!gelf_getshdr(scn, &header) || header.sh_type != SHT_DYNSYM)
			continue;
		data = elf_getdata(scn, NULL);
		for (i = 0; gelf_getsym(data, i, sym); i++)
			if (sym->st_shndx != SHN_UNDEF && GELF_ST_TYPE(sym->st_info) == STT_FUNC &&
			    !strcmp(elf_strptr(lib->elf, header.sh_link, sym->st_name), name))
				return true;
	}
	return false;
}

static bool is_debian_12(void)
{
	pb_autofclose FILE *f = fopen("/etc/os-release", "re");
	char line[256];
	bool debian = false, twelve = false;

	while (f && fgets(line, sizeof(line), f)) {
		debian |= !strcmp(line, "ID=debian\n");
		twelve |= !strcmp(line, "VERSION_ID=\"12\"\n");
	}
	return debian && twelve;
}

/* All are cheap to probe somewhere near their entry: as compiled for Debian 12. */
static void check_library(const char *name, const struct function *functions)
{
	struct library lib;
	unsigned int n = 0;
	GElf_Sym sym;

	if (!is_debian_12())
		print_message("this is not Debian 12, whose compiler's code is known here\n");
	if (!is_debian_12() || !library_open(&lib, name))
		skip();
	for (; functions->name; functions++) {
		struct pb_placement p;

		if (!find_function(&lib, functions->name, &sym))
			continue;
		assert_int_equal(pb_placement_find(&p, EM_X86_64, bytes_of(&lib, &sym), sym.st_size,
						   sym.st_value, functions->n_args),
				 0);
		print_message("%s %s+%u: %s%s\n", name, functions->name, p.offset, p.instruction,
			      p.emulated ? p.moved ? " (moved)" : "" : " (not emulated)");
		assert_true(p.emulated);
		assert_true(p.offset <= 48);
		n++;
	}
	assert_true(n > 0);
	library_close(&lib);
}

static void glibc_is_cheap_to_probe(void **state)
{
	(void)state;
	check_library("libc.so.6", c_functions);
}

static void jemalloc_is_cheap_to_probe(void **state)
{
	(void)state;
	check_library("libjemalloc.so.2", c_functions);
}

static void tcmalloc_is_cheap_to_probe(void **state)
{
	(void)state;
	check_library("libtcmalloc_minimal.so.4", c_functions);
}

static void mimalloc_is_cheap_to_probe(void **state)
{
	(void)state;
	check_library("libmimalloc.so.2.0", c_functions);
}

static void operators_new_and_delete_are_cheap_to_probe(void **state)
{
	(void)state;
	check_library("libstdc++.so.6", cpp_functions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(emulated_instructions_are_taken_where_they_stand),
		cmocka_unit_test(what_only_looks_like_it_is_not_taken),
		cmocka_unit_test(the_line_goes_on_to_the_first_of_them),
		cmocka_unit_test(what_is_not_known_to_be_harmless_ends_the_line),
		cmocka_unit_test(a_change_of_the_stack_pointer_ends_the_line),
		cmocka_unit_test(a_lost_argument_ends_the_line),
		cmocka_unit_test(a_moved_argument_is_followed),
		cmocka_unit_test(a_copy_is_a_whole_register_and_still_there),
		cmocka_unit_test(nothing_behind_a_jump_target_is_taken),
		cmocka_unit_test(jumps_are_found_behind_data),
		cmocka_unit_test(only_the_first_4_kb_are_looked_at),
		cmocka_unit_test(cut_and_foreign_bytes_end_the_line),
		cmocka_unit_test(what_is_probed_for_want_of_better_is_said),
		cmocka_unit_test(nonsense_is_refused_and_nothing_is_written),
		cmocka_unit_test(glibc_is_cheap_to_probe),
		cmocka_unit_test(jemalloc_is_cheap_to_probe),
		cmocka_unit_test(tcmalloc_is_cheap_to_probe),
		cmocka_unit_test(mimalloc_is_cheap_to_probe),
		cmocka_unit_test(operators_new_and_delete_are_cheap_to_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
