/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/payload.h"
#include <stdlib.h>
#include <string.h>

/* RFC 6184 section 5.2 */
enum { NAL_IDR = 5, NAL_SPS = 7, NAL_STAP_A = 24, NAL_FU_A = 28 };

void payload_reader_init(struct payload_reader *r, uint8_t codec)
{
	*r = (struct payload_reader){.codec = codec, .want_key = true};
}

void payload_reader_free(struct payload_reader *r)
{
	free(r->buf);
	r->buf = NULL;
}

static bool append(struct payload_reader *r, const uint8_t *p, size_t n)
{
	if (!r->buf)
		r->buf = malloc(FRAME_MAX);
	if (!r->buf || n > FRAME_MAX - r->len)
		return false;
	memcpy(r->buf + r->len, p, n);
	r->len += n;
	return true;
}

static bool append_nal(struct payload_reader *r, uint8_t header,
		       const uint8_t *rest, size_t n)
{
	const uint8_t start[] = {0, 0, 0, 1, header};
	uint8_t type = header & 0x1f;

	if (type == NAL_IDR || type == NAL_SPS)
		r->key = true;
	return append(r, start, sizeof(start)) && append(r, rest, n);
}

static bool read_stap(struct payload_reader *r, const uint8_t *p, size_t n)
{
	while (n) {
		size_t len;

		if (n < 2)
			return false;
		len = (size_t)(p[0] << 8 | p[1]);
		p += 2;
		n -= 2;
		if (!len || len > n || !append_nal(r, p[0], p + 1, len - 1))
			return false;
		p += len;
		n -= len;
	}
	return true;
}

static bool read_h264(struct payload_reader *r, const uint8_t *p, size_t n)
{
	uint8_t type;

	if (!n)
		return false;
	type = p[0] & 0x1f;
	if (type >= 1 && type < NAL_STAP_A)
		return append_nal(r, p[0], p + 1, n - 1);
	if (type == NAL_STAP_A)
		return read_stap(r, p + 1, n - 1);
	if (type != NAL_FU_A || n < 3)
		return false;
	if (p[1] & 0x80) /* the first fragment carries the NAL's type */
		return append_nal(r, (p[0] & 0xe0) | (p[1] & 0x1f), p + 2,
				  n - 2);
	return r->len && append(r, p + 2, n - 2);
}

/* RFC 7741 section 4.2: the payload descriptor's length, 0 if cut short. */
static size_t vp8_descriptor(const uint8_t *p, size_t n)
{
	size_t at = 1;

	if (n < 2)
		return 0;
	if (p[0] & 0x80) {
		uint8_t x = p[at++];

		if (x & 0x80) { /* PictureID, of 7 or 15 bits */
			if (at >= n)
				return 0;
			at += p[at] & 0x80 ? 2 : 1;
		}
		at += x & 0x40 ? 1 : 0; /* TL0PICIDX */
		at += x & 0x30 ? 1 : 0; /* TID, KEYIDX */
	}
	return at < n ? at : 0;
}

static bool read_vp8(struct payload_reader *r, const uint8_t *p, size_t n)
{
	size_t at = vp8_descriptor(p, n);

	if (!at)
		return false;
	if (!r->len) {
		/* Only the first partition's start may begin a frame. */
		if ((p[0] & 0x1f) != 0x10)
			return false;
		r->key = !(p[at] & 1);
	}
	return append(r, p + at, n - at);
}

static void restart(struct payload_reader *r)
{
	r->len = 0;
	r->key = false;
	r->broken = false;
}

bool payload_read(struct payload_reader *r, const struct media_pkt *pkt)
{
	bool lost = r->started && pkt->order != r->next;
	bool ok;

	if (!r->started || pkt->ts != r->ts || r->len == 0)
		restart(r);
	r->started = true;
	r->next = pkt->order + 1;
	r->ts = pkt->ts;
	if (lost) {
		/* What was lost may have been part of this frame, too. */
		r->broken = true;
		r->want_key = true;
	}
	ok = r->codec == MEDIA_H264 ? read_h264(r, pkt->data, pkt->len)
				    : read_vp8(r, pkt->data, pkt->len);
	if (!ok)
		r->broken = true;
	if (!pkt->marker)
		return false;
	ok = !r->broken && r->len && (r->key || !r->want_key);
	if (ok)
		r->want_key = false;
	else
		r->want_key = true;
	r->started = true;
	if (!ok)
		restart(r);
	return ok;
}
