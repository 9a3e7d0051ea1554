# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# $(O)/tests/heap/make_heap TYPE writes a saved heap profile, for programs that read them.
$(O)/tests/heap/make_heap: $(O)/tests/heap/make_heap.o $(O)/tests/heap/sample_heap.o $(O)/libperfbeads.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -o $@
