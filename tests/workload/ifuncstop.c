/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * ifuncstop: stops itself by SIGSTOP while its dynamic linker works on it still, in a function that chooses another one
 * (STT_GNU_IFUNC), where nothing of libc can be called. Says "went on" right behind that, and ends with 5.
 */
#include <signal.h>
#include <sys/syscall.h>

#include "tests/workload/workload.h"

static long call(long number, long a, long b, long c)
{
#if defined(__x86_64__)
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b,
			 x2 __asm__("x2") = c;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
#endif
}

static int five(void)
{
	return 5;
}

static int (*choose(void))(void)
{
	static const char line[] = "went on\n";

	call(SYS_kill, call(SYS_getpid, 0, 0, 0), SIGSTOP, 0);
	call(SYS_write, 1, (long)line, sizeof(line) - 1);
	return five;
}

int chosen(void) __attribute__((ifunc("choose")));

int main(void)
{
	return chosen();
}
