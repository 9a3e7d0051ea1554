/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * rust [SECONDS]: functions by the names that rustc gives its own, in both of its manglings, so that no
 * rustc is needed. CPU time is split 2 : 1 by step counts.
 *
 *   main > app::main                                          legacy
 *            > app::inner::apply::<app::main::{closure#0}>    v0
 *              > app::work                                    v0, inlined
 *                > <app::P<f32> as app::Area>::area           v0, with a suffix of LLVM's     2/3
 *            > <app::P<T> as app::Area>::area                 legacy                          1/3
 *
 * Built with debug information, by which alone the inlined one has a name.
 */
#include "tests/workload/workload.h"

#define SYMBOL(name) __asm__(name)

void app_main(uint64_t deadline) SYMBOL("_ZN3app4main17h6efac5461358bccaE");
void apply(uint64_t n) SYMBOL("_RINvNtCsj6gjteTz5uu_3app5inner5applyNCNvB4_4main0EB4_");
void work(uint64_t n) SYMBOL("_RNvCsj6gjteTz5uu_3app4work");
void area_f32(uint64_t n) SYMBOL("_RNvXCsj6gjteTz5uu_3appINtB2_1PfENtB2_4Area4areaB2_.llvm.123");
void area(uint64_t n)
	SYMBOL("_ZN45_$LT$app..P$LT$T$GT$$u20$as$u20$app..Area$GT$4area17hb2b76cff63fb5654E");

VISIBLE void area_f32(uint64_t n)
{
	sink = burn(n, sink);
}

VISIBLE void area(uint64_t n)
{
	sink = burn(n, sink + 1);
}

extern inline __attribute__((gnu_inline, always_inline)) void work(uint64_t n)
{
	area_f32(n);
	KEEP_FRAME();
}

VISIBLE void apply(uint64_t n)
{
	work(n);
}

VISIBLE void app_main(uint64_t deadline)
{
	while (now_ns() < deadline) {
		apply(2 * STEPS_50US);
		area(1 * STEPS_50US);
	}
}

int main(int argc, char **argv)
{
	say_ready();
	app_main(in_seconds(arg(argc, argv, 1, 60)));
	return 0;
}
