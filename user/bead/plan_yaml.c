/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/plan_yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <yaml.h>

#include "user/bead/plan.h"
#include "user/core/grow.h"
#include "user/core/text.h"

/* One run over the events of a text. */
struct builder {
	yaml_parser_t parser;
	const char *text;
	size_t size;
	struct pb_plan_complaint *complaint;
};

int pb_plan_complain(struct pb_plan_complaint *complaint, uint32_t line, uint32_t column,
		     const char *fmt, ...)
{
	char raw[sizeof(complaint->text)];
	va_list ap;

	if (complaint->line)
		return -EINVAL;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	complaint->line = line;
	complaint->column = column;
	pb_text_safe_line(complaint->text, sizeof(complaint->text), raw, strlen(raw));
	return -EINVAL;
}

/* YAML allows a few more than these; a plan needs none of them. Source: YAML 1.2.2, 5.1. */
static bool may_stand_in_a_plan(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0x7f) ||
	       (c >= 0xa0 && c != 0xfeff && c < 0xfffe) || c > 0xffff;
}

/* What libyaml would tell without a place. */
static int check_characters(const char *text, size_t size, struct pb_plan_complaint *complaint)
{
	uint32_t line = 1, column = 1, c;
	size_t at = 0;

	if (size > PB_PLAN_BYTES_MAX)
		return pb_plan_complain(complaint, 1, 1, "a plan has at most %u bytes",
					PB_PLAN_BYTES_MAX);
	if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		at = 3; /* a byte order mark */
	while (at < size) {
		size_t len = pb_text_decode(text + at, size - at, &c);

		if (!len)
			return pb_plan_complain(complaint, line, column,
						"the byte 0x%02x is not UTF-8, which a plan is in",
						(uint8_t)text[at]);
		if (!may_stand_in_a_plan(c))
			return pb_plan_complain(complaint, line, column,
						"the control character U+%04X may not stand in a "
						"plan",
						c);
		at += len;
		column++;
		if (c == '\n') {
			line++;
			column = 1;
		}
	}
	return 0;
}

/* The byte at a place, which libyaml counts from 0; NUL if there is none. */
static char byte_at(const struct builder *b, const yaml_mark_t *mark)
{
	const char *p = b->text, *end = b->text + b->size;
	size_t line, column = 0;

	for (line = 0; p < end && line < mark->line; p++)
		line += *p == '\n';
	/* Bytes behind the first of a character are 10xxxxxx. */
	for (; p < end && (column < mark->column || (*p & 0xc0) == 0x80); p++)
		column += (p[0] & 0xc0) != 0x80;
	return p < end ? *p : '\0';
}

/* What libyaml found, in our words where its own do not help. */
static int syntax_error(struct builder *b)
{
	const yaml_parser_t *p = &b->parser;
	yaml_mark_t mark = p->problem_mark;
	const char *problem = p->problem ? p->problem : "this is no YAML";

	if (p->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (byte_at(b, &mark) == '\t')
		return pb_plan_complain(
			b->complaint, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1,
			"a tab stands where only spaces may; YAML indents by spaces");
	return pb_plan_complain(b->complaint, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1,
				"%s%s%s", problem, p->context ? " " : "",
				p->context ? p->context : "");
}

static int complain_here(struct builder *b, const yaml_event_t *event, const char *what)
{
	return pb_plan_complain(b->complaint, (uint32_t)event->start_mark.line + 1,
				(uint32_t)event->start_mark.column + 1, "%s", what);
}

static int next_event(struct builder *b, yaml_event_t *event)
{
	return yaml_parser_parse(&b->parser, event) ? 0 : syntax_error(b);
}

static void drop_content(struct pb_plan_node *node)
{
	free(node->text);
	for (uint32_t i = 0; i < node->n_items; i++)
		drop_content(&node->items[i]);
	free(node->items);
}

void pb_plan_node_free(struct pb_plan_node *node)
{
	if (!node)
		return;
	drop_content(node);
	free(node);
}

static int read_text(struct builder *b, struct pb_plan_node *node, const yaml_event_t *event)
{
	size_t len = event->data.scalar.length;

	if (memchr(event->data.scalar.value, '\0', len))
		return complain_here(b, event, "a text holds a NUL, which no command can take");
	node->kind = PB_PLAN_TEXT;
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->text = strndup((const char *)event->data.scalar.value, len);
	return node->text ? 0 : -ENOMEM;
}

/* A key just read, @node's last item: a text, and a new one. */
static int check_key(struct builder *b, const struct pb_plan_node *node)
{
	const struct pb_plan_node *key = &node->items[node->n_items - 1];

	if (key->kind != PB_PLAN_TEXT)
		return pb_plan_complain(b->complaint, key->line, key->column,
					"a key has to be a text");
	for (uint32_t i = 0; i + 1 < node->n_items; i += 2) {
		if (!strcmp(node->items[i].text, key->text))
			return pb_plan_complain(
				b->complaint, key->line, key->column,
				"the key \"%s\" stands here twice, first in line %u", key->text,
				node->items[i].line);
	}
	return 0;
}

static int read_node(struct builder *b, struct pb_plan_node *node, const yaml_event_t *event,
		     unsigned int depth);

/* Until the event that ends it. */
static int read_items(struct builder *b, struct pb_plan_node *node, unsigned int depth)
{
	bool is_map = node->kind == PB_PLAN_MAP;
	uint32_t most = is_map ? 2 * PB_PLAN_ITEMS_MAX : PB_PLAN_ITEMS_MAX;
	yaml_event_t event;
	int err = 0;

	while (!err) {
		bool is_end;

		err = next_event(b, &event);
		if (err)
			return err;
		is_end = event.type == YAML_MAPPING_END_EVENT ||
			 event.type == YAML_SEQUENCE_END_EVENT;
		if (!is_end && node->n_items == most)
			err = pb_plan_complain(b->complaint, node->line, node->column,
					       "there are more than %d items in one %s",
					       PB_PLAN_ITEMS_MAX, is_map ? "map" : "list");
		else if (!is_end)
			err = pb_grow(&node->items, &node->room, (uint64_t)node->n_items + 1,
				      sizeof(*node->items));
		if (!err && !is_end) {
			struct pb_plan_node *item = &node->items[node->n_items++];

			*item = (struct pb_plan_node){0};
			err = read_node(b, item, &event, depth + 1);
			if (!err && is_map && node->n_items % 2)
				err = check_key(b, node);
		}
		yaml_event_delete(&event);
		if (is_end)
			return 0;
	}
	return err;
}

static bool has_tag(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return event->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.tag;
	default:
		return event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.tag;
	}
}

static bool has_anchor(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return true;
	case YAML_SCALAR_EVENT:
		return event->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.anchor;
	default:
		return event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.anchor;
	}
}

/* @event begins it, and is the caller's. */
static int read_node(struct builder *b, struct pb_plan_node *node, const yaml_event_t *event,
		     unsigned int depth)
{
	node->line = (uint32_t)event->start_mark.line + 1;
	node->column = (uint32_t)event->start_mark.column + 1;
	if (has_anchor(event))
		return complain_here(b, event, "a plan has no anchors and aliases; write it out");
	if (has_tag(event))
		return complain_here(b, event, "a plan has no tags, which begin with \"!\"");
	if (event->type == YAML_SCALAR_EVENT)
		return read_text(b, node, event);
	if (depth >= PB_PLAN_DEPTH_MAX)
		return pb_plan_complain(b->complaint, node->line, node->column,
					"this is nested more than %d deep", PB_PLAN_DEPTH_MAX);
	node->kind = event->type == YAML_MAPPING_START_EVENT ? PB_PLAN_MAP : PB_PLAN_LIST;
	return read_items(b, node, depth);
}

/* The stream of one document. */
static int read_document(struct builder *b, struct pb_plan_node *root)
{
	bool has_root = false, done = false;
	yaml_event_t event;
	int err = 0;

	while (!err && !done) {
		err = next_event(b, &event);
		if (err)
			return err;
		switch (event.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_STREAM_END_EVENT:
			done = true;
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (has_root)
				err = complain_here(b, &event,
						    "a second document begins; a plan is one");
			break;
		default:
			err = read_node(b, root, &event, 0);
			has_root = true;
		}
		yaml_event_delete(&event);
	}
	if (!err && !has_root)
		err = pb_plan_complain(b->complaint, 1, 1, "the plan is empty");
	return err;
}

int pb_plan_yaml_read(struct pb_plan_node **out, const char *text, size_t size,
		      struct pb_plan_complaint *complaint)
{
	pb_auto(pb_plan_node) struct pb_plan_node *root = calloc(1, sizeof(*root));
	struct builder b = {.text = text, .size = size, .complaint = complaint};
	int err;

	if (!root)
		return -ENOMEM;
	err = check_characters(text, size, complaint);
	if (err)
		return err;
	if (!yaml_parser_initialize(&b.parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, size);
	err = read_document(&b, root);
	yaml_parser_delete(&b.parser);
	if (err)
		return err;
	*out = pb_take(root);
	return 0;
}
