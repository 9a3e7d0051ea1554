/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A child that may compute and nothing else: where bytes of target files are parsed.
 *
 * It runs a function of ours on one socket. It has no capabilities and no way to get any, no
 * descriptor but that socket and what is sent through it, no memory in common with anybody, no file
 * system, no network, no new process; memory and CPU time are bounded. Whatever a hostile file makes of it, the caller loses one
 * answer. The child dies with its parent, and with the socket.
 *
 *   caller  --- question, descriptors --->  child (a uid of its own if we are root, seccomp, rlimits)
 *           <------------ bytes -----------
 *
 * Root gives up its user id where it has CAP_SETUID, CAP_SETGID and CAP_KILL: for 0x7f000000 + pid, which
 * is no one else's, so that no other process may signal the child; for 65534 (nobody) in a user namespace
 * that has no such number; and not at all if that has none either. All else is the same for whoever
 * starts it: the child of an ordinary user is within reach of that user's other processes.
 *
 * Source: seccomp(2), capabilities(7), prctl(2) PR_SET_NO_NEW_PRIVS.
 */
#ifndef PB_CORE_SANDBOX_H
#define PB_CORE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "user/core/own.h"

struct pb_sandbox;

/* Exit status by which a pb_sandbox_serve says that memory ran out. */
#define PB_SANDBOX_NO_MEMORY 12

struct pb_sandbox_limits {
	/*
	 * RLIMIT_AS, on top of the parent's address space, which the child begins with: heap and
	 * mapped files together; 0: not bounded
	 */
	uint64_t memory_bytes;
	uint32_t cpu_s;    /* RLIMIT_CPU over its life; 0: not bounded */
	uint32_t start_ms; /* by the clock, until it is confined; 0: 20 seconds */
};

/*
 * Runs in the child; its return ends the child. @sock: a SOCK_STREAM unix socket. Its stdin, stdout and
 * stderr lead nowhere, what people send to the tool's process group (Ctrl-C) is ignored, memory that
 * cannot be had is NULL and not a signal, and of system calls only those that the filter lists work: it
 * sends with sendmsg(), not with write(); all others fail with EPERM.
 */
typedef void pb_sandbox_serve(int sock, void *ctx);

/**
 * pb_sandbox_start() - fork a child that runs @serve.
 * @name: borrowed for the call; what ps shows, at most 15 bytes
 * @ctx: of the parent's memory as it is now; the child has a copy
 *
 * The child never returns into the caller's code, runs no atexit() handlers and flushes no stream. If a
 * part of the confinement cannot be had, there is no child: never a weaker one. It dies with the thread
 * that calls this. The caller's SIGCHLD is set to its default, as without it there is no exit status.
 * (In builds with AddressSanitizer stderr is left to its reports.)
 * Return: 0 when the child is confined; -errno, logged: -ECHILD if it ended before, or took too long.
 * -ENOMEM may be the kernel's, for which freeing memory of our own is no help.
 */
int pb_sandbox_start(struct pb_sandbox **out, const char *name,
		     const struct pb_sandbox_limits *limits, pb_sandbox_serve *serve, void *ctx);
/* Kills and reaps it. NULL is fine. */
void pb_sandbox_free(struct pb_sandbox *s);
PB_DEFINE_FREE(pb_sandbox, pb_sandbox_free);

/* The caller's end of the socket; borrowed. */
int pb_sandbox_socket(const struct pb_sandbox *s);

/**
 * pb_sandbox_end() - after its socket has closed or was given up on: kill, reap, and say how it ended.
 * @peak_bytes: its largest resident set, in which the parent's heap at the fork counts too, though
 * it is shared; may be NULL
 *
 * May be called again. Return: a sentence's end for the log, never NULL, valid until pb_sandbox_free():
 * "it crashed (signal 11)", "it ran out of memory", "it took too long" (also if it still ran).
 */
const char *pb_sandbox_end(struct pb_sandbox *s, uint64_t *peak_bytes);
/* Once that was called: whether a signal of its own making ended it, so that the same would end the next. */
/* Whether it could not even be killed: it waits for the server of a file system. It is left to whoever reaps it
 * when that answers, or goes. */
bool pb_sandbox_stuck(const struct pb_sandbox *s);
bool pb_sandbox_crashed(const struct pb_sandbox *s);

/*
 * For a pb_sandbox_serve: bytes that its stack may have, the caller's frames included. 16 MB, or more as
 * the caller has it; less only if a hard limit forbids it. Outside a child the caller's own limit.
 */
uint64_t pb_sandbox_stack_bytes(void);

/**
 * pb_sandbox_drop_shared() - unmap all memory that is shared with other processes; a sandbox has done so.
 *
 * For a child after fork(), which comes with the BPF maps and ring buffers that its parent has mapped.
 * Return: 0; -errno.
 */
int pb_sandbox_drop_shared(void);

#endif
