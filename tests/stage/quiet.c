/* SPDX-License-Identifier: Apache-2.0 */
/* A log that says nothing, in place of app/log.c: fuzz targets provoke every
 * complaint there is, thousands of times a second. */
#include "dataplane/app/log.h"

void log_line(int priority, const char *fmt, ...)
{
	(void)priority;
	(void)fmt;
}

/* The table's records hang on hashes in DPDK's memory, where a leak detector
 * doesn't look. What must not leak, packets, the targets count themselves. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
