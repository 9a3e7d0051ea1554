/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Our debug information look-up as a command, with the output of addr2line -a -i -f; behind each address
 * stands where its function starts.
 *
 *   frames --pick COUNT FILE      random addresses of its code, sorted, one a line
 *   frames FILE [ALT] <ADDRESSES  the functions at each; ALT: in place of where .gnu_debugaltlink points
 *   PB_TIME=1                     says how long opening and looking up took
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/core/elf.h"
#include "user/symbol/parse/dwarf.h"

#define ADDRS_MAX  (1u << 20)
#define FRAMES_MAX PB_WIRE_INLINES_MAX

struct addrs {
	uint64_t *a;
	uint32_t n;
};

/* xorshift64: the same addresses every time. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int compare_addrs(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

	return a < b ? -1 : a > b;
}

/* Stretches of code, with the bytes of those before each. */
struct code {
	uint64_t *starts, *before;
	uint32_t n;
	uint64_t bytes;
};

/* Functions of the symbol table: what lies between them is padding, which belongs to none. */
static int read_code(const struct pb_elf *e, struct code *code)
{
	struct pb_elf_section symtab;
	pb_autofree uint8_t *bytes = NULL;
	const Elf64_Sym *syms;
	size_t n, i;
	int err;

	err = pb_elf_section(e, ".symtab", UINT32_MAX, &symtab);
	if (err)
		return err;
	bytes = symtab.bytes;
	syms = (const Elf64_Sym *)(const void *)bytes;
	n = symtab.size / sizeof(*syms);
	code->starts = calloc(n + 1, sizeof(*code->starts));
	code->before = calloc(n + 1, sizeof(*code->before));
	if (!code->starts || !code->before)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		if (ELF64_ST_TYPE(syms[i].st_info) != STT_FUNC || !syms[i].st_size ||
		    syms[i].st_shndx == SHN_UNDEF)
			continue;
		code->starts[code->n] = syms[i].st_value;
		code->before[code->n++] = code->bytes;
		code->bytes += syms[i].st_size;
	}
	return code->bytes ? 0 : -ENODATA;
}

static int pick(int fd, uint32_t count, struct addrs *out)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	uint64_t state = 88172645463325252ull;
	struct code code = {0};
	int err;

	err = pb_elf_open(&e, fd);
	if (!err)
		err = read_code(e, &code);
	while (!err && out->n < count) {
		uint64_t at = next_random(&state) % code.bytes;
		uint32_t i = code.n - 1;

		while (code.before[i] > at)
			i--;
		out->a[out->n++] = code.starts[i] + at - code.before[i];
	}
	qsort(out->a, out->n, sizeof(*out->a), compare_addrs);
	free(code.starts);
	free(code.before);
	return err;
}

static int open_alt(void *path, const struct pb_wanted *wanted)
{
	char name[2 * PB_WIRE_NAME_MAX];
	pb_autofree char *copy = strdup(path);
	int fd;

	if (!copy)
		return -ENOMEM;
	if (wanted->name[0] == '/')
		snprintf(name, sizeof(name), "%s", wanted->name);
	else
		snprintf(name, sizeof(name), "%s/%s", dirname(copy), wanted->name);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_given(void *path, const struct pb_wanted *wanted)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	(void)wanted;
	return fd < 0 ? -errno : fd;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void show(uint64_t addr, uint64_t function, const struct pb_dwarf_frame *frames, uint32_t n)
{
	uint32_t i;

	printf("0x%016llx %016llx\n", (unsigned long long)addr,
	       (unsigned long long)(n ? function : 0));
	for (i = 0; i < n; i++) {
		const struct pb_dwarf_frame *f = &frames[i];
		/* The other tools do not tell scopes. */
		const char *name = *f->linkage_name ? f->linkage_name : f->name + f->scope_len;

		printf("%s\n%s:%u\n", *name ? name : "??", *f->file ? f->file : "??", f->line);
	}
	if (!n)
		printf("??\n??:0\n");
}

static int look_up(int fd, const char *path, const char *alt, const struct addrs *addrs)
{
	struct pb_dwarf_frame frames[FRAMES_MAX];
	pb_auto(pb_dwarf) struct pb_dwarf *d = NULL;
	double start = seconds(), opened, done;
	uint64_t function = 0, n_frames = 0;
	uint32_t i;
	int err;

	err = pb_dwarf_new(&d, fd, alt ? open_given : open_alt, (void *)(alt ? alt : path));
	if (err)
		return err;
	opened = seconds();
	for (i = 0; i < addrs->n; i++)
		n_frames += pb_dwarf_find(d, addrs->a[i], frames, FRAMES_MAX, &function);
	done = seconds();
	if (getenv("PB_TIME")) {
		fprintf(stderr, "%u addresses, %llu frames: opened in %.3f s, found in %.3f s\n",
			addrs->n, (unsigned long long)n_frames, opened - start, done - opened);
	}
	for (i = 0; i < addrs->n; i++) {
		uint32_t n = pb_dwarf_find(d, addrs->a[i], frames, FRAMES_MAX, &function);

		show(addrs->a[i], function, frames, n);
	}
	return 0;
}

static void read_addrs(struct addrs *out)
{
	unsigned long long addr;

	while (out->n < ADDRS_MAX && scanf("%llx", &addr) == 1)
		out->a[out->n++] = addr;
}

int main(int argc, char **argv)
{
	bool picks = argc == 4 && !strcmp(argv[1], "--pick");
	const char *path = picks ? argv[3] : argv[argc > 1];
	struct addrs addrs = {calloc(ADDRS_MAX, sizeof(*addrs.a)), 0};
	pb_autoclose int fd = -1;
	uint32_t i;
	int err = 0;

	if (!addrs.a || argc < 2 || (!picks && argc > 3)) {
		fprintf(stderr, "use: frames --pick COUNT FILE | frames FILE [ALT] <ADDRESSES\n");
		return 2;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
	} else if (picks) {
		err = pick(fd, (uint32_t)strtoul(argv[2], NULL, 10) % ADDRS_MAX, &addrs);
		for (i = 0; !err && i < addrs.n; i++)
			printf("0x%llx\n", (unsigned long long)addrs.a[i]);
	} else {
		read_addrs(&addrs);
		err = look_up(fd, path, argc == 3 ? argv[2] : NULL, &addrs);
	}
	if (err)
		fprintf(stderr, "frames: %s: %s\n", path, strerror(-err));
	free(addrs.a);
	return err != 0;
}
