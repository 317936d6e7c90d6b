/* SPDX-License-Identifier: Apache-2.0 */
/* control/notify.h - what the service manager is told: sd_notify(3), by one
 * datagram each, and nothing where nobody asked for it. Control's thread. */
#pragma once

/** "READY=1", "STOPPING=1" ... (notify_say.c; sallyport-media's too) */
void notify_say(const char *state);
/** Report to the watchdog, if there is one, three times within its time, for as
 * long as the event loop turns. */
void notify_watchdog(void);
void notify_watchdog_stop(void);
