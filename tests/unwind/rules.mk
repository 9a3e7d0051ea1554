# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# $(O)/tests/unwind/compare FILE compares the table of an ELF file with what readelf says of it.
$(O)/tests/unwind/compare: $(O)/tests/unwind/compare.o $(O)/libperfbeads.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -o $@
