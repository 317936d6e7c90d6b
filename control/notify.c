/* SPDX-License-Identifier: Apache-2.0 */
#include "control/notify.h"
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "control/libre.h"
#include "control/log.h"

static struct tmr watchdog;
static uint64_t interval; /* ms */

void notify_say(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (!n || n >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, n);
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), 0, (struct sockaddr *)&to,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		log_warn(0, "telling systemd: %s", strerror(errno));
	close(fd);
}

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
