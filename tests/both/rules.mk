# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# $(O)/tests/both/both: a profiler for tests, with two kinds of BPF programs over one capture.
BOTH := $(O)/tests/both

$(BOTH)/both.bpf.raw.o: tests/both/both.bpf.c
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MD $(NOTES) -MF $(@:.raw.o=.d) -c $< -o $@

$(BOTH)/both.bpf.o: $(BOTH)/both.bpf.raw.o
	$(Q)$(BPFTOOL) gen object $@ $<

$(BOTH)/both.o: $(BOTH)/both.skel.h

$(BOTH)/both: $(BOTH)/both.o $(O)/schema/cpuflame.o $(O)/libperfbeads.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -o $@

workloads: $(BOTH)/both
