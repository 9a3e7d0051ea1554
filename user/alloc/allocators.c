/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/allocators.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "user/alloc/allocator_file.h"
#include "user/alloc/linkmap.h"
#include "user/alloc/loadlist.h"
#include "user/core/files.h"
#include "user/core/grow.h"
#include "user/core/log.h"
#include "user/core/procmaps.h"

/* A process may have as many as the kernel lets it: all those of files are kept while the list is made. */
#define MAPPINGS_MAX (1u << 20)
/* A script's interpreter may be a script; the kernel follows as many. */
#define SCRIPTS_MAX  4
/* BINPRM_BUF_SIZE: what the kernel reads of a script's first line. */
#define SCRIPT_LINE  256

int pb_allocators_of_file(struct pb_allocator *out, int fd, const char *path)
{
	struct pb_allocator_role role;

	return pb_allocator_read(out, fd, path, PB_SHADOW_NONE, &role);
}

void pb_allocator_drop(struct pb_allocator *a)
{
	uint32_t i;

	for (i = 0; i < a->n; i++)
		free(a->functions[i].name);
	free(a->functions);
	free(a->kind);
	free(a->path);
	if (a->fd >= 0)
		close(a->fd);
	*a = (struct pb_allocator){.fd = -1};
}

void pb_allocators_free(struct pb_allocators *a)
{
	uint32_t i;

	if (!a)
		return;
	for (i = 0; i < a->n; i++)
		pb_allocator_drop(&a->items[i]);
	for (i = 0; i < a->n_unseen; i++)
		free(a->unseen[i]);
	free(a->unseen);
	free(a->items);
	free(a);
}

/* @interpreter: set on success, NULL for a static one; to be freed */
static int look_at_executable(struct pb_allocators *all, int fd, char **interpreter)
{
	struct pb_executable x;
	int err = pb_executable_read(&x, fd);

	if (err)
		return err;
	all->is_static = x.is_static;
	all->is_go = x.is_go;
	all->is_32bit = x.is_32bit;
	*interpreter = x.interpreter;
	return 0;
}

/* --- processes --- */

/* A mapping of a file. */
struct mapping {
	uint64_t start, end;
	uint64_t dev, ino;
	char *path;
	bool executable;
};

struct process {
	uint32_t tid;         /* that shows the memory */
	struct mapping *maps; /* sorted, as the kernel lists them */
	uint32_t n, size;
	int err;
	struct pb_files *files;
	struct pb_allocator_list list;
	uint64_t dev, ino; /* of the executable */
};

static void on_map(void *ctx, const struct pb_procmap *map)
{
	struct process *p = ctx;
	struct mapping *m;

	p->tid = map->tid;
	if (p->err || !map->ino || p->n >= MAPPINGS_MAX)
		return;
	p->err = pb_grow(&p->maps, &p->size, p->n + 1ull, sizeof(*p->maps));
	if (p->err)
		return;
	m = &p->maps[p->n];
	*m = (struct mapping){map->start, map->end,          map->dev,
			      map->ino,   strdup(map->path), map->executable};
	if (m->path)
		p->n++;
	else
		p->err = -ENOMEM;
}

static const struct mapping *find_mapping(const struct process *p, uint64_t addr)
{
	uint32_t lo = 0, hi = p->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (p->maps[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < p->n && p->maps[lo].start <= addr ? &p->maps[lo] : NULL;
}

/* The file behind a mapping, borrowed; -1 if it cannot be had. @path: as long as @p lives. */
static int open_mapping(struct process *p, const struct mapping *m, const char **path)
{
	struct pb_file_sight sight = {
		.tgid = p->tid,
		.start = m->start,
		.end = m->end,
		.path = m->path,
		.dev = m->dev,
		.ino = m->ino,
	};
	uint32_t id = pb_files_see(p->files, &sight);

	if (id == PB_NONE)
		return -ENOMEM;
	*path = pb_files_path(p->files, id);
	return pb_files_pinned_fd(p->files, id);
}

static int add_mapping(struct process *p, const struct mapping *m)
{
	const char *path;
	int fd = open_mapping(p, m, &path);

	if (fd == -ENOMEM)
		return fd;
	return fd < 0 ? 0 : pb_allocator_list_add(&p->list, fd, path);
}

/* In the order of the link map. */
static int add_linked(struct process *p, const struct pb_linkmap *linked)
{
	uint32_t i, scope = 0;
	int err = 0;

	for (i = 0; !err && i < linked->n; i++) {
		const struct mapping *m = find_mapping(p, linked->objects[i].dynamic);

		/* Each namespace is searched on its own. */
		if (linked->objects[i].scope != scope)
			p->list.shadow = PB_SHADOW_NONE;
		scope = linked->objects[i].scope;
		if (m)
			err = add_mapping(p, m);
	}
	return err;
}

/* A C library, by its name: the last one that the search for symbols comes to. */
static bool is_libc(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	return !strncmp(name, "libc.so", 7) || !strncmp(name, "libc-2.", 7) ||
	       !strncmp(name, "ld-", 3) || !strncmp(name, "libc.musl", 9);
}

/*
 * What else is executable: all, where the loader's list cannot be had. Libraries are mapped from higher to
 * lower addresses in the order in which they are loaded, as a rule.
 */
static int add_mapped(struct process *p, bool libc)
{
	int err = 0;
	uint32_t i;

	for (i = p->n; !err && i > 0; i--) {
		const struct mapping *m = &p->maps[i - 1];

		if (m->executable && is_libc(m->path) == libc)
			err = add_mapping(p, m);
	}
	return err;
}

/* @complete: the loader's list is all that it searches */
static int add_all(struct process *p, const struct pb_linkmap *linked, bool complete,
		   const struct mapping *program)
{
	/* "ld.so PROGRAM": the kernel knows the loader only. */
	int err = is_libc(program->path) ? 0 : add_mapping(p, program);

	if (!err)
		err = add_linked(p, linked);
	if (complete && p->list.shadow == PB_SHADOW_NONE)
		p->list.shadow = PB_SHADOW_UNKNOWN;
	if (!err)
		err = add_mapped(p, false);
	return err ? err : add_mapped(p, true);
}

static int read_process(struct process *p, struct pb_linkmap *linked)
{
	int err = pb_linkmap_read(linked, p->tid), fd;
	pb_autofree char *interpreter = NULL;
	const struct mapping *program;
	bool complete = !err;
	const char *path;

	if (err == -ENOMEM)
		return err;
	program = find_mapping(p, linked->program);
	if (!program && p->n)
		program = &p->maps[0]; /* programs lie below their libraries */
	if (!program)
		return 0;
	fd = open_mapping(p, program, &path);
	err = fd < 0 ? fd : look_at_executable(p->list.out, fd, &interpreter);
	if (err == -ENOMEM)
		return err;
	if (is_libc(program->path))
		p->list.out->is_static = false;
	return p->list.out->is_32bit ? 0 : add_all(p, linked, complete, program);
}

static void end_process(struct process *p)
{
	uint32_t i;

	for (i = 0; i < p->n; i++)
		free(p->maps[i].path);
	free(p->maps);
	pb_files_free(p->files);
	pb_allocator_list_end(&p->list);
}

/* Its mappings were there, and none of its files could be opened. */
static int why_nothing(uint32_t tid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u", tid);
	return access(path, F_OK) ? -ESRCH : -EPERM;
}

int pb_allocators_of_process(struct pb_allocators **out, pid_t tgid)
{
	pb_auto(pb_allocators) struct pb_allocators *all = calloc(1, sizeof(*all));
	struct process p = {.tid = (uint32_t)tgid, .list.out = all};
	struct pb_linkmap linked = {.objects = NULL};
	int err;

	if (!all)
		return -ENOMEM;
	err = pb_files_new(&p.files);
	if (!err)
		err = pb_procmaps_read_all((uint32_t)tgid, on_map, &p);
	if (!err)
		err = p.err;
	if (!err)
		err = read_process(&p, &linked);
	if (!err && p.n && !all->objects && !all->is_32bit)
		err = why_nothing(p.tid);
	free(linked.objects);
	end_process(&p);
	if (err)
		return err == -EACCES ? -EPERM : err;
	*out = pb_take(all);
	return 0;
}

/* --- commands --- */

static int open_regular(const char *path)
{
	pb_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		return -errno;
	return S_ISREG(st.st_mode) ? pb_take_fd(fd) : -ENOENT;
}

/*
 * Who runs the file: *@path is replaced, owned. What is neither a script nor a program for the kernel is one for
 * the shell, as execvp(3) has it.
 * Return: 1; 0 if it is a program; -errno.
 */
static int find_interpreter(int fd, char **path)
{
	char line[SCRIPT_LINE + 1], *name = line + 2, *end;
	ssize_t got = pread(fd, line, SCRIPT_LINE, 0);

	if (got < 0)
		return -errno;
	line[got] = '\0';
	if (!strncmp(line, "\177ELF", 4))
		return 0;
	if (!strncmp(line, "#!", 2)) {
		end = strchr(line, '\n');
		if (!end && got == SCRIPT_LINE)
			return -ENOENT; /* longer than the kernel takes */
		name += strspn(name, " \t");
		name[strcspn(name, " \t\n")] = '\0';
		if (!*name)
			return -ENOENT;
		name = strdup(name);
	} else {
		name = strdup("/bin/sh");
	}
	if (!name)
		return -ENOMEM;
	free(*path);
	*path = name;
	return 1;
}

/* The program that the file is run by, itself or behind scripts. @path: as in find_interpreter() */
static int open_program(char **path)
{
	int level, more;

	for (level = 0; level <= SCRIPTS_MAX; level++) {
		pb_autoclose int fd = open_regular(*path);

		if (fd < 0)
			return fd;
		if (access(*path, X_OK))
			return -ENOENT;
		more = find_interpreter(fd, path);
		if (more <= 0)
			return more ? more : pb_take_fd(fd);
	}
	return -ENOENT;
}

static int add_listed(struct pb_allocator_list *list, const char *interpreter, const char *path,
		      int program, char *const env[])
{
	struct pb_loadlist listed = {.paths = NULL};
	int err = pb_loadlist_ask(&listed, interpreter, path, program, env);
	uint32_t i;

	if (err && err != -ENOMEM) {
		pb_log(PB_LOG_WARN,
		       "%s does not say which libraries %s loads (%s): allocators are looked for in the "
		       "program alone",
		       interpreter, path, strerror(-err));
		return 0;
	}
	for (i = 0; !err && i < listed.n; i++) {
		pb_autoclose int fd = open_regular(listed.paths[i]);

		if (fd >= 0)
			err = pb_allocator_list_add(list, fd, listed.paths[i]);
	}
	pb_loadlist_drop(&listed);
	return err;
}

int pb_allocators_of_command(struct pb_allocators **out, const char *path, char *const env[])
{
	pb_auto(pb_allocators) struct pb_allocators *all = calloc(1, sizeof(*all));
	pb_autofree char *program = strdup(path), *interpreter = NULL;
	struct pb_allocator_list list = {.out = all};
	pb_autoclose int fd = -1;
	int err;

	if (!all || !program)
		return -ENOMEM;
	fd = open_program(&program);
	if (fd < 0)
		return fd;
	err = look_at_executable(all, fd, &interpreter);
	if (err)
		return err == -ENOEXEC ? -ENOENT : err;
	if (!all->is_32bit)
		err = pb_allocator_list_add(&list, fd, program);
	/* The kernel will not run it either, and says so. */
	if (!err && interpreter && access(interpreter, F_OK))
		err = -ENOENT;
	if (!err && !all->is_32bit && interpreter)
		err = add_listed(&list, interpreter, program, fd, env);
	pb_allocator_list_end(&list);
	if (err)
		return err;
	*out = pb_take(all);
	return 0;
}
