/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/sha256.h"

#include <stdint.h>
#include <stdio.h>

#include <sha2.h>

void pb_sha256_hex(char out[PB_SHA256_HEX], const void *data, size_t size)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	SHA2_CTX context;

	SHA256Init(&context);
	SHA256Update(&context, data, size);
	SHA256Final(digest, &context);
	for (int i = 0; i < SHA256_DIGEST_LENGTH; i++)
		snprintf(out + (size_t)2 * (size_t)i, 3, "%02x", digest[i]);
}
