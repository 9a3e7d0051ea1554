/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The files of a profile: which are kept, and whose they are. */
#include "user/bead/profile_inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/core/jsonvalue.h"
#include "user/core/log.h"
#include "user/core/opts.h"
#include "user/core/own.h"

/* Lines "stack count" of a file into an object. Return: 0; -errno. */
static int sum_lines(json_t *sums, const char *path)
{
	pb_autofclose FILE *in = fopen(path, "re");
	pb_autofree char *line = NULL;
	size_t room = 0;
	ssize_t len;

	if (!in)
		return errno == ENOENT ? 0 : -errno;
	while ((len = getline(&line, &room, in)) > 0) {
		char *space = strrchr(line, ' ');
		uint64_t count;

		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (!space || pb_parse_uint(space + 1, 0, INT64_MAX / 2, &count))
			return -EPROTO;
		*space = '\0';
		count += (uint64_t)json_integer_value(json_object_get(sums, line));
		if (json_object_set_new(sums, line, json_integer((json_int_t)count)))
			return -ENOMEM;
	}
	return ferror(in) ? -EIO : 0;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In the order of the tools' own files. */
static int write_lines(json_t *sums, const char *path)
{
	size_t n = 0;
	pb_autofree const char **stacks = calloc(json_object_size(sums) + 1, sizeof(*stacks));
	pb_autofclose FILE *out = fopen(path, "we");
	const char *stack;
	json_t *value;

	if (!stacks)
		return -ENOMEM;
	if (!out)
		return -errno;
	json_object_foreach(sums, stack, value) stacks[n++] = stack;
	qsort(stacks, n, sizeof(*stacks), by_bytes);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s %lld\n", stacks[i],
			(long long)json_integer_value(json_object_get(sums, stacks[i])));
	return fclose(pb_take(out)) ? -errno : 0;
}

static int merge(const char *all, const char *one)
{
	pb_autojson json_t *sums = json_object();
	int err = sums ? sum_lines(sums, all) : -ENOMEM;

	if (!err)
		err = sum_lines(sums, one);
	return err ? err : write_lines(sums, all);
}

static char *file_of(const struct pb_profiling *p, uint32_t number, const char *ending)
{
	char *path = NULL;

	if (number)
		return asprintf(&path, "%s-%u.%s", p->files, number, ending) < 0 ? NULL : path;
	return asprintf(&path, "%s.%s", p->files, ending) < 0 ? NULL : path;
}

void pb_profile_keep(const struct pb_profiling *p, uint32_t number, bool best)
{
	pb_autofree char *html = file_of(p, number, "html"), *best_html = file_of(p, 0, "html");
	pb_autofree char *folded = file_of(p, number, "folded"), *all = file_of(p, 0, "folded");
	int err = 0;

	if (!html || !best_html || !folded || !all) {
		pb_log(PB_LOG_WARN, "no memory to keep the files of a profile");
		return;
	}
	if (best && rename(html, best_html))
		err = -errno;
	else if (!best)
		unlink(html);
	if (p->kind->folded) {
		if (number == 1)
			unlink(all);
		err = err ? err : merge(all, folded);
		unlink(folded);
	}
	if (err)
		pb_log(PB_LOG_WARN, "the files %s.* are not complete: %s", p->files,
		       strerror(-err));
}

void pb_profile_give(const struct pb_profiling *p)
{
	const char *prefix = strrchr(p->files, '/') + 1;
	DIR *dir = opendir(p->m->directory);
	const struct dirent *entry;
	struct stat st;

	if (!dir)
		return;
	if (!fstat(dirfd(dir), &st)) {
		while ((entry = readdir(dir))) {
			if (strncmp(entry->d_name, prefix, strlen(prefix)))
				continue;
			if (!geteuid() && st.st_uid &&
			    fchownat(dirfd(dir), entry->d_name, st.st_uid, st.st_gid,
				     AT_SYMLINK_NOFOLLOW))
				pb_log(PB_LOG_DEBUG, "%s stays root's: %s", entry->d_name,
				       strerror(errno));
		}
	}
	closedir(dir);
}
