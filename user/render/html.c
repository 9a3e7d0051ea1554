/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The flame graph page: one file that needs nothing else.
 *
 *   page/page.html with its {{slots}} filled:
 *     css, model, js   the files of page/ as they are
 *     data             the tree, packed; drawn by the script
 *     the rest         text about the run, here and now, so that it is there without the script too
 *
 * The packed tree, base64 of one zlib stream:
 *
 *   +----------------------------------+---+----------------+----------------+----------------+
 *   | JSON: values, first, nodes,      | 0 | levels up, one | frame + 1, one | self, one per  |
 *   | byLine, and labels, modules,     |   | per node but   | per node;      | node; again    |
 *   | files, lines, kinds by frame     |   | the root       | 0 for the root | for each value |
 *   +----------------------------------+---+----------------+----------------+----------------+
 *
 * Numbers behind the zero are LEB128. Nodes are in preorder, and a node's depth is that of the one
 * before it, plus one, less the levels up. Columns of one kind deflate to a third of what rows of
 * all three do. No name of the target stands in the page but as base64, or escaped by put_text().
 */
#include "user/render/render.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "user/core/json.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/core/text.h"
#include "user/render/tree.h"
#include "user/render/valuename.h"

extern const char pb_page_html[], pb_page_html_end[];
extern const char pb_page_css[], pb_page_css_end[];
extern const char pb_page_model[], pb_page_model_end[];
extern const char pb_page_js[], pb_page_js_end[];

#define NS_PER_S       1000000000ull
#define LOSS_SENTENCES 6 /* causes named in the page; the ledger has them all */

struct page {
	FILE *out;
	const struct pb_profile *p;
	const struct pb_report *r;
	const struct pb_render_opts *o;
	const struct pb_value_type *value;
	struct pb_tree *tree;          /* by the value that comes first */
	uint32_t shown[PB_VALUES_MAX]; /* values of the profile */
	uint32_t n_shown;
	uint32_t first;                /* of these */
	uint64_t *self[PB_VALUES_MAX]; /* of these, by node */
	bool *drawn;                   /* by node */
};

/* Text for people */

/* Escape for the content of an element and for a quoted attribute. */
static void put_text(FILE *out, const char *text)
{
	char safe[PB_NAME_MAX + 1];

	pb_text_safe(safe, sizeof(safe), text ? text : "", text ? strlen(text) : 0);
	for (const char *s = safe; *s; s++) {
		switch (*s) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(*s, out);
		}
	}
}

/* 1234567 as "1,234,567"; not by printf's ', which asks the locale. */
static void put_count(FILE *out, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			fputc(',', out);
		fputc(digits[i], out);
	}
}

static void put_scaled(FILE *out, uint64_t value, double step, const char *const *units)
{
	double v = (double)value;

	for (; v >= step && units[1]; units++)
		v /= step;
	fprintf(out, "%.*f\u00a0%s", v < 10 ? 2 : v < 100 ? 1 : 0, v, *units);
}

/* As amount() in page.js. */
static void put_amount(const struct page *page, uint64_t value)
{
	static const char *const times[] = {"ns", "µs", "ms", "s", NULL};
	static const char *const sizes[] = {"B", "KiB", "MiB", "GiB", "TiB", NULL};

	if (!strcmp(page->value->unit, "nanoseconds"))
		put_scaled(page->out, value, 1000, times);
	else if (!strcmp(page->value->unit, "microseconds"))
		put_scaled(page->out, value, 1000, times + 1);
	else if (!strcmp(page->value->unit, "bytes"))
		put_scaled(page->out, value, 1024, sizes);
	else
		put_count(page->out, value);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* Slots, in the order of the page */

static int put_target(struct page *page)
{
	const struct pb_report *r = page->r;

	if (r->argv && r->argv[0]) {
		for (char **arg = r->argv; *arg; arg++) {
			if (arg != r->argv)
				fputc(' ', page->out);
			put_text(page->out, *arg);
		}
		return 0;
	}
	if (r->comm && *r->comm) {
		put_text(page->out, r->comm);
		if (r->scope && *r->scope)
			fputs(", ", page->out);
	}
	put_text(page->out, r->scope);
	return 0;
}

static int put_tool(struct page *page)
{
	put_text(page->out, page->r->tool);
	return 0;
}

static int put_title(struct page *page)
{
	put_tool(page);
	fputs(": ", page->out);
	return put_target(page);
}

static void begin_fact(struct page *page, const char *name)
{
	fprintf(page->out, "<div><dt>%s</dt><dd>", name);
}

static void end_fact(struct page *page)
{
	fputs("</dd></div>", page->out);
}

static void put_fact(struct page *page, const char *name, const char *text)
{
	if (!text || !*text)
		return;
	begin_fact(page, name);
	put_text(page->out, text);
	end_fact(page);
}

static int put_facts(struct page *page)
{
	static const char *const times[] = {"ns", "µs", "ms", "s", NULL};
	const struct pb_report *r = page->r;
	struct pb_value_name scratch;
	time_t started = (time_t)(r->started_ns / NS_PER_S);
	struct tm tm;
	char text[32];

	fputs("<div><dt>Total</dt><dd id=\"total\">", page->out);
	put_amount(page, page->tree->nodes[0].total);
	fputc(' ', page->out);
	put_text(page->out, pb_value_name(page->value->type, &scratch)->said);
	end_fact(page);
	if (r->duration_ns) {
		begin_fact(page, "Duration");
		put_scaled(page->out, r->duration_ns, 1000, times);
		end_fact(page);
	}
	if (r->event && *r->event) {
		begin_fact(page, "Event");
		put_text(page->out, r->event);
		if (r->asked_hz > 0)
			fprintf(page->out, " at %.4g\u00a0Hz", r->asked_hz);
		end_fact(page);
	}
	if (started && gmtime_r(&started, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm))
		put_fact(page, "Started", text);
	put_fact(page, "Host", r->host);
	put_fact(page, "Kernel", r->kernel);
	return 0;
}

/* Beyond a share of events this large the picture itself may be wrong: the notice turns red. */
#define GRAVE_PCT 1.0

static void begin_notice(struct page *page, double pct)
{
	fprintf(page->out, "<div class=\"notice%s\" role=\"note\"><p><strong>",
		pct < GRAVE_PCT ? " mild" : "");
}

/* A cause out of a newer version's profile has no sentence here. */
static void put_cause(struct page *page, const struct pb_report_loss *loss)
{
	put_text(page->out, loss->sentence && *loss->sentence ? loss->sentence : loss->id);
}

static void put_losses(struct page *page, uint64_t lost)
{
	const struct pb_report *r = page->r;
	double pct = percent(lost, r->produced);

	begin_notice(page, pct);
	put_count(page->out, lost);
	fprintf(page->out, " %s lost</strong>, %.2g\u00a0%% of all",
		lost == 1 ? "event was" : "events were", pct);
	if (r->n_lost == 1) {
		fputs(": ", page->out);
		put_cause(page, &r->lost[0]);
		fputs("</p></div>\n", page->out);
		return;
	}
	fputs(":</p><ul>", page->out);
	for (uint32_t i = 0; i < r->n_lost && i < LOSS_SENTENCES; i++) {
		fputs("<li>", page->out);
		put_count(page->out, r->lost[i].events);
		fputs(": ", page->out);
		put_cause(page, &r->lost[i]);
		fputs("</li>", page->out);
	}
	fputs("</ul></div>\n", page->out);
}

/* What a reader must know before trusting the picture. */
static int put_notices(struct page *page)
{
	const struct pb_report *r = page->r;
	uint64_t lost = pb_report_lost(r);

	if (lost)
		put_losses(page, lost);
	/* a stack that broke hangs under the wrong root: say so where it bends the picture */
	if (r->broken && r->broken >= r->kept / 20) {
		begin_notice(page, percent(r->broken, r->kept));
		fprintf(page->out,
			"%.3g\u00a0%% of the stacks broke off</strong> before their root: their "
			"callers are missing.",
			percent(r->broken, r->kept));
		if (r->n_broken_by) {
			fputs(" Most in ", page->out);
			put_text(page->out, pb_module_base(r->broken_by[0].module));
			fprintf(page->out,
				" (%.3g\u00a0%%: ", percent(r->broken_by[0].events, r->kept));
			put_text(page->out, r->broken_by[0].cause);
			fputs(").", page->out);
		}
		fputs("</p></div>\n", page->out);
	}
	return 0;
}

static int put_ledger(struct page *page)
{
	pb_autofree char *ledger = pb_report_ledger(page->r);

	if (!ledger)
		return -ENOMEM;
	put_text(page->out, ledger);
	return 0;
}

/* The top functions, for a browser without the script. */
static int put_table(struct page *page)
{
	const struct pb_tree *t = page->tree;
	uint64_t total = t->nodes[0].total;

	fputs("<table class=\"static\"><thead><tr><th scope=\"col\">Function</th>"
	      "<th scope=\"col\">Module</th><th scope=\"col\" class=\"num\">Self</th>"
	      "<th scope=\"col\" class=\"num\">%</th><th scope=\"col\" class=\"num\">Total</th>"
	      "<th scope=\"col\" class=\"num\">%</th></tr></thead><tbody>\n",
	      page->out);
	for (uint32_t i = 0; i < t->n_hotspots && i < page->o->top; i++) {
		const struct pb_hotspot *h = &t->hotspots[i];
		const struct pb_frame *f = &t->frames[h->frame];
		uint64_t amounts[] = {h->self, h->total};

		fputs("<tr><th scope=\"row\">", page->out);
		put_text(page->out, f->label);
		fputs(f->kind == PB_FRAME_INLINED ? " (inlined)</th><td>" : "</th><td>", page->out);
		put_text(page->out, pb_module_base(f->module));
		fputs("</td>", page->out);
		for (size_t k = 0; k < PB_ARRAY_SIZE(amounts); k++) {
			fputs("<td class=\"num\">", page->out);
			put_amount(page, amounts[k]);
			fprintf(page->out, "</td><td class=\"num\">%.1f</td>",
				percent(amounts[k], total));
		}
		fputs("</tr>\n", page->out);
	}
	fputs("</tbody></table>", page->out);
	return 0;
}

static int put_footer(struct page *page)
{
	put_tool(page);
	fprintf(page->out, " %s. This file is complete: it loads nothing and sends nothing.",
		PB_VERSION);
	return 0;
}

static int put_css(struct page *page)
{
	fwrite(pb_page_css, 1, (size_t)(pb_page_css_end - pb_page_css), page->out);
	return 0;
}

static int put_model(struct page *page)
{
	fwrite(pb_page_model, 1, (size_t)(pb_page_model_end - pb_page_model), page->out);
	return 0;
}

static int put_js(struct page *page)
{
	fwrite(pb_page_js, 1, (size_t)(pb_page_js_end - pb_page_js), page->out);
	return 0;
}

/* The packed tree */

static void put_values(struct page *page, struct pb_json *j)
{
	pb_json_array(j, "values");
	for (uint32_t i = 0; i < page->n_shown; i++) {
		const struct pb_value_type *type = &page->p->value_types[page->shown[i]];
		struct pb_value_name scratch;
		const struct pb_value_name *name = pb_value_name(type->type, &scratch);

		pb_json_object(j, NULL);
		pb_json_string(j, "type", type->type);
		pb_json_string(j, "unit", type->unit);
		pb_json_string(j, "label", name->label);
		pb_json_string(j, "said", name->said);
		pb_json_end(j, '}');
	}
	pb_json_end(j, ']');
	pb_json_uint(j, "first", page->first);
}

static void put_frames(struct page *page, FILE *out, uint32_t n_nodes)
{
	const struct pb_tree *t = page->tree;
	struct pb_json j;

	pb_json_init(&j, out, true);
	pb_json_object(&j, NULL);
	put_values(page, &j);
	pb_json_uint(&j, "nodes", n_nodes);
	pb_json_bool(&j, "byLine", page->o->lines);
	pb_json_array(&j, "names");
	for (uint32_t i = 0; i < t->n_frames; i++)
		pb_json_string(&j, NULL, t->frames[i].label);
	pb_json_end(&j, ']');
	pb_json_array(&j, "modules");
	for (uint32_t i = 0; i < t->n_frames; i++)
		pb_json_string(&j, NULL, t->frames[i].module);
	pb_json_end(&j, ']');
	pb_json_array(&j, "files");
	for (uint32_t i = 0; i < t->n_frames; i++)
		pb_json_string(&j, NULL, t->frames[i].file);
	pb_json_end(&j, ']');
	pb_json_array(&j, "lines");
	for (uint32_t i = 0; i < t->n_frames; i++)
		pb_json_uint(&j, NULL, t->frames[i].line);
	pb_json_end(&j, ']');
	pb_json_array(&j, "kinds");
	for (uint32_t i = 0; i < t->n_frames; i++)
		pb_json_uint(&j, NULL, t->frames[i].kind);
	pb_json_end(&j, ']');
	pb_json_end(&j, '}');
}

/* LEB128: seven bits a byte, the lowest first, the top bit where more follow. */
static void put_number(FILE *out, uint64_t value)
{
	for (; value >= 128; value >>= 7)
		putc_unlocked((int)(value & 127) | 128, out);
	putc_unlocked((int)value, out);
}

/* Nodes of nothing, by any value, have no width: they and all below them are left out, but for the root. */
static void put_nodes(const struct page *page, FILE *out)
{
	const struct pb_tree *t = page->tree;
	uint32_t last = 0;

	for (uint32_t i = 1; i < t->n_nodes; i++) {
		uint32_t up = 0;

		if (!page->drawn[i])
			continue;
		/* each step up leaves a node for good: O(nodes) in all */
		for (; last != t->nodes[i].parent; last = t->nodes[last].parent)
			up++;
		put_number(out, up);
		last = i;
	}
	for (uint32_t i = 0; i < t->n_nodes; i++) {
		if (page->drawn[i])
			put_number(out, i ? (uint64_t)t->nodes[i].frame + 1 : 0);
	}
	for (uint32_t v = 0; v < page->n_shown; v++) {
		for (uint32_t i = 0; i < t->n_nodes; i++) {
			if (page->drawn[i])
				put_number(out, page->self[v][i]);
		}
	}
}

/* @len is a multiple of three but at the end. */
static void put_base64(FILE *out, const unsigned char *in, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t bits = (uint32_t)in[i] << 16;

		bits |= i + 1 < len ? (uint32_t)in[i + 1] << 8 : 0;
		bits |= i + 2 < len ? in[i + 2] : 0;
		putc_unlocked(digits[bits >> 18], out);
		putc_unlocked(digits[bits >> 12 & 63], out);
		putc_unlocked(i + 1 < len ? digits[bits >> 6 & 63] : '=', out);
		putc_unlocked(i + 2 < len ? digits[bits & 63] : '=', out);
	}
}

static int put_deflated(FILE *out, const char *data, size_t size)
{
	unsigned char chunk[12288]; /* a multiple of three */
	z_stream z = {0};
	int status;

	if (deflateInit(&z, Z_DEFAULT_COMPRESSION) != Z_OK)
		return -ENOMEM;
	z.next_in = (unsigned char *)data;
	do {
		z.next_out = chunk;
		z.avail_out = sizeof(chunk);
		do {
			size_t left = size - (size_t)(z.next_in - (unsigned char *)data);

			if (!z.avail_in) /* its counters are 32 bits wide */
				z.avail_in = left > 1u << 30 ? 1u << 30 : (uInt)left;
			status = deflate(&z, z.avail_in == left ? Z_FINISH : Z_NO_FLUSH);
		} while (status == Z_OK && z.avail_out);
		put_base64(out, chunk, sizeof(chunk) - z.avail_out);
	} while (status == Z_OK || status == Z_BUF_ERROR);
	deflateEnd(&z);
	return status == Z_STREAM_END ? 0 : -ENOMEM;
}

static int put_data(struct page *page)
{
	const struct pb_tree *t = page->tree;
	pb_autofree char *data = NULL;
	uint32_t n_nodes = 0;
	size_t size;
	bool failed;
	FILE *mem;

	for (uint32_t i = 0; i < t->n_nodes; i++)
		n_nodes += page->drawn[i];
	mem = open_memstream(&data, &size);
	if (!mem)
		return -ENOMEM;
	put_frames(page, mem, n_nodes);
	fputc(0, mem);
	put_nodes(page, mem);
	failed = ferror(mem);
	if (fclose(mem) || failed)
		return -ENOMEM;
	return put_deflated(page->out, data, size);
}

static const struct slot {
	const char *name;
	int (*put)(struct page *page);
} slots[] = {
	{"css", put_css},       {"data", put_data},       {"facts", put_facts},
	{"footer", put_footer}, {"js", put_js},           {"ledger", put_ledger},
	{"model", put_model},   {"notices", put_notices}, {"table", put_table},
	{"target", put_target}, {"title", put_title},     {"tool", put_tool},
};

static int put_slot(struct page *page, const char *name, size_t len)
{
	for (size_t i = 0; i < PB_ARRAY_SIZE(slots); i++) {
		if (strlen(slots[i].name) == len && !memcmp(slots[i].name, name, len))
			return slots[i].put(page);
	}
	return 0; /* test_html.c fails on a slot that nobody fills */
}

static int put_page(struct page *page)
{
	const char *at = pb_page_html;
	const char *open, *close;
	int err;

	while ((open = memmem(at, (size_t)(pb_page_html_end - at), "{{", 2))) {
		close = memmem(open, (size_t)(pb_page_html_end - open), "}}", 2);
		if (!close)
			break;
		fwrite(at, 1, (size_t)(open - at), page->out);
		err = put_slot(page, open + 2, (size_t)(close - open) - 2);
		if (err)
			return err;
		at = close + 2;
	}
	fwrite(at, 1, (size_t)(pb_page_html_end - at), page->out);
	return ferror(page->out) ? -EIO : 0;
}

/* A clock's samples are its time in another unit: one of the two is enough. */
static bool is_same(const struct pb_profile *p, uint32_t a, uint32_t b)
{
	unsigned __int128 all_a = pb_profile_total(p, a), all_b = pb_profile_total(p, b);

	if (strcmp(p->value_types[a].type, "samples") != 0 &&
	    strcmp(p->value_types[b].type, "samples") != 0)
		return false;
	if (!all_a || !all_b)
		return false;
	for (uint32_t i = 0; i < p->n_samples; i++) {
		const uint64_t *v = &p->values[(size_t)i * p->n_values];

		if (v[a] * all_b != v[b] * all_a)
			return false;
	}
	return true;
}

/* Values of which there is something; where there is nothing at all, the chosen one. */
static void choose_values(struct page *page)
{
	uint32_t chosen = page->o->value;

	for (uint32_t v = 0; v < page->p->n_values; v++) {
		if (!pb_profile_total(page->p, v) || (v != chosen && is_same(page->p, v, chosen)))
			continue;
		if (v == chosen)
			page->first = page->n_shown;
		page->shown[page->n_shown++] = v;
	}
	if (!page->n_shown)
		page->shown[page->n_shown++] = chosen;
	page->value = &page->p->value_types[page->shown[page->first]];
}

/* The nodes of all trees are the same; only what they weigh differs. */
static int add_value(struct page *page, uint32_t v)
{
	const struct pb_tree_opts by = {.value = page->shown[v], .lines = page->o->lines};
	pb_auto(pb_tree) struct pb_tree *tree = NULL;
	int err = pb_tree_build(&tree, page->p, &by);

	if (err)
		return err;
	page->self[v] = calloc(tree->n_nodes, sizeof(*page->self[v]));
	if (!page->drawn)
		page->drawn = calloc(tree->n_nodes, sizeof(*page->drawn));
	if (!page->self[v] || !page->drawn)
		return -ENOMEM;
	for (uint32_t i = 0; i < tree->n_nodes; i++) {
		page->self[v][i] = tree->nodes[i].self;
		page->drawn[i] |= !i || tree->nodes[i].total;
	}
	if (v == page->first)
		page->tree = pb_take(tree);
	return 0;
}

int pb_render_html(FILE *out, const struct pb_profile *p, const struct pb_report *r,
		   const struct pb_render_opts *o)
{
	struct page page = {.out = out, .p = p, .r = r, .o = o};
	int err = 0;

	choose_values(&page);
	for (uint32_t v = 0; v < page.n_shown && !err; v++)
		err = add_value(&page, v);
	if (!err)
		err = put_page(&page);
	pb_tree_free(page.tree);
	free(page.drawn);
	for (uint32_t v = 0; v < page.n_shown; v++)
		free(page.self[v]);
	return err;
}
