# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The renderers' tests, and those of user/alloc, share made-up profiles. They stand before the library, which
# they need.
SAMPLE_TESTS := $(patsubst %.c,$(O)/%,$(wildcard tests/unit/render/test_*.c tests/unit/alloc/test_*.c))

$(SAMPLE_TESTS): $(O)/tests/unit/%: $(O)/tests/unit/%.o $(O)/tests/unit/render/sample_profile.o \
		 $(O)/tests/heap/sample_heap.o $(O)/tests/io/sample_io.o $(O)/libperfbeads.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -lcmocka -o $@
