/* SPDX-License-Identifier: Apache-2.0 */
/* control/logsinks.h - where control's log goes beside stderr: the journal, with
 * fields, and a syslog server. Set up before threads log. */
#pragma once
#include <stddef.h>

#include <stdbool.h>

#define LOG_JOURNAL "/run/systemd/journal/socket"

/** Is stderr the journal's? The variable alone may be inherited from whoever
 * started a shell: systemd.exec(5), $JOURNAL_STREAM. */
bool log_is_journal(void);
/** By the journal's own protocol (systemd's JOURNAL_NATIVE_PROTOCOL), in the
 * place of stderr: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER and, where they are known,
 * CALL_ID and SALLYPORT_EVENT. What it doesn't take goes to stderr.
 * @return 0 or errno. */
int log_journal(const char *path);
/** RFC 5424, facility local0: "udp:ADDRESS:PORT" (RFC 5426), "tcp:ADDRESS:PORT"
 * (RFC 6587, octets counted). Never waits: what the network doesn't take at once
 * is lost there, and stays in the journal. @return 0 or errno. */
int log_syslog(const char *where);
