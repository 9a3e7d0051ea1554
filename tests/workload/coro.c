/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * coro [SECONDS]: 64 coroutines that hand blocks around by swapcontext(), each on a stack of its own. Every block is
 * freed by another one than took it. At the end, or at SIGTERM, says how many it has switched; 0 if all blocks were
 * whole.
 */
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "tests/workload/workload.h"

#define COROUTINES 64
#define STACK      65536

static ucontext_t scheduler, coroutines[COROUTINES];
static unsigned char *blocks[COROUTINES];
static unsigned long switches;
static int bad;
static volatile sig_atomic_t ended;

static void on_term(int sig)
{
	ended = sig;
}

VISIBLE static void take(int me)
{
	blocks[me] = malloc(16 + (size_t)me * 40);
	memset(blocks[me], me, 16);
}

VISIBLE static void give_back(int whose)
{
	if (blocks[whose] && blocks[whose][7] != whose)
		bad = 1;
	free(blocks[whose]);
	blocks[whose] = NULL;
}

VISIBLE static void coroutine(int me)
{
	for (;;) {
		take(me);
		switches++;
		swapcontext(&coroutines[me], &scheduler);
		give_back((me + 7) % COROUTINES);
		switches++;
		swapcontext(&coroutines[me], &scheduler);
	}
}

int main(int argc, char **argv)
{
	uint64_t end = in_seconds(arg(argc, argv, 1, 10));

	for (int i = 0; i < COROUTINES; i++) {
		getcontext(&coroutines[i]);
		coroutines[i].uc_stack.ss_sp = malloc(STACK);
		coroutines[i].uc_stack.ss_size = STACK;
		makecontext(&coroutines[i], (void (*)(void))coroutine, 1, i);
	}
	signal(SIGTERM, on_term);
	say_ready();
	while (now_ns() < end && !ended) {
		for (int i = 0; i < COROUTINES; i++) {
			give_back(i);
			swapcontext(&scheduler, &coroutines[i]);
		}
		if (switches % 4096 == 0)
			usleep(1000);
	}
	printf("switched %lu\n", switches);
	return bad;
}
