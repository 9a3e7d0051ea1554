/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/latencies.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "user/bead/operations.h"
#include "user/bead/runner.h"
#include "user/bead/store_inside.h"
#include "user/core/grow.h"
#include "user/core/log.h"
#include "user/core/opts.h"
#include "user/core/own.h"
#include "user/core/text.h"

#define SHOWN  48   /* bytes of a line that is no number */
#define NS_MAX 1e18 /* 31 years */

static const double unit_ns[] = {
	[PB_UNIT_NS] = 1, [PB_UNIT_US] = 1e3, [PB_UNIT_MS] = 1e6, [PB_UNIT_S] = 1e9};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* One line without its newline. NUL bytes are no part of a number either. */
static bool read_line(const char *line, size_t len, double scale, double *out)
{
	double value;
	size_t n;

	for (; len && is_blank(*line); line++)
		len--;
	while (len && is_blank(line[len - 1]))
		len--;
	/* The text ends in a NUL, and a newline ends a number. */
	n = len ? pb_parse_real_prefix(line, &value) : 0;
	if (!n || n != len || !(value >= 0) || !(value * scale <= NS_MAX))
		return false;
	*out = value * scale;
	return true;
}

static int complain(char *why, size_t size, uint32_t line, const char *text, size_t len)
{
	char shown[SHOWN + 16];

	pb_text_safe_line(shown, sizeof(shown), text, len < SHOWN ? len : SHOWN);
	if (len)
		snprintf(why, size, "line %u: \"%s\" is no time", line, shown);
	else
		snprintf(why, size, "line %u is empty, and is to be a time", line);
	return -EPROTO;
}

int pb_latencies_parse(double **out, uint32_t *n, const char *text, size_t size,
		       enum pb_plan_unit unit, char *why, size_t why_size)
{
	pb_autofree double *ns = NULL;
	uint32_t room = 0, count = 0;

	for (size_t at = 0; at < size;) {
		const char *newline = memchr(text + at, '\n', size - at);
		size_t len = newline ? (size_t)(newline - text) - at : size - at;

		if (count == PB_LATENCIES_MAX) {
			snprintf(why, why_size, "there are more than %u times", PB_LATENCIES_MAX);
			return -EPROTO;
		}
		if (pb_grow(&ns, &room, (uint64_t)count + 1, sizeof(*ns)))
			return -ENOMEM;
		if (!read_line(text + at, len, unit_ns[unit], &ns[count]))
			return complain(why, why_size, count + 1, text + at, len);
		count++;
		at += len + 1;
	}
	if (!count) {
		snprintf(why, why_size, "it is empty, and is to hold a time for each operation");
		return -EPROTO;
	}
	*out = pb_take(ns);
	*n = count;
	return 0;
}

int pb_latencies_of_run(double **out, uint32_t *n, const struct pb_run_file *file,
			enum pb_plan_unit unit, char *why, size_t why_size)
{
	switch (file->err) {
	case 0:
		return pb_latencies_parse(out, n, file->text, file->size, unit, why, why_size);
	case ENOENT:
		snprintf(why, why_size, "the run made no such file");
		return -EPROTO;
	case ESTALE:
		snprintf(why, why_size,
			 "the run did not write it: it is left over from before; let \"prepare\" "
			 "remove it");
		return -EPROTO;
	case EFBIG:
		snprintf(why, why_size, "it has more than %u MiB", PB_LATENCIES_BYTES_MAX >> 20);
		return -EPROTO;
	case ENOMEM:
		return -ENOMEM;
	default:
		snprintf(why, why_size, "it cannot be read: %s", strerror(file->err));
		return -EPROTO;
	}
}

static void directory_of(char *path, size_t size, const char *directory, const char *workload)
{
	snprintf(path, size, "%s/%s.latencies", directory, workload);
}

int pb_latencies_keep(const char *directory, const char *workload, uint32_t index, const double *ns,
		      uint32_t n)
{
	char path[PATH_MAX], name[PATH_MAX + 16];
	FILE *out;
	size_t written;
	int err;

	directory_of(path, sizeof(path), directory, workload);
	err = pb_store_make_directory(path);
	if (err)
		return err;
	snprintf(name, sizeof(name), "%s/%u", path, index);
	/* What an interrupted run left there goes first, and is never written through. */
	if (unlink(name) && errno != ENOENT)
		return pb_err(errno, "remove %s", name);
	out = fopen(name, "wxe");
	if (!out)
		return pb_err(errno, "write %s", name);
	written = fwrite(ns, sizeof(*ns), n, out);
	if (fclose(out) || written != n)
		return pb_err(errno ? errno : EIO, "write %s", name);
	return 0;
}

static bool read_all(int fd, char *buf, size_t size)
{
	ssize_t n;

	for (size_t done = 0; done < size; done += (size_t)n) {
		n = read(fd, buf + done, size - done);
		if (n <= 0)
			return false;
	}
	return true;
}

/* @ns, @n: set to the numbers of one sample, to be freed. */
static int load_one(const char *path, double **ns, uint32_t *n)
{
	pb_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	pb_autofree double *values = NULL;
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st))
		return pb_err(errno, "read %s", path);
	*n = (uint32_t)((uint64_t)st.st_size / sizeof(*values));
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > PB_LATENCIES_MAX * sizeof(*values) ||
	    (uint64_t)st.st_size % sizeof(*values) || !*n)
		return pb_fail(EBADMSG, "%s does not hold the times of a run", path);
	values = malloc(*n * sizeof(*values));
	if (!values)
		return pb_err(ENOMEM, "read %s", path);
	if (!read_all(fd, (char *)values, *n * sizeof(*values)))
		return pb_fail(EBADMSG, "%s does not hold the times of a run", path);
	for (uint32_t i = 0; i < *n; i++)
		if (!(values[i] >= 0 && values[i] <= NS_MAX))
			return pb_fail(EBADMSG, "%s does not hold the times of a run", path);
	*ns = pb_take(values);
	return 0;
}

int pb_latencies_load(struct pb_operations **out, const char *directory, const char *workload,
		      uint32_t first, uint32_t count)
{
	pb_auto(pb_operations) struct pb_operations *o = NULL;
	char path[PATH_MAX], name[PATH_MAX + 16];
	int err = pb_operations_new(&o);

	directory_of(path, sizeof(path), directory, workload);
	for (uint32_t i = 0; i < count && !err; i++) {
		pb_autofree double *ns = NULL;
		uint32_t n = 0;

		snprintf(name, sizeof(name), "%s/%u", path, first + i);
		err = load_one(name, &ns, &n);
		if (err)
			return err;
		if (pb_operations_count(o) + n > PB_LATENCIES_MAX)
			return pb_fail(
				EFBIG,
				"%s: the operations of all runs are more than %u; write fewer "
				"of them, or run it less often",
				workload, PB_LATENCIES_MAX);
		err = pb_operations_add(o, ns, n);
	}
	if (err)
		return pb_err(-err, "read the operations of %s", workload);
	*out = pb_take(o);
	return 0;
}
