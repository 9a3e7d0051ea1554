/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Names of what the kernel half knows by number: disks, files, cgroups. All texts are safe to show. */
#ifndef PB_IO_NAMES_H
#define PB_IO_NAMES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bpf/abi/iolatency.h"
#include "user/core/own.h"

struct pb_io_names;

/* Reads disks (/sys/block) and mounts (/proc/self/mountinfo) of now. @root: "" but for tests, which put a tree of
 * their own in front of /sys and /proc. Return: 0; -ENOMEM. */
int pb_io_names_new(struct pb_io_names **out, const char *root);
void pb_io_names_free(struct pb_io_names *n);
PB_DEFINE_FREE(pb_io_names, pb_io_names_free);

/* The numbers of a disk or a partition by name ("vda", "/dev/vda1", "nvme0n1p2"): the kernel's dev_t, major << 20
 * | minor. @part: 0 for a whole disk. Return: 0; -ENODEV. Not logged. */
int pb_io_names_disk_of(const struct pb_io_names *n, const char *name, uint32_t *disk,
			uint32_t *part);
/* The names of all disks, one line: "loop0 vda zram0". To be freed; NULL without memory. */
char *pb_io_names_disks(const struct pb_io_names *n);

/* A record of the paths ring. @size: bytes that are there. Looks mounts up again where its file system is not
 * known, at most once a second. The first record of a file counts. Return: 0; -EPROTO if it does not add up;
 * -ENOMEM. */
int pb_io_names_path(struct pb_io_names *n, const struct pb_io_path *path, size_t size);

/* What a disk is called; "8:0" where it is not known. Looks disks up again for that, at most once a second. Valid
 * until the next call with @n. */
const char *pb_io_names_disk(struct pb_io_names *n, uint32_t disk);
/**
 * pb_io_names_file() - what a leaf's file is called.
 *
 * The path where it is mounted in the tool's mount namespace: of several mounts the one with the shortest path that
 * shows it. A file system that shows it nowhere there: "vda1:/its/path". Where no path is known: "inode 123 on
 * vda1". A block device itself: "/dev/vda1"; no file: "". One that the kernel half cut begins with ".../".
 * Valid until the next call with @n.
 */
const char *pb_io_names_file(struct pb_io_names *n, const struct pb_io_leaf *leaf);
/* The path of a cgroup below the unified hierarchy: "/system.slice/redis.service"; "cgroup 123" if unknown. Walks
 * the hierarchy for one that is not known, at most once a second. Valid until the next call with @n. */
const char *pb_io_names_cgroup(struct pb_io_names *n, uint64_t id);

/* "read", "fsync", of enum pb_io_op; "other" for others. Never changes. */
const char *pb_io_op_name(uint32_t op);
/* " sync meta" and so on, of PB_IO_SYNC...; "" for none. @buf: 48 bytes or more. */
const char *pb_io_flag_names(char *buf, size_t size, uint8_t flags);

#endif
