/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * SHA-256 (FIPS 180-4), by libmd: dpkg needs that library, so it is there on every Debian 12, and it is small. The
 * kernel's AF_ALG is no way: many kernels are built without CONFIG_CRYPTO_USER_API_HASH.
 */
#ifndef PB_BEAD_SHA256_H
#define PB_BEAD_SHA256_H

#include <stddef.h>

#define PB_SHA256_HEX 65 /* hexadecimal and a NUL */

void pb_sha256_hex(char out[PB_SHA256_HEX], const void *data, size_t size);
/* Of what is read from a descriptor to its end. Return: 0; -errno, not logged. */
int pb_sha256_fd(char out[PB_SHA256_HEX], int fd);

#endif
