/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A child that may compute and nothing else: where bytes of target files are parsed.
 *
 * It runs a function of ours on one socket. It has no capabilities and no way to get any, no
 * descriptor but that socket and what is sent through it, no memory in common with anybody, no file
 * system, no network, no new process; memory and CPU time are bounded. Whatever a hostile file makes of it, the caller loses one
 * answer. The child dies with its parent, and with the socket.
 *
 *   caller  --- question, descriptors --->  child (uid nobody if we are root, seccomp, rlimits)
 *           <------------ bytes -----------
 *
 * Root gives up its user id where it has CAP_SETUID, CAP_SETGID and CAP_KILL, and nobody has a
 * number in its user namespace; all else is the same for whoever starts it.
 *
 * Source: seccomp(2), capabilities(7), prctl(2) PR_SET_NO_NEW_PRIVS.
 */
#ifndef PB_CORE_SANDBOX_H
#define PB_CORE_SANDBOX_H

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
	uint32_t cpu_s; /* RLIMIT_CPU over its life; 0: not bounded */
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
 * Return: 0 when the child is confined; -errno, logged.
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

#endif
