/* SPDX-License-Identifier: Apache-2.0 */
#include "control/notify.h"
#include <stdlib.h>
#include <unistd.h>
#include "control/libre.h"

static struct tmr watchdog;
static uint64_t interval; /* ms */

static void report(void *arg)
{
	(void)arg;
	notify_say("WATCHDOG=1");
	tmr_start(&watchdog, interval, report, NULL);
}

void notify_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");

	if (!usec || (pid && strtol(pid, NULL, 10) != (long)getpid()))
		return;
	interval = strtoull(usec, NULL, 10) / 3000;
	if (interval)
		report(NULL);
}

void notify_watchdog_stop(void)
{
	tmr_cancel(&watchdog);
}
