/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Opens what targets have mapped without ever waiting for long: a file may lie on a network or in a file
 * system of some user's making, whose server has gone.
 */
#ifndef PB_CORE_OPENFILE_H
#define PB_CORE_OPENFILE_H

#include <stdint.h>
#include <sys/stat.h>

#include "user/core/own.h"
#include "user/core/profile.h"

struct pb_file_sight;
struct pb_opener;

/* What became of it. */
struct pb_opened {
	int fd; /* -1: not opened */
	struct stat st;
	uint8_t build_id
		[PB_BUILD_ID_MAX]; /* the sight's; else the kernel's of the mapping, if it tells */
	uint32_t build_id_len;
};

/* Starts its process. Return: 0; -ENOMEM. */
int pb_opener_new(struct pb_opener **out);
/* Does not wait for what is still being opened. */
void pb_opener_free(struct pb_opener *o);
PB_DEFINE_FREE(pb_opener, pb_opener_free);

/**
 * pb_opener_open() - open the file behind a mapping for reading, if it is a regular one.
 * @out: always set; the caller closes its descriptor
 *
 * By /proc/PID/map_files, else by its path; see pb_files_see(). Within a second it is open and its first byte
 * has been read, or it is given up, which is logged once a device: no file of that one is opened until it
 * has answered.
 */
void pb_opener_open(struct pb_opener *o, const struct pb_file_sight *s, struct pb_opened *out);

/* fstat() that asks no server: what is known of the file here. Only st_dev, st_ino, st_mode, st_uid, st_size
 * and st_mtim are set. Return: 0; -1 with errno. */
int pb_stat_known(int fd, struct stat *st);

#endif
