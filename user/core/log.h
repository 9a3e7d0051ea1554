/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Talk to the person on stderr. Data never goes through here, and nothing else writes to stderr.
 * Every message is one line and passes pb_text_safe(), so that a hostile name inside it cannot
 * reach a terminal raw.
 */
#ifndef PB_CORE_LOG_H
#define PB_CORE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum pb_log_level {
	PB_LOG_ERROR, /* the run fails, or a part of it is missing */
	PB_LOG_WARN,  /* the result is usable, but read this first */
	PB_LOG_INFO,  /* default */
	PB_LOG_DEBUG, /* -v */
};

/*
 * Sets the program's name for the prefix (borrowed for ever) and the level. To be called first in
 * main: it also holds the place of standard descriptors that are closed, so that no file opened
 * later becomes stdout or stderr. May be called again.
 */
void pb_log_init(const char *program, enum pb_log_level level);

/* True if messages of @level are shown. */
bool pb_log_wants(enum pb_log_level level);

/*
 * One line, "program: message". A live line that is on the terminal is cleared first. Keeps errno;
 * a stderr that is closed or whose reader left is no error.
 */
void pb_log(enum pb_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void pb_vlog(enum pb_log_level level, const char *fmt, va_list ap);

/**
 * pb_err() - log "message: strerror(err)" once, where the name of the thing is known.
 * @err: a positive errno
 *
 * Return: -err, so that `return pb_err(errno, "open %s", path);` works.
 */
int pb_err(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * pb_fail() - log the message as it is and return -err; for causes that strerror() words badly.
 */
int pb_fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * pb_live() - show or replace the live status line (no newline); NULL clears it.
 *
 * Only draws if stderr is a terminal, TERM is set and not "dumb", and pb_live_enable(true) was
 * called. Cut to the width of the terminal.
 */
void pb_live(const char *line);
void pb_live_enable(bool on);
/* Whether pb_live() would draw: ask before gathering what it shows. */
bool pb_live_wanted(void);

/*
 * One line "ready", for scripts that wait until everything is attached. Not on a terminal, where
 * the live line says as much; whatever the level.
 */
void pb_log_ready(void);

#endif
