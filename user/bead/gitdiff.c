/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/gitdiff.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "user/core/grow.h"
#include "user/core/text.h"

#define NAME_MAX_BYTES 256

void pb_gitdiff_file_drop(struct pb_gitdiff_file *file)
{
	for (uint32_t i = 0; i < file->n_functions; i++)
		free(file->functions[i]);
	free(file->functions);
	free(file->path);
	free(file->old_path);
}

void pb_gitdiff_drop(struct pb_gitdiff *d)
{
	for (uint32_t i = 0; i < d->n; i++)
		pb_gitdiff_file_drop(&d->files[i]);
	free(d->files);
	*d = (struct pb_gitdiff){0};
}

struct pb_gitdiff_file *pb_gitdiff_add(struct pb_gitdiff *d, const char *path, size_t len)
{
	struct pb_gitdiff_file *file;

	if (pb_grow(&d->files, &d->room, (uint64_t)d->n + 1, sizeof(*d->files)))
		return NULL;
	file = &d->files[d->n];
	*file = (struct pb_gitdiff_file){.path = strndup(path, len)};
	if (!file->path)
		return NULL;
	d->n++;
	return file;
}

struct pb_gitdiff_file *pb_gitdiff_find(struct pb_gitdiff *d, const char *path)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (!strcmp(d->files[i].path, path))
			return &d->files[i];
	return NULL;
}

int pb_gitdiff_add_function(struct pb_gitdiff_file *file, const char *name)
{
	for (uint32_t i = 0; i < file->n_functions; i++)
		if (!strcmp(file->functions[i], name))
			return 0;
	if (pb_grow(&file->functions, &file->room, (uint64_t)file->n_functions + 1,
		    sizeof(*file->functions)))
		return -ENOMEM;
	file->functions[file->n_functions] = strdup(name);
	return file->functions[file->n_functions] ? (file->n_functions++, 0) : -ENOMEM;
}

/* "12" or "-", up to a tab. */
static bool read_count(const char **at, const char *end, uint64_t *count, bool *binary)
{
	const char *p = *at;

	*count = 0;
	if (p < end && *p == '-') {
		*binary = true;
		p++;
	} else {
		if (p == end || !isdigit((unsigned char)*p))
			return false;
		for (; p < end && isdigit((unsigned char)*p) && *count < UINT64_MAX / 100; p++)
			*count = *count * 10 + (uint64_t)(*p - '0');
	}
	if (p == end || *p != '\t')
		return false;
	*at = p + 1;
	return true;
}

/* To behind the NUL; -1 where there is none. */
static ssize_t text_length(const char *at, const char *end)
{
	const char *nul = memchr(at, '\0', (size_t)(end - at));

	return nul ? nul - at : -1;
}

int pb_gitdiff_numstat(struct pb_gitdiff *d, const char *text, size_t size)
{
	const char *at = text, *end = text + size;

	while (at < end) {
		uint64_t added, removed;
		const char *old = NULL;
		ssize_t len, old_len = 0;
		struct pb_gitdiff_file *file;
		bool binary = false;

		if (!read_count(&at, end, &added, &binary) ||
		    !read_count(&at, end, &removed, &binary))
			return -EPROTO;
		len = text_length(at, end);
		/* A rename has nothing here, and then the old name and the new one. */
		if (!len) {
			old = at + 1;
			old_len = text_length(old, end);
			at = old_len > 0 ? old + old_len + 1 : end;
			len = at < end ? text_length(at, end) : -1;
		}
		if (len <= 0)
			return -EPROTO;
		file = pb_gitdiff_add(d, at, (size_t)len);
		if (!file)
			return -ENOMEM;
		file->added = added;
		file->removed = removed;
		file->binary = binary;
		if (old) {
			file->old_path = strndup(old, (size_t)old_len);
			if (!file->old_path)
				return -ENOMEM;
		}
		at += len + 1;
	}
	return 0;
}

/* One of "\a" to "\v", "\"", "\\" and "\303", as git writes them. */
static char unescape(const char **at, const char *end)
{
	static const char letters[] = "abtnvfr\"\\", bytes[] = "\a\b\t\n\v\f\r\"\\";
	const char *p = *at;
	const char *letter = p < end && *p ? strchr(letters, *p) : NULL;
	unsigned int byte = 0;

	if (letter) {
		(*at)++;
		return bytes[letter - letters];
	}
	for (int i = 0; i < 3 && p < end && *p >= '0' && *p <= '7'; i++, p++)
		byte = byte * 8 + (unsigned int)(*p - '0');
	*at = p > *at ? p : p + 1;
	return (char)byte;
}

/* The name in "--- a/NAME" or "+++ \"b/NA\\tME\"", behind its letter and slash, to be freed. NULL: none, or no memory. */
static char *file_name(const char *at, const char *end)
{
	char *name = malloc((size_t)(end - at) + 1), *to = name;

	if (!name)
		return NULL;
	if (at < end && *at == '"') {
		for (at++; at < end && *at != '"';) {
			if (*at == '\\' && at + 1 < end) {
				at++;
				*to++ = unescape(&at, end);
			} else {
				*to++ = *at++;
			}
		}
	} else {
		/* Behind a name with spaces git puts a tab. */
		for (; at < end && *at != '\t'; at++)
			*to++ = *at;
	}
	*to = '\0';
	if ((name[0] != 'a' && name[0] != 'b') || name[1] != '/') {
		free(name);
		return NULL;
	}
	memmove(name, name + 2, (size_t)(to - name) - 1);
	return name;
}

/* The hunk that is read. */
struct hunk {
	struct pb_gitdiff_file *file;
	uint64_t left[2];                 /* lines still to come, old and new */
	char function[2][NAME_MAX_BYTES]; /* that each side stands in; "" for none */
};

/* "12" or "12,3". */
static const char *read_range(const char *at, const char *end, uint64_t *lines)
{
	*lines = 1;
	while (at < end && isdigit((unsigned char)*at))
		at++;
	if (at < end && *at == ',') {
		for (*lines = 0, at++; at < end && isdigit((unsigned char)*at); at++)
			*lines = *lines * 10 + (uint64_t)(*at - '0');
	}
	return at;
}

/* "@@ -1,2 +3 @@ static int find(const char *s)". */
static void begin_hunk(struct hunk *h, const char *line, size_t len)
{
	const char *at = line + 4, *end = line + len;

	h->function[0][0] = '\0';
	h->left[0] = h->left[1] = 0;
	if (len < 5 || memcmp(line, "@@ -", 4) != 0)
		return;
	at = read_range(at, end, &h->left[0]);
	if (end - at > 2 && !memcmp(at, " +", 2))
		at = read_range(at + 2, end, &h->left[1]);
	if (end - at > 4 && !memcmp(at, " @@ ", 4)) {
		at += 4;
		/* git shows the line without what indents it. */
		if (!pb_gitdiff_function(h->function[0], NAME_MAX_BYTES, at, (size_t)(end - at)))
			h->function[0][0] = '\0';
	}
	memcpy(h->function[1], h->function[0], NAME_MAX_BYTES);
}

/* One line that was taken away or added. */
static int read_line(struct hunk *h, int side, const char *line, size_t len)
{
	char name[NAME_MAX_BYTES];
	size_t blank = 0;

	while (blank < len && isspace((unsigned char)line[blank]))
		blank++;
	if (blank == len)
		return 0;
	if (pb_gitdiff_function(name, sizeof(name), line, len))
		memcpy(h->function[side], name, sizeof(name));
	else if (!blank && line[0] == '}')
		h->function[side][0] = '\0';
	else if (!blank)
		return 0;
	return h->function[side][0] ? pb_gitdiff_add_function(h->file, h->function[side]) : 0;
}

static int begin_file(struct pb_gitdiff *d, struct hunk *h, const char *line, size_t len)
{
	pb_autofree char *name = file_name(line + 4, line + len);

	/* Of a file that is gone the old name stands; of any other the new one comes behind. */
	if (name && (line[0] == '+' || !h->file))
		h->file = pb_gitdiff_find(d, name);
	return 0;
}

int pb_gitdiff_hunks(struct pb_gitdiff *d, const char *text, size_t size)
{
	struct hunk h = {0};
	const char *end = text + size, *next;
	int err = 0;

	for (const char *at = text; at < end && !err; at = next) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = newline ? (size_t)(newline - at) : (size_t)(end - at);

		next = at + len + (newline != NULL);
		if ((*at == '-' && h.left[0]) || (*at == '+' && h.left[1])) {
			h.left[*at == '+']--;
			if (h.file)
				err = read_line(&h, *at == '+', at + 1, len - 1);
		} else if (len >= 4 && (!memcmp(at, "--- ", 4) || !memcmp(at, "+++ ", 4))) {
			err = begin_file(d, &h, at, len);
		} else if (len > 3 && !memcmp(at, "@@ ", 3)) {
			begin_hunk(&h, at, len);
		} else if (len > 5 && !memcmp(at, "diff ", 5)) {
			h = (struct hunk){0};
		}
	}
	return err;
}

int pb_gitdiff_whole(struct pb_gitdiff_file *file, const char *text, size_t size)
{
	struct hunk h = {.file = file};
	const char *end = text + size, *next;
	int err = 0;

	for (const char *at = text; at < end && !err; at = next) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = newline ? (size_t)(newline - at) : (size_t)(end - at);

		next = at + len + (newline != NULL);
		err = read_line(&h, 1, at, len);
	}
	return err;
}
