# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Programs with a known answer: $(O)/tests/workload/NAME. Built with flags of their own, since their
# frames and symbols are the answer; SAN and CFLAGS do not reach them.
WL       := $(O)/tests/workload
WL_FLAGS := -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-omit-frame-pointer \
	    -fno-optimize-sibling-calls -fno-shrink-wrap -fno-ipa-icf -I. $(WARN)
WL_PLAIN := shape threads forks execs deep stacks kernelhog dlopener exits jit mainexit idle slots
WORKLOADS := $(WL_PLAIN:%=$(WL)/%) $(WL)/shape-nofp $(WL)/hostile $(WL)/libplugin_a.so $(WL)/libplugin_b.so

.PHONY: workloads
workloads: $(WORKLOADS)

$(WORKLOADS): tests/workload/workload.h tests/workload/sink.c tests/workload/rules.mk | $(WL)/.dir
$(WL)/.dir:
	@mkdir -p $(@D) && touch $@

$(WL_PLAIN:%=$(WL)/%): $(WL)/%: tests/workload/%.c
	$(call say,CC,$@)
	$(Q)$(CC) $(WL_FLAGS) $< tests/workload/sink.c -pthread -ldl -o $@

$(WL)/shape-nofp: tests/workload/shape.c
	$(call say,CC,$@)
	$(Q)$(CC) $(WL_FLAGS) -O2 -fomit-frame-pointer -DPB_NO_FRAMES $< tests/workload/sink.c -o $@

$(WL)/libplugin_%.so: tests/workload/plugin.c
	$(call say,CC,$@)
	$(Q)$(CC) $(WL_FLAGS) -DHOT=plugin_$*_hot -fPIC -shared $< -o $@

# Symbol names that no compiler would write: ESC and bell, markup, a folded line's separators.
$(WL)/hostile: tests/workload/hostile.c
	$(call say,CC,$@)
	$(Q)$(CC) $(WL_FLAGS) -c $< -o $@.o
	$(Q)objcopy --redefine-sym evil_escape="$$(printf 'evil\033[31m\033]0;x\007_escape')" \
		--redefine-sym evil_markup="evil</script><script>alert('x')</script>\"_markup" \
		--redefine-sym evil_folded="$$(printf 'evil;a b 7\n8;_folded')" $@.o
	$(Q)$(CC) $(WL_FLAGS) $@.o tests/workload/sink.c -o $@
