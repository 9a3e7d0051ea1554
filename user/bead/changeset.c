/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/changeset.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "user/bead/git.h"
#include "user/bead/plan.h"
#include "user/core/grow.h"
#include "user/core/json.h"
#include "user/core/log.h"

#define TEXT_MAX (8 << 20) /* of a file that git does not know, for its lines and functions */

void pb_changeset_drop(struct pb_changeset *c)
{
	pb_gitdiff_drop(&c->diff);
	for (uint32_t i = 0; i < c->n_flags; i++) {
		free(c->flags[i].file);
		free(c->flags[i].text);
	}
	free(c->flags);
	free(c->base);
	*c = (struct pb_changeset){0};
}

/* Whose file it is. */
enum whose {
	WHOSE_AUTHOR,
	WHOSE_BEAD,   /* .bead, the report */
	WHOSE_GOLDEN, /* what was blessed */
	WHOSE_OUTPUT, /* of a workload */
};

static bool is_below(const char *path, const char *directory, size_t len)
{
	return !strncmp(path, directory, len) && (path[len] == '/' || !path[len]);
}

/* @path: absolute. */
static bool is_output(const char *path, const struct pb_plan *plan)
{
	for (uint32_t i = 0; i < plan->n_workloads; i++) {
		const struct pb_plan_workload *w = &plan->workloads[i];
		pb_autofree char *directory = realpath(w->directory, NULL);
		size_t len = directory ? strlen(directory) : 0;

		if (!directory || !is_below(path, directory, len) || !path[len])
			continue;
		for (uint32_t k = 0; k < w->golden.n_files; k++)
			if (!strcmp(path + len + 1, w->golden.files[k].path))
				return true;
	}
	return false;
}

/* @path: below the top of the repository. */
static enum whose whose(const struct pb_git *git, const struct pb_plan *plan, const char *path)
{
	char absolute[PATH_MAX + 64];
	size_t len = strlen(plan->directory);
	const char *at;

	snprintf(absolute, sizeof(absolute), "%s/%s", git->top[1] ? git->top : "", path);
	if (is_output(absolute, plan))
		return WHOSE_OUTPUT;
	if (strncmp(absolute, plan->directory, len) != 0 || absolute[len] != '/')
		return WHOSE_AUTHOR;
	at = absolute + len + 1;
	if (is_below(at, ".bead", 5) || !strcmp(at, "PERFORMANCE_ANALYSIS.md"))
		return WHOSE_BEAD;
	return is_below(at, "golden", 6) ? WHOSE_GOLDEN : WHOSE_AUTHOR;
}

/* What is not the author's leaves the list. */
static void leave_out(struct pb_changeset *c, const struct pb_git *git, const struct pb_plan *plan)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->diff.n; i++) {
		struct pb_gitdiff_file *file = &c->diff.files[i];
		enum whose owner = whose(git, plan, file->path);

		if (owner == WHOSE_GOLDEN && !file->untracked)
			c->golden_differs = true;
		if (owner == WHOSE_AUTHOR)
			c->diff.files[n++] = *file;
		else
			pb_gitdiff_file_drop(file);
	}
	c->diff.n = n;
}

#define DIFF                                                                                       \
	"diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "--find-renames", \
		"--submodule=short", "--src-prefix=a/", "--dst-prefix=b/", "-O/dev/null"

static int read_known(struct pb_changeset *c, const struct pb_git *git)
{
	pb_autofree char *files = NULL, *hunks = NULL;
	size_t size = 0;
	int err = pb_git(git, &files, &size, DIFF, "--numstat", "-z", c->base, "--");

	if (err)
		return err;
	err = pb_gitdiff_numstat(&c->diff, files, size);
	if (err)
		return pb_err(-err, "read what git says of the files");
	err = pb_git(git, &hunks, &size, DIFF, "-U0", "--inter-hunk-context=0", c->base, "--");
	if (err)
		return err;
	err = pb_gitdiff_hunks(&c->diff, hunks, size);
	return err ? pb_err(-err, "read what git says of the functions") : 0;
}

/* Its lines and functions, unless it is large or no text. */
static int read_text(struct pb_gitdiff_file *file, int fd, const struct stat *st)
{
	pb_autofree char *text = NULL;
	size_t size = (size_t)st->st_size;
	ssize_t n;

	file->binary = st->st_size > TEXT_MAX;
	if (file->binary)
		return 0;
	text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	n = pread(fd, text, size, 0);
	if (n < 0)
		return -errno;
	size = (size_t)n;
	file->binary = memchr(text, '\0', size) != NULL;
	if (file->binary)
		return 0;
	for (size_t i = 0; i < size; i++)
		file->added += text[i] == '\n';
	file->added += size && text[size - 1] != '\n';
	return pb_gitdiff_whole(file, text, size);
}

/* What a file is now, into its digest. A submodule's commit is in git's own words. */
static int look_at(struct pb_gitdiff_file *file, const struct pb_git *git)
{
	pb_autofree char *path = NULL, *words = NULL;
	char target[PATH_MAX];
	pb_autoclose int fd = -1;
	struct stat st;
	size_t size;
	ssize_t n;
	int err;

	if (asprintf(&path, "%s/%s", git->top, file->path) < 0) {
		path = NULL;
		return pb_err(ENOMEM, "look at %s", file->path);
	}
	if (lstat(path, &st))
		return errno == ENOENT || errno == ENOTDIR ? 0 : pb_err(errno, "look at %s", path);
	if (S_ISLNK(st.st_mode)) {
		n = readlink(path, target, sizeof(target));
		if (n < 0)
			return pb_err(errno, "read the link %s", path);
		pb_sha256_hex(file->digest, target, (size_t)n);
		return 0;
	}
	if (S_ISDIR(st.st_mode)) {
		err = pb_git(git, &words, &size, "diff", "--submodule=short", "HEAD", "--",
			     file->path);
		if (!err)
			pb_sha256_hex(file->digest, words, size);
		return err;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || !S_ISREG(st.st_mode))
		return fd < 0 ? pb_err(errno, "open %s", path) : 0;
	file->executable = st.st_mode & S_IXUSR;
	err = file->untracked ? read_text(file, fd, &st) : 0;
	if (!err)
		err = pb_sha256_fd(file->digest, fd);
	return err ? pb_err(-err, "read %s", path) : 0;
}

static int read_unknown(struct pb_changeset *c, const struct pb_git *git)
{
	pb_autofree char *names = NULL;
	size_t size = 0;
	int err = pb_git(git, &names, &size, "ls-files", "--others", "--exclude-standard", "-z");

	for (size_t at = 0; !err && at < size; at += strlen(names + at) + 1) {
		struct pb_gitdiff_file *file =
			pb_gitdiff_add(&c->diff, names + at, strlen(names + at));

		if (!file)
			return pb_err(ENOMEM, "read what git says of the files");
		file->untracked = true;
	}
	return err;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_all(char **lines, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(lines[i]);
	free(lines);
}

/* Over what each file is: the same before and behind a commit, and whether git sees a rename or not. */
static int set_digest(struct pb_changeset *c)
{
	char **lines = calloc((size_t)2 * c->diff.n + 1, sizeof(*lines)), *text = NULL;
	size_t n = 0, size = 0;
	FILE *out = open_memstream(&text, &size);
	bool failed = !lines || !out;

	for (uint32_t i = 0; i < c->diff.n && !failed; i++) {
		const struct pb_gitdiff_file *f = &c->diff.files[i];

		failed = asprintf(&lines[n++], "%s\n%s %s", f->path, f->executable ? "x" : "-",
				  f->digest) < 0;
		if (f->old_path && !failed && !pb_gitdiff_find(&c->diff, f->old_path))
			failed = asprintf(&lines[n++], "%s\n- ", f->old_path) < 0;
	}
	if (!failed)
		qsort(lines, n, sizeof(*lines), by_text);
	for (size_t i = 0; i < n && !failed; i++)
		fwrite(lines[i], 1, strlen(lines[i]) + 1, out);
	if (failed && n)
		n--; /* what asprintf() left there is nothing */
	if (lines)
		free_all(lines, n);
	if (out)
		failed = fclose(out) || failed;
	if (!failed)
		pb_sha256_hex(c->digest, text, size);
	free(text);
	return failed ? pb_err(ENOMEM, "look at what was changed") : 0;
}

int pb_changeset_read(struct pb_changeset *c, const struct pb_git *git, const char *base,
		      const struct pb_plan *plan)
{
	int err;

	*c = (struct pb_changeset){0};
	if (!git || !base)
		return 0;
	c->base = strdup(base);
	if (!c->base)
		return pb_err(ENOMEM, "look at what was changed");
	err = read_known(c, git);
	if (!err)
		err = read_unknown(c, git);
	if (err)
		return err;
	leave_out(c, git, plan);
	for (uint32_t i = 0; i < c->diff.n && !err; i++)
		err = look_at(&c->diff.files[i], git);
	return err ? err : set_digest(c);
}

int pb_changeset_dirty(const struct pb_git *git, const struct pb_plan *plan, char **file)
{
	pb_autofree char *names = NULL;
	size_t size = 0;
	int err = pb_git(git, &names, &size, "diff", "--no-ext-diff", "--no-relative",
			 "--name-only", "-z", "HEAD", "--");

	*file = NULL;
	for (size_t at = 0; !err && at < size; at += strlen(names + at) + 1) {
		if (whose(git, plan, names + at) != WHOSE_AUTHOR)
			continue;
		*file = strdup(names + at);
		return *file ? 0 : pb_err(ENOMEM, "look at what was changed");
	}
	return err;
}

int pb_changeset_flag(struct pb_changeset *c, enum pb_oddity oddity, const char *file,
		      const char *text)
{
	struct pb_changeset_flag flag = {.oddity = oddity};

	flag.file = file ? strdup(file) : NULL;
	flag.text = strdup(text);
	if ((file && !flag.file) || !flag.text ||
	    pb_grow(&c->flags, &c->room, (uint64_t)c->n_flags + 1, sizeof(*c->flags))) {
		free(flag.file);
		free(flag.text);
		return pb_err(ENOMEM, "look at what was changed");
	}
	c->flags[c->n_flags++] = flag;
	return 0;
}

static void write_file(struct pb_json *j, const struct pb_gitdiff_file *f)
{
	pb_json_flat_object(j, NULL);
	pb_json_string(j, "path", f->path);
	pb_json_string(j, "renamed_from", f->old_path);
	pb_json_bool(j, "in_git", !f->untracked);
	pb_json_bool(j, "binary", f->binary);
	pb_json_uint(j, "lines_added", f->added);
	pb_json_uint(j, "lines_removed", f->removed);
	pb_json_string(j, "sha256", f->digest[0] ? f->digest : NULL);
	pb_json_flat_array(j, "functions");
	for (uint32_t i = 0; i < f->n_functions; i++)
		pb_json_string(j, NULL, f->functions[i]);
	pb_json_end(j, ']');
	pb_json_end(j, '}');
}

static void write_flags(struct pb_json *j, const struct pb_changeset *c)
{
	pb_json_array(j, "flags");
	for (uint32_t i = 0; i < c->n_flags; i++) {
		pb_json_flat_object(j, NULL);
		pb_json_string(j, "flag", pb_oddity_name(c->flags[i].oddity));
		pb_json_string(j, "file", c->flags[i].file);
		pb_json_string(j, "text", c->flags[i].text);
		pb_json_end(j, '}');
	}
	pb_json_end(j, ']');
}

char *pb_changeset_document(const struct pb_changeset *c)
{
	uint64_t added = 0, removed = 0;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct pb_json j;

	if (!out)
		return NULL;
	pb_json_init(&j, out, true);
	pb_json_object(&j, NULL);
	pb_json_string(&j, "schema", "bead-diff/1");
	pb_json_string(&j, "base", c->base);
	pb_json_string(&j, "digest", c->digest[0] ? c->digest : NULL);
	pb_json_array(&j, "files");
	for (uint32_t i = 0; i < c->diff.n; i++) {
		added += c->diff.files[i].added;
		removed += c->diff.files[i].removed;
		write_file(&j, &c->diff.files[i]);
	}
	pb_json_end(&j, ']');
	pb_json_uint(&j, "lines_added", added);
	pb_json_uint(&j, "lines_removed", removed);
	write_flags(&j, c);
	pb_json_end(&j, '}');
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
