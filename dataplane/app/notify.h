/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/app/notify.h - telling the service manager how we are, as
 * sd_notify(3) describes it, without its library. */
#pragma once
#include <stdbool.h>

/** "READY=1", "STOPPING=1", "WATCHDOG=1". Nothing where nobody listens. */
void notify(const char *state);
/** Does it wait for WATCHDOG=1? Then say so once a second or more. */
bool notify_watchdog(void);
