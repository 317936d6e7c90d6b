/* SPDX-License-Identifier: Apache-2.0 */
#include "control/media/rtp.h"

#define PADDING	  0x20
#define EXTENSION 0x10

bool rtp_read(struct rtp *r, const uint8_t *p, size_t n)
{
	size_t head;

	if (n < RTP_HEADER || p[0] >> 6 != 2)
		return false;
	head = RTP_HEADER + 4 * (size_t)(p[0] & 15);
	if (p[0] & EXTENSION) {
		if (n < head + 4)
			return false;
		head += 4 + 4 * (size_t)get16(p + head + 2);
	}
	if (n < head)
		return false;
	if (p[0] & PADDING) {
		uint8_t pad = p[n - 1];

		if (!pad || pad > n - head)
			return false;
		n -= pad;
	}
	*r = (struct rtp){
		.ts = get32(p + 4),
		.ssrc = get32(p + 8),
		.seq = get16(p + 2),
		.pt = p[1] & 0x7f,
		.marker = p[1] >> 7,
		.payload = p + head,
		.len = n - head,
	};
	return r->len <= RTP_PAYLOAD_MAX;
}

void rtp_write(uint8_t out[RTP_HEADER], const struct rtp *r)
{
	out[0] = 0x80;
	out[1] = (uint8_t)(r->marker << 7 | (r->pt & 0x7f));
	put16(out + 2, r->seq);
	put32(out + 4, r->ts);
	put32(out + 8, r->ssrc);
}

bool rtp_is_rtcp(const uint8_t *p, size_t n)
{
	return n >= 2 && p[1] >= 192 && p[1] <= 223;
}
