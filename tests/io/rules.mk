# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# $(O)/tests/io/make_io FORMAT writes a made-up run of iolatency, for programs that read it.
$(O)/tests/io/make_io: $(O)/tests/io/make_io.o $(O)/tests/io/sample_io.o $(O)/libperfbeads.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -o $@
