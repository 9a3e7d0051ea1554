# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Programs with debug information of every kind, for tests/ring/names, and what looks names up in them.
NAMES       := $(O)/tests/names
NAMES_SRC   := $(addprefix tests/names/,chain.c far.c shapes.cc)
NAMES_HDR   := $(addprefix tests/names/,chain.h numbers.h rules.mk)
NAMES_FLAGS := -O2 -I. -Wall -Wextra
# Each is built on its own; the rest is made of these.
NAMES_BUILT := gcc-dwarf4 gcc-dwarf5 clang-dwarf4 clang-dwarf5 gcc-lto
NAMES_ALL   := $(NAMES_BUILT) gcc-compressed gcc-dwz gcc-dwz-common gcc-lto-dwz-common

$(NAMES)/frames: $(NAMES)/frames.o $(O)/libperfbeads.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -o $@

$(NAMES)/gcc-dwarf4:   NAMES_HOW := gcc g++ -gdwarf-4 -ffunction-sections
$(NAMES)/gcc-dwarf5:   NAMES_HOW := gcc g++ -gdwarf-5
$(NAMES)/clang-dwarf4: NAMES_HOW := clang clang++ -gdwarf-4 -ffunction-sections
$(NAMES)/clang-dwarf5: NAMES_HOW := clang clang++ -gdwarf-5
$(NAMES)/gcc-lto:      NAMES_HOW := gcc g++ -g -flto=auto

$(NAMES_BUILT:%=$(NAMES)/%): $(NAMES)/%: $(NAMES_SRC) $(NAMES_HDR)
	$(call say,NAMES,$@)
	@mkdir -p $(@D)/$*.o
	$(Q)set -- $(NAMES_HOW); cc=$$1 cxx=$$2; shift 2; \
	for source in chain far; do \
		$$cc -std=gnu11 $(NAMES_FLAGS) "$$@" -c tests/names/$$source.c -o $(@D)/$*.o/$$source.o || exit; \
	done; \
	$$cxx -std=gnu++17 $(NAMES_FLAGS) "$$@" -c tests/names/shapes.cc -o $(@D)/$*.o/shapes.o && \
	$$cxx -O2 "$$@" -Wl,--gc-sections $(@D)/$*.o/*.o -o $@

$(NAMES)/gcc-compressed: $(NAMES)/gcc-dwarf5
	$(Q)objcopy --compress-debug-sections=zlib $< $@

$(NAMES)/gcc-dwz: $(NAMES)/gcc-dwarf5
	$(Q)dwz -o $@ $<

# What both have in common goes to a third file, which .gnu_debugaltlink names.
$(NAMES)/gcc-dwz-common: $(NAMES)/gcc-dwarf5 $(NAMES)/gcc-lto
	$(Q)cp $(NAMES)/gcc-dwarf5 $@ && cp $(NAMES)/gcc-lto $(NAMES)/gcc-lto-dwz-common && \
	dwz -r -m $(NAMES)/common.debug $@ $(NAMES)/gcc-lto-dwz-common
$(NAMES)/gcc-lto-dwz-common: $(NAMES)/gcc-dwz-common

.PHONY: name-fixtures
name-fixtures: $(NAMES)/frames $(NAMES_ALL:%=$(NAMES)/%)
