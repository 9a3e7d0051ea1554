/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A stack to replay: the registers of a stopped thread, the unwind tables of what its process has mapped,
 * and the words of its memory that a walk reads. Taken from a living process, or read from a file of text
 * that an earlier run has recorded. Of x86-64, whatever the machine that replays it.
 *
 * A recording is lines of words; "#" begins a comment. Numbers are as in C:
 *
 *   perfbeads-stack 1
 *   reg NAME VALUE              ip, sp, fp, or a DWARF number
 *   rule CFA FP RA REG CFA_OFF FP_OFF RA_OFF CFA_ADD
 *   map START SIZE BIAS PAGES NAME
 *   page NUMBER                 of the mapping above; pages that are left out have no rows
 *   row OFFSET RULE             of the page above, RULE counted from 1, 0 for none
 *   word ADDR VALUE             memory
 *   frame ADDR                  what the walk gives, leaf first
 *   end NUMBER                  enum pb_walk_end
 */
#ifndef PB_TESTS_UNWIND_REPLAY_H
#define PB_TESTS_UNWIND_REPLAY_H

#include "tests/hostbpf/hostbpf.h"

#include <stdio.h>
#include <sys/types.h>

#include "bpf/abi/capture.h"
#include "bpf/lib/arch.bpf.h"
#include "user/core/own.h"

#define REPLAY_NAME_LEN 32

struct replay_mapping {
	struct pb_unwind_mapping at;
	char name[REPLAY_NAME_LEN]; /* of the file, without its folder */
};

struct replay_word {
	__u64 addr, value;
};

struct replay_list {
	void *items;
	size_t n, room;
};

/* Each list grows by replay_add(); all of them are published as they stand. */
struct replay {
	struct pb_regs regs;
	struct replay_list rules;    /* struct pb_unwind_rule; the first is PB_CFA_NONE */
	struct replay_list mappings; /* struct replay_mapping, sorted */
	struct replay_list pages;    /* struct pb_unwind_page, all of segment 0 */
	struct replay_list rows;     /* __u32 */
	struct replay_list words;    /* struct replay_word, sorted by address once it is recorded */
	struct replay_list frames;   /* __u64 */
	__u32 end;                   /* enum pb_walk_end */
	int memory;                  /* of the process, while it lives; or -1 */
};

/* @list as an array of @type. */
#define REPLAY_ITEMS(list, type) ((type *)(list).items)

int replay_new(struct replay **out);
void replay_free(struct replay *r);
PB_DEFINE_FREE(replay, replay_free);

/* A zeroed item at the end of a list; NULL without memory. All items of one list have one size. */
void *replay_add(struct replay_list *list, size_t size);

/**
 * replay_take() - registers and tables of a thread.
 * @tid: in a ptrace stop
 *
 * Tables are compiled from the files by user/unwind/module.h. Where there is none, the mapping has no pages.
 * Return: 0; -errno; -ENOTSUP on another machine than x86-64.
 */
int replay_take(struct replay **out, pid_t tid);
/* Let replay_take() see a thread: seize it with PTRACE_SEIZE and @options, and stop it. Return: 0; -errno. */
int replay_seize(pid_t tid, unsigned long options);

/* Read 8-byte-aligned memory of the process, remembering the words. Return: true if all of it is there. */
bool replay_read_process(struct replay *r, __u64 addr, void *to, __u32 size);
/* The same from the words of a recording. */
bool replay_read_words(const struct replay *r, __u64 addr, void *to, __u32 size);

/**
 * replay_write() - what a later replay needs, and no more: rows around those that the frames' addresses
 * met, and the words that were read.
 * @r: with its frames and its end
 * @about: one line of comment
 *
 * Return: 0; -errno.
 */
int replay_write(FILE *to, const struct replay *r, const char *about);
/* Return: 0; -EPROTO with @line set; -errno. */
int replay_read(struct replay **out, FILE *from, unsigned int *line);

#endif
