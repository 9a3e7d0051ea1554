/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/unwind/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int replay_new(struct replay **out)
{
	struct replay *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->memory = -1;
	if (!replay_add(&r->rules, sizeof(struct pb_unwind_rule))) {
		free(r);
		return -ENOMEM;
	}
	*out = r;
	return 0;
}

void replay_free(struct replay *r)
{
	if (!r)
		return;
	if (r->memory >= 0)
		close(r->memory);
	free(r->rules.items);
	free(r->mappings.items);
	free(r->pages.items);
	free(r->rows.items);
	free(r->words.items);
	free(r->frames.items);
	free(r);
}

void *replay_add(struct replay_list *list, size_t size)
{
	size_t room = list->room ? list->room * 2 : 64;
	void *items;

	if (list->n == list->room) {
		items = reallocarray(list->items, room, size);
		if (!items)
			return NULL;
		list->items = items;
		list->room = room;
	}
	return memset((char *)list->items + list->n++ * size, 0, size);
}

static struct replay_word *find_word(const struct replay *r, __u64 addr)
{
	struct replay_word *words = r->words.items;
	size_t i;

	for (i = 0; i < r->words.n; i++) {
		if (words[i].addr == addr)
			return &words[i];
	}
	return NULL;
}

bool replay_read_process(struct replay *r, __u64 addr, void *to, __u32 size)
{
	struct replay_word *w;
	__u32 i;

	if (r->memory < 0 || pread(r->memory, to, size, (off_t)addr) != (ssize_t)size)
		return false;
	for (i = 0; i < size; i += sizeof(w->value)) {
		w = find_word(r, addr + i) ?: replay_add(&r->words, sizeof(*w));
		if (!w)
			return false;
		w->addr = addr + i;
		memcpy(&w->value, (char *)to + i, sizeof(w->value));
	}
	return true;
}

bool replay_read_words(const struct replay *r, __u64 addr, void *to, __u32 size)
{
	const struct replay_word *w;
	__u32 i;

	for (i = 0; i < size; i += sizeof(w->value)) {
		w = find_word(r, addr + i);
		if (!w)
			return false;
		memcpy((char *)to + i, &w->value, sizeof(w->value));
	}
	return true;
}
