/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The JSON Schema of one tool's report, PB_SCHEMA_FILE, as bytes for --json-schema. */
	.section .rodata
	.global pb_schema, pb_schema_end
pb_schema:
	.incbin PB_SCHEMA_FILE
pb_schema_end:
	.byte 0
	.section .note.GNU-stack,"",%progbits
