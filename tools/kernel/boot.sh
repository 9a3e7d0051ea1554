# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# A kernel under qemu, in software emulation: no root, no KVM. The root is an initramfs of busybox and the programs
# to run with their libraries; a disk is there to be measured. Three serial lines come out: the console, what
# the job says, and what it leaves in /out behind a status line (see guest/init).

BOOT_MB=${BOOT_MB:-1024}
BOOT_CPUS=${BOOT_CPUS:-2}
BOOT_SECONDS=${BOOT_SECONDS:-600}

# Why kernels cannot be run here; nothing if they can.
why_no_boot()
{
	local program

	[ "$(uname -m)" = x86_64 ] || { echo "the kernels are for x86-64, and our programs are not"; return; }
	for program in qemu-system-x86_64 busybox cpio jq mke2fs; do
		command -v $program >/dev/null ||
			{ echo "no $program; tools/deps test installs what is needed"; return; }
	done
}

# root_new DIR: a root with busybox and our init.
root_new()
{
	mkdir -p "$1"/{bin,dev,proc,sys,tmp,out,etc,root,pb}
	install -m 755 "$(command -v busybox)" "$1/bin/busybox"
	root_add_libraries "$1" "$1/bin/busybox"
	ln -s busybox "$1/bin/sh"
	echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
	install -m 755 tools/kernel/guest/init "$1/init"
}

# root_add DIR PROGRAM...: into /pb, with the libraries they are linked to, where the loader looks.
root_add()
{
	local dir=$1 program

	shift
	for program; do
		install -D -m 755 "$program" "$dir/pb/$(basename "$program")"
		root_add_libraries "$dir" "$program"
	done
}

# A static program has none, and ldd says so.
root_add_libraries()
{
	local library

	for library in $(ldd "$2" 2>/dev/null | grep -oE '/[^ ]+'); do
		[ -e "$1$library" ] || install -D -m 755 "$library" "$1$library"
	done
}

# console DIR: what the kernel said, fit for a terminal.
console()
{
	LC_ALL=C tr -d '\000-\010\013-\037' <"$1/console"
}

root_pack()
{
	(cd "$1" && find . | cpio -o -H newc -R 0:0 --quiet) >"$2"
}

# make_disk FILE MB: an ext4 file system with a file "data" that fills half of it.
make_disk()
{
	local dir

	dir=$(mktemp -d) || return 1
	head -c "$(($2 << 19))" /dev/zero | tr '\0' 'd' >"$dir/data"
	rm -f "$1"
	truncate -s "$2M" "$1"
	mke2fs -q -F -t ext4 -E lazy_itable_init=0,lazy_journal_init=0 -d "$dir" "$1"
	rm -rf "$dir"
}

# boot IMAGE INITRAMFS DIR DISK: run it to its end. The disk is /dev/nvme0n1, what is written to it goes nowhere. DIR then holds console, said, out/ and qemu (its own words), and
# if it came to an end the job's status, in "status", and how often the kernel complained, in "splats".
boot()
{
	local line dir=$3

	rm -rf "$dir"
	mkdir -p "$dir/out"
	# A busy host starves its guests: that is no stall of theirs, and a real one ends at the time limit.
	timeout -k 5 "$BOOT_SECONDS" qemu-system-x86_64 -M pc -cpu max \
		-accel tcg,thread=multi,tb-size=256 -m "$BOOT_MB" -smp "$BOOT_CPUS" \
		-nodefaults -display none -vga none -no-reboot -kernel "$1" -initrd "$2" \
		-drive "file=$4,if=none,id=disk,format=raw,snapshot=on" -device nvme,drive=disk,serial=perfbeads \
		-chardev "file,id=console,path=$dir/console" -serial chardev:console \
		-chardev "file,id=said,path=$dir/said" -serial chardev:said \
		-chardev "file,id=left,path=$dir/left" -serial chardev:left \
		-append "console=ttyS0,115200 loglevel=4 panic=-1 oops=panic mitigations=off nokaslr \
			random.trust_cpu=on audit=0 no_timer_check tsc=reliable nowatchdog \
			rcupdate.rcu_cpu_stall_suppress=1" \
		</dev/null >"$dir/qemu" 2>&1 &
	# Not in the foreground, where bash would wait for its end before it looks at a signal.
	wait $!
	line=$(grep -a '^status=' "$dir/left" 2>/dev/null | tr -d '\r')
	[[ $line =~ ^status=([0-9]+)\ splats=([0-9]+)$ ]] || return 1
	echo "${BASH_REMATCH[1]}" >"$dir/status"
	echo "${BASH_REMATCH[2]}" >"$dir/splats"
	sed '/^status=/d' "$dir/left" | base64 -di 2>/dev/null | tar -xz -C "$dir/out"
}
