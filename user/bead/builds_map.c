/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A workload of the plan, moved into a copy of the repository. */
#include "user/bead/builds.h"

#include <errno.h>
#include <string.h>

#include "user/bead/git.h"
#include "user/bead/plan.h"
#include "user/bead/plan_walk.h"
#include "user/core/log.h"

#define BOUNDS " =:,;'\""

/* A path begins where no letter of one stands before, and @from ends at a slash or with it. */
static bool begins(const char *text, const char *at)
{
	return at == text || strchr(BOUNDS, at[-1]);
}

static bool is_path_at(const char *text, const char *at, const char *from, size_t len)
{
	return !strncmp(at, from, len) && begins(text, at) &&
	       (!at[len] || strchr("/ :,;'\"", at[len]));
}

/* An absolute path with its links followed, as far as there is something; to be freed, NULL: nothing of it. */
static char *resolve(const char *at, size_t len)
{
	pb_autofree char *path = strndup(at, len), *real = NULL;
	char *whole;
	size_t end = len;

	while (path && !(real = realpath(path, NULL)) && errno == ENOENT) {
		while (end > 1 && path[end - 1] != '/')
			end--;
		if (end <= 1)
			return NULL;
		path[--end] = '\0';
	}
	if (!real || asprintf(&whole, "%s%.*s", real, (int)(len - end), at + end) < 0)
		return NULL;
	return whole;
}

/* A path that leads below @from by a link: to what is behind @from in it, to be freed. NULL: it is none. */
static char *behind(const char *at, size_t len, const char *from, size_t from_len)
{
	pb_autofree char *real = resolve(at, len);

	if (!real || strncmp(real, from, from_len) != 0 || !strchr("/", real[from_len]))
		return NULL;
	return strdup(real + from_len);
}

char *pb_path_moved(const char *text, const char *from, const char *to)
{
	size_t from_len = strlen(from), size;
	char *moved = NULL;
	FILE *out = open_memstream(&moved, &size);

	if (!out)
		return NULL;
	for (const char *at = text; *at;) {
		pb_autofree char *rest = NULL;
		size_t len = 1;

		if (is_path_at(text, at, from, from_len)) {
			fputs(to, out);
			at += from_len;
			continue;
		}
		if (*at == '/' && begins(text, at)) {
			len = strcspn(at, BOUNDS);
			rest = behind(at, len, from, from_len);
		}
		if (rest)
			fprintf(out, "%s%s", to, rest);
		else
			fwrite(at, 1, len, out);
		at += len;
	}
	if (fclose(out)) {
		free(moved);
		return NULL;
	}
	return moved;
}

static char **move_words(char *const *words, const char *from, const char *to)
{
	char **moved;
	size_t n = 0;

	while (words[n])
		n++;
	moved = calloc(n + 1, sizeof(*moved));
	for (size_t i = 0; moved && i < n; i++) {
		moved[i] = pb_path_moved(words[i], from, to);
		if (!moved[i]) {
			pb_plan_words_free(moved);
			return NULL;
		}
	}
	return moved;
}

/* The commands that have to exit with 0. */
static int move_invariants(struct pb_plan_golden *golden, const char *from, const char *to)
{
	const struct pb_plan_command *old = golden->invariants;
	uint32_t n = golden->n_invariants;

	golden->invariants = calloc((size_t)n + 1, sizeof(*golden->invariants));
	if (!golden->invariants)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		golden->invariants[i].argv = move_words(old[i].argv, from, to);
		if (!golden->invariants[i].argv)
			return -ENOMEM;
	}
	return 0;
}

static int move(struct pb_plan_workload *m, const struct pb_plan_workload *w, const char *from,
		const char *to)
{
	int err;

	m->argv = move_words(w->argv, from, to);
	m->environment = move_words(w->environment, from, to);
	m->directory = pb_path_moved(w->directory, from, to);
	m->stdin_path = w->stdin_path ? pb_path_moved(w->stdin_path, from, to) : NULL;
	m->prepare = w->prepare ? move_words(w->prepare, from, to) : NULL;
	err = move_invariants(&m->golden, from, to);
	if (err || !m->argv || !m->environment || !m->directory ||
	    (w->stdin_path && !m->stdin_path) || (w->prepare && !m->prepare))
		return pb_err(ENOMEM, "move workload \"%s\" into a copy", w->name);
	return 0;
}

int pb_builds_map(struct pb_plan_workload **out, const struct pb_git *git,
		  const struct pb_plan_workload *workload, const char *copy)
{
	pb_autofree char *directory = realpath(workload->directory, NULL);
	size_t len = strlen(git->top);
	struct pb_plan_workload here = *workload, *m;
	int err;

	if (!directory)
		return pb_err(errno, "find %s, the directory of workload \"%s\"",
			      workload->directory, workload->name);
	if (strncmp(directory, git->top, len) != 0 || (directory[len] && directory[len] != '/'))
		return pb_fail(EINVAL,
			       "the directory of workload \"%s\", %s, is outside of the "
			       "repository %s, so no copy of a revision has it",
			       workload->name, directory, git->top);
	m = malloc(sizeof(*m));
	if (!m)
		return pb_err(ENOMEM, "move workload \"%s\" into a copy", workload->name);
	here.directory = directory;
	*m = *workload;
	m->argv = m->environment = m->prepare = NULL;
	m->directory = m->stdin_path = NULL;
	err = move(m, &here, git->top, copy);
	if (!err && access(m->directory, F_OK))
		err = pb_fail(EINVAL, "the copy %s has no %s, the directory of workload \"%s\"",
			      copy, directory[len] ? directory + len + 1 : ".", workload->name);
	if (err) {
		pb_builds_unmap(m);
		return err;
	}
	*out = m;
	return 0;
}

void pb_builds_unmap(struct pb_plan_workload *m)
{
	if (!m)
		return;
	pb_plan_words_free(m->argv);
	pb_plan_words_free(m->environment);
	pb_plan_words_free(m->prepare);
	free(m->directory);
	free(m->stdin_path);
	for (uint32_t i = 0; i < m->golden.n_invariants && m->golden.invariants; i++)
		pb_plan_words_free(m->golden.invariants[i].argv);
	free(m->golden.invariants);
	free(m);
}
