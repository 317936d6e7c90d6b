/* SPDX-License-Identifier: Apache-2.0 */
/* control/log.h - one line to stderr for each thing worth saying.
 *
 * The level comes first in the form that journald reads ("<6>") when stderr is
 * the journal's, else as a word. `call` is a call's id, or 0. Octets that are
 * not printable become '?', so strangers can't forge lines. Never pass keys,
 * SDES lines or passwords. Any thread; a line is one write. */
#pragma once
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level { LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO, LEVEL_DEBUG };

#define LOG_LINE_MAX 1024 /* octets, longer ones are cut */

/** Say only what is at least this important. Before the first line. */
void log_set_level(enum log_level level);
/** "error", "warn", "info", "debug". @return false: none of these. */
bool log_level_parse(const char *name, enum log_level *level);

__attribute__((format(printf, 3, 4))) void log_write(enum log_level level,
						     uint64_t call,
						     const char *fmt, ...);

/* A line for somewhere else than stderr. */
struct log_line {
	int priority;	   /* syslog's */
	uint64_t call;	   /* 0: none */
	const char *event; /* stable name, or NULL */
	const char *text;  /* printable; without call and newline */
};

#define LOG_SINKS 2

/** Hand each line to f, too; where it returns true, stderr doesn't get it. At most
 * LOG_SINKS of them, before threads log. f may be called from any thread. */
void log_sink(bool (*f)(const struct log_line *l));
/** As log_write, of what has a name. */
__attribute__((format(printf, 4, 5))) void log_event(enum log_level level,
						     uint64_t call,
						     const char *event,
						     const char *fmt, ...);

#define log_error(call, ...) log_write(LEVEL_ERROR, (call), __VA_ARGS__)
#define log_warn(call, ...)  log_write(LEVEL_WARN, (call), __VA_ARGS__)
#define log_info(call, ...)  log_write(LEVEL_INFO, (call), __VA_ARGS__)
#define log_debug(call, ...) log_write(LEVEL_DEBUG, (call), __VA_ARGS__)
