/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/app/listener.h - a UNIX SOCK_SEQPACKET socket that other programs
 * connect to: mode 0660, given to a group. Main lcore. */
#pragma once

/** what: names it in the log, "control socket". group: NULL leaves it ours. A
 * socket file that nobody listens on any more is removed first.
 * @return a listening descriptor, non-blocking, or -1 with the reason logged.
 * Who closes it unlinks path. */
int listener_open(const char *what, const char *path, const char *group);
