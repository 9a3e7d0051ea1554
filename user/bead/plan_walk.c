/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/plan_walk.h"

#include <errno.h>
#include <string.h>

#include "user/core/nearest.h"
#include "user/core/opts.h"

#define NAME_LEN_MAX   64
#define PREFIX_LEN_MIN 3
#define NS_PER_S       1e9

static const char *const kinds[] = {"a text", "a list", "a map"};

/* Complain that @value is something else than @wanted. */
static int wrong_kind(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		      const char *what, const char *wanted)
{
	return pb_plan_complain(complaint, value->line, value->column,
				"%s has to be %s, and this is %s", what, wanted,
				kinds[value->kind]);
}

static bool is_null(const struct pb_plan_node *value)
{
	const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

	for (size_t i = 0; !value->quoted && i < PB_ARRAY_SIZE(nulls); i++) {
		if (!strcmp(value->text, nulls[i]))
			return true;
	}
	return false;
}

int pb_plan_check_text(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		       const char *what)
{
	if (value->kind != PB_PLAN_TEXT)
		return wrong_kind(complaint, value, what, kinds[PB_PLAN_TEXT]);
	if (is_null(value))
		return pb_plan_complain(complaint, value->line, value->column, "%s has no value",
					what);
	return 0;
}

int pb_plan_check_name(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		       const char *what)
{
	const char *allowed = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	int err = pb_plan_check_text(complaint, value, what);
	size_t len;

	if (err)
		return err;
	len = strlen(value->text);
	if (len > NAME_LEN_MAX)
		return pb_plan_complain(complaint, value->line, value->column,
					"%s has more than %d letters", what, NAME_LEN_MAX);
	if (!len || strspn(value->text, allowed) != len || strchr("._-", value->text[0]))
		return pb_plan_complain(complaint, value->line, value->column,
					"%s is \"%s\"; it has to be of a-z, 0-9, \".\", \"_\" and "
					"\"-\", and begin with a letter or digit",
					what, value->text);
	return 0;
}

const char *pb_plan_nearest(const char *word, const void *first_name, size_t stride, uint32_t n)
{
	size_t len = strlen(word);
	unsigned int best = pb_nearest_limit(len);
	const char *found = NULL;

	if (!len || len > PB_NEAREST_LEN_MAX)
		return NULL;
	for (uint32_t i = 0; i < n; i++) {
		const char *name = *(const char *const *)((const char *)first_name + i * stride);
		size_t m = strlen(name);
		unsigned int distance;

		if (m > PB_NEAREST_LEN_MAX)
			continue;
		/* "hotspot" for "hotspot_pct" is short of many letters, and meant all the same. */
		if (len >= PREFIX_LEN_MIN && !strncmp(name, word, len))
			return name;
		distance = pb_nearest_distance(word, len, name, m);
		if (distance < best) {
			best = distance;
			found = name;
		}
	}
	return found;
}

void pb_plan_words_free(char **words)
{
	for (char **w = words; w && *w; w++)
		free(*w);
	free(words);
}

/* A number is written bare: "1" in quotes is a text. */
static int check_number(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
			const char *what)
{
	int err;

	if (value->kind != PB_PLAN_TEXT)
		return wrong_kind(complaint, value, what, "a number");
	err = pb_plan_check_text(complaint, value, what);
	if (!err && value->quoted)
		err = pb_plan_complain(complaint, value->line, value->column,
				       "%s has to be a number, and this is a text in quotes", what);
	return err;
}

static int read_uint(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		     const char *what, const struct pb_plan_key *key, uint64_t *out)
{
	int err = check_number(complaint, value, what);

	if (err || !pb_parse_uint(value->text, (uint64_t)key->min, (uint64_t)key->max, out))
		return err;
	if (key->min == key->max)
		return pb_plan_complain(complaint, value->line, value->column,
					"%s is \"%s\"; it has to be %.0f", what, value->text,
					key->min);
	return pb_plan_complain(complaint, value->line, value->column,
				"%s is \"%s\"; it has to be a whole number from %.0f to "
				"%.0f",
				what, value->text, key->min, key->max);
}

static int read_real(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		     const char *what, const struct pb_plan_key *key, double *out)
{
	int err = check_number(complaint, value, what);
	double real = 0;

	if (err)
		return err;
	if (pb_parse_real(value->text, &real) || real < key->min || real > key->max)
		return pb_plan_complain(complaint, value->line, value->column,
					"%s is \"%s\"; it has to be a number from %g to %g", what,
					value->text, key->min, key->max);
	*out = real;
	return 0;
}

static int read_duration(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
			 const char *what, const struct pb_plan_key *key, uint64_t *out)
{
	int err = check_number(complaint, value, what);
	uint64_t ns = 0;

	if (err)
		return err;
	if (pb_parse_duration(value->text, &ns) || (double)ns < key->min * NS_PER_S ||
	    (double)ns > key->max * NS_PER_S)
		return pb_plan_complain(complaint, value->line, value->column,
					"%s is \"%s\"; it has to be a time such as 500ms, 60s or "
					"2m, from %gs to %gs",
					what, value->text, key->min, key->max);
	*out = ns;
	return 0;
}

static int read_choice(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		       const char *what, const struct pb_plan_key *key, unsigned int *out)
{
	int err = pb_plan_check_text(complaint, value, what);
	char all[256] = "";
	size_t len = 0;

	if (err)
		return err;
	for (unsigned int i = 0; key->choices[i]; i++) {
		if (!strcmp(value->text, key->choices[i])) {
			*out = i;
			return 0;
		}
		if (len < sizeof(all))
			len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", i ? ", " : "",
						key->choices[i]);
	}
	return pb_plan_complain(complaint, value->line, value->column,
				"%s is \"%s\"; it has to be one of %s", what, value->text, all);
}

static int read_text(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		     const char *what, char **out)
{
	int err = pb_plan_check_text(complaint, value, what);

	if (err)
		return err;
	*out = strdup(value->text);
	return *out ? 0 : -ENOMEM;
}

static int read_value(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		      const struct pb_plan_key *key, void *to)
{
	char what[96];
	uint64_t uint = 0;
	int err;

	snprintf(what, sizeof(what), "\"%s\"", key->name);
	switch (key->as) {
	case PB_PLAN_AS_TEXT:
		return read_text(complaint, value, what, to);
	case PB_PLAN_AS_NAME:
		err = pb_plan_check_name(complaint, value, what);
		return err ? err : read_text(complaint, value, what, to);
	case PB_PLAN_AS_UINT32:
		err = read_uint(complaint, value, what, key, &uint);
		if (!err)
			*(uint32_t *)to = (uint32_t)uint;
		return err;
	case PB_PLAN_AS_UINT64:
		return read_uint(complaint, value, what, key, to);
	case PB_PLAN_AS_REAL:
		return read_real(complaint, value, what, key, to);
	case PB_PLAN_AS_DURATION:
		return read_duration(complaint, value, what, key, to);
	case PB_PLAN_AS_CHOICE:
		return read_choice(complaint, value, what, key, to);
	case PB_PLAN_AS_COMMAND:
		return pb_plan_read_command(complaint, value, what, to);
	case PB_PLAN_AS_NODE:
		*(const struct pb_plan_node **)to = value;
		return 0;
	default:
		return key->read(complaint, value, to);
	}
}

static int unknown_key(struct pb_plan_complaint *complaint, const struct pb_plan_node *node,
		       const char *what, const struct pb_plan_key *keys)
{
	const char *near;
	uint32_t n = 0;

	while (keys[n].name)
		n++;
	near = pb_plan_nearest(node->text, &keys->name, sizeof(*keys), n);
	if (near)
		return pb_plan_complain(complaint, node->line, node->column,
					"%s has no key \"%s\" (did you mean \"%s\"?)", what,
					node->text, near);
	return pb_plan_complain(complaint, node->line, node->column, "%s has no key \"%s\"", what,
				node->text);
}

static bool has_key(const struct pb_plan_node *map, const char *name)
{
	for (uint32_t i = 0; i < map->n_items; i += 2) {
		if (!strcmp(map->items[i].text, name))
			return true;
	}
	return false;
}

int pb_plan_read_map(struct pb_plan_complaint *complaint, const struct pb_plan_node *map,
		     const char *what, const struct pb_plan_key *keys, void *target)
{
	const struct pb_plan_key *key;
	int err = 0;

	if (map->kind != PB_PLAN_MAP)
		return wrong_kind(complaint, map, what, kinds[PB_PLAN_MAP]);
	for (uint32_t i = 0; i < map->n_items && !err; i += 2) {
		const char *name = map->items[i].text;

		for (key = keys; key->name && strcmp(key->name, name); key++)
			;
		err = key->name ? read_value(complaint, &map->items[i + 1], key,
					     (char *)target + key->offset)
				: unknown_key(complaint, &map->items[i], what, keys);
	}
	for (key = keys; key->name && !err; key++) {
		if (key->required && !has_key(map, key->name))
			err = pb_plan_complain(complaint, map->line, map->column,
					       "%s lacks the key \"%s\"", what, key->name);
	}
	return err;
}

int pb_plan_read_list(struct pb_plan_complaint *complaint, const struct pb_plan_node *list,
		      const char *what, size_t element, pb_plan_read_value *read, void *out,
		      uint32_t *n)
{
	char *array;
	int err = 0;

	if (list->kind != PB_PLAN_LIST)
		return wrong_kind(complaint, list, what, kinds[PB_PLAN_LIST]);
	array = calloc((size_t)list->n_items + 1, element);
	if (!array)
		return -ENOMEM;
	*(void **)out = array;
	*n = list->n_items;
	for (uint32_t i = 0; i < list->n_items && !err; i++)
		err = read(complaint, &list->items[i], array + i * element);
	return err;
}
