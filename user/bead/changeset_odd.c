/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is odd about a change: files that have nothing to do with its hotspot, functions of other hotspots. */
#include "user/bead/changeset.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "user/bead/changes.h"
#include "user/bead/git.h"
#include "user/bead/plan.h"
#include "user/bead/plan_walk.h"
#include "user/bead/spots.h"
#include "user/bead/store.h"
#include "user/core/grow.h"
#include "user/core/log.h"

#define SEARCH_MAX (32 << 20) /* of a file, for names */

static const char *const names[] = {
	[PB_ODD_EMPTY] = "empty",
	[PB_ODD_UNRELATED] = "unrelated",
	[PB_ODD_SEVERAL] = "several-hotspots",
	[PB_ODD_GOLDEN] = "golden",
	[PB_ODD_PLAN] = "plan",
	[PB_ODD_NO_GIT] = "no-git",
};

const char *pb_oddity_name(enum pb_oddity oddity)
{
	return names[oddity];
}

static bool is_letter(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

char *pb_function_base(const char *name, size_t len)
{
	size_t end = 0, begin;
	int depth = 0;

	/* Up to the arguments, or the suffix of a compiler; what stands in <> belongs to a name. */
	for (; end < len; end++) {
		depth += (name[end] == '<') - (name[end] == '>');
		if (depth <= 0 && (name[end] == '(' || name[end] == '.' || name[end] == ' ') && end)
			break;
	}
	depth = 0;
	while (end && name[end - 1] == '>') {
		do
			depth += (name[end - 1] == '>') - (name[end - 1] == '<');
		while (--end && depth);
	}
	for (begin = end; begin && (is_letter(name[begin - 1]) || name[begin - 1] == '~');)
		begin--;
	return strndup(name + begin, end - begin);
}

bool pb_text_has_word(const char *text, size_t size, const char *word)
{
	size_t len = strlen(word);
	const char *at = text, *end = text + size;

	while (len && (at = memmem(at, (size_t)(end - at), word, len))) {
		if ((at == text || !is_letter(at[-1])) && (at + len == end || !is_letter(at[len])))
			return true;
		at++;
	}
	return false;
}

static bool ends_in(const char *path, const char *const *endings)
{
	size_t len = strlen(path);

	for (; *endings; endings++) {
		size_t n = strlen(*endings);

		if (len >= n && !strcmp(path + len - n, *endings))
			return true;
	}
	return false;
}

bool pb_path_is_aside(const char *path)
{
	static const char *const folders[] = {"test", "tests", "testing", "t",        "spec",
					      "doc",  "docs",  "man",     "LICENSES", NULL};
	static const char *const endings[] = {".md",
					      ".txt",
					      ".rst",
					      ".adoc",
					      ".1",
					      ".3",
					      ".5",
					      ".7",
					      ".8",
					      "_test.go",
					      "_test.py",
					      ".gitignore",
					      ".gitattributes",
					      NULL};

	for (const char *at = path, *slash; (slash = strchr(at, '/')); at = slash + 1)
		for (const char *const *folder = folders; *folder; folder++)
			if (strlen(*folder) == (size_t)(slash - at) &&
			    !memcmp(at, *folder, (size_t)(slash - at)))
				return true;
	return ends_in(path, endings);
}

/* Names of functions, each once. */
struct bag {
	char **words; /* NULL-terminated */
	uint32_t n, room;
};

static bool has(const struct bag *bag, const char *word)
{
	for (uint32_t i = 0; i < bag->n; i++)
		if (!strcmp(bag->words[i], word))
			return true;
	return false;
}

/* Takes @word. */
static int put(struct bag *bag, char *word)
{
	if (!word)
		return -ENOMEM;
	if (!*word || has(bag, word)) {
		free(word);
		return 0;
	}
	if (pb_grow(&bag->words, &bag->room, (uint64_t)bag->n + 2, sizeof(*bag->words))) {
		free(word);
		return -ENOMEM;
	}
	bag->words[bag->n++] = word;
	bag->words[bag->n] = NULL;
	return 0;
}

/* "item < main": from the innermost one outwards. @most: how many of them. */
static int put_names(struct bag *bag, const char *chain, uint32_t most)
{
	int err = 0;

	for (uint32_t i = 0; i < most && !err && chain; i++) {
		const char *next = strstr(chain, " < ");

		err = put(bag,
			  pb_function_base(chain, next ? (size_t)(next - chain) : strlen(chain)));
		chain = next ? next + 3 : NULL;
	}
	return err;
}

struct hunt {
	const struct pb_plan *plan;
	struct bag own, others; /* functions of this hotspot, and those of all others */
};

static int add_spot(void *ctx, const struct pb_spot *spot)
{
	struct hunt *h = ctx;

	if (!(spot->total_pct >= h->plan->hotspot_pct))
		return 0;
	return put_names(&h->others, spot->name, 1);
}

static bool is_profile(enum pb_bead_kind kind)
{
	return kind == PB_BEAD_CPU_FLAME || kind == PB_BEAD_ALLOC_SITES ||
	       kind == PB_BEAD_IO_LATENCY;
}

static int add_spots(struct hunt *h, struct pb_store *store)
{
	int err = 0;

	for (uint32_t i = 0; i < h->plan->n_beads && !err; i++) {
		const struct pb_plan_bead *bead = &h->plan->beads[i];
		int64_t run = 0;

		if (!is_profile(bead->kind))
			continue;
		err = pb_store_last_done(store, bead->id, h->plan->digest, &run);
		if (!err && run)
			err = pb_store_spots(store, run, add_spot, h);
	}
	return err;
}

/* The text of a file as it is, or, where it is gone, as it was. NULL: it cannot be searched. */
static char *text_of(const struct pb_changeset *c, const struct pb_git *git,
		     const struct pb_gitdiff_file *file, size_t *size)
{
	pb_autofree char *path = NULL, *object = NULL, *text = NULL;
	pb_autoclose int fd = -1;
	struct stat st;
	ssize_t n;

	if (asprintf(&path, "%s/%s", git->top, file->path) < 0) {
		path = NULL;
		return NULL;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
		return NULL; /* a link */
	if (fd < 0) {
		if (asprintf(&object, "%s:%s", c->base, file->path) < 0) {
			object = NULL;
			return NULL;
		}
		return pb_git(git, &text, size, "show", "--no-textconv", object) ? NULL
										 : pb_take(text);
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > SEARCH_MAX)
		return NULL;
	text = malloc((size_t)st.st_size + 1);
	n = text ? pread(fd, text, (size_t)st.st_size, 0) : -1;
	if (n < 0)
		return NULL;
	*size = (size_t)n;
	return pb_take(text);
}

static bool mentions(const struct hunt *h, const char *text, size_t size)
{
	for (uint32_t i = 0; i < h->own.n; i++)
		if (pb_text_has_word(text, size, h->own.words[i]))
			return true;
	return false;
}

static int judge_file(struct pb_changeset *c, const struct pb_git *git, const struct hunt *h,
		      const struct pb_gitdiff_file *file)
{
	pb_autofree char *text = NULL, *absolute = NULL;
	char said[512];
	size_t size = 0;

	if (asprintf(&absolute, "%s/%s", git->top, file->path) < 0) {
		absolute = NULL;
		return pb_err(ENOMEM, "look at what was changed");
	}
	if (!strcmp(absolute, h->plan->path))
		return pb_changeset_flag(c, PB_ODD_PLAN, file->path,
					 "the plan is another one than at the base, and it says "
					 "what has to stay equal");
	if (pb_path_is_aside(file->path))
		return 0;
	text = text_of(c, git, file, &size);
	if (text && mentions(h, text, size))
		return 0;
	snprintf(said, sizeof(said), "%s is changed, and no function of the hotspot occurs in it%s",
		 file->path, file->untracked ? "; git does not know it yet, nor ignore it" : "");
	return pb_changeset_flag(c, PB_ODD_UNRELATED, file->path, said);
}

/* The hotspots whose functions are touched; this one counts once, however many of its functions. */
static int judge_functions(struct pb_changeset *c, const struct hunt *h)
{
	struct bag touched = {0};
	char said[512] = "functions of several hotspots are touched: ";
	size_t len = strlen(said);
	bool own = false;
	uint32_t n = 0;
	int err = 0;

	for (uint32_t i = 0; i < c->diff.n && !err; i++)
		for (uint32_t k = 0; k < c->diff.files[i].n_functions && !err; k++) {
			const char *name = c->diff.files[i].functions[k];

			err = put(&touched, pb_function_base(name, strlen(name)));
		}
	for (uint32_t i = 0; i < touched.n && !err; i++) {
		bool mine = has(&h->own, touched.words[i]);

		if (!mine && !has(&h->others, touched.words[i]))
			continue;
		n += !(mine && own);
		own = own || mine;
		if (len < sizeof(said))
			len += (size_t)snprintf(said + len, sizeof(said) - len, "%s%s",
						n > 1 || said[len - 1] != ' ' ? ", " : "",
						touched.words[i]);
	}
	pb_plan_words_free(touched.words);
	if (err)
		return pb_err(-err, "look at what was changed");
	return n > 1 ? pb_changeset_flag(c, PB_ODD_SEVERAL, NULL, said) : 0;
}

static int judge(struct pb_changeset *c, const struct pb_git *git, const struct hunt *h)
{
	int err = 0;

	if (!c->diff.n)
		err = pb_changeset_flag(c, PB_ODD_EMPTY, NULL,
					"nothing is changed since the change began");
	for (uint32_t i = 0; i < c->diff.n && !err; i++)
		err = judge_file(c, git, h, &c->diff.files[i]);
	return err ? err : judge_functions(c, h);
}

int pb_changeset_judge(struct pb_changeset *c, const struct pb_git *git, const struct pb_plan *plan,
		       struct pb_store *store, const struct pb_change *change)
{
	struct hunt h = {.plan = plan};
	int err = 0;

	if (c->golden_differs)
		err = pb_changeset_flag(c, PB_ODD_GOLDEN, NULL,
					"golden outputs are others than when the change began: "
					"what is right was blessed anew");
	if (err)
		return err;
	if (!c->base)
		return pb_changeset_flag(c, PB_ODD_NO_GIT, NULL,
					 "the plan is in no git repository, so nothing is known of "
					 "what was changed");
	err = put_names(&h.own, change->spot_name, UINT32_MAX);
	if (err)
		err = pb_err(-err, "look at what was changed");
	if (!err)
		err = add_spots(&h, store);
	if (!err)
		err = judge(c, git, &h);
	pb_plan_words_free(h.own.words);
	pb_plan_words_free(h.others.words);
	return err;
}
