/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/golden.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "user/bead/runner.h"
#include "user/core/grow.h"
#include "user/core/log.h"

#define SUMS           "SHA256SUMS"
#define SUMS_BYTES_MAX (16u << 20)
#define DIGEST_LEN     (PB_SHA256_HEX - 1)

/* A line of SHA256SUMS. */
struct sum {
	char *digest; /* both lie in the text of the file */
	char *name;   /* "workload/output" */
};

struct pb_golden {
	char *path;
	int fd;
	char *text;
	struct sum *sums;
	uint32_t n, room;
};

/* A regular file in the store, by no link. Return: 0; -errno, not logged. */
static int read_below(int directory, const char *path, size_t most, char **text, size_t *size)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	pb_autoclose int fd = (int)syscall(SYS_openat2, directory, path, &how, sizeof(how));
	pb_autofree char *bytes = NULL;
	struct stat st;
	ssize_t n = 1;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uint64_t)st.st_size > most)
		return -EFBIG;
	bytes = malloc((size_t)st.st_size + 1);
	if (!bytes)
		return -ENOMEM;
	for (*size = 0; *size < (size_t)st.st_size && n > 0; *size += (size_t)n) {
		n = read(fd, bytes + *size, (size_t)st.st_size - *size);
		if (n < 0)
			return -errno;
	}
	bytes[*size] = '\0';
	*text = pb_take(bytes);
	return 0;
}

/* "<64 hex digits>  name", as sha256sum writes it for names without a backslash or newline. */
static bool split_line(char *line, struct sum *out)
{
	if (strspn(line, "0123456789abcdef") != DIGEST_LEN || line[DIGEST_LEN] != ' ' ||
	    (line[DIGEST_LEN + 1] != ' ' && line[DIGEST_LEN + 1] != '*') || !line[DIGEST_LEN + 2])
		return false;
	line[DIGEST_LEN] = '\0';
	*out = (struct sum){line, line + DIGEST_LEN + 2};
	return true;
}

static int read_sums(struct pb_golden *g)
{
	char *line, *save = NULL;
	size_t size;
	int err = read_below(g->fd, SUMS, SUMS_BYTES_MAX, &g->text, &size);

	if (err == -ENOENT)
		return err;
	if (err)
		return pb_err(-err, "read %s/%s", g->path, SUMS);
	for (line = strtok_r(g->text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		err = pb_grow(&g->sums, &g->room, (uint64_t)g->n + 1, sizeof(*g->sums));
		if (err)
			return pb_err(-err, "read %s/%s", g->path, SUMS);
		if (!split_line(line, &g->sums[g->n]))
			return pb_fail(
				EPROTO,
				"%s/%s: \"%s\" is no line of sha256sum; restore the file, or "
				"remove the store and bless again",
				g->path, SUMS, line);
		g->n++;
	}
	return 0;
}

int pb_golden_open(struct pb_golden **out, const char *store)
{
	pb_auto(pb_golden) struct pb_golden *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		return pb_err(ENOMEM, "open %s", store);
	g->fd = open(store, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (g->fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (g->fd < 0)
		return pb_err(errno, "open %s, which has to be a directory and no link", store);
	g->path = strdup(store);
	if (!g->path)
		return pb_err(ENOMEM, "open %s", store);
	err = read_sums(g);
	if (err)
		return err;
	*out = pb_take(g);
	return 0;
}

void pb_golden_free(struct pb_golden *g)
{
	if (!g)
		return;
	if (g->fd >= 0)
		close(g->fd);
	free(g->path);
	free(g->text);
	free(g->sums);
	free(g);
}

bool pb_golden_has(const struct pb_golden *g, const char *workload)
{
	size_t len = strlen(workload);

	for (uint32_t i = 0; i < g->n; i++) {
		if (!strncmp(g->sums[i].name, workload, len) && g->sums[i].name[len] == '/')
			return true;
	}
	return false;
}

const char *pb_golden_digest(const struct pb_golden *g, const char *workload, const char *output)
{
	size_t len = strlen(workload);

	for (uint32_t i = 0; i < g->n; i++) {
		const char *name = g->sums[i].name;

		if (!strncmp(name, workload, len) && name[len] == '/' &&
		    !strcmp(name + len + 1, output))
			return g->sums[i].digest;
	}
	return NULL;
}

int pb_golden_text(const struct pb_golden *g, const char *workload, const char *output, char **text,
		   size_t *size)
{
	const char *wanted = pb_golden_digest(g, workload, output);
	pb_autofree char *path = NULL, *bytes = NULL;
	char digest[PB_SHA256_HEX];
	int err;

	if (!wanted || asprintf(&path, "%s/%s", workload, output) < 0)
		return pb_err(ENOMEM, "read %s/%s/%s", g->path, workload, output);
	err = read_below(g->fd, path, (size_t)4 * PB_RUN_OUTPUT_MAX, &bytes, size);
	if (err)
		return pb_err(-err, "read %s/%s, a golden output", g->path, path);
	pb_sha256_hex(digest, bytes, *size);
	if (strcmp(digest, wanted) != 0)
		return pb_fail(EPROTO,
			       "%s/%s is not what %s says; restore it, or look at what changed and "
			       "bless again",
			       g->path, path, SUMS);
	*text = pb_take(bytes);
	return 0;
}
