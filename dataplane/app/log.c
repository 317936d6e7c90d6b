// SPDX-License-Identifier: Apache-2.0
/* dataplane/app/log.c - see log.h. */
#define _GNU_SOURCE /* fopencookie, memmem */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <rte_common.h>
#include <rte_log.h>
#include "dataplane/app/log.h"

#define LINE_MAX_OCTETS 512

static void put(int priority, const char *text, size_t len)
{
	static int journal = -1;
	char line[LINE_MAX_OCTETS];
	int n;

	if (journal < 0)
		journal = getenv("JOURNAL_STREAM") != NULL;
	if (journal)
		n = snprintf(line, sizeof(line), "<%d>%.*s\n", priority,
			     (int)len, text);
	else
		n = snprintf(line, sizeof(line), "sallyport-dataplane: %.*s\n",
			     (int)len, text);
	if (n >= (int)sizeof(line)) {
		n = sizeof(line);
		line[n - 1] = '\n';
	}
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nowhere to say so */
}

void log_line(int priority, const char *fmt, ...)
{
	char text[LINE_MAX_OCTETS];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(priority, text, strlen(text));
}

/* What DPDK calls an error and is none here. */
static const char *const harmless[] = {
	/* net_tap: for flow rules, which a TAP of ours has no use for */
	"Specified qdisc kind is unknown",
	"multiq qdisc",
	"Disabling rte flow support",
	/* net_tap: there are no secondary processes */
	"Failed to send start req to secondary",
	/* telemetry: of DPDK before 20.05 */
	"legacy socket not created",
	/* net_memif: there are no secondary processes */
	"Failed to register mp action callback",
};

static bool is_harmless(const char *text, size_t len)
{
	for (unsigned i = 0; i < RTE_DIM(harmless); i++)
		if (memmem(text, len, harmless[i], strlen(harmless[i])))
			return true;
	return false;
}

static ssize_t from_dpdk(void *cookie, const char *text, size_t len)
{
	uint32_t level = (uint32_t)rte_log_cur_msg_loglevel();
	size_t n = len;

	(void)cookie;
	while (n && (text[n - 1] == '\n' || text[n - 1] == ' '))
		n--;
	/* DPDK counts from RTE_LOG_EMERG 1, syslog from LOG_EMERG 0. */
	if (n && !is_harmless(text, n))
		put(level ? (int)level - 1 : LOG_INFO, text, n);
	return (ssize_t)len;
}

void log_take_dpdk(void)
{
	cookie_io_functions_t io = {.write = from_dpdk};
	FILE *f = fopencookie(NULL, "w", io);

	if (!f)
		return; /* DPDK's own way then */
	setvbuf(f, NULL, _IOLBF, 0);
	rte_openlog_stream(f);
}
