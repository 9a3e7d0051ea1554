# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# perfbeads: eBPF profilers and the runner that schedules them.
#
#   make                  build/cpuflame and the rest
#   make check            every test; those that need root or a kernel feature say why they skip
#   make install          into $(DESTDIR)$(PREFIX), /usr/local by default
#   make bench            figures beside other profilers, printed; installs them, takes half an hour
#   make format lint      clang-format in place; static analysis
#   V=1 shows commands, SAN=1 builds with ASan and UBSan, O=DIR puts outputs elsewhere.
#
# A new profiler NAME is bpf/NAME.bpf.c, bpf/abi/NAME.h, user/NAME.c and its name in PROFILERS.
PROFILERS := cpuflame allocsites iolatency
# Programs without a BPF object, and with several schemas: user/NAME.c.
RUNNERS   := bead

VERSION := 0.1.0
PREFIX  ?= /usr/local
bindir  ?= $(PREFIX)/bin
mandir  ?= $(PREFIX)/share/man
datadir ?= $(PREFIX)/share

O       ?= build
ifeq ($(origin CC),default)
CC      := gcc
endif
CLANG   ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool /usr/bin/bpftool) bpftool)
ARCH    := $(subst x86_64,x86,$(subst aarch64,arm64,$(shell uname -m)))

# What compilers note of an object's headers, by the name "$(O)": the directory may be O=build now and O=/full/build
# the next time.
NOTES = -MP -MT '$$(O)$(@:$(O)%=%)'

Q   := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

WARN    := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings
CFLAGS  ?= -O2 -g
HARDEN  := -fstack-protector-strong -fPIE -D_FORTIFY_SOURCE=2
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
ALL_CFLAGS  = -std=gnu11 -D_GNU_SOURCE -DPB_VERSION='"$(VERSION)"' -I. -I$(O) $(WARN) $(HARDEN) \
	      $(CFLAGS) $(if $(SAN),$(SANFLAGS) -U_FORTIFY_SOURCE)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,--as-needed $(LDFLAGS) $(if $(SAN),$(SANFLAGS))
BPF_CFLAGS := -std=gnu11 -g -O2 -mcpu=v3 -target bpf -D__TARGET_ARCH_$(ARCH) -I. -isystem vmlinux/$(ARCH) \
	      -Wall -Wextra -Wno-unused-parameter -Wno-missing-declarations
LIBS       := -lbpf -ldw -lelf -llzma -lz -ljansson -lsqlite3 -lyaml -lmd -lcapstone -liberty -lm

LIB_SRC  := $(sort $(wildcard user/*/*.c user/symbol/*/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(O)/%.o) $(O)/user/render/page.o $(O)/user/bead/schema_texts.o
PROGRAMS := $(PROFILERS:%=$(O)/%) $(RUNNERS:%=$(O)/%)
TEST_SRC := $(sort $(wildcard tests/unit/*/test_*.c tests/unit/symbol/*/test_*.c))
TESTS    := $(TEST_SRC:%.c=$(O)/%)

all: $(PROGRAMS) docs
.PHONY: all check bench install format format-check lint clean docs

$(O)/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD $(NOTES) -c $< -o $@

# A program needs its skeleton before its first compile; later the .d files know.
$(PROFILERS:%=$(O)/user/%.o): $(O)/user/%.o: $(O)/bpf/%.skel.h

$(PROFILERS:%=$(O)/bpf/%.bpf.raw.o): $(O)/%.bpf.raw.o: %.bpf.c
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MD $(NOTES) -MF $(@:.raw.o=.d) -c $< -o $@

$(PROFILERS:%=$(O)/bpf/%.bpf.o): $(O)/%.bpf.o: $(O)/%.bpf.raw.o
	$(Q)$(BPFTOOL) gen object $@ $<

$(O)/%.skel.h: $(O)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(notdir $*)_bpf > $@

# Files that are linked into the programs as bytes, by .incbin; see each .S.
$(O)/%.o: %.S
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -I. -I$(O) -MMD $(NOTES) -c $< -o $@

# .incbin is not seen by -MMD.
$(O)/user/render/page.o: $(wildcard user/render/page/*)

$(O)/libperfbeads.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

# The report's JSON Schema, printed by --json-schema.
$(O)/schema/%.o: docs/schema/%.schema.json user/tool/schema.S
	@mkdir -p $(@D)
	$(Q)$(CC) -DPB_SCHEMA_FILE='"$<"' -c user/tool/schema.S -o $@

$(PROFILERS:%=$(O)/%): $(O)/%: $(O)/schema/%.o

# Those of all that bead prints, for user/bead/schema_texts.S. A file that is gone changes only its directory.
BEAD_SCHEMAS := $(sort $(wildcard docs/schema/bead-*.schema.json))
$(O)/schema/bead.inc: docs/schema $(BEAD_SCHEMAS)
	@mkdir -p $(@D)
	$(Q)for f in $(BEAD_SCHEMAS:docs/schema/%.schema.json=%); do printf \
		'\t.asciz "%s"\n\t.incbin "docs/schema/%s.schema.json"\n\t.byte 0\n' $$f $$f; done > $@

$(O)/user/bead/schema_texts.o: $(O)/schema/bead.inc

$(PROGRAMS): $(O)/%: $(O)/user/%.o $(O)/libperfbeads.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $(filter %.o,$^) $(filter %.a,$^) $(LIBS) -o $@

$(O)/tests/unit/%: $(O)/tests/unit/%.o $(O)/libperfbeads.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -lcmocka -o $@

-include $(shell find $(O) -name '*.d' 2>/dev/null)
include $(wildcard tests/*/rules.mk)
.DELETE_ON_ERROR:
.SECONDARY:

unit-tests: $(TESTS)

check:
	./tools/check --no-deps
bench: all
	./tools/bench
	./tools/bench-unwind
	./tools/bench-names
	./tools/bench-alloc
	./tools/bench-io
	./tools/bench-bead
lint:
	./tools/check --no-deps lint rules shell
format-check:
	./tools/check --no-deps format
format:
	clang-format -i $$(git ls-files '*.c' '*.h')

# Documents made from the programs' own option tables.
docs: $(PROFILERS:%=$(O)/docs/%.8) $(RUNNERS:%=$(O)/docs/%.8)

$(O)/docs/%.8: docs/man/%.8.in $(O)/%
	@mkdir -p $(@D)
	$(Q)$(O)/$* --man > $@.options
	$(Q)sed -e '/^@OPTIONS@$$/{r $@.options' -e 'd}' -e 's/@VERSION@/$(VERSION)/' $< > $@

install: all
	@for p in $(PROFILERS) $(RUNNERS); do \
		install -D -m 755 $(O)/$$p $(DESTDIR)$(bindir)/$$p && \
		install -D -m 644 $(O)/docs/$$p.8 $(DESTDIR)$(mandir)/man8/$$p.8 && \
		install -d $(DESTDIR)$(datadir)/bash-completion/completions \
			$(DESTDIR)$(datadir)/zsh/vendor-completions \
			$(DESTDIR)$(datadir)/fish/vendor_completions.d && \
		$(O)/$$p --completion bash > $(DESTDIR)$(datadir)/bash-completion/completions/$$p && \
		$(O)/$$p --completion zsh > $(DESTDIR)$(datadir)/zsh/vendor-completions/_$$p && \
		$(O)/$$p --completion fish > $(DESTDIR)$(datadir)/fish/vendor_completions.d/$$p.fish \
		|| exit 1; done

clean:
	rm -rf $(O)
