# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Programs with a known answer: $(O)/tests/workload/NAME. Built with flags of their own, since their
# frames and symbols are the answer; SAN and CFLAGS do not reach them. Without debug information, so that
# what was inlined is no frame.
WL       := $(O)/tests/workload
WL_FLAGS := -std=gnu11 -D_GNU_SOURCE -O1 -fno-omit-frame-pointer \
	    -fno-optimize-sibling-calls -fno-shrink-wrap -fno-ipa-icf -I. $(WARN)
WL_PLAIN := shape threads forks execs deep stacks kernelhog dlopener exits jit mainexit idle slots memfd huge \
	    jitlives heapload coro pidreuse dumbfs leaves ifuncstop ioload spin
# As a distribution builds its programs: nothing keeps a frame pointer.
WL_FLAGS_NOFP := $(WL_FLAGS) -O2 -fomit-frame-pointer -fasynchronous-unwind-tables -DPB_NO_FRAMES
WL_NOFP  := shape threads forks deep exits dlopener mixed liar huge heap ioload
# One program by several hands.
WL_INLINED := gcc clang lto dwarf4 static nopie gz
WL_HEAP    := heapsites heapsites-nofp heapsites-static
WL_LOADED  := loaded-pie loaded-nopie loaded-static loaded-static-pie heapload-static newfails
WORKLOADS := $(WL_HEAP:%=$(WL)/%) $(WL_LOADED:%=$(WL)/%) $(WL_PLAIN:%=$(WL)/%) $(WL_NOFP:%=$(WL)/%-nofp) $(WL)/hostile $(WL)/calls $(WL)/throws \
	     $(WL)/chains $(WL)/rust $(WL)/hop-a $(WL)/hop-b $(WL)/libtiny.so $(WL)/libplugin_a.so $(WL)/libplugin_b.so \
	     $(WL)/libplugin_a-nofp.so $(WL)/libplugin_b-nofp.so $(WL_INLINED:%=$(WL)/inlined-%)

.PHONY: workloads
workloads: $(WORKLOADS)

$(WORKLOADS): tests/workload/workload.h tests/workload/sink.c tests/workload/rules.mk | $(WL)/.dir
$(WL)/.dir:
	@mkdir -p $(@D) && touch $@

$(WL_PLAIN:%=$(WL)/%): $(WL)/%: tests/workload/%.c
	$(call say,CC,$@)
	$(Q)$(CC) $(WL_FLAGS) $< tests/workload/sink.c -pthread -ldl -o $@

# Else the function is chosen when it is called first, long after loading.
$(WL)/ifuncstop: WL_FLAGS += -Wl,-z,now

$(WL_NOFP:%=$(WL)/%-nofp): $(WL)/%-nofp: tests/workload/%.c
	$(call say,CC,$@)
	$(Q)$(CC) $(WL_FLAGS_NOFP) $< tests/workload/sink.c -pthread -ldl -o $@

$(WL)/rust: tests/workload/rust.c
	$(call say,CC,$@)
	$(Q)$(CC) $(WL_FLAGS) -g $< tests/workload/sink.c -o $@

$(WL)/chains: tests/workload/chains.c
	$(call say,CC,$@)
	$(Q)$(CC) $(WL_FLAGS_NOFP) $< tests/workload/sink.c -pthread -o $@

$(WL)/libplugin_%.so: tests/workload/plugin.c
	$(call say,CC,$@)
	$(Q)$(CC) $(WL_FLAGS) -DHOT=plugin_$*_hot -fPIC -shared $< -o $@

# Frames of two sizes at the same addresses: the rules of one lead astray in the other.
$(WL)/libplugin_a-nofp.so: FRAME_BYTES := 16
$(WL)/libplugin_b-nofp.so: FRAME_BYTES := 120
$(WL)/libplugin_%-nofp.so: tests/workload/plugin.c
	$(call say,CC,$@)
	$(Q)$(CC) $(WL_FLAGS_NOFP) -DHOT=plugin_$*_hot -DFRAME_BYTES=$(FRAME_BYTES) -fPIC -shared $< -o $@

$(WL)/hop-a: FRAME_BYTES := 40
$(WL)/hop-b: FRAME_BYTES := 408
$(WL)/hop-%: tests/workload/hop.c
	$(call say,CC,$@)
	$(Q)$(CC) $(WL_FLAGS_NOFP) -DPROGRAM=hop_$* -DFRAME_BYTES=$(FRAME_BYTES) $< tests/workload/sink.c -o $@

$(WL)/libtiny.so: tests/workload/tiny.c
	$(call say,CC,$@)
	$(Q)$(CC) $(WL_FLAGS_NOFP) -fPIC -shared $< -o $@
# Calls through the PLT, whose stubs bind at the first call.
$(WL)/calls: tests/workload/calls.c $(WL)/libtiny.so
	$(call say,CC,$@)
	$(Q)$(CC) $(WL_FLAGS_NOFP) $< tests/workload/sink.c -L$(WL) -ltiny -Wl,-rpath,'$$ORIGIN' \
		-Wl,-z,lazy -o $@

$(WL)/sink.o: tests/workload/sink.c tests/workload/workload.h | $(WL)/.dir
	$(Q)$(CC) $(WL_FLAGS_NOFP) -c $< -o $@
$(WL)/throws: tests/workload/throws.cc $(WL)/sink.o
	$(call say,CXX,$@)
	$(Q)$(CXX) $(filter-out -std=% -Wstrict-prototypes -Wmissing-prototypes,$(WL_FLAGS_NOFP)) -std=gnu++17 \
		$< $(WL)/sink.o -o $@

WL_CXX_ONLY = $(filter-out -std=% -Wstrict-prototypes -Wmissing-prototypes,$(1)) -std=gnu++17
$(WL)/heapsites: WL_HOW = $(WL_FLAGS)
$(WL)/heapsites-nofp: WL_HOW = $(WL_FLAGS_NOFP)
$(WL)/heapsites-static: WL_HOW = $(WL_FLAGS_NOFP) -static
$(WL_HEAP:%=$(WL)/%): tests/workload/heapsites.cc
	$(call say,CXX,$@)
	$(Q)$(CXX) $(call WL_CXX_ONLY,$(WL_HOW)) $< -pthread -o $@

$(WL)/newfails: tests/workload/newfails.cc
	$(call say,CXX,$@)
	$(Q)$(CXX) $(call WL_CXX_ONLY,$(WL_FLAGS_NOFP)) $< -o $@
$(WL)/loaded-pie:        WL_MORE := -pie -fPIE
$(WL)/loaded-nopie:      WL_MORE := -no-pie -fno-PIE
$(WL)/loaded-static:     WL_MORE := -static
$(WL)/loaded-static-pie: WL_MORE := -static-pie -fPIE
$(WL)/loaded-%: tests/workload/loaded.c
	$(call say,CC,$@)
	$(Q)$(CC) $(WL_FLAGS) $(WL_MORE) $< -o $@
$(WL)/heapload-static: tests/workload/heapload.c
	$(call say,CC,$@)
	$(Q)$(CC) $(WL_FLAGS) -DPB_STATIC -static $< tests/workload/sink.c -pthread -o $@

# Symbol names that no compiler would write: ESC and bell, markup, a folded line's separators.
$(WL)/hostile: tests/workload/hostile.c
	$(call say,CC,$@)
	$(Q)$(CC) $(WL_FLAGS) -c $< -o $@.o
	$(Q)objcopy --redefine-sym evil_escape="$$(printf 'evil\033[31m\033]0;x\007_escape')" \
		--redefine-sym evil_markup="evil</script><script>alert('x')</script>\"_markup" \
		--redefine-sym evil_folded="$$(printf 'evil;a b 7\n8;_folded')" $@.o
	$(Q)$(CC) $(WL_FLAGS) $@.o tests/workload/sink.c -o $@

WL_CXXFLAGS := -std=gnu++17 -O2 -g
$(WL)/inlined-clang:  WL_CXX := clang++
$(WL)/inlined-lto:    WL_MORE := -flto
$(WL)/inlined-dwarf4: WL_MORE := -gdwarf-4
$(WL)/inlined-static: WL_MORE := -static
$(WL)/inlined-nopie:  WL_MORE := -no-pie
$(WL)/inlined-gz:     WL_MORE := -gz=zlib
$(WL_INLINED:%=$(WL)/inlined-%): WL_CXX ?= $(CXX)
$(WL_INLINED:%=$(WL)/inlined-%): tests/workload/inlined.cc
	$(call say,CXX,$@)
	$(Q)$(WL_CXX) $(WL_CXXFLAGS) $(WL_MORE) -rdynamic -Wl,--build-id $< -o $@
