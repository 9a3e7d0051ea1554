/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * probe WAY PID FUNCTION...: probes that do nothing, by "session", "multi" or "perf", on functions of a process'
 * allocator, where allocsites would put them; "free@entry" is the function's first byte. Says "ready",
 * and takes them away when its stdin ends.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/alloc/allocators.h"
#include "user/core/own.h"
#include "user/probe/uprobe.h"

static int load_nothing(enum pb_uprobe_way way)
{
	const struct bpf_prog_load_opts opts = {
		.sz = sizeof(opts),
		.expected_attach_type = (enum bpf_attach_type)pb_uprobe_attach_type(way)};
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_KPROBE, "nothing", "Dual BSD/GPL", insns,
			     PB_ARRAY_SIZE(insns), &opts);
}

static enum pb_uprobe_way way_of(const char *name)
{
	if (!strcmp(name, "session"))
		return PB_UPROBE_SESSION;
	return strcmp(name, "multi") ? PB_UPROBE_PERF : PB_UPROBE_MULTI;
}

/* The function "name" or "name@entry". Return: false if the file has none. */
static bool find(const struct pb_allocator *file, const char *name, struct pb_uprobe *probe)
{
	size_t len = strcspn(name, "@");
	uint32_t i;

	for (i = 0; i < file->n; i++) {
		const struct pb_alloc_function *f = &file->functions[i];

		if (strlen(f->name) != len || memcmp(f->name, name, len) != 0)
			continue;
		probe->offset = f->file_off + (name[len] ? 0 : f->placement.offset);
		return true;
	}
	return false;
}

/* Return: 0; -errno. */
static int attach(struct pb_uprobes *links, enum pb_uprobe_way way, const char *pid, char **names)
{
	pb_auto(pb_allocators) struct pb_allocators *found = NULL;
	pb_autoclose int prog = load_nothing(way);
	struct pb_uprobe probe = {0};
	int err = prog < 0 ? prog : pb_allocators_of_process(&found, atoi(pid));

	if (err || !found->n)
		return err ? err : -1;
	for (; *names && !err; names++) {
		if (!find(&found->items[0], *names, &probe))
			return -1;
		err = pb_uprobe_attach(links, way, prog, false, found->items[0].fd, atoi(pid),
				       &probe, 1);
	}
	return err;
}

int main(int argc, char **argv)
{
	struct pb_uprobes links = {0};
	char byte;
	int err;

	if (argc < 4) {
		fprintf(stderr, "usage: probe session|multi|perf PID FUNCTION...\n");
		return 2;
	}
	err = attach(&links, way_of(argv[1]), argv[2], argv + 3);
	if (err) {
		fprintf(stderr, "probe: %s\n", strerror(-err));
	} else {
		printf("ready\n");
		fflush(stdout);
		while (read(STDIN_FILENO, &byte, 1) > 0)
			;
	}
	pb_uprobes_drop(&links);
	return err ? 1 : 0;
}
