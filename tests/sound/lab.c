/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sound/lab.h"
#include <libavutil/log.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "control/media/message.h"
#include "control/media/rtp.h"

#define EVENT_PT 101
#define NOISE_PT 13
#define HELD_MAX 512

/* Packets under way. */
static struct {
	uint64_t due, port;
	size_t n;
	uint8_t data[OUTPUT_OCTETS];
} held[HELD_MAX];

uint32_t lab_random(struct lab *l)
{
	l->seed = l->seed * 1664525u + 1013904223u;
	return l->seed >> 8;
}

static void heard_rtp(struct lab_phone *p, const uint8_t *data, size_t n)
{
	int16_t pcm[DECODED_MAX];
	struct rtp r;
	int got;

	if (!rtp_read(&r, data, n)) {
		p->disorder = true;
		return;
	}
	if (p->packets &&
	    (r.ssrc != p->heard_ssrc || r.seq != (uint16_t)(p->heard_seq + 1)))
		p->disorder = true;
	p->heard_ssrc = r.ssrc;
	p->heard_seq = r.seq;
	p->packets++;
	if (r.pt == EVENT_PT && r.len >= 4) {
		p->events++;
		if (r.payload[1] & 0x80)
			p->last_digit = r.payload[0];
		return;
	}
	if (r.pt == NOISE_PT) {
		p->noise++;
		return;
	}
	got = r.pt == p->pt ? decoder_put(p->decoder, r.payload, r.len, pcm)
			    : -1;
	if (got < 0) {
		p->disorder = true;
		return;
	}
	if (p->count + (unsigned)got > HEARD_MAX)
		return;
	memcpy(p->heard + p->count, pcm, (size_t)got * sizeof(*pcm));
	p->count += (unsigned)got;
}

static void on_send(const struct port *port, bool rtcp, const uint8_t *data,
		    size_t n, void *arg)
{
	struct lab *l = arg;
	uint64_t to = port->want.id;

	for (unsigned i = 0; i < l->phones; i++) {
		struct lab_phone *p = l->phone[i];

		if (p->hears != to)
			continue;
		if (!rtcp) {
			heard_rtp(p, data, n);
			continue;
		}
		p->rtcp++;
		for (size_t at = 0; at + 4 <= n;
		     at += 4 * ((size_t)get16(data + at + 2) + 1))
			p->byes += data[at + 1] == 203;
	}
}

static void on_event(json_t *event, void *arg)
{
	struct lab *l = arg;

	json_array_append_new(l->events, event);
}

void lab_open(struct lab *l)
{
	const struct engine_limits limits = {64, 8, 32};
	const struct engine_handlers h = {on_send, on_event, l};

	memset(l, 0, sizeof(*l));
	memset(held, 0, sizeof(held));
	av_log_set_level(AV_LOG_QUIET);
	codec_probe();
	if (sodium_init() < 0)
		abort();
	l->engine = engine_new(&limits, &h);
	l->events = json_array();
	l->now = 1000000;
	l->seed = 42;
}

void lab_close(struct lab *l)
{
	engine_free(l->engine);
	for (unsigned i = 0; i < l->phones; i++)
		lab_phone_close(l->phone[i]);
	json_decref(l->events);
}

void lab_phone(struct lab *l, struct lab_phone *p, const char *codec, double hz,
	       uint64_t in, uint64_t out)
{
	const struct codec *c = codec_find(codec, 0);
	const struct encoder_options o = {.rate = c->rate, .ptime = 20};

	memset(p, 0, sizeof(*p));
	p->lab = l;
	p->codec = codec;
	p->pt = !strcmp(codec, "PCMU")	 ? 0
		: !strcmp(codec, "PCMA") ? 8
		: !strcmp(codec, "G722") ? 9
					 : 96;
	p->clock = c->clock;
	p->hz = hz;
	p->port = in;
	p->hears = out;
	p->encoder = encoder_new(c, &o);
	p->decoder = decoder_new(c);
	p->rate = c->rate;
	p->heard = calloc(HEARD_MAX, sizeof(*p->heard));
	p->due = (double)l->now;
	p->ts = 0xfffff000u; /* both wrap soon */
	p->seq = 65500;
	if (!p->encoder || !p->decoder || !p->heard)
		abort();
	l->phone[l->phones++] = p;
}

void lab_phone_close(struct lab_phone *p)
{
	encoder_free(p->encoder);
	decoder_free(p->decoder);
	free(p->heard);
}

const char *lab_port(struct lab *l, const char *json)
{
	static char error[64];
	char text[2048];
	struct port_want w;
	const char *field = "";
	enum engine_error e;
	struct reader r;
	json_t *j;

	strncpy(text, json, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	j = json_loads(text, 0, NULL);
	if (!j)
		return "not JSON";
	reader_init(&r, j);
	error[0] = '\0';
	if (!read_port(&r, &l->engine->player, &w)) {
		strncpy(error, r.error, sizeof(error) - 1);
	} else {
		e = port_set(l->engine, &w, &field);
		if (e)
			strcpy(error, e == ENGINE_LIMIT	      ? "limit"
				      : e == ENGINE_CODEC     ? "codec"
				      : e == ENGINE_NOT_FOUND ? "not-found"
							      : "other");
	}
	json_decref(j);
	return error[0] ? error : NULL;
}

void lab_send(struct lab *l, uint64_t port, const uint8_t *p, size_t n)
{
	const struct port *to = port_find(l->engine, port);

	engine_packet(l->engine, port, to ? to->want.generation : 0, 0, 0, p, n,
		      l->now);
}

/* Into the network, which may lose it, or hold it back. */
static void under_way(struct lab *l, uint64_t port, const uint8_t *p, size_t n)
{
	uint64_t due = l->now;

	if (lab_random(l) % 100 < l->loss)
		return;
	if (lab_random(l) % 100 < l->reorder)
		due += 30000;
	if (l->jitter_us)
		due += lab_random(l) % l->jitter_us;
	for (unsigned i = 0; i < HELD_MAX; i++) {
		if (held[i].n)
			continue;
		held[i].due = due;
		held[i].port = port;
		held[i].n = n;
		memcpy(held[i].data, p, n);
		return;
	}
}

static void deliver(struct lab *l)
{
	for (unsigned i = 0; i < HELD_MAX; i++) {
		if (!held[i].n || held[i].due > l->now)
			continue;
		lab_send(l, held[i].port, held[i].data, held[i].n);
		held[i].n = 0;
	}
}

static void talk(struct lab *l, struct lab_phone *p)
{
	unsigned n = p->rate / 50;
	uint8_t packet[OUTPUT_OCTETS];
	int16_t pcm[960];
	struct rtp r = {.pt = p->pt,
			.seq = p->seq++,
			.ts = p->ts,
			.ssrc = 0x1000u + (uint32_t)p->port};
	int len;

	for (unsigned i = 0; i < n; i++) {
		pcm[i] = p->silent ? 0 : (int16_t)(8000 * sin(p->phase));
		p->phase += 2 * M_PI * p->hz / p->rate;
	}
	p->ts += p->clock / 50;
	len = encoder_put(p->encoder, pcm, n, packet + RTP_HEADER);
	if (len <= 0)
		return;
	rtp_write(packet, &r);
	under_way(l, p->port, packet, RTP_HEADER + (size_t)len);
}

/* Each phone has a clock of its own, which may run fast or slow. */
static void talk_when_due(struct lab *l, struct lab_phone *p)
{
	while (p->due <= (double)l->now) {
		talk(l, p);
		p->due += 20000.0 * (1 - p->skew_ppm / 1e6);
	}
}

void lab_run(struct lab *l, unsigned ms)
{
	uint64_t end = l->now + ms * 1000ull;

	while (l->now < end) {
		for (unsigned i = 0; i < l->phones; i++)
			talk_when_due(l, l->phone[i]);
		deliver(l);
		engine_tick(l->engine, l->now);
		l->now += FRAME_US;
	}
}

void lab_listen(struct lab *l)
{
	for (unsigned i = 0; i < l->phones; i++)
		l->phone[i]->count = 0;
}

double sound_share(const int16_t *pcm, unsigned n, unsigned rate, double hz)
{
	/* A Hann window, and the three lines of the spectrum around hz. */
	double all = 0, at = 0;

	for (unsigned i = 0; i < n; i++) {
		double w = 0.5 - 0.5 * cos(2 * M_PI * i / n), v = pcm[i] * w;

		all += v * v;
	}
	for (int k = -2; k <= 2; k++) {
		double re = 0, im = 0, f = hz + k * (double)rate / n;

		for (unsigned i = 0; i < n; i++) {
			double w = 0.5 - 0.5 * cos(2 * M_PI * i / n);
			double a = 2 * M_PI * f * i / rate;

			re += pcm[i] * w * cos(a);
			im += pcm[i] * w * sin(a);
		}
		at += (re * re + im * im) * 2 / n;
	}
	return all > 0 ? at / all : 0;
}

double lab_share(const struct lab_phone *p, double hz)
{
	/* The best half second says whether the tone is there and pure; a
	 * phase that slips between two is no matter. */
	unsigned n = p->rate / 4, parts = 0;
	double sum = 0;

	for (unsigned at = 0; at + n <= p->count; at += n) {
		sum += sound_share(p->heard + at, n, p->rate, hz);
		parts++;
	}
	return parts ? sum / parts : 0;
}

double lab_level(const struct lab_phone *p)
{
	double sum = 0;

	for (unsigned i = 0; i < p->count; i++)
		sum += (double)p->heard[i] * p->heard[i];
	return p->count ? sqrt(sum / p->count) : 0;
}

unsigned lab_events(const struct lab *l, const char *name)
{
	unsigned n = 0;
	size_t i;
	json_t *j;

	json_array_foreach (l->events, i, j)
		n += !strcmp(json_string_value(json_object_get(j, "event")),
			     name);
	return n;
}
