/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/parse/dwarf_parts.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#define PATH_LEN_MAX 4096

/* ---- paths ---- */

/* Path components behind what @out has; ".." takes one away. False: too long. */
static bool append_path(char *out, size_t *len, const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && !strncmp(path, "..", 2)) {
			while (*len && out[--*len] != '/')
				;
		} else if (n && !(n == 1 && *path == '.')) {
			if (*len + 1 + n >= PATH_LEN_MAX)
				return false;
			out[(*len)++] = '/';
			memcpy(out + *len, path, n);
			*len += n;
		}
		path += n;
		path += *path == '/';
	}
	out[*len] = '\0';
	return true;
}

/* The directory that a unit was compiled in; NULL if that is not known. Version 5 has it as the first one. */
static const char *compile_dir(const struct pb_dwarf *d, struct pb_dwarf_unit *u)
{
	const char *const *dirs;
	Dwarf_Attribute attr;
	const char *dir = "";
	size_t n;

	if (!dwarf_getsrcdirs(u->files, &dirs, &n) && n && dirs[0])
		dir = dirs[0];
	if (*dir != '/' && dwarf_attr(&u->die, DW_AT_comp_dir, &attr))
		dir = pb_dwarf_attr_string(d, &attr);
	return *dir == '/' ? dir : NULL;
}

/* libdw puts the directory in front of some relative names itself. @name: without it, or NULL if it is
 * absolute. */
static const char *without_dir(const char *name, const char *dir)
{
	size_t len = strlen(dir);

	if (*name != '/')
		return name;
	while (len && dir[len - 1] == '/')
		len--;
	return !strncmp(name, dir, len) && name[len] == '/' ? name + len + 1 : NULL;
}

static const char *make_path(struct pb_dwarf *d, struct pb_dwarf_unit *u, const char *name)
{
	const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
	const char *dir = compile_dir(d, u), *relative;
	char path[PATH_LEN_MAX], *text;
	size_t len = 0;

	/* "<built-in>", "<artificial>" */
	if (*last == '<' && last[strlen(last) - 1] == '>')
		return last;
	relative = dir ? without_dir(name, dir) : NULL;
	if (!relative || !append_path(path, &len, dir) || !append_path(path, &len, relative) ||
	    !len || !strcmp(path, name))
		return name;
	text = pb_dwarf_text_new(d, len);
	if (!text)
		return name;
	memcpy(text, path, len);
	return text;
}

const char *pb_dwarf_line_path(struct pb_dwarf *d, struct pb_dwarf_unit *u, size_t file)
{
	const char *name = u->files ? dwarf_filesrc(u->files, file, NULL, NULL) : NULL;

	if (!name || !*name)
		return "";
	if (!u->paths)
		u->paths = calloc(u->n_files, sizeof(*u->paths));
	if (!u->paths || file >= u->n_files)
		return name;
	if (!u->paths[file])
		u->paths[file] = make_path(d, u, name);
	return u->paths[file];
}

/* ---- lines ---- */

void pb_dwarf_line_read(struct pb_dwarf *d, struct pb_dwarf_unit *u)
{
	Dwarf_Line *first;
	Dwarf_Addr addr;

	if (u->has_lines)
		return;
	u->has_lines = true;
	if (dwarf_getsrclines(&u->die, &u->lines, &u->n_lines))
		u->lines = NULL;
	if (dwarf_getsrcfiles(&u->die, &u->files, &u->n_files))
		u->files = NULL;
	first = u->lines ? dwarf_onesrcline(u->lines, 0) : NULL;
	if (first && !dwarf_lineaddr(first, &addr) && addr < d->code.start)
		pb_dwarf_row_read(d, u);
}

void pb_dwarf_line_find(struct pb_dwarf *d, struct pb_dwarf_unit *u, uint64_t vaddr,
			struct pb_dwarf_frame *frame)
{
	size_t lo = 0, hi = u->n_lines, file;
	Dwarf_Files *files;
	Dwarf_Line *line;
	Dwarf_Addr addr;
	bool ends;
	int number;

	frame->file = "";
	frame->line = 0;
	if (u->is_sorted_out) {
		pb_dwarf_row_find(d, u, vaddr, frame);
		return;
	}
	while (u->lines && lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		line = dwarf_onesrcline(u->lines, mid);
		if (!line || dwarf_lineaddr(line, &addr))
			return;
		if (addr <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	line = u->lines && lo ? dwarf_onesrcline(u->lines, lo - 1) : NULL;
	if (!line || dwarf_lineendsequence(line, &ends) || ends)
		return;
	if (!dwarf_line_file(line, &files, &file) && files == u->files)
		frame->file = pb_dwarf_line_path(d, u, file);
	frame->line = !dwarf_lineno(line, &number) && number > 0 ? (uint32_t)number : 0;
}

void pb_dwarf_line_of_call(struct pb_dwarf *d, struct pb_dwarf_unit *u, Dwarf_Die *call,
			   struct pb_dwarf_frame *frame)
{
	uint32_t file = pb_dwarf_attr_number(call, DW_AT_call_file);

	/* Before version 5 files are counted from 1. */
	frame->file = "";
	if (dwarf_hasattr(call, DW_AT_call_file) && (file || u->version >= 5))
		frame->file = pb_dwarf_line_path(d, u, file);
	frame->line = pb_dwarf_attr_number(call, DW_AT_call_line);
}
