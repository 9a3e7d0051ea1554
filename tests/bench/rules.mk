# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# $(O)/tests/bench/synth writes a made-up profile, for what must not depend on a capture.
$(O)/tests/bench/synth: $(O)/tests/bench/synth.o $(O)/libperfbeads.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -o $@
