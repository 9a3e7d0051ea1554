/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Hold a new program for a moment where all of its libraries are mapped and none of its code has run.
 *
 *   exec --> the dynamic linker maps and relocates --> [here] --> constructors --> main
 *
 * What a command does first is over before we could have heard of its mappings, so its first stacks would end
 * nowhere. The dynamic linker calls a function of its own for debuggers, _dl_debug_state(), when it begins to add
 * objects and again when they are consistent; the second call is the place. A program without one is held at its
 * entry.
 *
 * By ptrace(2): if the tool dies meanwhile, the kernel lets the command go.
 */
#ifndef PB_CORE_LOADING_H
#define PB_CORE_LOADING_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * pb_loading_begin() - watch a child of ours that is going to exec.
 *
 * Return: 0; -EPERM without CAP_SYS_PTRACE, since a program that changes its user at exec would not then;
 * -errno. Not logged: the program can run all the same.
 */
int pb_loading_begin(pid_t pid);

/* Behind begin(), while it has not exec'ed: a signal that comes stops it for us to see. Let it go on; nothing if there was
 * none. To be called again and again. */
void pb_loading_pass(pid_t pid);

/**
 * pb_loading_hold() - wait until it has got there, call @at_rest, and let it go for good.
 * @at_rest: while it stands still
 * @status: of waitpid(), set if it has ended meanwhile, which reaps it; else untouched
 *
 * Gives up after a second, or if it does something unexpected: then it goes on without having been held. One that a
 * signal stops meanwhile, as SIGSTOP does, stays stopped until SIGCONT, whoever waits for it.
 * Return: 0 if it was held; -ECHILD if it has ended; -ETIMEDOUT and others if not. Not logged.
 */
int pb_loading_hold(pid_t pid, void (*at_rest)(void *ctx), void *ctx, int *status);

#endif
