# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What tools/bench, tools/bench-unwind and tools/bench-alloc measure with.
BENCH       := $(O)/tests/bench
# As a distribution builds its programs: without frame pointers.
BENCH_FLAGS := -D_GNU_SOURCE -DPB_NO_FRAMES -O2 -g -fomit-frame-pointer \
	       -fno-optimize-sibling-calls -fno-shrink-wrap -fno-ipa-icf -I. -Wall -Wextra
BENCH_PLAIN := recurse syscalls late bottoms pairs mixture

# synth writes a made-up profile, for what must not depend on a capture; tables compiles unwind tables,
# names asks for names, probe puts empty probes on an allocator.
$(BENCH)/synth $(BENCH)/tables $(BENCH)/names $(BENCH)/probe: $(BENCH)/%: $(BENCH)/%.o $(O)/libperfbeads.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -o $@

$(BENCH_PLAIN:%=$(BENCH)/%) $(BENCH)/maps: tests/workload/workload.h tests/workload/sink.c tests/bench/rules.mk | \
	$(BENCH)/.dir
$(BENCH)/.dir:
	@mkdir -p $(@D) && touch $@

$(BENCH_PLAIN:%=$(BENCH)/%): $(BENCH)/%: tests/bench/%.c
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 $(BENCH_FLAGS) $< tests/workload/sink.c -pthread -ldl -o $@

# Everything in one file, as a program is shipped that is to run anywhere.
$(BENCH)/mixture-static: tests/bench/mixture.c tests/bench/rules.mk | $(BENCH)/.dir
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 $(BENCH_FLAGS) $< tests/workload/sink.c -static -o $@

$(BENCH)/sink.o: tests/workload/sink.c | $(BENCH)/.dir
	$(Q)$(CC) -std=gnu11 $(BENCH_FLAGS) -c $< -o $@
$(BENCH)/maps: tests/bench/maps.cc $(BENCH)/sink.o
	$(call say,CXX,$@)
	$(Q)$(CXX) -std=gnu++17 $(BENCH_FLAGS) $< $(BENCH)/sink.o -o $@

# Before the table of tools/bench, never beside it.
.PHONY: bench-unwind
bench: bench-unwind
bench-unwind: all
	./tools/bench-unwind
