/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/parse/answer.h"

#include <errno.h>
#include <string.h>

#include "user/core/grow.h"
#include "user/core/idtable.h"

struct pb_answer_writer {
	struct pb_answer_addr *addrs;
	struct pb_answer_frame *frames;
	char *strings; /* empty until the first text, then its first byte is NUL */
	uint32_t n_addrs, n_frames, strings_len;
	uint32_t addrs_room, frames_room, strings_room;
	struct pb_idtable *texts; /* ids are offsets in the strings */
	int err;                  /* the first one */
};

int pb_answer_writer_new(struct pb_answer_writer **out)
{
	struct pb_answer_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	*out = w;
	return 0;
}

static void clear(struct pb_answer_writer *w)
{
	free(w->addrs);
	free(w->frames);
	free(w->strings);
	pb_idtable_free(w->texts);
	*w = (struct pb_answer_writer){0};
}

void pb_answer_writer_free(struct pb_answer_writer *w)
{
	if (!w)
		return;
	clear(w);
	free(w);
}

static bool same_text(const void *strings, uint32_t id, const void *text)
{
	return !strcmp((const char *)strings + id, text);
}

/* The empty text at offset 0, and a table for the others. */
static int begin_strings(struct pb_answer_writer *w)
{
	int err = 0;

	if (!w->texts)
		err = pb_idtable_new(&w->texts);
	if (!err)
		err = pb_grow(&w->strings, &w->strings_room, 1, 1);
	if (err)
		return err;
	w->strings[0] = '\0';
	w->strings_len = 1;
	return 0;
}

static int add_text(struct pb_answer_writer *w, const char *text, uint32_t *out)
{
	uint64_t hash;
	uint32_t id;
	size_t len;
	int err = 0;

	*out = 0;
	if (!text || !*text)
		return 0;
	if (!w->strings_len)
		err = begin_strings(w);
	if (err)
		return err;
	len = strlen(text);
	hash = pb_idtable_hash(w->texts, text, len);
	id = pb_idtable_find(w->texts, hash, same_text, w->strings, text);
	if (id != PB_IDTABLE_NONE) {
		*out = id;
		return 0;
	}
	if (len >= PB_WIRE_STRINGS_MAX - w->strings_len)
		return -EFBIG;
	err = pb_grow(&w->strings, &w->strings_room, w->strings_len + len + 1, 1);
	if (!err)
		err = pb_idtable_add(w->texts, hash, w->strings_len);
	if (err)
		return err;
	memcpy(w->strings + w->strings_len, text, len + 1);
	*out = w->strings_len;
	w->strings_len += (uint32_t)len + 1;
	return 0;
}

void pb_answer_address(struct pb_answer_writer *w, uint64_t vaddr, uint64_t function)
{
	if (!w->err && w->n_addrs >= PB_WIRE_ADDRS_MAX)
		w->err = -EFBIG;
	if (!w->err)
		w->err = pb_grow(&w->addrs, &w->addrs_room, (uint64_t)w->n_addrs + 1,
				 sizeof(*w->addrs));
	if (w->err)
		return;
	w->addrs[w->n_addrs++] = (struct pb_answer_addr){
		.vaddr = vaddr,
		.function = function,
		.first = w->n_frames,
	};
}

static int add_frame(struct pb_answer_writer *w, const struct pb_frame_texts *texts)
{
	struct pb_answer_frame f = {.line = texts->line, .start_line = texts->start_line};
	struct pb_answer_addr *addr;
	int err;

	if (!w->n_addrs)
		return -EINVAL;
	addr = &w->addrs[w->n_addrs - 1];
	if (addr->n_frames >= PB_WIRE_INLINES_MAX || w->n_frames >= PB_WIRE_FRAMES_MAX)
		return -EFBIG;
	err = add_text(w, texts->name, &f.name);
	if (!err)
		err = add_text(w, texts->system_name, &f.system_name);
	if (!err)
		err = add_text(w, texts->file, &f.file);
	if (err)
		return err;
	if (!f.name)
		f.name = f.system_name;
	if (!f.name)
		return 0;
	err = pb_grow(&w->frames, &w->frames_room, (uint64_t)w->n_frames + 1, sizeof(*w->frames));
	if (err)
		return err;
	w->frames[w->n_frames++] = f;
	addr->n_frames++;
	return 0;
}

void pb_answer_frame(struct pb_answer_writer *w, const struct pb_frame_texts *texts)
{
	if (!w->err)
		w->err = add_frame(w, texts);
}

int pb_answer_take(struct pb_answer_writer *w, struct pb_answer **out)
{
	struct pb_answer *a = NULL;
	int err = w->err;

	if (!err && !w->strings_len)
		err = begin_strings(w);
	if (!err) {
		a = calloc(1, sizeof(*a));
		err = a ? 0 : -ENOMEM;
	}
	if (!err) {
		a->n_addrs = w->n_addrs;
		a->n_frames = w->n_frames;
		a->strings_len = w->strings_len;
		a->addrs = pb_take(w->addrs);
		a->frames = pb_take(w->frames);
		a->strings = pb_take(w->strings);
		*out = a;
	}
	clear(w);
	return err;
}
