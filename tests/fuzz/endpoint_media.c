/* SPDX-License-Identifier: Apache-2.0 */
/* What strangers can put into an RTP or RTCP packet: video payloads, Opus,
 * compounds, a=crypto. The first octet chooses. */
#include <stdlib.h>
#include <string.h>
#include "control/endpoint/hop.h"
#include "control/endpoint/jitter.h"
#include "control/endpoint/opus.h"
#include "control/endpoint/payload.h"
#include "control/endpoint/rtcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Packets, each a length octet, a flags octet and what the length says. */
static void video(uint8_t codec, const uint8_t *p, size_t n)
{
	struct payload_reader r;
	uint64_t order = 0;

	payload_reader_init(&r, codec);
	while (n >= 2) {
		size_t len = p[0] < n - 2 ? p[0] : n - 2;
		struct media_pkt *pkt = media_pkt_new(
			E2EE_VIDEO, codec, p[1] & 1, p[1] >> 4, p + 2, len);

		if (!pkt)
			break;
		order += 1 + (p[1] & 2);
		pkt->order = order;
		if (payload_read(&r, pkt) && (!r.len || r.len > FRAME_MAX))
			abort();
		free(pkt);
		p += 2 + len;
		n -= 2 + len;
	}
	payload_reader_free(&r);
}

static void opus(const uint8_t *p, size_t n)
{
	uint8_t out[MEDIA_PKT_MAX];
	size_t size;

	if (n < 2 || n > MEDIA_PKT_MAX / 2)
		return;
	size = (size_t)(p[0] << 8 | p[1]) % MEDIA_PKT_MAX;
	if (opus_pad(out, size, p + 2, n - 2) > size)
		abort();
}

static void release(struct media_pkt *pkt, void *arg)
{
	uint64_t *last = arg;

	if (pkt->order <= *last)
		abort(); /* out of order, or twice */
	*last = pkt->order;
	free(pkt);
}

static void jitter(const uint8_t *p, size_t n)
{
	struct jitter j = {0};
	uint64_t last = 0;

	for (size_t i = 0; i < n; i++) {
		struct media_pkt *pkt =
			media_pkt_new(E2EE_AUDIO, 0, false, 0, NULL, 0);

		if (!pkt)
			break;
		pkt->order = 1000 + i + p[i];
		jitter_put(&j, pkt, i, release, &last);
		if (p[i] & 1)
			jitter_tick(&j, i + 40, release, &last);
	}
	jitter_flush(&j);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct hop *hop;
	unsigned tag;

	if (!n)
		return 0;
	switch (*p % 6) {
	case 0:
		video(MEDIA_H264, p + 1, n - 1);
		break;
	case 1:
		video(MEDIA_VP8, p + 1, n - 1);
		break;
	case 2:
		opus(p + 1, n - 1);
		break;
	case 3:
		(void)rtcp_wants_key(p + 1, n - 1, 0);
		break;
	case 4:
		jitter(p + 1, n - 1);
		break;
	case 5:
		if (!hop)
			hop = hop_new();
		(void)hop_accept(hop, (const char *)p + 1, n - 1, &tag);
		break;
	}
	return 0;
}
