/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/app/log.h - one line for people, on standard error.
 *
 * Under systemd each line carries its priority for the journal; elsewhere the
 * program's name. Lines are whole also when several threads write. Workers
 * never log. Secrets are never arguments. */
#pragma once
#include <syslog.h> /* LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO */

/** A sentence without newline: what was being done, to what, what to try. */
__attribute__((format(printf, 2, 3))) void log_line(int priority,
						    const char *fmt, ...);

/** Lines of DPDK from now on, before and after rte_eal_init. */
void log_take_dpdk(void);
