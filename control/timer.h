/* SPDX-License-Identifier: Apache-2.0 */
/* control/timer.h - many timers at once: a hashed wheel.
 *
 * libre's own timers are one sorted list, so starting one costs as much as
 * there are others: with a few thousand calls' retransmissions that is a fifth
 * of the time. Here starting and cancelling cost the same however many there
 * are; one of libre's timers drives the wheel, and sleeps when it is empty.
 * Resolution 8 ms, never early. Control's thread only. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "control/libre.h"

typedef void timer_h(void *arg);

struct timer { /* zeroed at first; owned by whoever it is embedded in */
	struct le le;
	uint64_t at; /* ms, as tmr_jiffies() */
	timer_h *h;
	void *arg;
};

/** Call h(arg) once, ms from now; a running timer is started anew. */
void timer_start(struct timer *t, uint64_t ms, timer_h *h, void *arg);
/** Also one that isn't running. */
void timer_cancel(struct timer *t);
bool timer_running(const struct timer *t);
/** What is left, ms. */
uint64_t timer_left(const struct timer *t);
