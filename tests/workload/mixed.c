/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * mixed [SECONDS]: C without frame pointers calls code in anonymous memory, which keeps them, which calls
 * C without again, three times over. No single way of walking gets through:
 *
 *   main > enter > (JIT) > middle > (JIT) > inner > (JIT) > hot
 */
#include <string.h>
#include <sys/mman.h>

#include "tests/workload/workload.h"

/* Calls its first argument with a frame pointer set up; nothing else. */
#if defined(__x86_64__)
static const unsigned char template[] = {
	0x55,             /* push %rbp */
	0x48, 0x89, 0xe5, /* mov %rsp, %rbp */
	0xff, 0xd7,       /* call *%rdi */
	0x5d,             /* pop %rbp */
	0xc3,             /* ret */
};
#elif defined(__aarch64__)
static const unsigned int template[] = {
	0xa9bf7bfd, /* stp x29, x30, [sp, #-16]! */
	0x910003fd, /* mov x29, sp */
	0xd63f0000, /* blr x0 */
	0xa8c17bfd, /* ldp x29, x30, [sp], #16 */
	0xd65f03c0, /* ret */
};
#endif

typedef void jit_fn(void (*callee)(void));

static jit_fn *jit;

VISIBLE static void hot(void)
{
	sink = burn(STEPS_50US, sink);
}

VISIBLE static void inner(void)
{
	jit(hot);
	KEEP_FRAME();
}

VISIBLE static void middle(void)
{
	char room[200];

	KEEP_ROOM(room);
	jit(inner);
	KEEP_ROOM(room);
}

VISIBLE static void enter(void)
{
	jit(middle);
	KEEP_FRAME();
}

int main(int argc, char **argv)
{
	uint64_t deadline = in_seconds(arg(argc, argv, 1, 60));
	char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (code == MAP_FAILED) {
		perror("mixed");
		return 1;
	}
	memcpy(code, template, sizeof(template));
	__builtin___clear_cache(code, code + sizeof(template));
	jit = (jit_fn *)code;
	say_ready();
	while (now_ns() < deadline)
		enter();
	return 0;
}
