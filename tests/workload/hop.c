/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * hop-a OTHER [SECONDS] [MS]: works MS milliseconds in hop_a_hot(), then becomes OTHER with the arguments
 * swapped, until the time is over. hop-b is the same with names, frames and addresses of its own: a stack
 * that holds functions of both cannot be.
 */
#include "tests/workload/workload.h"

#define PASTE_(a, b, c) a##b##c
#define PASTE(a, b, c)  PASTE_(a, b, c)
#define NAME(what)      PASTE(PROGRAM, _, what)

#if FRAME_BYTES > 64
/* Moves all that follows, so that the addresses of one program lie inside other functions of the other. */
__asm__(".text\n.skip 5000, 0x90\n");
#endif

VISIBLE static void NAME(hot)(void)
{
	sink = burn(STEPS_50US, sink);
}

VISIBLE static void NAME(inner)(int rounds)
{
	char room[FRAME_BYTES];

	KEEP_ROOM(room);
	while (rounds--)
		NAME(hot)();
	KEEP_ROOM(room);
}

VISIBLE static void NAME(outer)(int rounds)
{
	NAME(inner)(rounds);
	KEEP_FRAME();
}

int main(int argc, char **argv)
{
	double ms = arg(argc, argv, 3, 5);
	char *until = getenv("HOP_UNTIL");
	char text[32];

	if (argc < 2) {
		fputs("usage: hop-a OTHER [SECONDS] [MS]\n", stderr);
		return 2;
	}
	if (!until) {
		snprintf(text, sizeof(text), "%llu",
			 (unsigned long long)in_seconds(arg(argc, argv, 2, 60)));
		setenv("HOP_UNTIL", text, 1);
		until = text;
		say_ready();
	}
	NAME(outer)((int)(ms * 20));
	if (now_ns() < strtoull(until, NULL, 10))
		execl(argv[1], argv[1], argv[0], "0", argc > 3 ? argv[3] : "5", (char *)NULL);
	return 0;
}
