# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# $(O)/tests/browser/make_pages DIR writes the pages that browser.mjs opens.
$(O)/tests/browser/make_pages: $(O)/tests/browser/make_pages.o $(O)/tests/heap/sample_heap.o $(O)/libperfbeads.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -o $@
