/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/linkmap.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "user/core/grow.h"
#include "user/core/own.h"

#define OBJECTS_MAX    16384u
#define NAMESPACES_MAX 16u
#define PHDRS_MAX      1024u
#define DYNAMIC_MAX    4096u
#define AUXV_MAX       4096u

/* <link.h> gives these for the tool's own process. */
struct r_debug64 {
	int32_t version;
	uint32_t pad0;
	uint64_t map; /* the first element */
	uint64_t brk;
	int32_t state;
	uint32_t pad1;
	uint64_t ldbase;
	uint64_t next; /* from version 2, glibc 2.35 */
};

struct link_map64 {
	uint64_t addr;
	uint64_t name;
	uint64_t ld;
	uint64_t next;
	uint64_t prev;
};

struct walk {
	pb_linkmap_read_fn *read;
	void *ctx;
	struct pb_linkmap *out;
	uint32_t size;
};

struct auxv {
	uint64_t phdr, phnum, phent;
};

static struct auxv parse_auxv(const void *bytes, size_t size)
{
	struct auxv a = {0};
	uint64_t pair[2];
	size_t off;

	for (off = 0; size - off >= sizeof(pair); off += sizeof(pair)) {
		memcpy(pair, (const char *)bytes + off, sizeof(pair));
		if (pair[0] == AT_NULL)
			break;
		if (pair[0] == AT_PHDR)
			a.phdr = pair[1];
		if (pair[0] == AT_PHNUM)
			a.phnum = pair[1];
		if (pair[0] == AT_PHENT)
			a.phent = pair[1];
	}
	return a;
}

/* Addresses are added up as the machine does it: one that lies leads to memory that is not there. */
static int find_dynamic(const struct walk *w, const struct auxv *a, Elf64_Phdr *out, uint64_t *bias)
{
	bool have_dynamic = false, have_bias = false;
	Elf64_Phdr p;
	uint64_t i;
	int err;

	if (!a->phdr || a->phent != sizeof(p) || a->phnum > PHDRS_MAX)
		return -ENODATA;
	for (i = 0; i < a->phnum; i++) {
		err = w->read(w->ctx, a->phdr + i * sizeof(p), &p, sizeof(p));
		if (err)
			return -ENODATA;
		if (p.p_type == PT_DYNAMIC) {
			*out = p;
			have_dynamic = true;
		}
		/* Where the headers think that they are; else the header of the file lies before them. */
		if (p.p_type == PT_PHDR || (p.p_type == PT_LOAD && !p.p_offset && !have_bias)) {
			*bias = a->phdr - p.p_vaddr;
			*bias -= p.p_type == PT_PHDR ? 0 : sizeof(Elf64_Ehdr);
			have_bias = true;
		}
	}
	return have_dynamic && have_bias ? 0 : -ENODATA;
}

static int find_debug(const struct walk *w, const struct auxv *a, uint64_t *debug)
{
	Elf64_Phdr p = {.p_type = PT_NULL};
	uint64_t bias = 0, i;
	Elf64_Dyn d;
	int err = find_dynamic(w, a, &p, &bias);

	for (i = 0; !err && i < p.p_memsz / sizeof(d) && i < DYNAMIC_MAX; i++) {
		if (w->read(w->ctx, bias + p.p_vaddr + i * sizeof(d), &d, sizeof(d)) ||
		    d.d_tag == DT_NULL)
			break;
		if (d.d_tag == DT_DEBUG && d.d_un.d_ptr) {
			*debug = d.d_un.d_ptr;
			return 0;
		}
	}
	return -ENODATA;
}

static int read_list(struct walk *w, uint64_t first, uint32_t scope)
{
	struct pb_linkmap *out = w->out;
	uint64_t at = first, before = 0;
	struct link_map64 m;
	int err;

	while (at) {
		if (out->n >= OBJECTS_MAX || w->read(w->ctx, at, &m, sizeof(m)) || m.prev != before)
			return -ENODATA;
		err = pb_grow(&out->objects, &w->size, out->n + 1ull, sizeof(*out->objects));
		if (err)
			return err;
		out->objects[out->n++] = (struct pb_linkmap_object){m.ld, scope};
		before = at;
		at = m.next;
	}
	return 0;
}

static int read_namespaces(struct walk *w, uint64_t debug)
{
	uint32_t scope;
	int err;

	for (scope = 0; debug && scope < NAMESPACES_MAX; scope++) {
		struct r_debug64 r = {0};

		if (w->read(w->ctx, debug, &r, offsetof(struct r_debug64, next)) || r.version < 1)
			return -ENODATA;
		if (r.version >= 2 && w->read(w->ctx, debug + offsetof(struct r_debug64, next),
					      &r.next, sizeof(r.next)))
			r.next = 0;
		/* At its very start a process has none yet. */
		if (!scope && !r.map)
			return -ENODATA;
		err = read_list(w, r.map, scope);
		if (err)
			return err;
		debug = r.next;
	}
	return 0;
}

int pb_linkmap_parse(struct pb_linkmap *out, const void *auxv, size_t size,
		     pb_linkmap_read_fn *read, void *ctx)
{
	struct walk w = {.read = read, .ctx = ctx, .out = out};
	struct auxv a = parse_auxv(auxv, size);
	uint64_t debug;
	int err;

	*out = (struct pb_linkmap){.program = a.phdr};
	err = find_debug(&w, &a, &debug);
	return err ? err : read_namespaces(&w, debug);
}

static int read_mem(void *ctx, uint64_t addr, void *to, size_t len)
{
	const int *mem = ctx;
	ssize_t got;

	if (addr > INT64_MAX - len)
		return -EIO;
	do
		got = pread(*mem, to, len, (off_t)addr);
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)len ? 0 : -EIO;
}

/* Return: bytes; -errno. */
static ssize_t read_auxv(uint32_t tid, void *to, size_t size)
{
	pb_autoclose int fd = -1;
	size_t done = 0;
	char path[32];
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%u/auxv", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		got = read(fd, (char *)to + done, size - done);
		if (got > 0)
			done += (size_t)got;
	} while (got > 0 && done < size);
	return got < 0 ? -errno : (ssize_t)done;
}

int pb_linkmap_read(struct pb_linkmap *out, uint32_t tid)
{
	ssize_t size;
	char auxv[AUXV_MAX], path[32];
	pb_autoclose int mem = -1;

	*out = (struct pb_linkmap){.objects = NULL};
	size = read_auxv(tid, auxv, sizeof(auxv));
	if (size < 0)
		return (int)size;
	snprintf(path, sizeof(path), "/proc/%u/mem", tid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (mem < 0)
		return -errno;
	return pb_linkmap_parse(out, auxv, (size_t)size, read_mem, &mem);
}
