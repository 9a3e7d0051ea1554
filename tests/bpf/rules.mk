# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# $(O)/tests/bpf/load OBJECT loads one BPF object in every way its tool can configure it.
$(O)/tests/bpf/load: $(O)/tests/bpf/load.o $(O)/user/io/tracepoints.o
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ -lbpf -lelf -lz -o $@
