/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sound/lab.h - an engine between two phones that are nothing but tones:
 * time is told, the network loses and reorders as it is asked to, and what
 * arrives is decoded by libavcodec alone and judged by its spectrum. */
#pragma once
#include "control/media/engine.h"

#define HEARD_MAX (48000 * 12)

struct lab_phone {
	struct lab *lab;
	const char *codec;
	uint8_t pt;
	uint32_t clock;
	double hz;	/* what it says */
	uint64_t port;	/* its packets arrive on */
	uint64_t hears; /* what leaves by this one */
	struct encoder *encoder;
	struct decoder *decoder;
	uint16_t seq;
	uint32_t ts;
	double phase, due;
	int skew_ppm; /* its clock */
	bool silent;
	/* What it heard. */
	int16_t *heard;
	unsigned rate, count;
	unsigned packets, events, noise, last_digit, rtcp, byes;
	uint32_t heard_ssrc;
	uint16_t heard_seq;
	bool disorder;
};

struct lab {
	struct engine *engine;
	struct lab_phone *phone[20];
	unsigned phones;
	uint64_t now;
	unsigned loss, reorder; /* percent */
	unsigned jitter_us;
	uint32_t seed;
	json_t *events; /* array */
};

void lab_open(struct lab *l);
void lab_close(struct lab *l);
/** A phone whose packets arrive on `in`, and who hears what leaves by `out`. */
void lab_phone(struct lab *l, struct lab_phone *p, const char *codec, double hz,
	       uint64_t in, uint64_t out);
void lab_phone_close(struct lab_phone *p);
/** port.set, in JSON (' for "). @return the error's name, NULL if fine. */
const char *lab_port(struct lab *l, const char *json);
void lab_run(struct lab *l, unsigned ms);
/** Forget what was heard so far. */
void lab_listen(struct lab *l);
/** Power at hz over all power, 0 to 1, in what it heard. */
double lab_share(const struct lab_phone *p, double hz);
double lab_level(const struct lab_phone *p);
unsigned lab_events(const struct lab *l, const char *name);
double sound_share(const int16_t *pcm, unsigned n, unsigned rate, double hz);
uint32_t lab_random(struct lab *l);
void lab_send(struct lab *l, uint64_t port, const uint8_t *p, size_t n);
