/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * huge [SECONDS]: works in hot(), below serve(), in a program whose unwind table takes more than 1 MB: beside
 * these it has 150,000 functions that nobody calls, each with two rows.
 */
#include "tests/workload/workload.h"

#if defined(__x86_64__)
#define PUSH "	push %rbx\n.cfi_adjust_cfa_offset 8\n"
#define POP  "	pop %rbx\n.cfi_adjust_cfa_offset -8\n"
#elif defined(__aarch64__)
#define PUSH "	sub sp, sp, #16\n.cfi_adjust_cfa_offset 16\n"
#define POP  "	add sp, sp, #16\n.cfi_adjust_cfa_offset -16\n"
#endif

__asm__(".text\n"
	".rept 150000\n"
	".cfi_startproc\n" PUSH "	nop\n" POP "	ret\n"
	".cfi_endproc\n"
	".endr\n");

VISIBLE static void hot(void)
{
	sink = burn(STEPS_50US, sink);
}

VISIBLE static void serve(uint64_t deadline)
{
	while (now_ns() < deadline)
		hot();
}

int main(int argc, char **argv)
{
	say_ready();
	serve(in_seconds(arg(argc, argv, 1, 60)));
	return 0;
}
