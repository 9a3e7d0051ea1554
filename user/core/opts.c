/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Checked number parsers, and the option parser over a program's tables. */
#include "user/core/opts.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "user/core/log.h"
#include "user/core/nearest.h"

#define NS_PER_S     1000000000ull
#define PIDS_MAX     4096
#define PID_MAX      4194304 /* PID_MAX_LIMIT, linux/threads.h */
#define NAME_MAX_LEN 32      /* longest long name that a suggestion is looked up for */
#define RANGE_LEN    64
#define REAL_LEN     512 /* of a number that is not an integer, as text */
#define DIGITS       "0123456789"

struct unit {
	const char *name;
	uint64_t factor;
};

/* Smallest first: the printer takes the last one that divides. */
static const struct unit duration_units[] = {
	{"ns", 1},       {"us", 1000},         {"ms", 1000000},
	{"s", NS_PER_S}, {"m", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S},
};
static const struct unit size_units[] = {{"", 1}, {"k", 1024}, {"M", 1 << 20}, {"G", 1 << 30}};

/*
 * Read decimal digits. A number that does not fit still has to be read to its end, because junk
 * behind it is the better complaint: hence *overflow instead of an error.
 */
static const char *read_digits(const char *text, uint64_t *out, bool *overflow)
{
	*out = 0;
	*overflow = false;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (__builtin_mul_overflow(*out, 10, out) ||
		    __builtin_add_overflow(*out, (uint64_t)(*text - '0'), out))
			*overflow = true;
	}
	return text;
}

int pb_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t value;
	bool overflow;
	const char *end = read_digits(text, &value, &overflow);

	if (end == text || *end)
		return -EINVAL;
	if (overflow || value < min || value > max)
		return -ERANGE;
	*out = value;
	return 0;
}

int pb_parse_size(const char *text, uint64_t *out_bytes)
{
	uint64_t value, factor = 1;
	bool overflow;
	const char *end = read_digits(text, &value, &overflow);

	if (end == text)
		return -EINVAL;
	for (size_t i = 1; i < PB_ARRAY_SIZE(size_units); i++) {
		if (!strncasecmp(end, size_units[i].name, 1))
			factor = size_units[i].factor;
	}
	if (factor > 1)
		end++;
	if (*end && strcasecmp(end, "b") && (factor == 1 || strcasecmp(end, "ib")))
		return -EINVAL;
	if (overflow || __builtin_mul_overflow(value, factor, &value))
		return -ERANGE;
	*out_bytes = value;
	return 0;
}

/* Digits behind a decimal point, as billionths; what is smaller is cut off. */
static const char *read_fraction(const char *text, uint64_t *billionths)
{
	uint64_t weight = NS_PER_S / 10;

	*billionths = 0;
	for (; *text >= '0' && *text <= '9'; text++) {
		*billionths += weight * (uint64_t)(*text - '0');
		weight /= 10;
	}
	return text;
}

int pb_parse_duration(const char *text, uint64_t *out_ns)
{
	uint64_t whole, billionths = 0, factor = 0, ns, part;
	bool overflow;
	const char *end = read_digits(text, &whole, &overflow);
	bool any = end != text;

	if (*end == '.') {
		const char *fraction = end + 1;

		end = read_fraction(fraction, &billionths);
		any = end != fraction;
	}
	if (!any)
		return -EINVAL;
	if (!*end)
		factor = NS_PER_S;
	for (size_t i = 0; i < PB_ARRAY_SIZE(duration_units); i++) {
		if (!strcmp(end, duration_units[i].name))
			factor = duration_units[i].factor;
	}
	if (!factor)
		return -EINVAL;
	/* Both products stay below 2^53: the division comes first where the factor is large. */
	part = factor >= NS_PER_S ? billionths * (factor / NS_PER_S)
				  : billionths * factor / NS_PER_S;
	if (overflow || __builtin_mul_overflow(whole, factor, &ns) ||
	    __builtin_add_overflow(ns, part, &ns))
		return -ERANGE;
	*out_ns = ns;
	return 0;
}

/* How long the decimal number at the start of @text is; 0 if there is none. */
static size_t real_length(const char *text)
{
	size_t sign = *text == '-' || *text == '+';
	size_t whole = strspn(text + sign, DIGITS), len = sign + whole, fraction = 0, exponent;

	if (text[len] == '.') {
		fraction = strspn(text + len + 1, DIGITS);
		len += 1 + fraction;
	}
	if (!whole && !fraction)
		return 0;
	if (text[len] != 'e' && text[len] != 'E')
		return len;
	exponent = 1 + (text[len + 1] == '-' || text[len + 1] == '+');
	if (!strspn(text + len + exponent, DIGITS))
		return len;
	return len + exponent + strspn(text + len + exponent, DIGITS);
}

size_t pb_parse_real_prefix(const char *text, double *out)
{
	size_t len = real_length(text);
	char digits[REAL_LEN]; /* strtod() would read on: "0x10" is a 0 here */

	if (!len || len >= sizeof(digits))
		return 0;
	memcpy(digits, text, len);
	digits[len] = '\0';
	*out = strtod(digits, NULL);
	return len;
}

int pb_parse_real(const char *text, double *out)
{
	double value = 0;
	size_t len = pb_parse_real_prefix(text, &value);

	if (!len || text[len])
		return -EINVAL;
	if (!isfinite(value))
		return -ERANGE;
	*out = value;
	return 0;
}

/* As a person would type it: the largest unit that divides @value. */
static void print_value(char *buf, size_t size, enum pb_opt_kind kind, uint64_t value)
{
	const struct unit *units = kind == PB_OPT_DURATION ? duration_units : size_units;
	size_t n =
		kind == PB_OPT_DURATION ? PB_ARRAY_SIZE(duration_units) : PB_ARRAY_SIZE(size_units);
	size_t i = n - 1;

	if (kind == PB_OPT_UINT || !value) {
		snprintf(buf, size, "%" PRIu64, value);
		return;
	}
	while (value % units[i].factor)
		i--;
	snprintf(buf, size, "%" PRIu64 "%s", value / units[i].factor, units[i].name);
}

void pb_opts_range(char *buf, size_t size, const struct pb_option *o)
{
	char min[24], max[24];

	print_value(min, sizeof(min), o->kind, o->min);
	print_value(max, sizeof(max), o->kind, o->max);
	if (o->max && o->min)
		snprintf(buf, size, "%s to %s", min, max);
	else if (o->max)
		snprintf(buf, size, "at most %s", max);
	else if (o->min)
		snprintf(buf, size, "at least %s", min);
	else
		snprintf(buf, size, "%s", "");
}

/* One run over argv. */
struct parser {
	const struct pb_program *program;
	char **argv;
	int argc;
	int next; /* word to read next */
	void *args;
	struct pb_parsed *parsed;
	bool done; /* an action was given, or "--" */
};

/* An option as the person wrote it: "-p" or "--pid". */
struct written {
	const struct pb_option *option;
	char name[NAME_MAX_LEN * 2];
};

static bool is_option(const struct pb_option *o)
{
	return o->kind != PB_OPT_GROUP && o->kind != PB_OPT_COMMAND;
}

static bool takes_value(const struct pb_option *o)
{
	return o->kind != PB_OPT_FLAG && o->kind != PB_OPT_ACTION;
}

static void *member(const struct pb_option *o, void *args)
{
	return (char *)args + o->offset;
}

static int add_to_list(struct pb_list *list, const char *value)
{
	const char **items = reallocarray(list->items, (size_t)list->n + 1, sizeof(*items));

	if (!items)
		return pb_fail(ENOMEM, "out of memory for the options");
	items[list->n++] = value;
	list->items = items;
	return 0;
}

static int add_pid(struct pb_pids *pids, const char *name, const char *text)
{
	uint64_t id;
	uint32_t *ids;

	if (pb_parse_uint(text, 1, PID_MAX, &id))
		return pb_fail(EINVAL, "%s: \"%s\" is not a process id", name, text);
	for (uint32_t i = 0; i < pids->n; i++) {
		if (pids->ids[i] == id)
			return 0;
	}
	if (pids->n == PIDS_MAX)
		return pb_fail(EINVAL, "%s: more than %d processes; use -a or --cgroup", name,
			       PIDS_MAX);
	ids = reallocarray(pids->ids, (size_t)pids->n + 1, sizeof(*ids));
	if (!ids)
		return pb_fail(ENOMEM, "out of memory for the options");
	ids[pids->n++] = (uint32_t)id;
	pids->ids = ids;
	return 0;
}

static int add_pids(struct pb_pids *pids, const char *name, const char *value)
{
	pb_autofree char *copy = strdup(value);
	char *rest = copy, *text;
	int err = 0;

	if (!copy)
		return pb_fail(ENOMEM, "out of memory for the options");
	while (!err && (text = strsep(&rest, ",")))
		err = add_pid(pids, name, text);
	return err;
}

static int set_number(const struct written *w, const char *value, uint64_t *out)
{
	const struct pb_option *o = w->option;
	uint64_t number = 0;
	char range[RANGE_LEN];
	const char *what;
	int err;

	switch (o->kind) {
	case PB_OPT_SIZE:
		what = "size (like 4096, 64k, 2M)";
		err = pb_parse_size(value, &number);
		break;
	case PB_OPT_DURATION:
		what = "duration (like 10, 2.5s, 100ms, 5m)";
		err = pb_parse_duration(value, &number);
		break;
	default:
		what = "number";
		err = pb_parse_uint(value, 0, UINT64_MAX, &number);
		break;
	}
	if (err == -EINVAL)
		return pb_fail(EINVAL, "%s: \"%s\" is not a %s", w->name, value, what);
	if (err || number < o->min || (o->max && number > o->max)) {
		pb_opts_range(range, sizeof(range), o);
		return pb_fail(EINVAL, "%s: %s is out of range%s%s", w->name, value,
			       *range ? ", " : "", range);
	}
	*out = number;
	return 0;
}

static int set_choice(const struct written *w, const char *value, uint32_t *out)
{
	char all[256] = "";
	size_t used = 0;

	for (uint32_t i = 0; w->option->choices[i]; i++) {
		if (!strcmp(w->option->choices[i], value)) {
			*out = i;
			return 0;
		}
		if (used < sizeof(all))
			used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s",
						 i ? ", " : "", w->option->choices[i]);
	}
	return pb_fail(EINVAL, "%s: \"%s\" is not one of: %s", w->name, value, all);
}

static int set_value(const struct written *w, const char *value, void *args)
{
	const struct pb_option *o = w->option;

	if (!*value)
		return pb_fail(EINVAL, "%s needs a value", w->name);
	switch (o->kind) {
	case PB_OPT_UINT:
	case PB_OPT_SIZE:
	case PB_OPT_DURATION:
		return set_number(w, value, member(o, args));
	case PB_OPT_CHOICE:
		return set_choice(w, value, member(o, args));
	case PB_OPT_LIST:
		return add_to_list(member(o, args), value);
	case PB_OPT_PIDS:
		return add_pids(member(o, args), w->name, value);
	default:
		*(const char **)member(o, args) = value;
		return 0;
	}
}

static void set_flag(struct parser *ps, const struct pb_option *o)
{
	if (o->kind == PB_OPT_ACTION) {
		*(uint32_t *)member(o, ps->args) = o->action;
		ps->done = true;
	} else {
		*(bool *)member(o, ps->args) = !o->action;
	}
}

/* The value is the next word. */
static int set_next(struct parser *ps, const struct written *w)
{
	bool any_text = w->option->kind == PB_OPT_STRING || w->option->kind == PB_OPT_LIST;
	const char *word = ps->next < ps->argc ? ps->argv[ps->next] : NULL;

	if (!word || !strcmp(word, "--"))
		return pb_fail(EINVAL, "%s needs a value", w->name);
	if (any_text && word[0] == '-' && word[1])
		return pb_fail(
			EINVAL,
			"%s needs a value, and %s looks like an option (%s%s%s if it is meant)",
			w->name, word, w->name, w->name[1] == '-' ? "=" : "", word);
	ps->next++;
	return set_value(w, word, ps->args);
}

/* The long name that was probably meant, or NULL: a third of the letters may be wrong. */
static const char *nearest(const struct pb_program *program, const char *name, size_t len)
{
	unsigned int best = pb_nearest_limit(len);
	const char *found = NULL;

	if (!len || len > NAME_MAX_LEN)
		return NULL;
	for (const struct pb_option *const *t = program->tables; *t; t++) {
		for (const struct pb_option *o = *t; o->kind != PB_OPT_END; o++) {
			size_t m = o->long_name && is_option(o) ? strlen(o->long_name) : 0;
			unsigned int distance;

			if (!m || m > NAME_MAX_LEN || o->hidden)
				continue;
			distance = pb_nearest_distance(name, len, o->long_name, m);
			if (distance < best) {
				best = distance;
				found = o->long_name;
			}
		}
	}
	return found;
}

static int unknown_option(const struct pb_program *program, const char *word, size_t len)
{
	size_t dashes = strspn(word, "-");
	const char *name = nearest(program, word + dashes, len > dashes ? len - dashes : 0);

	if (name)
		return pb_fail(EINVAL, "unknown option %.*s (did you mean --%s?)", (int)len, word,
			       name);
	return pb_fail(EINVAL, "unknown option %.*s (--help lists all)", (int)len, word);
}

/*
 * The option of this long name or unique abbreviation. Hidden ones only by their full name: they
 * must not make the abbreviation of a public one ambiguous. If it is, both candidates are set.
 */
static const struct pb_option *find_long(const struct pb_program *program, const char *name,
					 size_t len, const struct pb_option *candidates[2])
{
	candidates[0] = candidates[1] = NULL;
	for (const struct pb_option *const *t = program->tables; *t; t++) {
		for (const struct pb_option *o = *t; o->kind != PB_OPT_END; o++) {
			if (!is_option(o) || !o->long_name || strncmp(o->long_name, name, len))
				continue;
			if (!o->long_name[len])
				return o;
			if (!len || o->hidden)
				continue;
			if (!candidates[0])
				candidates[0] = o;
			else if (!candidates[1])
				candidates[1] = o;
		}
	}
	return candidates[1] ? NULL : candidates[0];
}

static int parse_long(struct parser *ps, const char *word)
{
	const char *name = word + 2, *value = strchr(name, '=');
	size_t len = value ? (size_t)(value - name) : strlen(name);
	const struct pb_option *candidates[2];
	struct written w = {.option = find_long(ps->program, name, len, candidates)};

	if (candidates[1] && !w.option)
		return pb_fail(EINVAL, "--%.*s is ambiguous: --%s, --%s", (int)len, name,
			       candidates[0]->long_name, candidates[1]->long_name);
	if (!w.option)
		return unknown_option(ps->program, word, len + 2);
	snprintf(w.name, sizeof(w.name), "--%s", w.option->long_name);
	if (takes_value(w.option))
		return value ? set_value(&w, value + 1, ps->args) : set_next(ps, &w);
	if (value)
		return pb_fail(EINVAL, "%s takes no value", w.name);
	set_flag(ps, w.option);
	return 0;
}

static const struct pb_option *find_short(const struct pb_program *program, char name)
{
	for (const struct pb_option *const *t = program->tables; *t; t++) {
		for (const struct pb_option *o = *t; o->kind != PB_OPT_END; o++) {
			if (is_option(o) && o->short_name == name)
				return o;
		}
	}
	return NULL;
}

static int unknown_short(const struct pb_program *program, const char *word, char name)
{
	const struct pb_option *candidates[2];
	const struct pb_option *o = find_long(program, word + 1, strlen(word + 1), candidates);

	/* A long name behind one dash: "-from" is more likely --from than -f -r -o -m. */
	if (o && word[2])
		return pb_fail(EINVAL, "unknown option %s (did you mean --%s?)", word,
			       o->long_name);
	return pb_fail(EINVAL, "unknown option -%c (--help lists all)", name);
}

/* "-qv", "-p1,2", "-qp 1": flags, then perhaps one option whose value is the rest. */
static int parse_short(struct parser *ps, const char *word)
{
	for (const char *c = word + 1; *c && !ps->done; c++) {
		struct written w = {.option = find_short(ps->program, *c)};

		if (!w.option)
			return unknown_short(ps->program, word, *c);
		snprintf(w.name, sizeof(w.name), "-%c", *c);
		if (takes_value(w.option))
			return c[1] ? set_value(&w, c + 1, ps->args) : set_next(ps, &w);
		set_flag(ps, w.option);
	}
	return 0;
}

static int parse_bare(struct parser *ps, const char *word)
{
	const struct pb_program *program = ps->program;
	uint64_t ns;
	bool number = (program->has_bare_duration || program->has_interval) &&
		      pb_parse_duration(word, &ns) != -EINVAL;

	if (ps->parsed->n_words < program->max_words) {
		ps->parsed->words[ps->parsed->n_words++] = word;
		return 0;
	}
	if (number && !ps->parsed->bare) {
		ps->parsed->bare = word;
		return 0;
	}
	if (number && program->has_interval && !ps->parsed->count) {
		ps->parsed->count = word;
		return 0;
	}
	if (number)
		return pb_fail(EINVAL, "unexpected \"%s\": the %s is already %s", word,
			       program->has_interval ? "interval" : "duration", ps->parsed->bare);
	if (ps->program->has_command)
		return pb_fail(EINVAL, "unexpected \"%s\" (a command to run goes behind --)", word);
	return pb_fail(EINVAL, "unexpected \"%s\"", word);
}

/* What is behind "--". */
static int parse_command(struct parser *ps)
{
	ps->done = true;
	if (ps->program->has_command && ps->next == ps->argc)
		return pb_fail(EINVAL, "-- needs a command behind it");
	if (ps->program->has_command)
		ps->parsed->command = ps->argv + ps->next;
	else if (ps->next < ps->argc)
		return pb_fail(EINVAL, "unexpected \"%s\": %s runs no command", ps->argv[ps->next],
			       ps->program->name);
	return 0;
}

static int parse_word(struct parser *ps)
{
	const char *word = ps->argv[ps->next++];

	if (!strcmp(word, "--"))
		return parse_command(ps);
	if (word[0] == '-' && word[1] == '-')
		return parse_long(ps, word);
	if (word[0] == '-' && word[1])
		return parse_short(ps, word);
	return parse_bare(ps, word);
}

int pb_opts_parse(const struct pb_program *program, int argc, char **argv, void *args,
		  struct pb_parsed *parsed)
{
	struct parser ps = {
		.program = program,
		.argv = argv,
		.argc = argc,
		.next = 1,
		.args = args,
		.parsed = parsed,
	};
	int err = 0;

	*parsed = (struct pb_parsed){.has_interval = program->has_interval};
	while (!err && !ps.done && ps.next < argc)
		err = parse_word(&ps);
	if (err)
		pb_opts_free(program, args);
	return err;
}

void pb_opts_free(const struct pb_program *program, void *args)
{
	for (const struct pb_option *const *t = program->tables; *t; t++) {
		for (const struct pb_option *o = *t; o->kind != PB_OPT_END; o++) {
			struct pb_list *list = o->kind == PB_OPT_LIST ? member(o, args) : NULL;
			struct pb_pids *pids = o->kind == PB_OPT_PIDS ? member(o, args) : NULL;

			if (list) {
				free(list->items);
				*list = (struct pb_list){0};
			}
			if (pids) {
				free(pids->ids);
				*pids = (struct pb_pids){0};
			}
		}
	}
}
