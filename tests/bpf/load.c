/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * load OBJECT: has the running kernel verify a profiler's BPF object in every way the tool can configure
 * its capture. For each way one line "ok WAY" or "not ok WAY: why", and for each program of it
 * "insns PROGRAM WAY N": what the verifier had to walk through (0 where the kernel does not say).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "bpf/abi/allocsites.h"
#include "bpf/abi/capture.h"
#include "bpf/abi/iolatency.h"
#include "user/io/tracepoints.h"

struct way {
	const char *name;
	__u32 scope;
	__u32 unwind;
	__u32 depth;
	__u32 user, kernel;
	__u32 follow;            /* also whether the optional programs are loaded */
	const char *only;        /* of this tool alone, known by its map */
	__u32 mode, track_frees; /* of allocsites */
	__u32 attribute, by_cgroup, calls, queued; /* of iolatency */
};

#define HEAP "alloc_tallies"
#define IO   "io_tallies"

/* What tools are set to where a way is not about it. */
#define EVERY_CALL NULL, PB_ALLOC_EXACT, 1, 1, 0, 1, 0
#define OF_IO      IO, 0, 0

static const struct way ways[] = {
	{"process", PB_SCOPE_PROCESS, PB_UNWIND_AUTO, 127, 1, 1, 1, EVERY_CALL},
	{"process_no_children", PB_SCOPE_PROCESS, PB_UNWIND_AUTO, 127, 1, 1, 0, EVERY_CALL},
	{"thread", PB_SCOPE_THREAD, PB_UNWIND_AUTO, 127, 1, 1, 0, EVERY_CALL},
	{"all", PB_SCOPE_ALL, PB_UNWIND_AUTO, 127, 1, 1, 1, EVERY_CALL},
	{"all_fp", PB_SCOPE_ALL, PB_UNWIND_FP, 127, 1, 1, 0, EVERY_CALL},
	{"cgroup", PB_SCOPE_CGROUP, PB_UNWIND_AUTO, 127, 1, 1, 1, EVERY_CALL},
	{"rules_only", PB_SCOPE_PROCESS, PB_UNWIND_EH, 127, 1, 1, 1, EVERY_CALL},
	{"frame_pointers", PB_SCOPE_PROCESS, PB_UNWIND_FP, 127, 1, 1, 1, EVERY_CALL},
	{"user_only", PB_SCOPE_PROCESS, PB_UNWIND_AUTO, 127, 1, 0, 1, EVERY_CALL},
	{"kernel_only", PB_SCOPE_PROCESS, PB_UNWIND_AUTO, 127, 0, 1, 1, EVERY_CALL},
	{"neither", PB_SCOPE_ALL, PB_UNWIND_AUTO, 127, 0, 0, 0, EVERY_CALL},
	{"depth_1", PB_SCOPE_PROCESS, PB_UNWIND_AUTO, 1, 1, 1, 1, EVERY_CALL},
	{"depth_max", PB_SCOPE_PROCESS, PB_UNWIND_AUTO, PB_USER_FRAMES_MAX, 1, 1, 1, EVERY_CALL},
	{"sampled", PB_SCOPE_PROCESS, PB_UNWIND_AUTO, 127, 1, 0, 1, HEAP, PB_ALLOC_SAMPLED, 1, 0, 0,
	 0, 0},
	{"sampled_no_free", PB_SCOPE_PROCESS, PB_UNWIND_AUTO, 127, 1, 0, 1, HEAP, PB_ALLOC_SAMPLED,
	 0, 0, 0, 0, 0},
	{"exact", PB_SCOPE_PROCESS, PB_UNWIND_AUTO, 127, 1, 0, 1, HEAP, PB_ALLOC_EXACT, 1, 0, 0, 0,
	 0},
	{"growth", PB_SCOPE_ALL, PB_UNWIND_AUTO, 127, 1, 0, 1, HEAP, PB_ALLOC_GROWTH, 0, 0, 0, 0,
	 0},
	{"devices", PB_SCOPE_ALL, PB_UNWIND_AUTO, 127, 1, 1, 1, OF_IO, 0, 0, 0, 0},
	{"devices_calls", PB_SCOPE_ALL, PB_UNWIND_AUTO, 127, 1, 1, 1, OF_IO, 0, 0, 1, 0},
	{"devices_queued", PB_SCOPE_ALL, PB_UNWIND_AUTO, 127, 1, 1, 1, OF_IO, 0, 0, 0, 1},
	{"owners", PB_SCOPE_ALL, PB_UNWIND_AUTO, 127, 1, 1, 1, OF_IO, 1, 0, 0, 0},
	{"owners_cgroups", PB_SCOPE_ALL, PB_UNWIND_AUTO, 127, 1, 1, 1, OF_IO, 1, 1, 1, 1},
};

/* Why it failed: the end of the verifier's log, or what libbpf said first. */
static char said[1024];

static int keep(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	bool is_log = strstr(fmt, "BEGIN PROG LOAD LOG");
	char *text;
	int n;

	if (level != LIBBPF_WARN || (said[0] && !is_log))
		return 0;
	n = vasprintf(&text, fmt, ap);
	if (n < 0)
		return 0;
	snprintf(said, sizeof(said), "%.60s ... %s", text, text + (n > 700 ? n - 700 : 0));
	free(text);
	return n;
}

/* Offset of the variable "cfg" in .rodata, or -1, and its size. The capture's part is its first member. */
static long cfg_offset(const struct bpf_object *object, size_t *size)
{
	const struct btf *btf = bpf_object__btf(object);
	int id = btf ? btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC) : -1;
	const struct btf_type *section = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	const struct btf_var_secinfo *var = section ? btf_var_secinfos(section) : NULL;

	for (int i = 0; section && i < btf_vlen(section); i++, var++) {
		const struct btf_type *t = btf__type_by_id(btf, var->type);

		if (strcmp(btf__name_by_offset(btf, t->name_off), "cfg"))
			continue;
		*size = var->size;
		return var->offset;
	}
	return -1;
}

union cfg {
	struct pb_capture_cfg capture; /* the first member of each */
	struct pb_allocsites_cfg heap;
	struct pb_iolatency_cfg io;
};

static void fill_in(union cfg *cfg, const struct bpf_object *object, const struct way *w)
{
	*cfg = (union cfg){};
	if (bpf_object__find_map_by_name(object, HEAP)) {
		cfg->heap.mean_ln2_bytes = 1;
		cfg->heap.max_bytes = PB_ALLOC_SIZE_MAX;
		cfg->heap.mode = w->mode;
		cfg->heap.track_frees = w->track_frees;
	} else if (bpf_object__find_map_by_name(object, IO)) {
		cfg->io.slower_ns = 1;
		cfg->io.iomap_end_io = 1;
		cfg->io.disk = cfg->io.part = 1;
		cfg->io.attribute = w->attribute;
		cfg->io.by_cgroup = w->by_cgroup;
		cfg->io.calls = w->calls;
		cfg->io.queued = w->queued;
		memset(cfg->io.call, PB_IO_CALL_READ, sizeof(cfg->io.call));
	}
	cfg->capture = (struct pb_capture_cfg){.hash_seed = 1,
					       .scope = w->scope,
					       .self_tgid = 1,
					       .max_user_frames = w->depth,
					       .user_stacks = w->user,
					       .kernel_stacks = w->kernel,
					       .max_kernel_frames = PB_KERNEL_FRAMES_MAX,
					       .unwind = w->unwind};
}

static int configure(struct bpf_object *object, const struct way *w)
{
	size_t cfg_size = 0;
	long offset = cfg_offset(object, &cfg_size);
	struct bpf_map *map;
	union cfg cfg;

	if (cfg_size > sizeof(cfg))
		return -EINVAL;
	fill_in(&cfg, object, w);

	bpf_object__for_each_map(map, object)
	{
		const char *name = bpf_map__name(map);
		size_t size, len = strlen(name);
		const void *old = bpf_map__initial_value(map, &size);
		char *value;
		int err;

		if (!old || len < 7 || strcmp(name + len - 7, ".rodata") || offset < 0 ||
		    (size_t)offset + cfg_size > size)
			continue;
		value = malloc(size);
		if (!value)
			return -ENOMEM;
		memcpy(value, old, size);
		memcpy(value + offset, &cfg, cfg_size);
		err = bpf_map__set_initial_value(map, value, size);
		free(value);
		return err;
	}
	return -ENOENT;
}

static void report(struct bpf_object *object, const struct way *w)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		struct bpf_prog_info info = {};
		__u32 size = sizeof(info);
		int fd = bpf_program__fd(program);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size))
			printf("insns %s %s %u\n", bpf_program__name(program), w->name,
			       info.verified_insns);
	}
}

/* Does the kernel have the tracepoint of an optional program, with the arguments it takes? */
static bool is_there(const struct btf *kernel, const struct bpf_program *program)
{
	static const char prefix[] = "tp_btf/";
	const char *section = bpf_program__section_name(program);
	const char *name = bpf_program__name(program);
	int arguments;

	if (strncmp(section, prefix, strlen(prefix)))
		return true;
	arguments = pb_tracepoint_arguments(kernel, section + strlen(prefix));
	if (!strcmp(name, "on_uring_complete"))
		return arguments == 3;
	if (!strcmp(name, "on_uring_complete_parts"))
		return arguments > 3;
	return arguments >= 0;
}

static int try_way(const struct btf *kernel, const char *path, const struct way *w)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	int err;

	if (object && w->only && !bpf_object__find_map_by_name(object, w->only)) {
		bpf_object__close(object);
		return 0;
	}
	err = object ? configure(object, w) : -errno;

	if (!err) {
		bpf_object__for_each_program(program, object)
		{
			if (!bpf_program__autoload(program))
				bpf_program__set_autoload(program,
							  w->follow && is_there(kernel, program));
		}
		err = bpf_object__load(object);
	}
	if (err) {
		printf("not ok %s: %s: %s\n", w->name, strerror(-err), said);
	} else {
		printf("ok %s\n", w->name);
		report(object, w);
	}
	bpf_object__close(object);
	return err;
}

int main(int argc, char **argv)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	int bad = 0;

	if (argc != 2) {
		fputs("usage: load OBJECT\n", stderr);
		return 2;
	}
	/* Verifying takes a while: a time limit should not cost the lines before it. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	libbpf_set_print(keep);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		said[0] = 0;
		bad |= try_way(kernel, argv[1], &ways[i]);
	}
	btf__free(kernel);
	return bad ? 1 : 0;
}
