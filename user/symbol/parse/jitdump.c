/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The file is a header and records, each with its own length:
 *
 *   header   magic, version, size of the header, ELF machine, pad, pid, time, flags
 *   record   id, size with everything, time
 *            LOAD: pid, tid, vma, address, code size, index, name\0, code
 *            MOVE: pid, tid, vma, old address, new address, code size, index
 *
 * Read through a window of the file, since most of it is code, which is stepped over.
 */
#include "user/symbol/parse/jitdump.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "user/core/grow.h"
#include "user/core/idtable.h"
#include "user/core/own.h"
#include "user/symbol/shared/symtab.h"

#define MAGIC        0x4a695444u
#define VERSION      1u
#define WINDOW_BYTES (256u << 10)

enum record_id {
	RECORD_CODE_LOAD = 0,
	RECORD_CODE_MOVE = 1,
	RECORD_CODE_CLOSE = 3,
	/* DEBUG_INFO, UNWINDING_INFO and what later versions may have are stepped over. */
};

struct file_header {
	uint32_t magic, version, total_size, elf_mach, pad, pid;
	uint64_t timestamp, flags;
};

struct record_header {
	uint32_t id, total_size;
	uint64_t timestamp;
};

struct code_load {
	struct record_header header;
	uint32_t pid, tid;
	uint64_t vma, code_addr, code_size, code_index;
	/* the name, the code */
};

struct code_move {
	struct record_header header;
	uint32_t pid, tid;
	uint64_t vma, old_code_addr, new_code_addr, code_size, code_index;
};

_Static_assert(sizeof(struct file_header) == 40 && sizeof(struct record_header) == 16 &&
		       sizeof(struct code_load) == 56 && sizeof(struct code_move) == 64,
	       "as in the file");

/* A function that was loaded, for when it is moved: where its name is in the file. */
struct loaded {
	uint64_t code_index;
	uint64_t name_off;
	uint64_t name_len; /* without the NUL, at most PB_SYMTAB_NAME_MAX */
};

struct dump {
	struct pb_symtab *t;
	int fd;
	uint64_t size; /* of the file, as it was at first */
	uint32_t pid;  /* of the process that wrote it */
	struct loaded *loaded;
	uint32_t n_loaded, loaded_room;
	struct pb_idtable *by_index;
	uint64_t window_off;
	size_t window_len;
	char window[WINDOW_BYTES];
	char name[PB_SYMTAB_NAME_MAX + 1];
};

static void free_dump(struct dump **d)
{
	if (!*d)
		return;
	free((*d)->loaded);
	pb_idtable_free((*d)->by_index);
	free(*d);
}

/* Return: how many bytes there are, less than @n only at the end of the file; -errno. */
static ssize_t read_at(int fd, void *to, size_t n, uint64_t off)
{
	size_t len = 0;

	while (len < n) {
		ssize_t got = pread(fd, (char *)to + len, n - len, (off_t)(off + len));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		len += (size_t)got;
	}
	return (ssize_t)len;
}

/*
 * Make [off, off + n) stand in the window, @n being at most WINDOW_BYTES.
 * Return: 1, and *bytes is where; 0 if the file ends before; -errno.
 */
static int look(struct dump *d, uint64_t off, size_t n, const char **bytes)
{
	uint64_t room;
	ssize_t got;

	if (off > d->size || n > d->size - off)
		return 0;
	if (off < d->window_off || off + n > d->window_off + d->window_len) {
		room = d->size - off < WINDOW_BYTES ? d->size - off : WINDOW_BYTES;
		d->window_len = 0;
		got = read_at(d->fd, d->window, (size_t)room, off);
		if (got < 0)
			return (int)got;
		d->window_off = off;
		d->window_len = (size_t)got;
		/* It was cut while we read. */
		if ((size_t)got < n)
			return 0;
	}
	*bytes = d->window + (off - d->window_off);
	return 1;
}

static bool same_index(const void *rows, uint32_t id, const void *key)
{
	const struct loaded *l = (const struct loaded *)rows + id;

	return l->code_index == *(const uint64_t *)key;
}

/* An index that is loaded again has its last name. */
static int remember(struct dump *d, const struct loaded *new)
{
	uint64_t hash = pb_idtable_hash(d->by_index, &new->code_index, sizeof(new->code_index));
	uint32_t id = pb_idtable_find(d->by_index, hash, same_index, d->loaded, &new->code_index);
	int err;

	if (id != PB_IDTABLE_NONE) {
		d->loaded[id] = *new;
		return 0;
	}
	err = pb_grow(&d->loaded, &d->loaded_room, (uint64_t)d->n_loaded + 1, sizeof(*d->loaded));
	if (!err)
		err = pb_idtable_add(d->by_index, hash, d->n_loaded);
	if (!err)
		d->loaded[d->n_loaded++] = *new;
	return err;
}

/* A range that is empty or wraps around covers nothing. */
static bool is_range(uint64_t addr, uint64_t size)
{
	return size && size <= UINT64_MAX - addr;
}

/* Return: as look(). A record that contradicts itself is skipped. */
static int read_load(struct dump *d, uint64_t off, uint32_t total_size)
{
	struct code_load r;
	struct loaded new;
	const char *bytes = NULL;
	uint64_t room;
	size_t most;
	int got, err;

	if (total_size < sizeof(r))
		return 1;
	got = look(d, off, sizeof(r), &bytes);
	if (got <= 0)
		return got;
	memcpy(&r, bytes, sizeof(r));
	room = total_size - sizeof(r);
	/* A child that inherited the file writes of its own memory, not of this process'. */
	if (r.pid != d->pid || !is_range(r.code_addr, r.code_size) || r.code_size >= room)
		return 1;
	room -= r.code_size;
	most = room < PB_SYMTAB_NAME_MAX ? (size_t)room : PB_SYMTAB_NAME_MAX;
	got = look(d, off, sizeof(r) + most, &bytes);
	if (got <= 0)
		return got;
	bytes += sizeof(r);
	new = (struct loaded){
		.code_index = r.code_index,
		.name_off = off + sizeof(r),
		.name_len = strnlen(bytes, most),
	};
	if (!new.name_len || new.name_len == most)
		return 1;
	err = pb_symtab_add(d->t, r.code_addr, r.code_size, PB_SYMBOL_GLOBAL, bytes,
			    (size_t) new.name_len);
	if (!err)
		err = remember(d, &new);
	return err ? err : 1;
}

/* What moves is found by its index, which is all that ties it to its name. */
static int read_move(struct dump *d, uint64_t off, uint32_t total_size)
{
	const struct loaded *l;
	struct code_move r;
	const char *bytes = NULL;
	uint32_t id;
	ssize_t len;
	int got, err;

	if (total_size < sizeof(r))
		return 1;
	got = look(d, off, sizeof(r), &bytes);
	if (got <= 0)
		return got;
	memcpy(&r, bytes, sizeof(r));
	if (r.pid != d->pid || !is_range(r.new_code_addr, r.code_size))
		return 1;
	id = pb_idtable_find(d->by_index,
			     pb_idtable_hash(d->by_index, &r.code_index, sizeof(r.code_index)),
			     same_index, d->loaded, &r.code_index);
	if (id == PB_IDTABLE_NONE)
		return 1;
	l = &d->loaded[id];
	len = read_at(d->fd, d->name, (size_t)l->name_len, l->name_off);
	if (len < 0)
		return (int)len;
	if ((uint64_t)len < l->name_len)
		return 0;
	err = pb_symtab_add(d->t, r.new_code_addr, r.code_size, PB_SYMBOL_GLOBAL, d->name,
			    (size_t)len);
	return err ? err : 1;
}

/* Return: 0 if it is the header of a dump, whose records start at *off; -EPROTO; -errno. */
static int read_file_header(struct dump *d, uint64_t *off)
{
	struct file_header h;
	const char *bytes = NULL;
	int got;

	got = look(d, 0, sizeof(h), &bytes);
	if (got <= 0)
		return got ? got : -EPROTO;
	memcpy(&h, bytes, sizeof(h));
	if (h.magic != MAGIC || h.version != VERSION || h.total_size < sizeof(h))
		return -EPROTO;
	d->pid = h.pid;
	*off = h.total_size;
	return 0;
}

/* Up to the last whole record; behind one that cannot be nothing is known. */
static int read_records(struct dump *d, uint64_t off)
{
	struct record_header h;
	const char *bytes = NULL;
	int got;

	for (;; off += h.total_size) {
		got = look(d, off, sizeof(h), &bytes);
		if (got <= 0)
			return got;
		memcpy(&h, bytes, sizeof(h));
		if (h.id == RECORD_CODE_CLOSE || h.total_size < sizeof(h) ||
		    h.total_size > d->size - off)
			return 0;
		if (h.id == RECORD_CODE_LOAD)
			got = read_load(d, off, h.total_size);
		else if (h.id == RECORD_CODE_MOVE)
			got = read_move(d, off, h.total_size);
		if (got <= 0)
			return got;
	}
}

int pb_jitdump_read(struct pb_symtab *t, int fd)
{
	__attribute__((cleanup(free_dump))) struct dump *d = NULL;
	struct stat st;
	uint64_t off;
	int err;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EPROTO;
	if (st.st_size > (off_t)PB_JITDUMP_SIZE_MAX)
		return -EFBIG;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->t = t;
	d->fd = fd;
	d->size = (uint64_t)st.st_size;
	err = pb_idtable_new(&d->by_index);
	if (!err)
		err = read_file_header(d, &off);
	return err ? err : read_records(d, off);
}
