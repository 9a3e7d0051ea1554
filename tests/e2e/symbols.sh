#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Inlined frames, lines, demangled names, and where debug information may lie: tests/workload/inlined.cc
# by several compilers and in several states of undress.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

SOURCE=tests/workload/inlined.cc

_line_of()
{
	grep -n "/\* $1 \*/" "$SOURCE" | cut -d: -f1
}

# _profile PROGRAM ARGS...: a second of it.
_profile()
{
	workload_at "$1" 20
	shift
	tool -p "$W" -F 999 -d 1 -q "$@" -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
}

ONCE='engine::Mixer<unsigned long>::once_\[i\]'
TWICE='engine::Mixer<unsigned long>::twice_\[i\]'

# Whatever is known: the frames from main on, two thirds and one third.
_expect_inlined()
{
	local loop="$TWICE;$ONCE\$"

	expect_at_least "$(samples "$T/r.folded" .)" 100 "samples"
	expect_share "$T/r.folded" ";main;engine::first;$loop" . 66 12
	expect_share "$T/r.folded" ";main;engine::second;$loop" . 33 12
}

# The names alone, as a symbol table gives them.
_expect_named()
{
	expect_at_least "$(samples "$T/r.folded" .)" 100 "samples"
	expect_share "$T/r.folded" ';main;engine::first$' . 66 12
	expect_share "$T/r.folded" ';main;engine::second$' . 33 12
}

_expect_lines()
{
	expect_json "[.hotspots[] | select(.function | endswith(\"::once\"))
		| .file | endswith(\"$SOURCE\")] == [true]"
}

gcc_inlines_are_frames_with_file_and_line()
{
	_profile "$WL/inlined-gcc"
	_expect_inlined
	_expect_lines
}

clang_inlines_are_frames_with_file_and_line()
{
	_profile "$WL/inlined-clang"
	_expect_inlined
	_expect_lines
}

link_time_optimisation_changes_no_name()
{
	_profile "$WL/inlined-lto"
	_expect_inlined
	_expect_lines
}

dwarf_4_says_the_same()
{
	_profile "$WL/inlined-dwarf4"
	_expect_inlined
	_expect_lines
}

compressed_debug_sections_are_read()
{
	_profile "$WL/inlined-gz"
	_expect_inlined
	_expect_lines
}

a_static_program_is_named()
{
	_profile "$WL/inlined-static"
	_expect_inlined
}

a_program_at_a_fixed_address_is_named()
{
	_profile "$WL/inlined-nopie"
	_expect_inlined
}

lines_tell_call_sites_apart()
{
	local call lines

	call=$(_line_of 'the call')
	# Which instruction of the loop a timer hits differs from machine to machine, and from time to time.
	lines="$(_line_of 'its head')|$(_line_of 'the loop')"
	_profile "$WL/inlined-gcc" --lines
	expect_share "$T/r.folded" "twice:${call}_\[i\];.*once:($lines)_\[i\]\$" . 98 4
}

full_names_have_parameters()
{
	_profile "$WL/inlined-gcc" --demangle full
	expect_share "$T/r.folded" 'engine::first\(unsigned long, unsigned long\)' . 66 12
}

rust_names_are_read_in_both_manglings()
{
	local how apply='app::inner::apply::<app::main::\{closure#0\}>' f32='<app::P<f32> as app::Area>::area'

	# There are no parameters in what Rust mangles: both forms are the same.
	for how in short full; do
		_profile "$WL/rust" --demangle $how
		expect_share "$T/r.folded" ";main;app::main;$apply;app::work_\[i\];$f32(;|\$)" . 66 12
		expect_share "$T/r.folded" ';main;app::main;<app::P<T> as app::Area>::area(;|$)' . 33 12
		[ "$(samples "$T/r.folded" 'llvm|17h|_R|_Z')" = 0 ] || die "not demangled: $(cat "$T/r.folded")"
	done
}

pprof_has_several_lines_of_one_location()
{
	_profile "$WL/inlined-gcc" -o "$T/r.pb.gz"
	(cd "$T" && go tool pprof -symbolize=none -raw r.pb.gz) >"$T/raw" 2>/dev/null || skip_test "no go"
	# A location's first line carries its address, the next ones hold only the function.
	grep -A1 -E 'M=[0-9]+ .*Mixer<unsigned long>::once .*inlined\.cc:[0-9]+' "$T/raw" |
		grep -qE '^ +engine::Mixer<unsigned long>::twice .*inlined\.cc:[0-9]+' ||
		die "no location with two lines: $(grep -A3 Mixer "$T/raw" | head -20)"
}

a_saved_profile_has_its_inlines_again()
{
	_profile "$WL/inlined-gcc" -o "$T/r.pb.gz"
	tool --from "$T/r.pb.gz" -q -o "$T/again.folded"
	expect_status 0
	cmp "$T/r.folded" "$T/again.folded" || die "not the same"
}

dwz_moves_nothing_out_of_sight()
{
	cp "$WL/inlined-dwarf4" "$T/prog"
	cp "$WL/inlined-dwarf4" "$T/other"
	dwz -m "$T/common.dwz" -M "$T/common.dwz" "$T/prog" "$T/other" 2>"$T/dwz.err" ||
		die "dwz: $(cat "$T/dwz.err")"
	readelf -S "$T/prog" | grep -q gnu_debugaltlink || skip_test "dwz shared nothing"
	_profile "$T/prog"
	_expect_inlined
	_expect_lines
}

# _strip_to DEBUG PROGRAM: what a distribution does.
_strip_to()
{
	cp "$WL/inlined-gcc" "$2"
	objcopy --only-keep-debug "$2" "$1"
	strip "$2"
}

a_debug_link_is_followed()
{
	mkdir "$T/.debug"
	_strip_to "$T/.debug/prog.debug" "$T/prog"
	(cd "$T/.debug" && objcopy --add-gnu-debuglink=prog.debug ../prog)
	_profile "$T/prog"
	_expect_inlined
	_expect_lines
}

a_debug_link_to_another_program_is_not_believed()
{
	mkdir "$T/.debug"
	_strip_to "$T/.debug/prog.debug" "$T/prog"
	(cd "$T/.debug" && objcopy --add-gnu-debuglink=prog.debug ../prog)
	objcopy --only-keep-debug "$WL/inlined-clang" "$T/.debug/prog.debug"
	_profile "$T/prog"
	_expect_only_bounds
}

a_debug_link_that_leads_away_is_not_followed()
{
	_strip_to "$T/prog.debug" "$T/prog"
	mkdir "$T/dir"
	mv "$T/prog" "$T/dir/prog"
	# "../prog.debug", padded, and a CRC that is right.
	python3 - "$T/prog.debug" "$T/link" <<-'END'
		import struct, sys, zlib
		name = b"../prog.debug\0"
		name += b"\0" * (-len(name) % 4)
		crc = zlib.crc32(open(sys.argv[1], "rb").read())
		open(sys.argv[2], "wb").write(name + struct.pack("<I", crc))
	END
	objcopy --add-section .gnu_debuglink="$T/link" "$T/dir/prog"
	_profile "$T/dir/prog"
	_expect_only_bounds
}

# In a mount namespace whose /usr/lib/debug is its own.
_debug_dir_of()
{
	local id

	id=$(readelf -n "$T/prog" | awk '/Build ID/ { print $3 }')
	printf '%s' "mount -t tmpfs none /usr/lib/debug && mkdir -p /usr/lib/debug/.build-id/${id:0:2} &&
		cp '$T/prog.debug' '/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug' && "
}

a_build_id_directory_is_searched()
{
	local debug_dir

	mkdir -p /usr/lib/debug
	_strip_to "$T/prog.debug" "$T/prog"
	debug_dir=$(_debug_dir_of)
	workload_at "$T/prog" 20
	unshare -m sh -c "$debug_dir exec '$CPUFLAME' -p $W -F 999 -d 2 -q -o '$T/r.json' -o '$T/r.folded'" \
		2>"$T/err" || die "$(cat "$T/err")"
	_expect_inlined
}

a_container_with_debug_files_of_its_own_is_named_by_them()
{
	local debug_dir

	mkdir -p /usr/lib/debug
	_strip_to "$T/prog.debug" "$T/prog"
	debug_dir=$(_debug_dir_of)
	workload_at unshare -m sh -c "$debug_dir exec '$T/prog' 20"
	tool -p "$W" -F 999 -d 2 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	_expect_inlined
}

# A folder like /usr/lib/debug of nobody's, where the build id is right, but not the names. Sets AS_NOBODY.
_lies_of_nobody()
{
	local id

	AS_NOBODY="setpriv --reuid 65534 --regid 65534 --clear-groups --"
	[ -d /usr/lib/debug ] || skip_test "no /usr/lib/debug to be mounted over"
	$AS_NOBODY unshare -Urm true 2>/dev/null || skip_test "users may make no user namespace"
	_strip_to "$T/prog.debug" "$T/prog"
	chmod 755 "$T" "$T/prog"
	id=$(readelf -n "$T/prog" | awk '/Build ID/ { print $3 }')
	mkdir -p "$T/lies/.build-id/${id:0:2}"
	objcopy -g --redefine-sym _ZN6engineL5firstEmm=lie --redefine-sym _ZN6engineL6secondEmm=lies \
		"$WL/inlined-gcc" "$T/lies/.build-id/${id:0:2}/${id:2}.debug" || die "objcopy"
	chown -R 65534 "$T/lies"
}

# An ordinary user's mount namespace is a root folder of its own making.
a_users_own_debug_folder_does_not_name_roots_programs()
{
	_lies_of_nobody
	# The one that maps a file last is the one whose root is looked into.
	workload_at "$T/prog" 20
	# shellcheck disable=SC2086 # words
	workload_at $AS_NOBODY unshare -Urm sh -c "mount --bind '$T/lies' /usr/lib/debug && exec '$T/prog' 20"
	tool -a -F 999 -d 2 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_at_least "$(samples "$T/r.folded" '^prog;')" 100 "samples"
	[ "$(samples "$T/r.folded" '(^|;)lies?(;|$)')" = 0 ] ||
		die "named by a user's file: $(grep lie "$T/r.folded")"
}

a_users_own_program_is_that_users_to_name()
{
	_lies_of_nobody
	chown 65534 "$T/prog"
	# shellcheck disable=SC2086 # words
	workload_at $AS_NOBODY unshare -Urm sh -c "mount --bind '$T/lies' /usr/lib/debug && exec '$T/prog' 20"
	tool -p "$W" -F 999 -d 2 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_at_least "$(samples "$T/r.folded" '(^|;)lies?(;|$)')" 100 "named samples"
}

mini_debug_information_names_functions()
{
	_strip_to "$T/prog.debug" "$T/prog"
	objcopy -S --remove-section .comment --keep-symbols=<(nm "$T/prog.debug" --format=posix |
		awk '$2 ~ /^[tT]$/ { print $1 }') "$T/prog.debug" "$T/mini" 2>/dev/null
	strip --strip-debug "$T/prog.debug" -o "$T/mini"
	xz -c "$T/mini" >"$T/mini.xz"
	objcopy --add-section .gnu_debugdata="$T/mini.xz" "$T/prog"
	_profile "$T/prog"
	_expect_named
}

# Two functions are two boxes, and no exported neighbour gives its name.
_expect_only_bounds()
{
	local first second

	expect_at_least "$(samples "$T/r.folded" .)" 100 "samples"
	[ "$(samples "$T/r.folded" 'trap_|engine')" = 0 ] || die "named: $(cat "$T/r.folded")"
	first=$(_start_of engine.*first)
	second=$(_start_of engine.*second)
	expect_share "$T/r.folded" "\\+0x$first\$" . 66 12
	expect_share "$T/r.folded" "\\+0x$second\$" . 33 12
}

_start_of()
{
	nm "$WL/inlined-gcc" | awk -v re="$1" '$3 ~ re && $2 ~ /[tT]/ { sub(/^0+/, "", $1); print $1; exit }'
}

stripped_functions_are_told_apart_by_their_start()
{
	cp "$WL/inlined-gcc" "$T/naked"
	strip "$T/naked"
	_profile "$T/naked"
	_expect_only_bounds
}

a_program_deleted_while_running_keeps_its_inlines()
{
	cp "$WL/inlined-gcc" "$T/prog"
	workload_at "$T/prog" 20
	rm "$T/prog"
	tool -p "$W" -F 999 -d 2 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	_expect_inlined
}

a_program_in_another_mount_namespace_has_its_inlines()
{
	mkdir "$T/m"
	workload_at unshare -m sh -c "mount -t tmpfs none '$T/m' && cp '$WL/inlined-gcc' '$T/m/prog' &&
		exec '$T/m/prog' 20" || skip_test "no mount namespace"
	tool -p "$W" -F 999 -d 2 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	_expect_inlined
}

run_tests "$@"
