# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# $(O)/tests/bead/pairs: pairs of runs by bead's own runner, and what bead ab would have said of them. For figures.
$(O)/tests/bead/pairs: $(O)/tests/bead/pairs.o $(O)/libperfbeads.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $(filter %.o,$^) $(filter %.a,$^) $(LIBS) -o $@

workloads: $(O)/tests/bead/pairs
