# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Tests of bpf/lib run as plain programs against a small kernel made of arrays.
$(patsubst %.c,$(O)/%,$(wildcard tests/unit/bpf/test_*.c)): $(O)/tests/hostbpf/hostbpf.o

# Replays of real stacks compile tables by the library, and so stand before it.
REPLAY     := $(O)/tests/unwind
REPLAY_OBJ := $(REPLAY)/replay.o $(REPLAY)/replay_take.o $(REPLAY)/replay_text.o $(O)/tests/hostbpf/hostbpf.o

$(O)/tests/unit/bpf/test_replay: $(O)/tests/unit/bpf/test_replay.o $(REPLAY_OBJ) $(O)/libperfbeads.a | \
	$(REPLAY)/replay_target
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -lcmocka -o $@

# $(O)/tests/unwind/replay records stacks and replays them by hand.
$(REPLAY)/replay: $(REPLAY)/replay_main.o $(REPLAY_OBJ) $(O)/libperfbeads.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -o $@

# Built as distributions build: its frames are the answer, and SAN and CFLAGS do not reach it.
$(REPLAY)/replay_target: tests/unwind/replay_target.c tests/unwind/replay_truth.h
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g -fomit-frame-pointer -fasynchronous-unwind-tables \
		-fno-optimize-sibling-calls -I. $(WARN) $< -pthread -o $@
