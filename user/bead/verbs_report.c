/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* report: PERFORMANCE_ANALYSIS.md, or a part of it for who has little room. */
#include "user/bead/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "user/bead/report_sections.h"
#include "user/core/log.h"
#include "user/core/output.h"

#define NAME            "PERFORMANCE_ANALYSIS.md"
#define BYTES_MAX       (64u << 20) /* of a file that people wrote in */
#define BYTES_PER_TOKEN 4

/* What the file holds now, in @text, to be freed. @named: somebody named it, so that it may be a pipe or a device, which
 * is not read. @there: false: no such file, or no regular one. */
static int read_old(const char *path, bool named, char **text, size_t *size, bool *there)
{
	pb_autoclose int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	pb_autofree char *bytes = NULL;
	struct stat st;
	size_t got = 0;
	ssize_t n = 1;

	*there = false;
	if (fd < 0 && (errno == ENOENT || errno == ENXIO))
		return 0;
	if (fd < 0 && errno == ELOOP)
		return pb_fail(EINVAL,
			       "%s is a link, which is not followed; name the file itself by -o",
			       path);
	if (fd < 0 || fstat(fd, &st))
		return pb_err(errno, "read %s", path);
	if (!S_ISREG(st.st_mode))
		return named ? 0
			     : pb_fail(EINVAL,
				       "%s is no regular file; move it away, or name another one by -o",
				       path);
	if (st.st_size > BYTES_MAX)
		return pb_fail(EFBIG, "%s has more than %u MiB; name another file by -o", path,
			       BYTES_MAX >> 20);
	bytes = malloc((size_t)st.st_size + 1);
	if (!bytes)
		return pb_err(ENOMEM, "read %s", path);
	while (n && got < (size_t)st.st_size) {
		n = read(fd, bytes + got, (size_t)st.st_size - got);
		if (n < 0)
			return pb_err(errno, "read %s", path);
		got += (size_t)n;
	}
	*there = true;
	*text = pb_take(bytes);
	*size = got;
	return 0;
}

/* What a new file has before its blocks. */
static char *new_head(const struct pb_plan *plan)
{
	char *head;

	if (asprintf(&head,
		     "# Performance analysis: %s\n\n"
		     "`bead report` writes what stands between its markers; all else is yours, and "
		     "stays.\n",
		     plan->project) < 0)
		return NULL;
	return head;
}

/*
 * A new file of root's becomes the directory's owner's, as the store does, and may be read like any other. It is looked
 * at again, as somebody may have put another one in its place: only one that is ours and has no other name is given.
 */
static void give_away(const char *path, const char *directory)
{
	pb_autoclose int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	mode_t mask = umask(0);
	struct stat st, dir;

	umask(mask);
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_nlink != 1 ||
	    st.st_uid != geteuid())
		return;
	if (!geteuid() && !stat(directory, &dir) && dir.st_uid &&
	    fchown(fd, dir.st_uid, dir.st_gid))
		pb_log(PB_LOG_DEBUG, "%s stays root's: %s", path, strerror(errno));
	if (fchmod(fd, 0644 & ~mask))
		pb_log(PB_LOG_DEBUG, "%s stays private: %s", path, strerror(errno));
}

static int write_file(const char *path, const char *text, size_t size)
{
	pb_auto(pb_output) struct pb_output *out = NULL;
	int err = pb_output_open(&out, path, false);

	if (err)
		return err;
	/* An error is told by the commit. */
	fwrite(text, 1, size, pb_output_stream(out));
	return pb_output_commit(pb_take(out));
}

/* @old: NULL: a new file. */
static int merge(char **text, size_t *size, const char *path, const struct pb_report *r,
		 const char *old, size_t old_size)
{
	struct pb_report_block blocks[PB_REPORT_SECTIONS];
	pb_autofree char *head = old ? NULL : new_head(r->plan);
	const char *before = old ? old : head;
	char message[256] = "";
	int err;

	if (!before)
		return pb_err(ENOMEM, "write the report");
	err = pb_report_blocks(blocks, r);
	if (!err) {
		err = pb_report_merge(text, size, before, old ? old_size : strlen(before), blocks,
				      PB_REPORT_SECTIONS, message, sizeof(message));
		if (err == -EINVAL)
			pb_fail(EINVAL,
				"%s: %s; nothing was written, so repair the markers or name "
				"another file by -o",
				path, message);
		else if (err)
			pb_err(-err, "write %s", path);
	}
	for (size_t i = 0; i < PB_REPORT_SECTIONS; i++)
		free(blocks[i].text);
	return err;
}

/* Blocks into a file that may be there already. */
static int write_blocks(const struct pb_report *r, const char *path, bool named)
{
	pb_autofree char *old = NULL, *text = NULL;
	size_t old_size = 0, size = 0;
	bool there = false;
	int err = strcmp(path, "-") != 0 ? read_old(path, named, &old, &old_size, &there) : 0;

	if (!err)
		err = merge(&text, &size, path, r, there ? old : NULL, old_size);
	if (err)
		return err;
	if (there && size == old_size && !memcmp(old, text, size))
		return 0; /* its time of modification stays, too */
	err = write_file(path, text, size);
	if (!err && !there)
		give_away(path, r->plan->directory);
	return err;
}

int pb_desk_report(const struct pb_desk *desk, char **path)
{
	pb_auto_report struct pb_report r = {0};
	pb_autofree char *file = NULL;
	int err = pb_report_gather(&r, desk, NAME);

	if (err)
		return err;
	if (asprintf(&file, "%s/%s", desk->plan->directory, NAME) < 0)
		return pb_err(ENOMEM, "write the report");
	err = write_blocks(&r, file, false);
	if (!err)
		*path = pb_take(file);
	return err;
}

static int report_json(const struct pb_report *r, const char *path)
{
	pb_autofree char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return pb_err(ENOMEM, "write the report");
	pb_report_write_json(out, r);
	if (fclose(out))
		return pb_err(ENOMEM, "write the report");
	return write_file(path ? path : "-", text, size);
}

static int report_brief(struct pb_report *r, const struct pb_bead_args *args)
{
	size_t size, most = (size_t)args->budget * BYTES_PER_TOKEN;
	pb_autofree char *text = pb_report_brief(r, most, &size);

	if (!text)
		return -ENOMEM;
	if (size > most)
		pb_log(PB_LOG_WARN, "the shortest report takes %zu tokens",
		       (size + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN);
	/* The parts that fit are blocks as any, where people may write between them. */
	if (args->output && strcmp(args->output, "-") != 0)
		return write_blocks(r, args->output, true);
	return write_file("-", text, size);
}

int pb_bead_report(const struct pb_bead_args *args)
{
	pb_auto_close_desk struct pb_desk desk = {0};
	pb_auto_report struct pb_report r = {0};
	pb_autofree char *path = NULL;
	int err;

	if (args->json && args->budget)
		return pb_fail(EINVAL, "--budget trims text, and --json is for programs; give one");
	err = pb_desk_open(&desk, args);
	if (err)
		return err;
	if (!args->json && !args->budget && !args->output) {
		err = pb_desk_report(&desk, &path);
		if (!err)
			pb_log(PB_LOG_INFO, "the report is in %s", path);
		return err ? err : PB_BEAD_OK;
	}
	err = pb_report_gather(&r, &desk, args->output ? args->output : NAME);
	if (!err && args->json)
		err = report_json(&r, args->output);
	else if (!err && args->budget)
		err = report_brief(&r, args);
	else if (!err)
		err = write_blocks(&r, args->output, true);
	return err ? err : PB_BEAD_OK;
}
