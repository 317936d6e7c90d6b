/* SPDX-License-Identifier: Apache-2.0 */
/* tests/e2ee/e2ee-peer.c - one side of a call as a process of its own.
 *
 *   e2ee-peer I|R OWN-AOR PEER-AOR SUITES     SUITES: three numbers, audio,
 *                                             video, screen; 0: never sent
 *
 * Stdin and stdout lead to the other side, or to somebody in between. A frame:
 * u8 channel ('S' SDP, 'I' INFO, 'M' media), u8 kind (media), u16 length,
 * octets. After the handshake each side sends PACKETS packets of each kind it
 * may send. At the end: one JSON object on stderr, with all that it drew, so
 * that another program can work out what the keys must be. Nothing that isn't
 * a test may do that. */
#include "control/e2ee/e2ee.h"
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PACKETS 70 /* with a step for each packet: beyond the wrap at 64 */

static struct {
	struct e2ee *h;
	struct media *m;
	uint8_t drawn[4][32]; /* by enum e2ee_random */
	unsigned to_open, opened;
	bool sent, over;
} me;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void draw(void *arg, enum e2ee_random what, uint8_t *out, size_t n)
{
	(void)arg;
	randombytes_buf(out, n);
	memcpy(me.drawn[what], out, n);
}

static bool all(ssize_t (*io)(int, void *, size_t), int fd, void *p, size_t n)
{
	for (uint8_t *at = p; n;) {
		ssize_t got = io(fd, at, n);

		if (got <= 0)
			return false;
		at += got;
		n -= (size_t)got;
	}
	return true;
}

static ssize_t put(int fd, void *p, size_t n)
{
	return write(fd, p, n);
}

static void send_frame(char channel, uint8_t kind, const void *p, size_t n)
{
	uint8_t frame[4 + E2EE_ATTR_MAX + 64] = {(uint8_t)channel, kind};

	e2ee_put16(frame + 2, (uint16_t)n);
	memcpy(frame + 4, p, n);
	if (!all(put, STDOUT_FILENO, frame, 4 + n))
		me.over = true;
}

static void send_sdp(void)
{
	char value[E2EE_ATTR_ROOM], sdp[E2EE_ATTR_ROOM + 64];

	if (!e2ee_attribute(me.h, value, sizeof(value)))
		return;
	snprintf(sdp, sizeof(sdp), "v=0\r\na=e2ee:%s\r\nm=audio\r\n", value);
	send_frame('S', 0, sdp, strlen(sdp));
}

/* Every packet is a step of its own. */
static void send_media(void)
{
	static const struct media_limits limits = {1, MEDIA_STEP_MS};

	me.m = media_new(me.h, &limits);
	for (unsigned k = 0; k < E2EE_KINDS; k++)
		for (uint32_t i = 0; i < PACKETS; i++) {
			char payload[32];
			struct media_frame f = {
				.marker = i == 0,
				.codec = MEDIA_OPUS,
				.timestamp = i * 960,
				.payload = (uint8_t *)payload,
				.len = (size_t)sprintf(payload, "packet %u", i),
			};
			uint8_t out[128];
			size_t n;

			if (!media_seal(me.m, k, now_ms(), &f, out, sizeof(out),
					&n))
				send_frame('M', (uint8_t)k, out, n);
		}
	for (unsigned k = 0; k < E2EE_KINDS; k++)
		me.to_open += e2ee_peer_media(me.h)->suite[k] ? PACKETS : 0;
	me.sent = true;
}

static void open_media(uint8_t kind, const uint8_t *p, size_t n)
{
	struct media_frame f;
	uint8_t out[256];

	if (media_open(me.m, kind, now_ms(), p, n, out, sizeof(out), &f))
		return;
	me.opened += f.timestamp == f.step * 960 && f.codec == MEDIA_OPUS &&
		     f.marker == (f.step == 0);
	e2ee_media_seen(me.h, now_ms());
}

static void obey(struct e2ee_result r)
{
	if (r.act == E2EE_SEND)
		send_frame('I', 0, r.msg, r.len);
	else if (r.act != E2EE_WAIT && r.act != E2EE_LOCK)
		me.over = true;
}

static void take_frame(char channel, uint8_t kind, const uint8_t *p, size_t n,
		       bool is_r)
{
	uint8_t key[E2EE_BASE_KEY];

	if (channel == 'S') {
		obey(e2ee_sdp(me.h, (const char *)p, n, now_ms()));
		if (is_r && !me.over) {
			obey(e2ee_answer(me.h, now_ms()));
			send_sdp();
		}
	} else if (channel == 'I') {
		obey(e2ee_feed(me.h, p, n, now_ms()));
	} else if (me.m) {
		open_media(kind, p, n);
	}
	if (!me.sent && !me.over && e2ee_key(me.h, 0, E2EE_AUDIO, key))
		send_media();
	if (me.sent && me.opened == me.to_open && e2ee_locked(me.h))
		me.over = true;
}

static void run(bool is_r)
{
	uint8_t head[4], p[65536];

	while (!me.over) {
		uint64_t at = e2ee_deadline(me.h), now = now_ms();
		int wait = at == E2EE_NEVER ? 20000
			   : at > now	    ? (int)(at - now)
					    : 0;
		struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
		int ready = poll(&in, 1, wait);

		if (ready < 1) {
			obey(e2ee_tick(me.h, now_ms()));
			me.over |= at == E2EE_NEVER;
			continue;
		}
		if (!all(read, STDIN_FILENO, head, 4) ||
		    !all(read, STDIN_FILENO, p, e2ee_get16(head + 2))) {
			obey(e2ee_peer_ended(me.h, now_ms()));
			break;
		}
		take_frame((char)head[0], head[1], p, e2ee_get16(head + 2),
			   is_r);
	}
}

static void tell(void)
{
	static const char *const names[] = {"x25519_secret", "r", "n_R",
					    "call_id"};
	const char *code = e2ee_code(me.h);
	const char *peer = e2ee_peer_aor(me.h);
	uint8_t key[E2EE_BASE_KEY];
	char hex[2 * E2EE_BASE_KEY + 1];

	fprintf(stderr,
		"{\"locked\": %s, \"reason\": \"%s\", \"code\": \"%s\","
		" \"peer\": \"%s\", \"opened\": %u",
		e2ee_locked(me.h) ? "true" : "false",
		e2ee_reason_name(e2ee_why(me.h, NULL)), code ? code : "",
		peer ? peer : "", me.opened);
	for (int i = 0; i < 4; i++)
		fprintf(stderr, ", \"%s\": \"%s\"", names[i],
			sodium_bin2hex(hex, sizeof(hex), me.drawn[i], 32));
	for (int d = 0; d < 2; d++)
		for (int k = 0; k < E2EE_KINDS; k++)
			if (e2ee_key(me.h, d, k, key))
				fprintf(stderr, ", \"base_%d_%d\": \"%s\"", d,
					k,
					sodium_bin2hex(hex, sizeof(hex), key,
						       sizeof(key)));
	fprintf(stderr, "}\n");
}

int main(int argc, char **argv)
{
	struct identity *id = identity_new();
	struct e2ee_config c = {.identity = id, .random = draw};
	enum e2ee_reason why;
	unsigned s[3];

	if (argc != 5 || sscanf(argv[4], "%u,%u,%u", s, s + 1, s + 2) != 3) {
		fprintf(stderr, "usage: e2ee-peer I|R OWN PEER A,V,S\n");
		return 2;
	}
	c.side = *argv[1] == 'I' ? E2EE_I : E2EE_R;
	c.own_aor = argv[2];
	c.peer_aor = argv[3];
	for (int k = 0; k < E2EE_KINDS; k++)
		c.media.suite[k] = (uint16_t)s[k];
	me.h = e2ee_new(&c, now_ms(), &why);
	if (!me.h) {
		fprintf(stderr, "%s\n", e2ee_reason_text(why));
		return 2;
	}
	if (c.side == E2EE_I)
		send_sdp();
	run(c.side == E2EE_R);
	tell();
	media_free(me.m);
	e2ee_free(me.h);
	identity_free(id);
	return 0;
}
