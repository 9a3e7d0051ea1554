/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/calls.h"

#include <stddef.h>
#include <sys/syscall.h>

#include "user/core/own.h"

void pb_io_fill_calls(__u8 call[PB_IO_SYSCALLS])
{
	static const struct {
		int number;
		enum pb_io_op op;
	} calls[] = {
		{SYS_read, PB_IO_CALL_READ},
		{SYS_pread64, PB_IO_CALL_PREAD},
		{SYS_readv, PB_IO_CALL_READV},
		{SYS_preadv, PB_IO_CALL_PREADV},
		{SYS_preadv2, PB_IO_CALL_PREADV},
		{SYS_write, PB_IO_CALL_WRITE},
		{SYS_pwrite64, PB_IO_CALL_PWRITE},
		{SYS_writev, PB_IO_CALL_WRITEV},
		{SYS_pwritev, PB_IO_CALL_PWRITEV},
		{SYS_pwritev2, PB_IO_CALL_PWRITEV},
		{SYS_fsync, PB_IO_CALL_FSYNC},
		{SYS_fdatasync, PB_IO_CALL_FDATASYNC},
		{SYS_sync_file_range, PB_IO_CALL_SYNC_RANGE},
		{SYS_sendfile, PB_IO_CALL_SENDFILE},
		{SYS_copy_file_range, PB_IO_CALL_COPY_RANGE},
	};
	size_t i;

	for (i = 0; i < PB_ARRAY_SIZE(calls); i++)
		call[calls[i].number] = (__u8)calls[i].op;
}
