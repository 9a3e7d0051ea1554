/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * calls WAY [SECONDS]: all work in hot(), which main() reaches by a way that is hard to walk back:
 *
 *   qsort      from a callback of libc
 *   vla        below a frame of variable size
 *   signal     in a handler, on the stack that the signal hit
 *   altstack   in a handler, on a stack of its own
 *   trap       in a handler, for a fault at the first instruction of a function
 *   noreturn   by a call that is the last instruction of its function
 *   vfork      in a child that lives on its parent's stack
 *   coroutine  on a stack made by makecontext()
 *   plt        nowhere: all time goes into calls of a library function through the PLT
 *   lazy       nowhere: into having the same call bound by the dynamic linker each time anew
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "tests/workload/workload.h"

#define STACK_BYTES 65536

static uint64_t deadline;

/* Of libtiny.so: bound at its first call, and called by way of the PLT for ever. */
uint64_t tiny(uint64_t x);

VISIBLE static void hot(void)
{
	sink = burn(STEPS_50US, sink);
}

VISIBLE static int compare(const void *a, const void *b)
{
	hot();
	return memcmp(a, b, 1);
}

VISIBLE static void by_qsort(void)
{
	char letters[] = "the quick brown fox";

	while (now_ns() < deadline)
		qsort(letters, sizeof(letters) - 1, 1, compare);
}

VISIBLE static void with_vla(unsigned int size)
{
	char *room = __builtin_alloca(size);

	KEEP_ROOM(room);
	hot();
	KEEP_ROOM(room);
}

VISIBLE static void by_vla(void)
{
	for (unsigned int i = 0; now_ns() < deadline; i++)
		with_vla(100 + i * 40 % 5000);
}

VISIBLE static void on_signal(int number)
{
	(void)number;
	hot();
	KEEP_FRAME();
}

VISIBLE static void by_signal(void)
{
	signal(SIGUSR1, on_signal);
	while (now_ns() < deadline)
		raise(SIGUSR1);
}

VISIBLE static void by_altstack(void)
{
	static char memory[STACK_BYTES];
	const stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)};
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};

	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	while (now_ns() < deadline)
		raise(SIGUSR1);
}

/*
 * The function before each of interest has a frame of another size, and nothing lies between them: a
 * rule that is looked up one byte too early or too late leads astray.
 */
void faults_at_once(void);
void calls_at_last(void);
#if defined(__x86_64__)
#define TRAP_BYTES 2
__asm__(".text\n"
	".type before_faults_at_once, @function\n"
	"before_faults_at_once:\n"
	".cfi_startproc\n"
	"	sub $0x128, %rsp\n"
	".cfi_adjust_cfa_offset 0x128\n"
	"	hlt\n"
	".cfi_endproc\n"
	".size before_faults_at_once, . - before_faults_at_once\n"
	".globl faults_at_once\n"
	".type faults_at_once, @function\n"
	"faults_at_once:\n"
	".cfi_startproc\n"
	"	ud2\n"
	"	ret\n"
	".cfi_endproc\n"
	".size faults_at_once, . - faults_at_once\n"
	".globl calls_at_last\n"
	".type calls_at_last, @function\n"
	"calls_at_last:\n"
	".cfi_startproc\n"
	"	sub $0x78, %rsp\n"
	".cfi_adjust_cfa_offset 0x78\n"
	"	call never_returns\n"
	".cfi_endproc\n"
	".size calls_at_last, . - calls_at_last\n"
	".type after_calls_at_last, @function\n"
	"after_calls_at_last:\n"
	".cfi_startproc\n"
	"	ret\n"
	".cfi_endproc\n"
	".size after_calls_at_last, . - after_calls_at_last\n");
#define TRAP_IP(context) ((context)->uc_mcontext.gregs[REG_RIP])
#elif defined(__aarch64__)
#define TRAP_BYTES       4
__asm__(".text\n"
	".type before_faults_at_once, %function\n"
	"before_faults_at_once:\n"
	".cfi_startproc\n"
	"	sub sp, sp, #0x120\n"
	".cfi_adjust_cfa_offset 0x120\n"
	"	udf #0\n"
	".cfi_endproc\n"
	".size before_faults_at_once, . - before_faults_at_once\n"
	".globl faults_at_once\n"
	".type faults_at_once, %function\n"
	"faults_at_once:\n"
	".cfi_startproc\n"
	"	udf #0\n"
	"	ret\n"
	".cfi_endproc\n"
	".size faults_at_once, . - faults_at_once\n"
	".globl calls_at_last\n"
	".type calls_at_last, %function\n"
	"calls_at_last:\n"
	".cfi_startproc\n"
	"	stp x29, x30, [sp, #-0x80]!\n"
	".cfi_def_cfa_offset 0x80\n"
	".cfi_offset 29, -0x80\n"
	".cfi_offset 30, -0x78\n"
	"	bl never_returns\n"
	".cfi_endproc\n"
	".size calls_at_last, . - calls_at_last\n"
	".type after_calls_at_last, %function\n"
	"after_calls_at_last:\n"
	".cfi_startproc\n"
	"	ret\n"
	".cfi_endproc\n"
	".size after_calls_at_last, . - after_calls_at_last\n");
#define TRAP_IP(context) ((context)->uc_mcontext.pc)
#endif

VISIBLE static void on_trap(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	hot();
	TRAP_IP((ucontext_t *)context) += TRAP_BYTES;
}

VISIBLE static void by_trap(void)
{
	const struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

	sigaction(SIGILL, &action, NULL);
	while (now_ns() < deadline)
		faults_at_once();
}

void never_returns(void);
__attribute__((noreturn, noinline, used)) void never_returns(void)
{
	while (now_ns() < deadline)
		hot();
	exit(0);
}

VISIBLE static void by_noreturn(void)
{
	calls_at_last();
	KEEP_FRAME();
}

VISIBLE static void by_vfork(void)
{
	int status;

	while (now_ns() < deadline) {
		if (!vfork()) {
			for (int i = 0; i < 400; i++)
				hot();
			_exit(0);
		}
		wait(&status);
	}
}

static ucontext_t caller, callee;

VISIBLE static void coroutine(void)
{
	while (1) {
		hot();
		swapcontext(&callee, &caller);
	}
}

VISIBLE static void by_coroutine(void)
{
	static char memory[STACK_BYTES];

	getcontext(&callee);
	callee.uc_stack.ss_sp = memory;
	callee.uc_stack.ss_size = sizeof(memory);
	makecontext(&callee, coroutine, 0);
	while (now_ns() < deadline)
		swapcontext(&caller, &callee);
}

VISIBLE static void by_plt(void)
{
	while (now_ns() < deadline) {
		for (int i = 0; i < 10000; i++)
			sink = tiny(sink);
	}
}

#define SLOTS_MAX                                                                                  \
	64 /* of the table that the PLT jumps by; there are fewer, and then come our variables */

/* The dynamic linker's, in front of the slots. */
extern uint64_t _GLOBAL_OFFSET_TABLE_[];

/* The slot that a first call of tiny() changes leads back to the dynamic linker if it is put back. */
VISIBLE static void by_lazy(void)
{
	volatile uint64_t *slots = _GLOBAL_OFFSET_TABLE_;
	uint64_t before[SLOTS_MAX];
	int slot = SLOTS_MAX;

	for (int i = 0; i < SLOTS_MAX; i++)
		before[i] = slots[i];
	sink = tiny(1);
	while (slot-- > 3 && slots[slot] == before[slot])
		;
	if (slot < 3) {
		fputs("calls: bound at once\n", stderr);
		exit(3);
	}
	while (now_ns() < deadline) {
		for (int i = 0; i < 100; i++) {
			slots[slot] = before[slot];
			(void)tiny(1);
		}
	}
}

static const struct way {
	const char *name;
	void (*go)(void);
} ways[] = {
	{"qsort", by_qsort},   {"vla", by_vla},
	{"signal", by_signal}, {"altstack", by_altstack},
	{"trap", by_trap},     {"noreturn", by_noreturn},
	{"vfork", by_vfork},   {"coroutine", by_coroutine},
	{"plt", by_plt},       {"lazy", by_lazy},
};

int main(int argc, char **argv)
{
	deadline = in_seconds(arg(argc, argv, 2, 60));
	for (size_t i = 0; argc > 1 && i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(argv[1], ways[i].name))
			continue;
		say_ready();
		ways[i].go();
		return 0;
	}
	fputs("usage: calls WAY [SECONDS]\n", stderr);
	return 2;
}
