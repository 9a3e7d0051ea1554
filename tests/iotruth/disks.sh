# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Disks of our own, which nobody else reads or writes, and the truth about what is done to them. For tests of
# tests/e2e, which have $T and skip_test; at the end of the test, however it ends, all of them are gone.

IOTRUTH=$O/tests/iotruth/iotruth
DISK=''
MOUNTS=()
LOOPS=()
ZRAMS=()

drop_disks()
{
	local i id

	for ((i = ${#MOUNTS[@]} - 1; i >= 0; i--)); do
		umount "${MOUNTS[i]}" 2>/dev/null || umount -l "${MOUNTS[i]}" 2>/dev/null
	done
	for i in "${LOOPS[@]}"; do
		losetup -d "$i" 2>/dev/null
	done
	for i in "${ZRAMS[@]}"; do
		id=${i#/dev/zram}
		# It may be open a moment longer, by whoever looks at new disks.
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			echo 1 2>/dev/null >"/sys/block/zram$id/reset"
			echo "$id" 2>/dev/null >/sys/class/zram-control/hot_remove && break
			sleep 0.2
		done
	done
}

# new_loop [MB]: sets LOOP, its device over a file of the scratch directory. Each of these sets DISK, its name.
new_loop()
{
	local file

	[ "$(id -u)" = 0 ] && [ -e /dev/loop-control ] || skip_test "no loop devices here"
	trap drop_disks EXIT
	file=$(mktemp "$T/disk.XXXXXX")
	# Written: blocks that never were do not reach the disk below.
	head -c $((${1:-32} << 20)) /dev/zero | tr '\0' 'd' >"$file"
	LOOP=$(losetup -f --show "$file" 2>/dev/null) && [ -b "$LOOP" ] || skip_test "no loop device can be made here"
	LOOPS+=("$LOOP")
	DISK=$(basename "$LOOP")
}

# new_zram [MB]: sets ZRAM. Its driver takes bios as they are: there are no requests.
new_zram()
{
	local id

	id=$(cat /sys/class/zram-control/hot_add 2>/dev/null) || skip_test "no zram in this kernel"
	trap drop_disks EXIT
	ZRAM=/dev/zram$id
	ZRAMS+=("$ZRAM")
	DISK=zram$id
	echo $((${1:-32} << 20)) >"/sys/block/zram$id/disksize" || skip_test "zram takes no size here"
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ -b "$ZRAM" ] && break
		sleep 0.1
	done
	dd if=/dev/urandom "of=$ZRAM" bs=1M oflag=direct status=none 2>/dev/null
	[ -b "$ZRAM" ] || skip_test "no node $ZRAM"
}

# new_ext4 DIR [MB]: a file system of its own on a loop device, mounted there. Sets LOOP.
new_ext4()
{
	new_loop "${2:-64}"
	mke2fs -q -F -t ext4 -E lazy_itable_init=0,lazy_journal_init=0 "$LOOP" 2>/dev/null || skip_test "no mke2fs"
	mkdir -p "$1"
	mount_at "$LOOP" "$1"
}

# mount_at WHAT DIR [OPTION...]
mount_at()
{
	mount "${@:3}" "$1" "$2" || skip_test "cannot mount $1 here"
	MOUNTS+=("$2")
}

# The disk below the scratch directory, if it is one: sets DISK.
root_disk()
{
	local dev

	dev=$(stat -c '%Hd:%Ld' "$T")
	DISK=$(basename "$(readlink -f "/sys/dev/block/$dev" 2>/dev/null)")
	[ -n "$DISK" ] && [ -e "/sys/block/$DISK/stat" ] || skip_test "$T is on no disk of its own, but on $dev"
}

# start_truth DISK: every I/O from now on, into $T/truth.
start_truth()
{
	rm -f "$T/.truth"
	mkfifo "$T/.truth"
	"$IOTRUTH" -d "$1" -o "$T/truth" >"$T/.truth" 2>"$T/truth.err" &
	TRUTH=$!
	exec 7<"$T/.truth"
	read -r -t 20 _ <&7 || die "iotruth did not start: $(cat "$T/truth.err")"
}

# What it says about itself is then in $T/truth.said; HIDDEN is how many I/Os completed without a hook being called.
stop_truth()
{
	local rc

	kill -INT "$TRUTH"
	wait "$TRUTH"
	rc=$?
	cat <&7 >"$T/truth.said"
	exec 7<&-
	# shellcheck disable=SC2034 # Tests use it.
	HIDDEN=$(sed -n 's/.* hidden \([0-9]*\) .*/\1/p' "$T/truth.said")
	[ $rc = 0 ] || die "iotruth lost something: $(cat "$T/truth.said" "$T/truth.err")"
}
