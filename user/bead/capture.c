/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/core/own.h"

#define PIPE_BYTES (1 << 20) /* so that a command rarely waits for us */

char *pb_capture_text_new(size_t size)
{
	/* Shared mappings are not copied at fork: the child would fault them in, and does not. */
	void *text = mmap(NULL, size + 1, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return text == MAP_FAILED ? NULL : text;
}

void pb_capture_text_free(char *text, size_t size)
{
	if (text)
		munmap(text, size + 1);
}

int pb_capture_open(struct pb_capture *c, size_t most, int *write_fd)
{
	pb_autoclose int read_end = -1;
	pb_autoclose int write_end = -1;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	read_end = fds[0];
	write_end = fds[1];
	fcntl(write_end, F_SETPIPE_SZ, PIPE_BYTES);
	/* Of the read end's description only: the command's stays blocking. */
	if (fcntl(read_end, F_SETFL, O_NONBLOCK))
		return -errno;
	*c = (struct pb_capture){.fd = -1, .most = most};
	c->text = pb_capture_text_new(most);
	if (!c->text)
		return -errno;
	c->fd = pb_take_fd(read_end);
	*write_fd = pb_take_fd(write_end);
	return 0;
}

void pb_capture_read(struct pb_capture *c)
{
	char more;

	while (c->fd >= 0 && !c->full) {
		size_t room = c->most - c->size;
		ssize_t n = read(c->fd, room ? c->text + c->size : &more, room ? room : 1);

		if (n > 0 && !room)
			c->full = true;
		else if (n > 0)
			c->size += (size_t)n;
		else if (n < 0 && errno == EINTR)
			continue;
		else if (n < 0 && errno == EAGAIN)
			return;
		else
			pb_capture_close(c);
	}
}

void pb_capture_close(struct pb_capture *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

char *pb_capture_take(struct pb_capture *c, size_t *size)
{
	char *text = c->text, *smaller;

	pb_capture_close(c);
	if (!text)
		return NULL;
	/* Giving back the end of a mapping cannot fail, but where there are too many of them. */
	smaller = mremap(text, c->most + 1, c->size + 1, 0);
	if (smaller == MAP_FAILED)
		smaller = text;
	c->text = NULL;
	*size = c->size;
	smaller[c->size] = '\0';
	return smaller;
}
