/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Disks and their partitions by number and by name, as /sys/block has them. */
#ifndef PB_IO_DISKS_H
#define PB_IO_DISKS_H

#include <stdbool.h>
#include <stdint.h>

struct pb_io_disk {
	uint32_t dev;  /* the kernel's dev_t */
	uint32_t disk; /* of the whole disk; the same as dev if it is one */
	char *name;    /* "vda1", "cciss/c0d0": safe to show */
};

/* Begins zeroed. */
struct pb_io_disks {
	struct pb_io_disk *rows;
	uint32_t n, room;
};

void pb_io_disks_drop(struct pb_io_disks *disks);

/* Read @root/sys/block again. What is gone keeps the name that it had; a number in new hands has the new one.
 * Return: 0, also where there is no such folder; -ENOMEM. */
int pb_io_disks_read(struct pb_io_disks *disks, const char *root);

/* NULL if there is none. */
const struct pb_io_disk *pb_io_disks_by_number(const struct pb_io_disks *disks, uint32_t dev);
const struct pb_io_disk *pb_io_disks_by_name(const struct pb_io_disks *disks, const char *name);

#endif
