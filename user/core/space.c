/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/space.h"

#include <errno.h>
#include <string.h>

#include "user/core/grow.h"

#define SMALL_BYTES (16u << 10)

struct record {
	struct pb_place place;
	uint64_t since_ns; /* not less than that of any record it lies over */
};

/* A part of a record that no later one lies over. */
struct piece {
	uint64_t start, end;
	uint32_t record;
};

struct pb_space {
	uint32_t owners;
	struct record *records;
	uint32_t n_records, records_size;
	struct piece *pieces;
	uint32_t n_pieces, pieces_size;
	struct pb_space_budget *budget;
};

static uint64_t bytes(uint32_t records, uint32_t pieces)
{
	return records * sizeof(struct record) + pieces * sizeof(struct piece);
}

/* By how much a space of @size bytes may grow. */
static uint64_t bytes_left(const struct pb_space_budget *b, uint64_t size)
{
	uint64_t limit = size < SMALL_BYTES ? b->limit_bytes : b->limit_bytes / 8 * 7;

	return b->used_bytes < limit ? limit - b->used_bytes : 0;
}

/* Is what it has room for all that it can have? The last one to grow goes a little beyond the limit. */
static bool is_tight(const struct pb_space *s)
{
	return !bytes_left(s->budget, bytes(s->records_size, s->pieces_size));
}

/* Mappings that it may have now. */
static uint32_t bound(const struct pb_space *s)
{
	return s->records_size < PB_SPACE_MAX && is_tight(s) ? s->records_size : PB_SPACE_MAX;
}

/* Is there no room for one more? Where little would be won by forgetting what something else lies over,
 * full is full: looking for room each time would cost O(n) each. */
static bool is_full(const struct pb_space *s)
{
	uint32_t max = bound(s);

	if (s->n_pieces + 2 > s->pieces_size && is_tight(s))
		return true;
	return s->n_records >= max && s->n_pieces > max / 4 * 3;
}

int pb_space_new(struct pb_space **out, struct pb_space_budget *budget)
{
	struct pb_space *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->owners = 1;
	s->budget = budget;
	*out = s;
	return 0;
}

struct pb_space *pb_space_share(struct pb_space *s)
{
	s->owners++;
	return s;
}

void pb_space_free(struct pb_space *s)
{
	if (!s || --s->owners)
		return;
	s->budget->used_bytes -= bytes(s->records_size, s->pieces_size);
	free(s->records);
	free(s->pieces);
	free(s);
}

static uint64_t piece_off(const struct pb_space *s, const struct piece *piece)
{
	const struct pb_place *place = &s->records[piece->record].place;

	return place->file_off + (piece->start - place->start);
}

/* The first piece that ends above @addr; n_pieces if there is none. */
static uint32_t piece_above(const struct pb_space *s, uint64_t addr)
{
	uint32_t low = 0, high = s->n_pieces, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (s->pieces[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Where a file lies: equal for any two mappings of which one goes on where the other ends. */
static uint64_t bias(const struct pb_place *place)
{
	return place->start - place->file_off;
}

static bool same_code(const struct pb_place *a, const struct pb_place *b)
{
	if (a->file != b->file || a->kind != b->kind)
		return false;
	return a->file == PB_NONE || bias(a) == bias(b);
}

/* Is there code at @old that is not that of @place, so that an address means another function now? */
static bool other_code(const struct pb_place *old, const struct pb_place *place)
{
	return old->file != place->file || (place->file != PB_NONE && bias(old) != bias(place));
}

/* What @place would change, and in @since_ns the time from which on it can count. @first: the first piece
 * that it may lie over; @behind: the first piece behind it. */
static enum pb_space_change compare(const struct pb_space *s, const struct pb_place *place,
				    uint32_t first, uint32_t *behind, uint64_t *since_ns)
{
	enum pb_space_change change = PB_SPACE_SAME;
	uint64_t covered = place->start;
	uint32_t i;

	for (i = first; i < s->n_pieces && s->pieces[i].start < place->end; i++) {
		const struct record *old = &s->records[s->pieces[i].record];

		if (other_code(&old->place, place))
			change = PB_SPACE_REPLACED;
		else if (change == PB_SPACE_SAME &&
			 (s->pieces[i].start > covered || !same_code(&old->place, place)))
			change = PB_SPACE_ADDED;
		covered = s->pieces[i].end;
		if (*since_ns < old->since_ns)
			*since_ns = old->since_ns;
	}
	if (change == PB_SPACE_SAME && covered < place->end)
		change = PB_SPACE_ADDED;
	*behind = i;
	return change;
}

/* Make room for so many in all. Return: 0; -ENOMEM. */
static int reserve(struct pb_space *s, uint32_t records, uint32_t pieces)
{
	uint64_t before = bytes(s->records_size, s->pieces_size);
	int err;

	err = pb_grow(&s->records, &s->records_size, records, sizeof(*s->records));
	err = err ? err : pb_grow(&s->pieces, &s->pieces_size, pieces, sizeof(*s->pieces));
	s->budget->used_bytes += bytes(s->records_size, s->pieces_size) - before;
	return err;
}

/* A copy for an owner who is about to change it. Return: 0; -ENOSPC; -ENOMEM. */
static int unshare(struct pb_space **s)
{
	const struct pb_space *from = *s;
	pb_auto(pb_space) struct pb_space *to = NULL;
	uint64_t size = bytes(from->n_records + 1, from->n_pieces + 2);

	if (from->owners == 1)
		return 0;
	if (size > bytes_left(from->budget, size))
		return -ENOSPC;
	if (pb_space_new(&to, from->budget) || reserve(to, from->n_records + 1, from->n_pieces + 2))
		return -ENOMEM;
	if (from->n_records)
		memcpy(to->records, from->records, from->n_records * sizeof(*to->records));
	if (from->n_pieces)
		memcpy(to->pieces, from->pieces, from->n_pieces * sizeof(*to->pieces));
	to->n_records = from->n_records;
	to->n_pieces = from->n_pieces;
	pb_space_free(*s);
	*s = pb_take(to);
	return 0;
}

/* Forget what something else lies over, for room. Return: 0; -ENOMEM. */
static int forget_history(struct pb_space *s)
{
	pb_autofree uint32_t *numbers = calloc(s->n_records, sizeof(*numbers));
	uint32_t i, n = 0;

	if (!numbers)
		return -ENOMEM;
	for (i = 0; i < s->n_pieces; i++)
		numbers[s->pieces[i].record] = 1;
	for (i = 0; i < s->n_records; i++) {
		if (!numbers[i])
			continue;
		s->records[n] = s->records[i];
		numbers[i] = n++;
	}
	for (i = 0; i < s->n_pieces; i++)
		s->pieces[i].record = numbers[s->pieces[i].record];
	s->n_records = n;
	return 0;
}

/* Lay the newest record over pieces @first to @behind - 1, of which the outer two may stick out. */
static void lay(struct pb_space *s, uint32_t first, uint32_t behind)
{
	uint32_t record = s->n_records - 1, n = 0;
	const struct pb_place *place = &s->records[record].place;
	struct piece row[3];

	if (first < behind && s->pieces[first].start < place->start)
		row[n++] = (struct piece){s->pieces[first].start, place->start,
					  s->pieces[first].record};
	row[n++] = (struct piece){place->start, place->end, record};
	if (first < behind && s->pieces[behind - 1].end > place->end)
		row[n++] = (struct piece){place->end, s->pieces[behind - 1].end,
					  s->pieces[behind - 1].record};
	memmove(&s->pieces[first + n], &s->pieces[behind],
		(s->n_pieces - behind) * sizeof(*s->pieces));
	memcpy(&s->pieces[first], row, n * sizeof(*row));
	s->n_pieces = s->n_pieces - (behind - first) + n;
}

/* What cannot be told any more, since there is no room for what lies over it. Whole pieces, as a part of
 * one would need room, too. */
static void drop_pieces(struct pb_space *s, uint32_t first, uint32_t behind)
{
	memmove(&s->pieces[first], &s->pieces[behind], (s->n_pieces - behind) * sizeof(*s->pieces));
	s->n_pieces -= behind - first;
}

/* There is no room for a copy without what cannot be told any more. */
static int abandon(struct pb_space **space)
{
	struct pb_space *empty;

	if (pb_space_new(&empty, (*space)->budget))
		return -ENOMEM;
	pb_space_free(*space);
	*space = empty;
	return PB_SPACE_DROPPED;
}

int pb_space_map(struct pb_space **space, const struct pb_place *place, uint64_t since_ns)
{
	uint32_t first = piece_above(*space, place->start), behind;
	enum pb_space_change change = compare(*space, place, first, &behind, &since_ns);
	struct pb_space *s;
	bool full;
	int err;

	if (change == PB_SPACE_SAME)
		return change;
	full = is_full(*space);
	if (full && change != PB_SPACE_REPLACED)
		return -ENOSPC;
	err = unshare(space);
	if (err)
		return err == -ENOSPC && change == PB_SPACE_REPLACED ? abandon(space) : err;
	s = *space;
	if (full) {
		drop_pieces(s, first, behind);
		return PB_SPACE_DROPPED;
	}
	if ((s->n_records >= bound(s) && forget_history(s)) ||
	    reserve(s, s->n_records + 1, s->n_pieces + 2))
		return -ENOMEM;
	s->records[s->n_records++] = (struct record){*place, since_ns};
	lay(s, first, behind);
	return change;
}

bool pb_space_has(const struct pb_space *s, enum pb_module_kind kind, uint64_t start, uint64_t end,
		  uint64_t file_off)
{
	uint32_t i = piece_above(s, start);
	const struct piece *piece = &s->pieces[i];

	return i < s->n_pieces && piece->start == start && piece->end == end &&
	       s->records[piece->record].place.kind == kind && piece_off(s, piece) == file_off;
}

const struct pb_place *pb_space_at(const struct pb_space *s, uint64_t time_ns, uint64_t addr)
{
	uint32_t i = piece_above(s, addr);
	const struct record *r;

	if (i == s->n_pieces || addr < s->pieces[i].start)
		return NULL;
	for (i = s->pieces[i].record + 1; i-- > 0;) {
		r = &s->records[i];
		if (r->since_ns <= time_ns && addr >= r->place.start && addr < r->place.end)
			return &r->place;
	}
	return NULL;
}

int pb_space_current(const struct pb_space *s, struct pb_place **out, uint32_t *n)
{
	struct pb_place *places = reallocarray(NULL, s->n_pieces + 1, sizeof(*places));
	uint32_t i;

	if (!places)
		return -ENOMEM;
	for (i = 0; i < s->n_pieces; i++) {
		places[i] = s->records[s->pieces[i].record].place;
		places[i].start = s->pieces[i].start;
		places[i].end = s->pieces[i].end;
		places[i].file_off = piece_off(s, &s->pieces[i]);
	}
	*out = places;
	*n = s->n_pieces;
	return 0;
}
