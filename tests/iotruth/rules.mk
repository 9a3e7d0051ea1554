# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# $(O)/tests/iotruth/iotruth: every block I/O as it was, for tests and figures. Nothing of the profilers is in it.
IOTRUTH := $(O)/tests/iotruth

$(IOTRUTH)/iotruth.bpf.raw.o: tests/iotruth/iotruth.bpf.c
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MD $(NOTES) -MF $(@:.raw.o=.d) -c $< -o $@

$(IOTRUTH)/iotruth.bpf.o: $(IOTRUTH)/iotruth.bpf.raw.o
	$(Q)$(BPFTOOL) gen object $@ $<

$(IOTRUTH)/iotruth.o: $(IOTRUTH)/iotruth.skel.h

$(IOTRUTH)/iotruth: $(IOTRUTH)/iotruth.o
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ -lbpf -lelf -lz -o $@

workloads: $(IOTRUTH)/iotruth
