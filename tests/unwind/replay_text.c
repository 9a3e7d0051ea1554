/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Recordings as text; replay.h tells how. */
#include "tests/unwind/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADER     "perfbeads-stack 1\n"
#define LINE_MAX   1024
#define FIELDS_MAX 16
#define ITEMS_MAX  (1u << 18) /* of a list that is read; beyond that it is no recording of a stack */
#define NEAR_ROWS  2 /* on both sides of one that was met, so that there is something to search */

/* What of a replay is written. */
struct trim {
	bool *rows;
	__u32 *rules; /* numbers in the file; 0 for none or rule 0 */
	__u32 n_rules;
};

static const struct pb_unwind_mapping *find_mapping(const struct replay *r, __u64 addr)
{
	const struct replay_mapping *m = r->mappings.items;
	size_t i;

	for (i = 0; i < r->mappings.n; i++) {
		if (addr - m[i].at.start < m[i].at.size)
			return &m[i].at;
	}
	return NULL;
}

/* Keep the row in force at @addr and its neighbours. Not by the walk's own search, which is on trial. */
static void keep_rows(const struct replay *r, struct trim *trim, __u64 addr)
{
	const struct pb_unwind_mapping *m = find_mapping(r, addr);
	const struct pb_unwind_page *page;
	const __u32 *rows;
	__u32 i, at = 0;

	if (!m || (addr - m->bias) >> PB_UNWIND_PAGE_SHIFT >= m->n_pages)
		return;
	page = REPLAY_ITEMS(r->pages, struct pb_unwind_page) + m->first_page +
	       ((addr - m->bias) >> PB_UNWIND_PAGE_SHIFT);
	rows = REPLAY_ITEMS(r->rows, __u32) + page->first;
	for (i = 0; i < page->rows; i++) {
		if (rows[i] >> 16 <= ((addr - m->bias) & 0xffff))
			at = i;
	}
	for (i = 0; i < page->rows; i++) {
		if (!i || (i + NEAR_ROWS >= at && i <= at + NEAR_ROWS))
			trim->rows[page->first + i] = true;
	}
}

static void write_rules(FILE *to, const struct replay *r, struct trim *trim)
{
	const struct pb_unwind_rule *rules = r->rules.items, *u;
	const __u32 *rows = r->rows.items;
	size_t i;

	for (i = 0; i < r->rows.n; i++) {
		__u32 number = rows[i] & 0xffff;

		if (!trim->rows[i] || !number || trim->rules[number])
			continue;
		trim->rules[number] = ++trim->n_rules;
		u = &rules[number];
		fprintf(to, "rule %u %u %u %u %d %d %d %d\n", u->cfa, u->fp, u->ra, u->reg,
			u->cfa_off, u->fp_off, u->ra_off, u->cfa_add);
	}
}

static void write_page(FILE *to, const struct replay *r, const struct trim *trim, __u32 number,
		       const struct pb_unwind_page *page)
{
	const __u32 *rows = REPLAY_ITEMS(r->rows, __u32);
	__u32 i;

	if (!page->rows || !trim->rows[page->first])
		return;
	fprintf(to, "page %u\n", number);
	for (i = page->first; i < page->first + page->rows; i++) {
		if (trim->rows[i])
			fprintf(to, "row 0x%x %u\n", rows[i] >> 16, trim->rules[rows[i] & 0xffff]);
	}
}

static void write_mapping(FILE *to, const struct replay *r, const struct trim *trim,
			  const struct replay_mapping *m)
{
	const struct pb_unwind_page *pages =
		REPLAY_ITEMS(r->pages, struct pb_unwind_page) + m->at.first_page;
	__u32 i;

	fprintf(to, "map 0x%llx 0x%llx 0x%llx %u %s\n", m->at.start, m->at.size, m->at.bias,
		m->at.n_pages, m->name[0] ? m->name : "-");
	for (i = 0; i < m->at.n_pages; i++)
		write_page(to, r, trim, i, &pages[i]);
}

static void write_regs(FILE *to, const struct pb_regs *regs)
{
	__u32 i;

	fprintf(to, "reg ip 0x%llx\nreg sp 0x%llx\nreg fp 0x%llx\n", regs->ip, regs->sp, regs->fp);
	for (i = 0; i < PB_GPRS; i++) {
		if (regs->gpr[i])
			fprintf(to, "reg %u 0x%llx\n", i, regs->gpr[i]);
	}
}

static int compare_words(const void *a, const void *b)
{
	const struct replay_word *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void write_lists(FILE *to, const struct replay *r)
{
	const struct replay_word *words = r->words.items;
	const __u64 *frames = r->frames.items;
	size_t i;

	if (r->words.n)
		qsort(r->words.items, r->words.n, sizeof(*words), compare_words);
	for (i = 0; i < r->words.n; i++)
		fprintf(to, "word 0x%llx 0x%llx\n", words[i].addr, words[i].value);
	for (i = 0; i < r->frames.n; i++)
		fprintf(to, "frame 0x%llx\n", frames[i]);
	fprintf(to, "end %u\n", r->end);
}

int replay_write(FILE *to, const struct replay *r, const char *about)
{
	const struct replay_mapping *m = r->mappings.items;
	const __u64 *frames = r->frames.items;
	pb_autofree bool *rows = calloc(r->rows.n + 1, sizeof(*rows));
	pb_autofree __u32 *rules = calloc(r->rules.n, sizeof(*rules));
	struct trim trim = {.rows = rows, .rules = rules};
	size_t i;

	if (!rows || !rules)
		return -ENOMEM;
	for (i = 0; i < r->frames.n; i++)
		keep_rows(r, &trim,
			  (frames[i] & ~PB_FRAME_INTERRUPTED) -
				  (i && !(frames[i] & PB_FRAME_INTERRUPTED)));
	fprintf(to, HEADER "# %s\n", about);
	write_regs(to, &r->regs);
	write_rules(to, r, &trim);
	for (i = 0; i < r->mappings.n; i++)
		write_mapping(to, r, &trim, &m[i]);
	write_lists(to, r);
	return fflush(to) || ferror(to) ? -EIO : 0;
}

/* A line of a recording in its words; the first says what the others are. */
struct line {
	char *fields[FIELDS_MAX];
	int n;
	__s64 numbers[FIELDS_MAX]; /* of the fields behind the first; 0 where it is none */
	bool all_numbers;
};

static void split(struct line *l, char *text)
{
	char *save = NULL, *word, *end;

	*l = (struct line){.all_numbers = true};
	for (word = strtok_r(text, " \n", &save); word && l->n < FIELDS_MAX;
	     word = strtok_r(NULL, " \n", &save)) {
		l->fields[l->n] = word;
		if (l->n) {
			l->numbers[l->n] = word[0] == '-' ? strtoll(word, &end, 0)
							  : (__s64)strtoull(word, &end, 0);
			l->all_numbers &= end != word && !*end;
		}
		l->n++;
	}
}

/* Return: the item to fill; NULL if there are too many, or no memory. */
static void *add(struct replay_list *list, size_t size)
{
	return list->n < ITEMS_MAX ? replay_add(list, size) : NULL;
}

static int read_reg(struct replay *r, const struct line *l)
{
	__u64 value = (__u64)l->numbers[2];

	if (!strcmp(l->fields[1], "ip"))
		r->regs.ip = value;
	else if (!strcmp(l->fields[1], "sp"))
		r->regs.sp = value;
	else if (!strcmp(l->fields[1], "fp"))
		r->regs.fp = value;
	else if ((__u64)l->numbers[1] < PB_GPRS)
		r->regs.gpr[l->numbers[1]] = value;
	else
		return -EPROTO;
	return 0;
}

static int read_rule(struct replay *r, const struct line *l)
{
	struct pb_unwind_rule *rule = add(&r->rules, sizeof(*rule));
	const __s64 *n = l->numbers;

	if (!rule)
		return -EPROTO;
	*rule = (struct pb_unwind_rule){(__u8)n[1],  (__u8)n[2],  (__u8)n[3],  (__u8)n[4],
					(__s32)n[5], (__s32)n[6], (__s16)n[7], (__s16)n[8]};
	return 0;
}

static int read_mapping(struct replay *r, const struct line *l)
{
	struct replay_mapping *m = add(&r->mappings, sizeof(*m));
	__s64 i, n_pages = l->numbers[4];

	if (!m || n_pages < 0 || n_pages > ITEMS_MAX)
		return -EPROTO;
	m->at = (struct pb_unwind_mapping){.start = (__u64)l->numbers[1],
					   .size = (__u64)l->numbers[2],
					   .bias = (__u64)l->numbers[3],
					   .first_page = (__u32)r->pages.n,
					   .n_pages = (__u32)n_pages};
	snprintf(m->name, sizeof(m->name), "%.*s", REPLAY_NAME_LEN - 1, l->fields[5]);
	for (i = 0; i < n_pages; i++) {
		if (!add(&r->pages, sizeof(struct pb_unwind_page)))
			return -EPROTO;
	}
	return 0;
}

/* The page that rows are added to; NULL if there is none. */
static int read_page(struct replay *r, const struct line *l, struct pb_unwind_page **page)
{
	const struct replay_mapping *m = r->mappings.items;

	if (!r->mappings.n || (__u64)l->numbers[1] >= m[r->mappings.n - 1].at.n_pages)
		return -EPROTO;
	*page = REPLAY_ITEMS(r->pages, struct pb_unwind_page) + m[r->mappings.n - 1].at.first_page +
		l->numbers[1];
	**page = (struct pb_unwind_page){.first = (__u32)r->rows.n};
	return 0;
}

static int read_row(struct replay *r, const struct line *l, struct pb_unwind_page *page)
{
	__u32 *row =
		page && page->rows < PB_UNWIND_PAGE_ROWS_MAX ? add(&r->rows, sizeof(*row)) : NULL;

	if (!row || (__u64)l->numbers[1] > 0xffff || (__u64)l->numbers[2] >= r->rules.n)
		return -EPROTO;
	*row = (__u32)l->numbers[1] << 16 | (__u32)l->numbers[2];
	page->rows++;
	return 0;
}

static int read_word(struct replay *r, const struct line *l)
{
	struct replay_word *word = add(&r->words, sizeof(*word));

	if (!word)
		return -EPROTO;
	*word = (struct replay_word){(__u64)l->numbers[1], (__u64)l->numbers[2]};
	return 0;
}

static int read_frame(struct replay *r, const struct line *l)
{
	__u64 *frame = add(&r->frames, sizeof(*frame));

	if (!frame)
		return -EPROTO;
	*frame = (__u64)l->numbers[1];
	return 0;
}

static int read_end(struct replay *r, const struct line *l)
{
	if ((__u64)l->numbers[1] >= PB_END_COUNT)
		return -EPROTO;
	r->end = (__u32)l->numbers[1];
	return 0;
}

static bool is(const struct line *l, const char *what, int n)
{
	return !strcmp(l->fields[0], what) && l->n == n + 1;
}

static int read_line(struct replay *r, struct line *l, struct pb_unwind_page **page)
{
	if (!l->n || l->fields[0][0] == '#')
		return 0;
	if (is(l, "reg", 2))
		return read_reg(r, l);
	if (is(l, "map", 5)) {
		*page = NULL;
		return read_mapping(r, l);
	}
	if (!l->all_numbers)
		return -EPROTO;
	if (is(l, "rule", 8))
		return read_rule(r, l);
	if (is(l, "page", 1))
		return read_page(r, l, page);
	if (is(l, "row", 2))
		return read_row(r, l, *page);
	if (is(l, "word", 2))
		return read_word(r, l);
	if (is(l, "frame", 1))
		return read_frame(r, l);
	return is(l, "end", 1) ? read_end(r, l) : -EPROTO;
}

int replay_read(struct replay **out, FILE *from, unsigned int *line)
{
	pb_auto(replay) struct replay *r = NULL;
	struct pb_unwind_page *page = NULL;
	char text[LINE_MAX];
	struct line l;
	int err = replay_new(&r);

	*line = 1;
	if (!err && (!fgets(text, sizeof(text), from) || strcmp(text, HEADER) != 0))
		err = -EPROTO;
	while (!err && fgets(text, sizeof(text), from)) {
		++*line;
		split(&l, text);
		err = read_line(r, &l, &page);
	}
	if (!err && ferror(from))
		err = -EIO;
	if (!err && !r->end)
		err = -EPROTO; /* cut short */
	if (err)
		return err;
	*out = pb_take(r);
	return 0;
}
