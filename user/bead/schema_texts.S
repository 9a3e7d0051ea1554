/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The JSON Schemas of what bead prints, by a list that make writes: a name, its text, a name, its text, an empty name. */
	.section .rodata
	.global pb_schemas_begin
pb_schemas_begin:
#include "schema/bead.inc"
	.byte 0
	.section .note.GNU-stack,"",%progbits
