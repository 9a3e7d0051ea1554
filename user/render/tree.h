/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The profile as people see it: addresses merged into functions, inlined callees as frames of their
 * own, the thread's name as the first frame under the root. Built once, walked by most renderers.
 */
#ifndef PB_RENDER_TREE_H
#define PB_RENDER_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/own.h"

struct pb_profile;

enum pb_frame_kind {
	PB_FRAME_PROCESS, /* a thread's name */
	PB_FRAME_USER,
	PB_FRAME_KERNEL,
	PB_FRAME_JIT,
	PB_FRAME_INLINED, /* user code, inlined into its parent */
	PB_FRAME_MARKER,  /* "[truncated]", "[broken]" */
	PB_FRAME_TARGET,  /* what code acted upon: a file, a device */
};

/*
 * What one box of a flame graph stands for. Equal name, module and kind are one frame; by line, equal
 * file and line too.
 */
struct pb_frame {
	const char *name;   /* owned by the profile, or by the tree; never NULL, as all here */
	const char *label;  /* to be shown: the name, and behind it ":line" if frames go by line */
	const char *module; /* path; "" where there is none */
	const char *file;   /* source file; "" if not known or not unique */
	/*
	 * In it: by line, what tells the frame from others of its function, 0 if not known; else the
	 * start of the function, or the one line seen, 0 if not known or not unique.
	 */
	uint32_t line;
	enum pb_frame_kind kind;
};

/* A thread, a marker or a target: no function, and in no table of functions. */
static inline bool pb_frame_is_no_code(const struct pb_frame *f)
{
	return f->kind == PB_FRAME_PROCESS || f->kind == PB_FRAME_MARKER ||
	       f->kind == PB_FRAME_TARGET;
}

struct pb_tree_node {
	uint32_t parent;       /* less than the node's own id; node 0 is the root, its parent 0 */
	uint32_t frame;        /* into frames[]; PB_NONE for the root */
	uint32_t first_child;  /* PB_NONE if there is none */
	uint32_t next_sibling; /* siblings are sorted as frames are */
	uint64_t self;         /* the chosen value; sums stop at UINT64_MAX */
	uint64_t total;        /* self and all below */
};

/* A row of the table of functions. Recursion counts once in total. */
struct pb_hotspot {
	uint32_t frame;
	uint64_t self;
	uint64_t total;
};

struct pb_tree {
	struct pb_frame *frames; /* sorted by name, then module, kind, line, file */
	uint32_t n_frames;
	struct pb_tree_node *nodes; /* depth first, children in sibling order */
	uint32_t n_nodes;
	/* one per frame but processes and markers; most self first, then total, then name */
	struct pb_hotspot *hotspots;
	uint32_t n_hotspots;

	char **own_names; /* private: of locations that nobody named, and labels with a line */
	uint32_t n_own_names;
};

struct pb_tree_opts {
	uint32_t value; /* index of the value that self and total hold */
	bool lines;     /* frames are told apart by source line, too */
};

/* Bounds what a saved profile of one long name and millions of lines can ask for, bytes. */
#define PB_TREE_LABELS_MAX (256u << 20)

/**
 * pb_tree_build() - merge a profile by function, or by function and line.
 *
 * Samples with the value 0 keep their nodes, so the trees of one profile have the same frames and
 * nodes for every value. O(nodes + samples) time and memory, and a sort of the frames. The tree
 * borrows @p's strings.
 * Return: 0; -ENOMEM; -EFBIG beyond PB_TRIE_NODES_MAX nodes, or PB_TREE_LABELS_MAX of labels.
 */
int pb_tree_build(struct pb_tree **out, const struct pb_profile *p, const struct pb_tree_opts *o);
void pb_tree_free(struct pb_tree *t);
PB_DEFINE_FREE(pb_tree, pb_tree_free);

/* Name of the last part of a path, for tables: "libc.so.6". Never NULL. */
const char *pb_module_base(const char *path);

/**
 * pb_address_name() - what to call code that nobody named: "module+0xoffset".
 * @module: PB_NONE: just the address
 *
 * The offset is one in the file for mapped files, the address itself for the kernel and for code
 * without a file. Return: a string to free(), or NULL without memory.
 */
char *pb_address_name(const struct pb_profile *p, uint32_t module, uint64_t addr);
/* The same for a location, where a return address is that of its call. */
char *pb_location_name(const struct pb_profile *p, uint32_t location);

/**
 * pb_hotspot_id() - a hash of a function, the same between runs and builds.
 * @out: 16 hex digits and a NUL
 *
 * FNV-1a, 64 bits, over the name, a NUL and the base name of the module; never over addresses or
 * lines, nor over the folder a module was found in. Source: RFC draft-eastlake-fnv.
 */
void pb_hotspot_id(const struct pb_frame *frame, char out[17]);

#endif
