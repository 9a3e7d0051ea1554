/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Commands of a plan: lists of words, or texts that are split as a shell would, without being one. */
#include "user/bead/plan_walk.h"

#include <errno.h>
#include <string.h>

#include "user/bead/plan.h"
#include "user/core/grow.h"

/* One text as it is taken apart. */
struct splitter {
	struct pb_plan_complaint *complaint;
	const struct pb_plan_node *node;
	const char *what;
	const char *at;
	char *word; /* as long as the text at most */
	size_t len;
	bool has_word; /* quotes make one even where it is empty */
};

static int complain(const struct splitter *s, const char *why)
{
	return pb_plan_complain(s->complaint, s->node->line, s->node->column, "%s %s", s->what,
				why);
}

static int needs_a_shell(const struct splitter *s, char c)
{
	return pb_plan_complain(s->complaint, s->node->line, s->node->column,
				"%s holds \"%c\", and no shell will read it; quote it, or write "
				"[sh, -c, \"...\"]",
				s->what, c);
}

/* Behind the opening quote, to behind the closing one. Source: POSIX.1-2017, XCU 2.2. */
static int read_quoted(struct splitter *s, char quote)
{
	for (; *s->at && *s->at != quote; s->at++) {
		if (quote == '"' && (*s->at == '$' || *s->at == '`'))
			return needs_a_shell(s, *s->at);
		if (quote == '"' && *s->at == '\\' && s->at[1] && strchr("$`\"\\", s->at[1]))
			s->at++;
		s->word[s->len++] = *s->at;
	}
	if (!*s->at)
		return complain(s, "has a quote that is not closed");
	s->at++;
	return 0;
}

/* One word into s->word. */
static int read_word(struct splitter *s)
{
	int err = 0;

	s->len = 0;
	s->has_word = false;
	while (!err && *s->at && !strchr(" \t\n", *s->at)) {
		char c = *s->at++;

		s->has_word = true;
		if (c == '\'' || c == '"')
			err = read_quoted(s, c);
		else if (c == '\\' && !*s->at)
			err = complain(s, "ends in a backslash");
		else if (c == '\\')
			s->word[s->len++] = *s->at++;
		else if (strchr("|&;<>()$`*?", c) || (!s->len && strchr("#~", c)))
			err = needs_a_shell(s, c);
		else
			s->word[s->len++] = c;
	}
	s->word[s->len] = '\0';
	return err;
}

/* @words is kept NULL-terminated. */
static int add_word(char ***words, uint32_t *n, uint32_t *room, const char *word)
{
	int err = pb_grow(words, room, (uint64_t)*n + 2, sizeof(**words));

	if (err)
		return err;
	(*words)[*n + 1] = NULL;
	(*words)[*n] = strdup(word);
	return (*words)[(*n)++] ? 0 : -ENOMEM;
}

static int split(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		 const char *what, char ***words, uint32_t *n)
{
	pb_autofree char *word = malloc(strlen(value->text) + 1);
	struct splitter s = {complaint, value, what, value->text, word, 0, false};
	uint32_t room = 0;
	int err = word ? 0 : -ENOMEM;

	while (!err) {
		s.at += strspn(s.at, " \t\n");
		if (!*s.at)
			return 0;
		err = read_word(&s);
		if (!err && *n == PB_PLAN_ITEMS_MAX)
			err = complain(&s, "has too many words");
		if (!err && s.has_word)
			err = add_word(words, n, &room, word);
	}
	return err;
}

static int read_list(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		     const char *what, char ***words, uint32_t *n)
{
	uint32_t room = 0;
	char item[128];
	int err = 0;

	for (uint32_t i = 0; i < value->n_items && !err; i++) {
		snprintf(item, sizeof(item), "word %u of %s", i + 1, what);
		err = pb_plan_check_text(complaint, &value->items[i], item);
		if (!err)
			err = add_word(words, n, &room, value->items[i].text);
	}
	return err;
}

int pb_plan_read_command(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
			 const char *what, char ***out)
{
	char **words = NULL;
	uint32_t n = 0;
	int err;

	if (value->kind == PB_PLAN_MAP)
		return pb_plan_complain(complaint, value->line, value->column,
					"%s has to be a command, a list of words or a text", what);
	err = value->kind == PB_PLAN_LIST ? read_list(complaint, value, what, &words, &n)
					  : split(complaint, value, what, &words, &n);
	if (!err && (!n || !words[0][0]))
		err = pb_plan_complain(complaint, value->line, value->column,
				       "%s is no command: it has no first word", what);
	if (err) {
		pb_plan_words_free(words);
		return err;
	}
	*out = words;
	return 0;
}
