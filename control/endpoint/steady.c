/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/steady.h"
#include <sodium.h>
#include <string.h>
#include "control/endpoint/opus.h"

#define QUIET_MS     (3 * PTIME_MS)
#define OPUS_LEAST   80 /* octets: 32 kbit/s */
#define PCMU_SILENCE 0xff
#define PCMA_SILENCE 0xd5

static size_t silence(const struct steady *s, uint8_t codec,
		      uint8_t out[MEDIA_PKT_MAX])
{
	size_t n = 8000 * PTIME_MS / 1000;

	if (codec == MEDIA_OPUS)
		return opus_silence(out, s->size);
	memset(out, codec == MEDIA_PCMA ? PCMA_SILENCE : PCMU_SILENCE, n);
	return n;
}

static void fill(void *arg)
{
	struct steady *s = arg;
	const struct codec *c = call_codec(s->call, E2EE_AUDIO);
	uint8_t buf[MEDIA_PKT_MAX];
	size_t n;

	tmr_start(&s->timer, PTIME_MS, fill, s);
	if (!c || !call_sealed(s->call) || tmr_jiffies() - s->last < QUIET_MS)
		return;
	n = silence(s, c->id, buf);
	s->ts += c->clock * PTIME_MS / 1000;
	call_send(s->call, E2EE_AUDIO, c->id, false, s->ts, buf, n);
}

void steady_start(struct steady *s, struct call *call)
{
	if (s->call == call)
		return;
	steady_stop(s);
	s->call = call;
	s->size = OPUS_LEAST;
	s->ts = randombytes_random();
	s->last = tmr_jiffies();
	tmr_start(&s->timer, PTIME_MS, fill, s);
}

void steady_stop(struct steady *s)
{
	tmr_cancel(&s->timer);
	memset(s, 0, sizeof(*s));
}

void steady_send(struct steady *s, const struct media_pkt *p)
{
	uint8_t buf[MEDIA_PKT_MAX];
	const uint8_t *data = p->data;
	size_t len = p->len;

	s->last = tmr_jiffies();
	s->ts = p->ts;
	if (p->codec == MEDIA_OPUS && call_sealed(s->call)) {
		if (len > s->size)
			s->size = len;
		len = opus_pad(buf, s->size, p->data, p->len);
		if (!len) /* no Opus packet */
			len = opus_silence(buf, s->size);
		data = buf;
	}
	call_send(s->call, E2EE_AUDIO, p->codec, p->marker, p->ts, data, len);
}
