/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/benches.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "user/bead/plan_walk.h"
#include "user/core/log.h"
#include "user/core/own.h"

#define MAKEFILE_MAX (1u << 20) /* bytes that are looked at */

void pb_bench_name(char *out, size_t size, const char *path, const char *otherwise)
{
	const char *slash = strrchr(path, '/');
	size_t n = 0;

	for (const char *s = slash ? slash + 1 : path; *s && n + 1 < size; s++) {
		char c = (char)tolower((unsigned char)*s);
		bool fits =
			(c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (n && strchr("._-", c));

		if (fits)
			out[n++] = c;
	}
	out[n] = '\0';
	if (!n)
		snprintf(out, size, "%s", otherwise);
}

static bool is_taken(const struct pb_benches *benches, const char *name)
{
	for (uint32_t i = 0; i < benches->n; i++)
		if (!strcmp(benches->names[i], name))
			return true;
	return false;
}

/* @words: up to three, NULL behind the last. @path: what the name is made of. */
static int add(struct pb_benches *benches, const char *path, const char *const words[3])
{
	char base[57], name[65];
	char **copy;

	if (benches->n == PB_BENCHES_MAX) {
		benches->left_out++;
		return 0;
	}
	pb_bench_name(base, sizeof(base), path, "main");
	snprintf(name, sizeof(name), "%s", base);
	for (uint32_t k = 2; is_taken(benches, name); k++)
		snprintf(name, sizeof(name), "%s-%u", base, k);
	copy = calloc(4, sizeof(*copy));
	benches->names[benches->n] = strdup(name);
	benches->commands[benches->n++] = copy;
	if (!copy || !benches->names[benches->n - 1])
		return pb_err(ENOMEM, "look for benchmarks");
	for (uint32_t i = 0; i < 3 && words[i]; i++) {
		copy[i] = strdup(words[i]);
		if (!copy[i])
			return pb_err(ENOMEM, "look for benchmarks");
	}
	return 0;
}

static bool ends_in(const char *s, const char *end)
{
	size_t len = strlen(s), n = strlen(end);

	return len > n && !strcmp(s + len - n, end);
}

/* The shell that a script without the permission to be run is for. */
static const char *shell_of(int dir, const char *name)
{
	pb_autoclose int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char line[64];
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);

	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return !strncmp(line, "#!", 2) && strstr(line, "bash") ? "bash" : "sh";
}

/* One file of @folder. @named: only those with "bench" in their name, and no scripts that are not to be run. */
static int look_at(struct pb_benches *benches, int dir, const char *folder, const char *name,
		   bool named)
{
	bool script = ends_in(name, ".sh"), runs;
	char path[512], base[256];
	struct stat st;

	for (const char *s = name; *s; s++)
		if (*s <= ' ' || *s > '~')
			return 0;
	if (name[0] == '.' || (named && !strstr(name, "bench")))
		return 0;
	if (fstatat(dir, name, &st, 0) || !S_ISREG(st.st_mode))
		return 0;
	runs = st.st_mode & 0111;
	if (!runs && (named || !script))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	snprintf(base, sizeof(base), "%.*s", (int)(strlen(name) - (script ? 3 : 0)), name);
	if (runs)
		return add(benches, base, (const char *const[3]){path});
	return add(benches, base, (const char *const[3]){shell_of(dir, name), path});
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int look_in(struct pb_benches *benches, int top, const char *folder, bool named)
{
	pb_autoclose int dir = openat(top, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **entries = NULL;
	int n, err = 0;

	if (dir < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	n = dir < 0 ? -1 : scandirat(dir, ".", &entries, NULL, by_name);
	if (n < 0)
		return pb_err(errno, "look for benchmarks in %s", folder);
	for (int i = 0; i < n; i++) {
		if (!err)
			err = look_at(benches, dir, folder, entries[i]->d_name, named);
		free(entries[i]);
	}
	free(entries);
	return err;
}

/* "bench: all", and not "bench := x". */
static bool is_rule(const char *line, const char *target)
{
	size_t n = strlen(target);

	if (strncmp(line, target, n))
		return false;
	line += n + strspn(line + n, " \t");
	return line[0] == ':' && line[1] != '=' && strncmp(line, "::=", 3) != 0;
}

static int look_at_makefile(struct pb_benches *benches, int top)
{
	/* In the order in which make looks for them. */
	static const char *const files[] = {"GNUmakefile", "makefile", "Makefile"};
	static const char *const targets[] = {"bench", "benchmark"};
	pb_autofree char *text = malloc(MAKEFILE_MAX + 1);
	pb_autoclose int fd = -1;
	size_t size = 0;
	ssize_t n;

	if (!text)
		return pb_err(ENOMEM, "look for benchmarks");
	for (size_t i = 0; i < PB_ARRAY_SIZE(files) && fd < 0; i++)
		fd = openat(top, files[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	while (fd >= 0 && size < MAKEFILE_MAX) {
		n = read(fd, text + size, MAKEFILE_MAX - size);
		if (n <= 0)
			break;
		size += (size_t)n;
	}
	text[size] = '\0';
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		for (size_t i = 0; i < PB_ARRAY_SIZE(targets); i++)
			if (is_rule(line, targets[i]))
				return add(benches, targets[i],
					   (const char *const[3]){"make", "--silent", targets[i]});
	}
	return 0;
}

int pb_benches_find(struct pb_benches *out, const char *directory)
{
	static const struct {
		const char *folder;
		bool named;
	} places[] = {{"bench", false},
		      {"benchmarks", false},
		      {".", true},
		      {"bin", true},
		      {"build", true}};
	pb_autoclose int top = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = 0;

	if (top < 0)
		return pb_err(errno, "look for benchmarks in %s", directory);
	*out = (struct pb_benches){0};
	for (size_t i = 0; i < PB_ARRAY_SIZE(places) && !err; i++)
		err = look_in(out, top, places[i].folder, places[i].named);
	if (!err)
		err = look_at_makefile(out, top);
	if (err)
		pb_benches_drop(out);
	return err;
}

void pb_benches_drop(struct pb_benches *benches)
{
	for (uint32_t i = 0; i < benches->n; i++) {
		free(benches->names[i]);
		pb_plan_words_free(benches->commands[i]);
	}
	*benches = (struct pb_benches){0};
}
