/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/digits.h"
#include <string.h>

#define TONE 5 /* packets of a digit, its end's two copies not counted */
#define END  3 /* packets that say that it ended */
#define GAP  3 /* packets between two digits */

static const char keys[] = "0123456789*#ABCD";

bool digits_queue(struct digits_out *d, const char *digits)
{
	size_t have = strlen(d->queue), n = strlen(digits);

	if (!n || n > DIGITS_MAX - have || strspn(digits, keys) != n)
		return false;
	memcpy(d->queue + have, digits, n + 1);
	return true;
}

bool digits_next(struct digits_out *d, uint32_t audio_ts, uint32_t ticks,
		 uint8_t event[MEDIA_DIGIT], bool *marker, uint32_t *ts)
{
	unsigned lasted;

	if (!d->queue[0])
		return false;
	if (d->step >= TONE + END) {
		if (++d->step == TONE + END + GAP) {
			d->step = 0;
			memmove(d->queue, d->queue + 1, strlen(d->queue));
		}
		return false;
	}
	if (!d->step)
		d->ts = audio_ts;
	*marker = !d->step;
	*ts = d->ts;
	d->step++;
	lasted = (d->step < TONE ? d->step : TONE) * ticks;
	event[0] = (uint8_t)(strchr(keys, d->queue[0]) - keys);
	event[1] = (uint8_t)((d->step > TONE ? 0x80 : 0) | 10); /* -10 dBm0 */
	event[2] = (uint8_t)(lasted >> 8);
	event[3] = (uint8_t)lasted;
	return true;
}

char digits_heard(struct digits_in *d, const struct media_pkt *event)
{
	if (event->len < MEDIA_DIGIT || event->data[0] >= sizeof(keys) - 1 ||
	    (d->heard && d->ts == event->ts))
		return 0;
	d->heard = true;
	d->ts = event->ts;
	return keys[event->data[0]];
}
