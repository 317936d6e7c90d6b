/* SPDX-License-Identifier: Apache-2.0 */
#include "control/media/digits.h"
#include <string.h>
#include "control/media/rtp.h"

#define END	0x80
#define VOLUME	10 /* -dBm0 */
#define LOST_US 250000

static const char names[] = "0123456789*#ABCD";

int digit_code(char c)
{
	const char *p = c ? strchr(names, c) : NULL;

	return p ? (int)(p - names) : -1;
}

char digit_char(uint8_t code)
{
	return code <= DIGIT_LAST ? names[code] : '?';
}

int digit_read(struct digit_rx *d, const uint8_t *payload, size_t len,
	       uint32_t ts, uint64_t now)
{
	bool end;
	uint16_t units;

	/* Several reports may be in one packet: the first is the newest. */
	if (len < DIGIT_OCTETS || payload[0] > DIGIT_LAST)
		return -1;
	end = payload[1] & END;
	units = get16(payload + 2);
	if ((d->active || d->ended) && ts == d->ts && payload[0] == d->code) {
		if (!d->active)
			return DIGIT_NONE; /* its end, again */
		d->seen = now;
		if (units > d->units)
			d->units = units;
		if (!end)
			return DIGIT_GOES_ON;
		d->active = false;
		d->ended = true;
		return DIGIT_ENDS;
	}
	/* An older one, late. */
	if ((d->active || d->ended) && (int32_t)(ts - d->ts) < 0)
		return DIGIT_NONE;
	*d = (struct digit_rx){.active = !end,
			       .ended = end,
			       .code = payload[0],
			       .ts = ts,
			       .units = units,
			       .seen = now};
	return end ? DIGIT_BOTH : DIGIT_BEGINS;
}

bool digit_lost(struct digit_rx *d, uint64_t now)
{
	if (!d->active || now - d->seen < LOST_US)
		return false;
	d->active = false;
	d->ended = true;
	return true;
}

bool digit_tx_begin(struct digit_tx *t, uint8_t code, uint32_t ms)
{
	if (t->count == DIGIT_QUEUE)
		return false;
	if (t->open) /* its end was lost */
		digit_tx_end(t, t->count == 1 && t->done ? t->done : 100);
	t->queue[t->count].code = code;
	t->queue[t->count].ms = ms;
	t->count++;
	t->open = !ms;
	return true;
}

void digit_tx_end(struct digit_tx *t, uint32_t ms)
{
	if (!t->open || !t->count)
		return;
	t->open = false;
	t->queue[t->count - 1].ms = ms ? ms : 1;
}

bool digit_tx_busy(const struct digit_tx *t)
{
	return t->count || t->pause;
}

static void next_digit(struct digit_tx *t)
{
	t->count--;
	memmove(t->queue, t->queue + 1, t->count * sizeof(t->queue[0]));
	t->done = 0;
	t->repeats = 0;
	t->pause = DIGIT_PAUSE;
}

bool digit_tx_next(struct digit_tx *t, unsigned ptime, unsigned clock,
		   struct digit_packet *out)
{
	uint32_t units, want;
	bool end;

	if (t->pause) {
		t->pause = t->pause > ptime ? t->pause - ptime : 0;
		return false;
	}
	if (!t->count)
		return false;
	want = t->queue[0].ms;
	if (!want && t->done >= DIGIT_MAX)
		digit_tx_end(t, want = t->done);
	*out = (struct digit_packet){.first = !t->done,
				     .repeat = t->repeats > 0};
	if (!t->repeats)
		t->done += ptime;
	end = want && t->done >= want;
	units = t->done * (clock / 1000);
	out->payload[0] = t->queue[0].code;
	out->payload[1] = (uint8_t)((end ? END : 0) | VOLUME);
	put16(out->payload + 2, units > UINT16_MAX ? UINT16_MAX : units);
	if (end && ++t->repeats == DIGIT_REPEAT) {
		out->last = true;
		next_digit(t);
	}
	return true;
}
