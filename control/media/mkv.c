/* SPDX-License-Identifier: Apache-2.0 */
#include "control/media/mkv.h"
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <stdlib.h>
#include <string.h>
#include "control/media/protocol.h"

#define BUFFER	 32768
#define FRAME_MS 20 /* of an audio packet */
#define FRAME	 (MKV_RATE / 1000 * FRAME_MS)
#define BITRATE	 24000

struct mkv_track {
	AVCodecContext *encoder; /* NULL: video */
	AVFrame *frame;
	unsigned held; /* samples in frame */
	uint64_t ms;   /* of frame's first sample */
	int64_t last;  /* ms of the last packet: they may only grow */
};

struct mkv {
	AVFormatContext *out;
	AVPacket *pkt;
	struct mkv_track track[MP_TRACKS_MAX];
	mkv_h *h;
	void *arg;
	bool started;
};

static int on_octets(void *arg, uint8_t *p, int n)
{
	struct mkv *m = arg;

	if (n > 0)
		m->h(p, (size_t)n, m->arg);
	return n;
}

struct mkv *mkv_new(mkv_h *h, void *arg)
{
	struct mkv *m = calloc(1, sizeof(*m));
	uint8_t *buffer = av_malloc(BUFFER);

	if (!m || !buffer)
		goto fail;
	m->h = h;
	m->arg = arg;
	m->pkt = av_packet_alloc();
	if (!m->pkt ||
	    avformat_alloc_output_context2(&m->out, NULL, "matroska", NULL) < 0)
		goto fail;
	m->out->pb =
		avio_alloc_context(buffer, BUFFER, 1, m, NULL, on_octets, NULL);
	if (!m->out->pb)
		goto fail;
	m->out->pb->seekable = 0;
	m->out->flags |= AVFMT_FLAG_CUSTOM_IO;
	return m;
fail:
	av_free(buffer);
	mkv_free(m);
	return NULL;
}

void mkv_free(struct mkv *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < MP_TRACKS_MAX; i++) {
		avcodec_free_context(&m->track[i].encoder);
		av_frame_free(&m->track[i].frame);
	}
	if (m->out && m->out->pb) {
		av_freep(&m->out->pb->buffer);
		avio_context_free(&m->out->pb);
	}
	avformat_free_context(m->out);
	av_packet_free(&m->pkt);
	free(m);
}

static AVStream *add_stream(struct mkv *m, const char *name)
{
	AVStream *s = m->out->nb_streams < MP_TRACKS_MAX
			      ? avformat_new_stream(m->out, NULL)
			      : NULL;

	if (s) {
		s->time_base = (AVRational){1, 1000};
		if (name[0])
			av_dict_set(&s->metadata, "title", name, 0);
		m->track[s->index].last = -1;
	}
	return s;
}

int mkv_add_audio(struct mkv *m, const char *codec, const char *name)
{
	const AVCodec *c = avcodec_find_encoder_by_name(
		strcmp(codec, "flac") ? "libopus" : "flac");
	AVStream *s = c ? add_stream(m, name) : NULL;
	struct mkv_track *t = s ? &m->track[s->index] : NULL;

	if (!t)
		return -1;
	t->encoder = avcodec_alloc_context3(c);
	t->frame = av_frame_alloc();
	if (!t->encoder || !t->frame)
		return -1;
	av_channel_layout_default(&t->encoder->ch_layout, 1);
	t->encoder->sample_fmt = AV_SAMPLE_FMT_S16;
	t->encoder->sample_rate = MKV_RATE;
	t->encoder->time_base = (AVRational){1, MKV_RATE};
	t->encoder->bit_rate = BITRATE;
	t->encoder->frame_size = FRAME;
	t->encoder->compression_level = 5;
	t->encoder->thread_count = 1;
	t->encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
	t->frame->format = AV_SAMPLE_FMT_S16;
	t->frame->sample_rate = MKV_RATE;
	t->frame->nb_samples = FRAME;
	if (avcodec_open2(t->encoder, c, NULL) ||
	    av_channel_layout_copy(&t->frame->ch_layout,
				   &t->encoder->ch_layout) ||
	    av_frame_get_buffer(t->frame, 0) ||
	    avcodec_parameters_from_context(s->codecpar, t->encoder) < 0)
		return -1;
	return s->index;
}

int mkv_add_video(struct mkv *m, const struct codec *c, const char *name,
		  unsigned width, unsigned height, const uint8_t *extra,
		  size_t n)
{
	AVStream *s = add_stream(m, name);

	if (!s)
		return -1;
	s->codecpar->codec_type = AVMEDIA_TYPE_VIDEO;
	s->codecpar->codec_id =
		strcmp(c->name, "VP8") ? AV_CODEC_ID_H264 : AV_CODEC_ID_VP8;
	s->codecpar->width = (int)width;
	s->codecpar->height = (int)height;
	if (n) {
		s->codecpar->extradata =
			av_mallocz(n + AV_INPUT_BUFFER_PADDING_SIZE);
		if (!s->codecpar->extradata)
			return -1;
		memcpy(s->codecpar->extradata, extra, n);
		s->codecpar->extradata_size = (int)n;
	}
	return s->index;
}

bool mkv_start(struct mkv *m)
{
	AVDictionary *o = NULL;
	int e;

	/* A header that is never mended, and clusters of unknown length. */
	av_dict_set(&o, "live", "1", 0);
	e = avformat_write_header(m->out, &o);
	av_dict_free(&o);
	m->started = e >= 0;
	avio_flush(m->out->pb);
	return m->started;
}

/* m->pkt, which times in ms. */
static void write_packet(struct mkv *m, int track, int64_t ms)
{
	struct mkv_track *t = &m->track[track];

	if (ms <= t->last)
		ms = t->last + 1;
	t->last = ms;
	m->pkt->pts = m->pkt->dts = av_rescale_q(
		ms, (AVRational){1, 1000}, m->out->streams[track]->time_base);
	m->pkt->stream_index = track;
	av_write_frame(m->out, m->pkt);
	av_packet_unref(m->pkt);
}

static void encode(struct mkv *m, int track)
{
	struct mkv_track *t = &m->track[track];

	t->held = 0;
	t->frame->pts += FRAME;
	if (avcodec_send_frame(t->encoder, t->frame))
		return;
	while (!avcodec_receive_packet(t->encoder, m->pkt)) {
		m->pkt->duration = FRAME_MS;
		m->pkt->flags |= AV_PKT_FLAG_KEY;
		write_packet(m, track, (int64_t)t->ms);
	}
	if (av_frame_make_writable(t->frame))
		t->held = 0;
}

void mkv_audio(struct mkv *m, int track, const int16_t *pcm, unsigned n,
	       uint64_t ms)
{
	struct mkv_track *t = &m->track[track];

	while (n) {
		unsigned part = FRAME - t->held < n ? FRAME - t->held : n;
		int16_t *to = (int16_t *)t->frame->data[0];

		if (!t->held)
			t->ms = ms;
		memcpy(to + t->held, pcm, part * sizeof(*pcm));
		t->held += part;
		pcm += part;
		n -= part;
		ms += part / (MKV_RATE / 1000);
		if (t->held == FRAME)
			encode(m, track);
	}
}

void mkv_video(struct mkv *m, int track, const uint8_t *p, size_t n,
	       uint64_t ms, bool key)
{
	if (av_new_packet(m->pkt, (int)n))
		return;
	memcpy(m->pkt->data, p, n);
	if (key)
		m->pkt->flags |= AV_PKT_FLAG_KEY;
	write_packet(m, track, (int64_t)ms);
}

void mkv_gap(struct mkv *m)
{
	for (unsigned i = 0; i < m->out->nb_streams; i++)
		m->track[i].held = 0;
}

void mkv_flush(struct mkv *m)
{
	if (!m->started)
		return;
	av_write_frame(m->out, NULL);
	avio_flush(m->out->pb);
}

void mkv_end(struct mkv *m)
{
	if (!m->started)
		return;
	av_write_trailer(m->out);
	avio_flush(m->out->pb);
	m->started = false;
}
