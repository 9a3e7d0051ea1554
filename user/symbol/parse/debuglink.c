/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/parse/debuglink.h"

#include <errno.h>
#include <string.h>

#include "user/core/elf.h"
#include "user/core/own.h"

/* A build id may be longer than the kernel's, by ld --build-id=0x... */
#define BUILD_ID_SIZE  64
/* A name, its NUL, padding to 4 bytes, a CRC. */
#define DEBUGLINK_SIZE (PB_WIRE_NAME_MAX + 3 + sizeof(uint32_t))

int pb_debuglink_read(const struct pb_elf *e, struct pb_wanted *wanted)
{
	struct pb_elf_section section;
	pb_autofree uint8_t *bytes = NULL;
	uint8_t id[BUILD_ID_SIZE];
	const uint8_t *nul;
	size_t len, crc;
	int err;

	err = pb_elf_section(e, ".gnu_debuglink", DEBUGLINK_SIZE, &section);
	if (err)
		return err == -EFBIG || err == -ENOTSUP ? -EPROTO : err;
	bytes = section.bytes;
	nul = memchr(bytes, '\0', section.size);
	if (!nul || nul == bytes)
		return -EPROTO;
	len = (size_t)(nul - bytes);
	crc = (len + 1 + 3) & ~(size_t)3;
	if (len >= sizeof(wanted->name) || crc > section.size ||
	    section.size - crc < sizeof(wanted->crc))
		return -EPROTO;
	memset(wanted, 0, sizeof(*wanted));
	wanted->kind = PB_WANTED_LINK;
	memcpy(wanted->name, bytes, len);
	memcpy(&wanted->crc, bytes + crc, sizeof(wanted->crc));
	/* One that is longer than what can be asked for does not count: there is the CRC. */
	len = pb_elf_build_id(e, id, sizeof(id));
	if (len <= sizeof(wanted->build_id)) {
		wanted->build_id_len = (uint32_t)len;
		memcpy(wanted->build_id, id, len);
	}
	return 0;
}
