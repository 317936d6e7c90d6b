/* SPDX-License-Identifier: Apache-2.0 */
#include "control/log.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	char journal; /* syslog's priority, sd-daemon(3) */
} levels[] = {
	[LEVEL_ERROR] = {"error", '3'},
	[LEVEL_WARN] = {"warn", '4'},
	[LEVEL_INFO] = {"info", '6'},
	[LEVEL_DEBUG] = {"debug", '7'},
};

static enum log_level limit = LEVEL_INFO;

void log_set_level(enum log_level level)
{
	limit = level;
}

bool log_level_parse(const char *name, enum log_level *level)
{
	for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(name, levels[i].name))
			continue;
		*level = (enum log_level)i;
		return true;
	}
	return false;
}

static bool (*sinks[LOG_SINKS])(const struct log_line *l);
static unsigned n_sinks;

void log_sink(bool (*f)(const struct log_line *l))
{
	if (n_sinks < LOG_SINKS)
		sinks[n_sinks++] = f;
}

static int put_head(char *line, enum log_level level, uint64_t call)
{
	char id[32] = "";

	if (call)
		snprintf(id, sizeof(id), "[call %" PRIu64 "] ", call);
	if (getenv("JOURNAL_STREAM"))
		return snprintf(line, LOG_LINE_MAX, "<%c>%s",
				levels[level].journal, id);
	return snprintf(line, LOG_LINE_MAX, "%s: %s", levels[level].name, id);
}

static void say(enum log_level level, uint64_t call, const char *event,
		const char *fmt, va_list ap)
{
	char line[LOG_LINE_MAX + 1];
	struct log_line l = {levels[level].journal - '0', call, event, NULL};
	bool said = false;
	size_t n = (size_t)put_head(line, level, call), head = n;

	vsnprintf(line + n, LOG_LINE_MAX - n, fmt, ap);
	n = strlen(line);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	l.text = line + head;
	for (unsigned i = 0; i < n_sinks; i++)
		said = sinks[i](&l) || said;
	if (said)
		return;
	line[n++] = '\n';
	/* Nobody to tell when even this fails. */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}

void log_write(enum log_level level, uint64_t call, const char *fmt, ...)
{
	va_list ap;

	if (level > limit)
		return;
	va_start(ap, fmt);
	say(level, call, NULL, fmt, ap);
	va_end(ap);
}

void log_event(enum log_level level, uint64_t call, const char *event,
	       const char *fmt, ...)
{
	va_list ap;

	if (level > limit)
		return;
	va_start(ap, fmt);
	say(level, call, event, fmt, ap);
	va_end(ap);
}
