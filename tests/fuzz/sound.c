/* SPDX-License-Identifier: Apache-2.0 */
/* What a phone, or a dataplane gone mad, can send to sallyport-media: RTP in
 * every codec, digits, noise, RTCP, video; and the header of a recording. The
 * first octet chooses. */
#include <libavutil/log.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "control/media/input.h"
#include "control/media/pass.h"
#include "control/media/seal.h"
#include "control/media/video.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void on_digit(uint8_t code, uint32_t ms, void *arg)
{
	(void)ms;
	(void)arg;
	if (code > DIGIT_LAST)
		abort();
}

static void on_unexpected(uint8_t pt, void *arg)
{
	(void)arg;
	if (pt > 127)
		abort();
}

static void on_error(const char *codec, void *arg)
{
	(void)codec;
	(void)arg;
}

static void on_video(const struct format *f, const struct rtp *r, void *arg)
{
	(void)f;
	(void)arg;
	if (r->len > RTP_PAYLOAD_MAX)
		abort();
}

static struct format format(const char *name, uint8_t pt, uint32_t clock)
{
	struct format f = {.codec = codec_find(name, clock),
			   .pt = pt,
			   .clock = clock,
			   .channels = 1};

	return f;
}

/* Packets, each a length octet, a delay octet and what the length says. */
static void rtp(const uint8_t *p, size_t n)
{
	static struct input in;
	const struct format f[] = {
		format("PCMU", 0, 8000),  format("PCMA", 8, 8000),
		format("G722", 9, 8000),  format("opus", 96, 48000),
		format("CN", 13, 8000),	  format("telephone-event", 101, 8000),
		format("VP8", 97, 90000),
	};
	const struct input_handlers h = {on_digit, on_unexpected, on_error,
					 on_video, NULL};
	struct pass pass = {.left = 0};
	uint8_t out[PASS_MAX];
	uint64_t now = 1000000;

	input_init(&in, f, sizeof(f) / sizeof(f[0]), &h);
	while (n >= 2) {
		size_t len = p[0] < n - 2 ? p[0] : n - 2;

		input_rtp(&in, p + 2, len, now);
		if (!pass_busy(&pass))
			pass_notice(&pass, 1400, 100);
		if (pass_rtp(&pass, &in, p + 2, len, out) > PASS_MAX)
			abort();
		for (unsigned i = 0; i < p[1] % 8u; i++, now += FRAME_US)
			input_pull(&in, true, now);
		if (in.held > INPUT_FIFO || in.frame.rate > RATE_MAX)
			abort();
		p += 2 + len;
		n -= 2 + len;
	}
	pass_close(&pass);
	input_close(&in);
}

static void on_item(const struct rtcp_item *i, void *arg)
{
	struct rtcp_rx *rx = arg;
	struct rtcp_tx tx = {.ssrc = i->about};

	rtcp_rx_item(rx, i, 1000000);
	rtcp_tx_item(&tx, i, (uint64_t)1 << 60);
}

static void rtcp(const uint8_t *p, size_t n)
{
	struct rtcp_rx rx = {.valid = true, .ssrc = 1};

	(void)rtcp_read(p, n, on_item, &rx);
}

static void on_picture(const uint8_t *p, size_t n, bool key, void *arg)
{
	(void)key;
	(void)arg;
	if (!p || !n || n > VIDEO_FRAME_MAX)
		abort();
}

static void video(const char *codec, const uint8_t *p, size_t n)
{
	struct video *v = video_new(codec_find(codec, 90000));
	struct rtp r = {.ts = 0};

	while (v && n >= 2) {
		size_t len = p[0] < n - 2 ? p[0] : n - 2;

		r.seq = (uint16_t)(r.seq + 1 + (p[1] >> 4 & 3) - (p[1] >> 6));
		r.marker = p[1] & 1;
		r.ts += p[1] >> 1 & 1;
		r.payload = p + 2;
		r.len = len;
		video_put(v, &r, on_picture, NULL);
		p += 2 + len;
		n -= 2 + len;
	}
	video_free(v);
}

static void sealed(const uint8_t *p, size_t n)
{
	static uint8_t out[SEAL_PIECE + SEAL_OVERHEAD];
	static const uint8_t key[32] = {1};
	struct seal_header h;
	struct seal s;
	size_t len = seal_header_read(&h, p, n), got;

	if (!len)
		return;
	if (h.keys > SEAL_KEYS || len > n || strlen(h.call) > SEAL_NAME)
		abort();
	if (seal_open(&s, p, len, key, key) &&
	    seal_read(&s, p + len, n - len, out, &got))
		abort(); /* nobody makes one by chance */
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static bool ready;

	if (!ready) {
		av_log_set_level(AV_LOG_QUIET);
		codec_probe();
		ready = sodium_init() >= 0;
	}
	if (!n)
		return 0;
	switch (*p % 5) {
	case 0:
		rtp(p + 1, n - 1);
		break;
	case 1:
		rtcp(p + 1, n - 1);
		break;
	case 2:
		video("VP8", p + 1, n - 1);
		break;
	case 3:
		video("H264", p + 1, n - 1);
		break;
	case 4:
		sealed(p + 1, n - 1);
		break;
	}
	return 0;
}
