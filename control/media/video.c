/* SPDX-License-Identifier: Apache-2.0 */
#include "control/media/video.h"
#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>

struct part {
	bool there, marker;
	uint16_t seq;
	uint32_t ts;
	size_t len;
	uint8_t data[RTP_PAYLOAD_MAX];
};

struct video {
	/* Appends a payload to the frame. @return false: it is malformed. */
	bool (*take)(struct video *v, const uint8_t *p, size_t n);
	/* The frame is whole. @return whether it is a key frame. */
	bool (*look)(struct video *v);
	struct part part[VIDEO_WINDOW];
	unsigned parts;
	bool started, broken, known;
	uint16_t next;
	uint32_t ts;
	uint8_t *frame;
	size_t len;
	struct video_size size;
};

static bool append(struct video *v, const uint8_t *p, size_t n)
{
	if (v->len + n > VIDEO_FRAME_MAX)
		return false;
	memcpy(v->frame + v->len, p, n);
	v->len += n;
	return true;
}

/* --- VP8, RFC 7741 section 4.2 --- */

#define VP8_X	  0x80
#define VP8_S	  0x10
#define VP8_PID	  0x07
#define VP8_I	  0x80
#define VP8_L	  0x40
#define VP8_TK	  0x30
#define VP8_LONG  0x80
#define VP8_KEY_N 10 /* octets of a key frame's header */

static bool vp8_take(struct video *v, const uint8_t *p, size_t n)
{
	size_t at = 1;

	if (n < 2)
		return false;
	if (p[0] & VP8_X) {
		uint8_t x = p[1];

		at = 2;
		if (x & VP8_I) {
			if (at >= n)
				return false;
			at += p[at] & VP8_LONG ? 2 : 1;
		}
		at += (x & VP8_L) ? 1 : 0;
		at += (x & VP8_TK) ? 1 : 0;
	}
	if (at >= n)
		return false;
	/* A frame begins with its first partition's first octet. */
	if (!v->len && (!(p[0] & VP8_S) || (p[0] & VP8_PID)))
		return false;
	return append(v, p + at, n - at);
}

static bool vp8_look(struct video *v)
{
	const uint8_t *p = v->frame;

	if (v->len < VP8_KEY_N || p[0] & 1 || p[3] != 0x9d || p[4] != 0x01 ||
	    p[5] != 0x2a)
		return false;
	if (!v->known) {
		v->size.width = (p[6] | (unsigned)p[7] << 8) & 0x3fff;
		v->size.height = (p[8] | (unsigned)p[9] << 8) & 0x3fff;
		v->known = v->size.width && v->size.height;
	}
	return true;
}

/* --- H.264, RFC 6184 section 5 --- */

enum { NAL_IDR = 5, NAL_SPS = 7, NAL_PPS = 8, NAL_STAP_A = 24, NAL_FU_A = 28 };

#define NAL_TYPE 0x1f
#define FU_START 0x80

static const uint8_t start_code[4] = {0, 0, 0, 1};

static bool h264_unit(struct video *v, const uint8_t *p, size_t n)
{
	return n && append(v, start_code, sizeof(start_code)) &&
	       append(v, p, n);
}

static bool h264_stap(struct video *v, const uint8_t *p, size_t n)
{
	size_t at = 1;

	while (at + 2 < n) {
		size_t len = get16(p + at);

		at += 2;
		if (!len || len > n - at || !h264_unit(v, p + at, len))
			return false;
		at += len;
	}
	return at == n;
}

static bool h264_fragment(struct video *v, const uint8_t *p, size_t n)
{
	uint8_t head;

	if (n < 3)
		return false;
	if (!(p[1] & FU_START))
		return v->len && append(v, p + 2, n - 2);
	head = (uint8_t)((p[0] & 0xe0) | (p[1] & NAL_TYPE));
	return append(v, start_code, sizeof(start_code)) &&
	       append(v, &head, 1) && append(v, p + 2, n - 2);
}

static bool h264_take(struct video *v, const uint8_t *p, size_t n)
{
	uint8_t type = n ? p[0] & NAL_TYPE : 0;

	if (type == NAL_STAP_A)
		return h264_stap(v, p, n);
	if (type == NAL_FU_A)
		return h264_fragment(v, p, n);
	return type && type < NAL_STAP_A && h264_unit(v, p, n);
}

/* From one start code of four octets to the next. Encoders don't put one inside
 * a unit: emulation prevention. */
static size_t h264_next(const struct video *v, size_t at)
{
	for (at += 4; at + 4 <= v->len; at++)
		if (!memcmp(v->frame + at, start_code, 4))
			return at;
	return v->len;
}

/* libavcodec's parser knows how to read the picture's size from an SPS. */
static bool h264_measure(struct video *v)
{
	AVCodecParserContext *p = av_parser_init(AV_CODEC_ID_H264);
	const AVCodec *c = avcodec_find_decoder(AV_CODEC_ID_H264);
	AVCodecContext *av = c ? avcodec_alloc_context3(c) : NULL;
	uint8_t *copy = av_mallocz(v->len + AV_INPUT_BUFFER_PADDING_SIZE), *out;
	int n;

	if (p && av && copy) {
		memcpy(copy, v->frame, v->len);
		p->flags |= PARSER_FLAG_COMPLETE_FRAMES;
		av_parser_parse2(p, av, &out, &n, copy, (int)v->len,
				 AV_NOPTS_VALUE, AV_NOPTS_VALUE, 0);
		v->size.width = p->width > 0 ? (unsigned)p->width : 0;
		v->size.height = p->height > 0 ? (unsigned)p->height : 0;
	}
	if (p)
		av_parser_close(p);
	avcodec_free_context(&av);
	av_free(copy);
	return v->size.width && v->size.height;
}

static bool h264_look(struct video *v)
{
	size_t at = 0, end, extra = 0;
	bool key = false, sps = false, pps = false;

	for (; at + 4 < v->len; at = end) {
		uint8_t type = v->frame[at + 4] & NAL_TYPE;

		end = h264_next(v, at);
		key |= type == NAL_IDR;
		sps |= type == NAL_SPS;
		pps |= type == NAL_PPS;
		if (v->known || (type != NAL_SPS && type != NAL_PPS) ||
		    extra + end - at > VIDEO_EXTRA_MAX)
			continue;
		memcpy(v->size.extra + extra, v->frame + at, end - at);
		extra += end - at;
	}
	if (!v->known && key && sps && pps) {
		v->size.extra_len = extra;
		v->known = h264_measure(v);
	}
	return key;
}

/* --- both --- */

static const struct {
	const char *name;
	bool (*take)(struct video *v, const uint8_t *p, size_t n);
	bool (*look)(struct video *v);
} kinds[] = {
	{"VP8", vp8_take, vp8_look},
	{"H264", h264_take, h264_look},
};

struct video *video_new(const struct codec *c)
{
	struct video *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, c->name))
			continue;
		v->take = kinds[i].take;
		v->look = kinds[i].look;
		v->frame = malloc(VIDEO_FRAME_MAX);
	}
	if (v->frame)
		return v;
	free(v);
	return NULL;
}

void video_free(struct video *v)
{
	if (!v)
		return;
	free(v->frame);
	free(v);
}

bool video_known(const struct video *v, struct video_size *s)
{
	if (v->known)
		*s = v->size;
	return v->known;
}

static void finish(struct video *v, video_h *h, void *arg)
{
	bool whole = v->len && !v->broken;
	bool key = whole && v->look(v);

	if (whole && v->known)
		h(v->frame, v->len, key, arg);
	v->len = 0;
	v->broken = false;
}

/* In order, but for what is lost. */
static void take(struct video *v, const struct part *p, video_h *h, void *arg)
{
	if (v->started && p->ts != v->ts)
		finish(v, h, arg); /* its marker was lost, or never sent */
	v->ts = p->ts;
	v->started = true;
	if (!v->broken && !v->take(v, p->data, p->len))
		v->broken = true;
	if (p->marker)
		finish(v, h, arg);
}

static struct part *find(struct video *v, uint16_t seq)
{
	for (unsigned i = 0; i < VIDEO_WINDOW; i++)
		if (v->part[i].there && v->part[i].seq == seq)
			return &v->part[i];
	return NULL;
}

static void in_order(struct video *v, video_h *h, void *arg)
{
	struct part *p;

	while ((p = find(v, v->next))) {
		take(v, p, h, arg);
		p->there = false;
		v->parts--;
		v->next++;
	}
}

/* Full: what is missing is lost, and so is the frame that it belongs to. */
static void give_up(struct video *v)
{
	while (v->parts && !find(v, v->next))
		v->next++;
	v->broken = true;
}

void video_put(struct video *v, const struct rtp *r, video_h *h, void *arg)
{
	int16_t ahead;

	if (!v->started && !v->parts)
		v->next = r->seq;
	ahead = (int16_t)(r->seq - v->next);
	if (ahead < 0 && ahead > -1000)
		return; /* late, or twice */
	if (ahead < 0 || ahead > 1000) {
		/* Another source, or a long hole: anew from here. */
		for (unsigned i = 0; i < VIDEO_WINDOW; i++)
			v->part[i].there = false;
		v->parts = 0;
		v->next = r->seq;
		v->broken = true;
	}
	if (find(v, r->seq))
		return;
	for (unsigned i = 0; i < VIDEO_WINDOW; i++) {
		struct part *p = &v->part[i];

		if (p->there)
			continue;
		p->there = true;
		p->marker = r->marker;
		p->seq = r->seq;
		p->ts = r->ts;
		p->len = r->len;
		memcpy(p->data, r->payload, r->len);
		v->parts++;
		break;
	}
	in_order(v, h, arg);
	if (v->parts == VIDEO_WINDOW) {
		give_up(v);
		in_order(v, h, arg);
	}
}
