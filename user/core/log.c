/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A message goes out in one write(), so that lines of several processes do not mix, and without
 * stdio, so that nothing is held back. If it cannot be written, nobody is there to be told: every
 * function here gives up in silence, and leaves errno as it was.
 */
#include "user/core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "user/core/text.h"

/* Longest line in bytes, without the prefix. */
#define LINE_MAX_BYTES   8192
#define PREFIX_MAX_BYTES 64

/* How long, and how often in a line, we wait for the reader of a full, non-blocking stderr. */
#define STALL_MAX_MS 200
#define STALLS_MAX   5

#define CLEAR_LINE "\r\033[K"

static struct {
	const char *program;
	enum pb_log_level level;
	bool live_on;    /* pb_live_enable() */
	bool live_shown; /* a live line is on the terminal now */
} state = {.program = "perfbeads", .level = PB_LOG_INFO};

/* False if it could not be written as a whole. */
static bool put(const char *bytes, size_t len)
{
	int stalls = 0;

	while (len) {
		ssize_t n = write(STDERR_FILENO, bytes, len);
		struct pollfd stalled = {.fd = STDERR_FILENO, .events = POLLOUT};

		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			if (stalls++ == STALLS_MAX || poll(&stalled, 1, STALL_MAX_MS) != 1)
				return false;
		} else if (n == 0 || errno != EINTR) {
			return false;
		}
	}
	return true;
}

/*
 * A descriptor that was closed before we started would be given to the next file we open, and
 * messages or results would land in it. Hold the place of each with one that fails when used.
 * Close-on-exec, so that a command we start finds them closed, as our caller wanted it.
 */
static void hold_closed_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int mode = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;

		/* The lowest free descriptor is fd itself: those below are taken by now. */
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", mode | O_CLOEXEC) != fd)
			return;
	}
}

void pb_log_init(const char *program, enum pb_log_level level)
{
	int saved_errno = errno;

	state.program = program;
	state.level = level;
	hold_closed_descriptors();
	errno = saved_errno;
}

bool pb_log_wants(enum pb_log_level level)
{
	return level <= state.level;
}

/* "program: message\n" with @tail behind the message; NULL: none. */
static void put_message(const char *fmt, va_list ap, const char *tail)
{
	/* A little longer than a safe line, so that what is cut here ends in "..." there. */
	char raw[LINE_MAX_BYTES + 16];
	char line[sizeof(CLEAR_LINE) + PREFIX_MAX_BYTES + 2 + LINE_MAX_BYTES + 2];
	size_t used = 0, raw_len;
	int n = vsnprintf(raw, sizeof(raw), fmt, ap);

	if (n < 0) /* a format that cannot be converted still says more than nothing */
		n = snprintf(raw, sizeof(raw), "%s", fmt);
	raw_len = n < (int)sizeof(raw) ? (size_t)n : sizeof(raw) - 1;
	if (tail && raw_len < sizeof(raw) - 1) {
		n = snprintf(raw + raw_len, sizeof(raw) - raw_len, ": %s", tail);
		raw_len += (size_t)n;
		if (raw_len > sizeof(raw) - 1)
			raw_len = sizeof(raw) - 1;
	}
	if (state.live_shown) {
		memcpy(line, CLEAR_LINE, sizeof(CLEAR_LINE) - 1);
		used = sizeof(CLEAR_LINE) - 1;
		state.live_shown = false;
	}
	used += pb_text_safe_line(line + used, PREFIX_MAX_BYTES, state.program,
				  strlen(state.program));
	memcpy(line + used, ": ", 2);
	used += 2;
	used += pb_text_safe_line(line + used, LINE_MAX_BYTES, raw, raw_len);
	line[used++] = '\n';
	put(line, used);
}

void pb_vlog(enum pb_log_level level, const char *fmt, va_list ap)
{
	int saved_errno = errno;

	if (pb_log_wants(level))
		put_message(fmt, ap, NULL);
	errno = saved_errno;
}

void pb_log(enum pb_log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	pb_vlog(level, fmt, ap);
	va_end(ap);
}

int pb_err(int err, const char *fmt, ...)
{
	int saved_errno = errno;
	va_list ap;

	va_start(ap, fmt);
	if (pb_log_wants(PB_LOG_ERROR))
		put_message(fmt, ap, strerror(err));
	va_end(ap);
	errno = saved_errno;
	return -err;
}

int pb_fail(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	pb_vlog(PB_LOG_ERROR, fmt, ap);
	va_end(ap);
	return -err;
}

/* Columns of the terminal on stderr; 0 if there is none that can redraw a line. */
static int terminal_columns(void)
{
	const char *term = getenv("TERM");
	struct winsize size = {0};

	if (!isatty(STDERR_FILENO) || !term || !*term || !strcmp(term, "dumb"))
		return 0;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return 80;
	return size.ws_col;
}

void pb_live(const char *text)
{
	int saved_errno = errno;
	char line[sizeof(CLEAR_LINE) + LINE_MAX_BYTES] = "\r";
	size_t used = 1;
	int columns;

	if (!text) {
		if (state.live_shown)
			put(CLEAR_LINE, sizeof(CLEAR_LINE) - 1);
		state.live_shown = false;
	} else if (state.live_on && (columns = terminal_columns()) > 0) {
		pb_text_safe_line(line + used, LINE_MAX_BYTES, text, strlen(text));
		/* The last column stays free: a cursor behind it may wrap. */
		used += pb_text_fit(line + used, columns - 1);
		memcpy(line + used, "\033[K", 3);
		state.live_shown = put(line, used + 3);
	}
	errno = saved_errno;
}

void pb_live_enable(bool on)
{
	if (!on)
		pb_live(NULL);
	state.live_on = on;
}

bool pb_live_wanted(void)
{
	int saved_errno = errno;
	bool wanted = state.live_on && terminal_columns() > 0;

	errno = saved_errno;
	return wanted;
}

void pb_log_ready(void)
{
	static const char line[] = "ready\n";
	int saved_errno = errno;

	if (!isatty(STDERR_FILENO))
		put(line, sizeof(line) - 1);
	errno = saved_errno;
}
