/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * compat: a 32-bit program that needs no 32-bit library: says "ready" and works in compat_hot() until it is
 * killed, or for a few billion steps. Built by the test, where the compiler can.
 */
#define SYS_EXIT  1
#define SYS_WRITE 4

static long call(long number, long a, const void *b, long c)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c)
			 : "memory");
	return result;
}

__attribute__((noinline, used)) static void compat_hot(void)
{
	for (unsigned int i = 0; i < 1u << 30; i++)
		__asm__ volatile("" : "+r"(i));
}

void _start(void);
void _start(void)
{
	call(SYS_WRITE, 1, "ready\n", 6);
	for (int i = 0; i < 40; i++)
		compat_hot();
	call(SYS_EXIT, 0, 0, 0);
}
