/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Lines on stdout for people: as wide as the terminal, and as long as they are where it is none, for grep. */
#ifndef PB_BEAD_LINES_H
#define PB_BEAD_LINES_H

/* Print @text in words from @column on, where the line stands already, later lines indented to @indent; ends the line. */
void pb_lines_wrap(const char *text, int column, int indent);

/* Columns that a line may have; INT_MAX where stdout is no terminal. */
int pb_lines_width(void);

#endif
