/* SPDX-License-Identifier: Apache-2.0 */
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <stdlib.h>
#include <string.h>
#include "control/endpoint/payload.h"

#define RTP_HEADER 12

struct payload_writer {
	AVFormatContext *fmt;
	payload_h *h;
	void *arg;
	bool started;
};

/* One RTP packet, whole: the muxer flushes after each. Its header is only read
 * for what the endpoint's own RTP header is made of. */
static int packet(void *arg, uint8_t *p, int n)
{
	struct payload_writer *w = arg;

	if (n > RTP_HEADER)
		w->h(p[1] & 0x80,
		     (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 |
			     (uint32_t)p[6] << 8 | p[7],
		     p + RTP_HEADER, (size_t)n - RTP_HEADER, w->arg);
	return n;
}

static int start(struct payload_writer *w, const struct codec *codec,
		 size_t size)
{
	AVStream *s;
	uint8_t *buf;

	if (avformat_alloc_output_context2(&w->fmt, NULL, "rtp", NULL) < 0)
		return -1;
	buf = av_malloc(size);
	if (!buf)
		return -1;
	w->fmt->pb =
		avio_alloc_context(buf, (int)size, 1, w, NULL, packet, NULL);
	if (!w->fmt->pb) {
		av_free(buf);
		return -1;
	}
	w->fmt->pb->max_packet_size = (int)size;
	w->fmt->packet_size = (unsigned)size;
	s = avformat_new_stream(w->fmt, NULL);
	if (!s)
		return -1;
	s->codecpar->codec_type = AVMEDIA_TYPE_VIDEO;
	s->codecpar->codec_id = codec->av;
	/* libavformat wants a size for all video; this muxer uses none. */
	s->codecpar->width = s->codecpar->height = 16;
	s->time_base = (AVRational){1, 90000};
	av_opt_set_int(w->fmt->priv_data, "payload_type", codec->id, 0);
	/* RTCP is the stream's own. */
	av_opt_set(w->fmt->priv_data, "rtpflags", "skip_rtcp", 0);
	w->started = avformat_write_header(w->fmt, NULL) >= 0;
	return w->started ? 0 : -1;
}

struct payload_writer *payload_writer_new(const struct codec *codec,
					  size_t payload_max, payload_h *h,
					  void *arg)
{
	struct payload_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->h = h;
	w->arg = arg;
	if (start(w, codec, payload_max + RTP_HEADER)) {
		payload_writer_free(w);
		return NULL;
	}
	return w;
}

int payload_write(struct payload_writer *w, const AVPacket *frame)
{
	AVPacket *p = av_packet_clone(frame);
	int err;

	if (!p)
		return AVERROR(ENOMEM);
	p->stream_index = 0;
	err = av_write_frame(w->fmt, p);
	av_packet_free(&p);
	return err;
}

void payload_writer_free(struct payload_writer *w)
{
	if (!w)
		return;
	if (w->started) /* frees what the muxer has */
		av_write_trailer(w->fmt);
	if (w->fmt && w->fmt->pb) {
		av_freep(&w->fmt->pb->buffer);
		avio_context_free(&w->fmt->pb);
	}
	avformat_free_context(w->fmt);
	free(w);
}
