# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The renderers' tests share one made-up profile. It stands before the library, which it needs.
RENDER_TESTS := $(patsubst %.c,$(O)/%,$(wildcard tests/unit/render/test_*.c))

$(RENDER_TESTS): $(O)/tests/unit/%: $(O)/tests/unit/%.o $(O)/tests/unit/render/sample_profile.o \
		 $(O)/libperfbeads.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -lcmocka -o $@
