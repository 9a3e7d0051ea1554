/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * liar [SECONDS]: works with a stack pointer and a frame pointer that are none, 10 ms for each lie in
 * turn, in code that has unwind rules and in a copy of it that has not. The thread bears the name of the lie.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "tests/workload/workload.h"

#define STEPS_10MS   (200 * STEPS_50US / 4)
#define MEMORY_BYTES 65536

/* Puts @sp and @fp into their registers, counts down, puts the true ones back. Touches no memory but
 * its own code, so it runs anywhere. */
void stand_on(uint64_t sp, uint64_t fp, uint64_t steps);
#if defined(__x86_64__)
#define STAND_ON_BYTES 32
__asm__(".text\n"
	".globl stand_on\n"
	".type stand_on, @function\n"
	"stand_on:\n"
	".cfi_startproc\n"
	"	mov %rsp, %r10\n"
	"	mov %rbp, %r11\n"
	"	mov %rdi, %rsp\n"
	"	mov %rsi, %rbp\n"
	"1:	dec %rdx\n"
	"	jnz 1b\n"
	"	mov %r10, %rsp\n"
	"	mov %r11, %rbp\n"
	"	ret\n"
	".cfi_endproc\n"
	".size stand_on, . - stand_on\n"
	"	.skip 16, 0x90\n");
#elif defined(__aarch64__)
#define STAND_ON_BYTES 40
__asm__(".text\n"
	".globl stand_on\n"
	".type stand_on, %function\n"
	"stand_on:\n"
	".cfi_startproc\n"
	"	mov x9, sp\n"
	"	mov x10, x29\n"
	"	mov sp, x0\n"
	"	mov x29, x1\n"
	"1:	subs x2, x2, #1\n"
	"	b.ne 1b\n"
	"	mov sp, x9\n"
	"	mov x29, x10\n"
	"	ret\n"
	".cfi_endproc\n"
	".size stand_on, . - stand_on\n"
	"	nop\n"
	"	nop\n");
#endif

typedef void stand_fn(uint64_t sp, uint64_t fp, uint64_t steps);

/* Memory with a hole behind it. */
static uint64_t memory;

static void fill(uint64_t value)
{
	uint64_t *words = (uint64_t *)memory;

	for (size_t i = 0; i < MEMORY_BYTES / 8; i++)
		words[i] = value;
}

static void fill_random(void)
{
	uint64_t *words = (uint64_t *)memory;
	uint64_t x = 88172645463325252u;

	for (size_t i = 0; i < MEMORY_BYTES / 8; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		words[i] = x;
	}
}

/* Each word is a frame pointer to the next pair and a return address into the same code. */
static void fill_chain(uint64_t code)
{
	uint64_t *words = (uint64_t *)memory;

	for (size_t i = 0; i < MEMORY_BYTES / 8; i += 2) {
		words[i] = memory + (i + 2) * 8;
		words[i + 1] = code;
	}
}

enum lie { ZERO, ONES, ODD, UNMAPPED, EDGE, KERNEL, NONCANONICAL, RANDOM, SELF, CODE, CHAIN, LIES };

static const char *const lies[LIES] = {
	"zero",         "ones",   "odd",  "unmapped", "edge",  "kernel",
	"noncanonical", "random", "self", "code",     "chain",
};

/* Where the stack is to be. */
static uint64_t prepare(enum lie lie, stand_fn *stand)
{
	uint64_t middle = memory + MEMORY_BYTES / 2, code = (uint64_t)(uintptr_t)stand + 12;

	fill(0);
	switch (lie) {
	case ZERO:
		return 0;
	case ONES:
		return UINT64_MAX - 15;
	case ODD:
		fill_chain(code);
		return middle + 8 * 16 + 3;
	case UNMAPPED:
		return memory + MEMORY_BYTES + 64;
	case EDGE:
		fill(code);
		return memory + MEMORY_BYTES - 8;
	case KERNEL:
		return 0xffffffff81000000u;
	case NONCANONICAL:
		return 0x8000800080008000u;
	case RANDOM:
		fill_random();
		return middle;
	case SELF:
		fill(middle);
		return middle;
	case CODE:
		fill(code);
		return memory;
	case CHAIN:
		fill_chain(code);
		return memory;
	case LIES:
		break;
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t deadline = in_seconds(arg(argc, argv, 1, 60)), where;
	char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *room = mmap(NULL, MEMORY_BYTES + 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stand_fn *stand;

	if (code == MAP_FAILED || room == MAP_FAILED || munmap(room + MEMORY_BYTES, 4096)) {
		perror("liar");
		return 1;
	}
	memory = (uint64_t)(uintptr_t)room;
	memcpy(code, (const void *)(uintptr_t)stand_on, STAND_ON_BYTES);
	__builtin___clear_cache(code, code + STAND_ON_BYTES);
	say_ready();
	for (unsigned int i = 0; now_ns() < deadline; i++) {
		stand = i % 2 ? stand_on : (stand_fn *)code;
		prctl(PR_SET_NAME, lies[i / 2 % LIES]);
		where = prepare(i / 2 % LIES, stand);
		stand(where, where, STEPS_10MS);
	}
	return 0;
}
