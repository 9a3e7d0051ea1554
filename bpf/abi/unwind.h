/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Unwind tables as the walk in the kernel reads them: which rule takes a frame to its caller, by
 * address. The user half compiles them from .eh_frame and publishes them; the kernel half only reads.
 *
 *   processes   tgid --> { identity, first and number of its mappings }
 *                                     |
 *   mappings    [ start .. size, bias, first page, pages ]   sorted by start, one run per process;
 *                                     |                      forked processes share a run
 *   pages       [ segment, first row, rows ]                 64 KB of a module's code each
 *                                     |
 *   segments    [ rows ]              u32: address within the page << 16 | rule
 *                                     |
 *   rules       [ 16 bytes each ]     shared by all modules
 *
 * A page's first row is a copy of the rule in force where the page begins, so that a search never leaves
 * its page. Nothing that a walk may be reading is written over: new data goes to unused places, the
 * element of processes is replaced last, and what it pointed to is left alone for a grace period.
 */
#ifndef PB_ABI_UNWIND_H
#define PB_ABI_UNWIND_H

#include "bpf/abi/base.h"

/* How user stacks are walked. */
enum pb_unwind_mode {
	PB_UNWIND_AUTO, /* by rules; by frame pointers in code that can have none */
	PB_UNWIND_EH,   /* by rules only */
	PB_UNWIND_FP,   /* by frame pointers only */
};

#define PB_UNWIND_PAGE_SHIFT       16
#define PB_UNWIND_PAGE_ROWS_MAX    65535u
#define PB_UNWIND_SEGMENT_ROWS     (1u << 18) /* 1 MB; every page's rows lie within one segment */
#define PB_UNWIND_SEGMENTS_MAX     256u
#define PB_UNWIND_PAGES_MAX        (1u << 16)
#define PB_UNWIND_RULES_MAX        (1u << 15)
#define PB_UNWIND_MAPPINGS_MAX     (1u << 18)
#define PB_UNWIND_RUN_MAX          (1u << 14) /* mappings of one process */
#define PB_UNWIND_PROCESSES_MAX    (1u << 14)
#define PB_UNWIND_MISS_SLOTS       256u
#define PB_UNWIND_MISS_INTERVAL_NS 50000000ull /* between two reports of misses of a process */

/*
 * What a walk may be reading is left alone for as long. A walk takes well below a millisecond,
 * unless it is preempted, as in task context it can be: one that took longer than WALK_MAX is not
 * believed. That is less than the grace, since the user half counts that from a moment a little ago.
 */
#define PB_UNWIND_GRACE_NS    1000000000ull
#define PB_UNWIND_WALK_MAX_NS (PB_UNWIND_GRACE_NS / 2)

/* How the CFA (canonical frame address: the stack pointer before the call) is found. */
enum pb_cfa_rule {
	PB_CFA_NONE,     /* no rule covers this address */
	PB_CFA_SP,       /* sp + cfa_off */
	PB_CFA_FP,       /* fp + cfa_off */
	PB_CFA_REG,      /* register reg + cfa_off */
	PB_CFA_DEREF_SP, /* *(sp + cfa_off) + cfa_add */
	PB_CFA_DEREF_FP, /* *(fp + cfa_off) + cfa_add */
	PB_CFA_PLT,      /* sp + cfa_off + ((ip & 15) >= cfa_add ? 8 : 0): x86 lazy binding stubs */
	PB_CFA_SIGNAL,   /* a signal frame: all registers lie in the ucontext above sp */
	PB_CFA_END,      /* the outermost frame */
	PB_CFA_UNSUPPORTED, /* there is a rule, but none of the above */
};

/* Where the caller's frame pointer is. */
enum pb_fp_rule {
	PB_FP_SAME,      /* in its register still */
	PB_FP_CFA,       /* *(cfa + fp_off) */
	PB_FP_FP,        /* *(fp + fp_off) */
	PB_FP_UNDEFINED, /* gone */
};

/* Where the return address is. */
enum pb_ra_rule {
	PB_RA_CFA, /* *(cfa + ra_off) */
	PB_RA_REG, /* in register reg */
};

/*
 * One way from a frame to its caller. Registers by their DWARF numbers. Equal rules are stored once, so
 * unused fields are 0.
 */
struct pb_unwind_rule {
	__u8 cfa; /* enum pb_cfa_rule */
	__u8 fp;  /* enum pb_fp_rule */
	__u8 ra;  /* enum pb_ra_rule */
	__u8 reg; /* of PB_CFA_REG or PB_RA_REG; a rule that would need two is unsupported */
	__s32 cfa_off;
	__s32 fp_off;
	__s16 ra_off;
	__s16 cfa_add;
};
PB_ABI_SIZE(struct pb_unwind_rule, 16);

/* 64 KB of a module's code, aligned in its own addresses. */
struct pb_unwind_page {
	__u32 first; /* row of the segment */
	__u16 segment;
	__u16 rows; /* 0: nothing covers this page */
};
PB_ABI_SIZE(struct pb_unwind_page, 8);

struct pb_unwind_segment {
	__u32 rows[PB_UNWIND_SEGMENT_ROWS];
};

/* Executable memory of a process. Address a lies in page (a - bias) >> 16, counted from first_page. */
struct pb_unwind_mapping {
	__u64 start;
	__u64 size; /* bytes */
	__u64 bias;
	__u32 first_page;
	__u32 n_pages; /* 0: no rules here (JIT, no .eh_frame, no room): frame pointers */
};
PB_ABI_SIZE(struct pb_unwind_mapping, 32);

/*
 * What a process has mapped. The owner tells whose mappings these are, so that a reused pid and a process
 * after an exec are unknown and not walked wrongly: see pb_unwind_owner(). The kernel half writes it, at
 * fork and exec, with n = 0 where nothing is known yet. For processes that are older than the tool the user
 * half writes 0, and the first event claims the entry.
 */
struct pb_unwind_process {
	__u64 owner;
	__u32 first; /* of mappings */
	__u32 n;
};
PB_ABI_SIZE(struct pb_unwind_process, 16);

/* To the user half: a walk met an address that no mapping holds, or an unknown process. */
struct pb_unwind_miss {
	__u64 addr;
	__u32 tgid;
	__u32 pad; /* always 0 */
};
PB_ABI_SIZE(struct pb_unwind_miss, 16);

#endif
