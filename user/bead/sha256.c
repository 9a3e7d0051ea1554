/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/sha256.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <sha2.h>

static void finish(char out[PB_SHA256_HEX], SHA2_CTX *context)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	SHA256Final(digest, context);
	for (int i = 0; i < SHA256_DIGEST_LENGTH; i++)
		snprintf(out + (size_t)2 * (size_t)i, 3, "%02x", digest[i]);
}

void pb_sha256_hex(char out[PB_SHA256_HEX], const void *data, size_t size)
{
	SHA2_CTX context;

	SHA256Init(&context);
	SHA256Update(&context, data, size);
	finish(out, &context);
}

int pb_sha256_fd(char out[PB_SHA256_HEX], int fd)
{
	SHA2_CTX context;
	char buf[32768];
	ssize_t n;

	SHA256Init(&context);
	for (;;) {
		n = read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		SHA256Update(&context, (const uint8_t *)buf, (size_t)n);
	}
	if (n < 0)
		return -errno;
	finish(out, &context);
	return 0;
}
