/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/decoder.c - see codec.h. */
#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>
#include "control/media/codec.h"

#define PAYLOAD_ROOM 2048

struct decoder {
	const struct codec *codec;
	AVCodecContext *av;
	AVPacket *pkt;
	AVFrame *frame;
	uint8_t toc; /* of the last Opus packet: what a lost one was like */
	bool decoded;
};

/* RFC 7845 section 5.1: mono, and nothing skipped at the start. Without it
 * libavcodec would take the stream for stereo with some skipped. */
static bool opus_header(AVCodecContext *av)
{
	static const uint8_t head[19] = {'O', 'p', 'u', 's', 'H', 'e',	'a',
					 'd', 1,   1,	0,   0,	  0x80, 0xbb,
					 0,   0,   0,	0,   0};

	av->extradata = av_mallocz(sizeof(head) + AV_INPUT_BUFFER_PADDING_SIZE);
	if (!av->extradata)
		return false;
	memcpy(av->extradata, head, sizeof(head));
	av->extradata_size = sizeof(head);
	return true;
}

struct decoder *decoder_new(const struct codec *c)
{
	const AVCodec *av = avcodec_find_decoder_by_name(c->decoder);
	struct decoder *d = calloc(1, sizeof(*d));

	if (!av || !d)
		goto fail;
	d->codec = c;
	d->av = avcodec_alloc_context3(av);
	d->pkt = av_packet_alloc();
	d->frame = av_frame_alloc();
	if (!d->av || !d->pkt || !d->frame ||
	    av_new_packet(d->pkt, PAYLOAD_ROOM))
		goto fail;
	av_channel_layout_default(&d->av->ch_layout, 1);
	d->av->sample_rate = (int)c->rate;
	d->av->request_sample_fmt = AV_SAMPLE_FMT_S16;
	d->av->thread_count = 1;
	if (!strcmp(c->decoder, "libopus") && !opus_header(d->av))
		goto fail;
	if (avcodec_open2(d->av, av, NULL))
		goto fail;
	return d;
fail:
	decoder_free(d);
	return NULL;
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	avcodec_free_context(&d->av);
	av_packet_free(&d->pkt);
	av_frame_free(&d->frame);
	free(d);
}

/* 16 bit, which every decoder of the table gives; the first channel. */
static bool take_frame(const struct decoder *d, int16_t *pcm)
{
	const AVFrame *f = d->frame;
	int step = f->ch_layout.nb_channels;

	if (f->format == AV_SAMPLE_FMT_S16 || f->format == AV_SAMPLE_FMT_S16P) {
		const int16_t *in = (const int16_t *)f->data[0];

		if (f->format == AV_SAMPLE_FMT_S16P)
			step = 1;
		for (int i = 0; i < f->nb_samples; i++)
			pcm[i] = in[i * step];
		return true;
	}
	return false;
}

/* The payload is in d->pkt. */
static int decode(struct decoder *d, int16_t pcm[DECODED_MAX])
{
	int n = 0;

	if (avcodec_send_packet(d->av, d->pkt))
		return -1;
	while (!avcodec_receive_frame(d->av, d->frame)) {
		const AVFrame *f = d->frame;

		/* A payload that says it holds more than any may, or that
		 * changes what was agreed. */
		if (f->nb_samples < 0 || f->nb_samples > DECODED_MAX - n ||
		    f->sample_rate != (int)d->codec->rate ||
		    f->ch_layout.nb_channels < 1 || !take_frame(d, pcm + n)) {
			av_frame_unref(d->frame);
			return -1;
		}
		n += f->nb_samples;
		av_frame_unref(d->frame);
	}
	return n > 0 ? n : -1;
}

int decoder_put(struct decoder *d, const uint8_t *payload, size_t len,
		int16_t pcm[DECODED_MAX])
{
	int n;

	/* To libavcodec, a packet of no octets is the end of everything. */
	if (!len || len > PAYLOAD_ROOM)
		return -1;
	memcpy(d->pkt->data, payload, len);
	memset(d->pkt->data + len, 0, AV_INPUT_BUFFER_PADDING_SIZE);
	d->pkt->size = (int)len;
	n = decode(d, pcm);
	if (n > 0) {
		d->toc = payload[0] & 0xfc; /* one frame of the same kind */
		d->decoded = true;
	}
	return n;
}

int decoder_conceal(struct decoder *d, int16_t pcm[DECODED_MAX])
{
	int n;

	if (!d->decoded || strcmp(d->codec->decoder, "libopus"))
		return 0;
	d->pkt->data[0] = d->toc;
	memset(d->pkt->data + 1, 0, AV_INPUT_BUFFER_PADDING_SIZE);
	d->pkt->size = 1;
	n = decode(d, pcm);
	return n > 0 ? n : 0;
}
