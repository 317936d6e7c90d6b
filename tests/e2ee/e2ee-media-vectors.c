/* SPDX-License-Identifier: Apache-2.0 */
/* tests/e2ee/e2ee-media-vectors.c - SFrame packets as E2EE.md frames them.
 *
 * The real sender makes each packet and the real receiver takes it. A sender
 * can't be told a counter, and a receiver only follows what it hears: so the
 * sender's file is part of this program, which sets its counter, and the
 * receiver is walked to the step by packets of another sender. */
#include "tests/e2ee/vectors.h"
#include "control/e2ee/media_send.c" /* NOLINT: see above */
#include <stdlib.h>

struct stream {
	const struct sframe_suite *suite;
	enum e2ee_kind kind;
	uint8_t base[E2EE_BASE_KEY];
};

static struct sender *sender_at(const struct stream *st, uint64_t step_to,
				uint64_t ctr)
{
	static const struct media_limits limits = {UINT64_MAX, UINT64_MAX};
	struct sender *s =
		sender_new(st->suite->id, st->kind, st->base, &limits);

	while (s && s->base.step < step_to)
		if (!step(s))
			return NULL;
	if (s)
		s->ctr = ctr;
	return s;
}

/* Walk r towards a step, at most 31 at a time. */
static void walk(const struct stream *st, struct receiver *r, uint64_t step_to)
{
	uint8_t p[64], out[64];
	struct media_frame f = {.codec = MEDIA_OPUS};

	for (uint64_t at = 0; at + MEDIA_AHEAD < step_to;) {
		struct sender *s = sender_at(st, at += MEDIA_AHEAD, 1u << 20);
		size_t n;

		if (!s || sender_seal(s, 0, &f, p, sizeof(p), &n) ||
		    receiver_open(r, 0, p, n, out, sizeof(out), &f))
			differs("the receiver can't be brought to step %llu",
				(unsigned long long)at);
		sender_free(s);
	}
}

static void check_open(const struct stream *st, const struct media_frame *want,
		       const struct octets *packet)
{
	struct receiver *r = receiver_new(st->suite->id, st->kind, st->base);
	struct octets out, payload = {.n = want->len};
	struct media_frame f;
	enum media_verdict v;

	memcpy(payload.p, want->payload, want->len);
	walk(st, r, want->step);
	v = receiver_open(r, 0, packet->p, packet->n, out.p, sizeof(out.p), &f);
	if (v) {
		differs("packet doesn't open: %s", media_verdict_name(v));
		goto out;
	}
	expect_octets("payload", &payload, f.payload, f.len);
	if (f.marker != want->marker || f.codec != want->codec ||
	    f.timestamp != want->timestamp)
		differs("packet opens to marker %d, codec %d, timestamp %u",
			f.marker, f.codec, f.timestamp);
	if (f.step != want->step || f.ctr != want->ctr)
		differs("packet opens to step %llu, ctr %llu",
			(unsigned long long)f.step, (unsigned long long)f.ctr);
	v = receiver_open(r, 0, packet->p, packet->n, out.p, sizeof(out.p), &f);
	if (v != MEDIA_REPLAY)
		differs("packet opens twice");
out:
	receiver_free(r);
}

static void check_packet(const struct stream *st, json_t *v)
{
	struct octets payload = get_hex(v, "payload");
	struct octets packet = get_hex(v, "packet"), out;
	const struct media_frame f = {
		.marker = get_number(v, "marker") != 0,
		.codec = (uint8_t)get_number(v, "codec"),
		.timestamp = (uint32_t)get_number(v, "timestamp"),
		.payload = payload.p,
		.len = payload.n,
		.step = get_number(v, "step"),
		.ctr = get_number(v, "ctr"),
	};
	struct sender *s = sender_at(st, f.step, f.ctr);
	enum media_verdict verdict = MEDIA_FAILED;
	size_t n = 0;

	if (get_number(v, "kid") != media_kid(f.step, st->kind))
		differs("kid differs: ours is %llu",
			(unsigned long long)media_kid(f.step, st->kind));
	if (s)
		verdict = sender_seal(s, 0, &f, out.p, sizeof(out.p), &n);
	if (verdict)
		differs("sealing fails: %s", media_verdict_name(verdict));
	expect_octets("packet", &packet, out.p, n);
	check_open(st, &f, &packet);
	sender_free(s);
}

static void expect_step(json_t *v, const char *key, const struct stream *st,
			uint64_t n)
{
	struct step_key k = {.len = E2EE_BASE_KEY};

	memcpy(k.key, st->base, E2EE_BASE_KEY);
	while (k.step < n)
		step_next(&k, st->suite);
	expect(v, key, "", k.key, k.len);
}

static void check(json_t *root)
{
	json_t *v, *p;
	size_t i, j;

	json_array_foreach (json_object_get(root, "vectors"), i, v) {
		uint64_t suite, kind;
		struct stream st;

		case_begin("stream %zu", i);
		suite = get_number(v, "suite");
		kind = get_number(v, "kind");
		get_fixed(v, "base_key", st.base, sizeof(st.base));
		if (suite > UINT16_MAX || !e2ee_media_suite((uint16_t)suite) ||
		    kind >= E2EE_KINDS) {
			differs("there is no such suite or kind");
			case_end();
			continue;
		}
		st.suite = sframe_suite((uint16_t)suite);
		st.kind = (enum e2ee_kind)kind;
		expect_step(v, "step1", &st, 1);
		expect_step(v, "step64", &st, 64);
		case_end();
		json_array_foreach (json_object_get(v, "packets"), j, p) {
			case_begin("stream %zu packet %zu", i, j);
			check_packet(&st, p);
			case_end();
		}
	}
}

int main(int argc, char **argv)
{
	return vectors_run(argc, argv, "tests/vectors/e2ee-media.json", check);
}
