/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/encoder.c - see codec.h. */
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <stdlib.h>
#include <string.h>
#include "control/media/codec.h"

struct encoder {
	const struct codec *codec;
	AVCodecContext *av;
	AVPacket *pkt;
	AVFrame *frame;
};

/* Opus takes these, and sounds no better for more than the source has. */
static uint32_t opus_rate(uint32_t wanted)
{
	static const uint32_t rates[] = {8000, 12000, 16000, 24000};

	for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		if (wanted <= rates[i])
			return rates[i];
	return 48000;
}

static bool is_opus(const struct codec *c)
{
	return !strcmp(c->encoder, "libopus");
}

/* Speech: constant quality at 24 kbit/s and a middling complexity, where a
 * core carries some hundred calls; what is measured is in tests/bench. */
static void opus_options(AVCodecContext *av, const struct encoder_options *o)
{
	av->bit_rate = o->bitrate	  ? o->bitrate
		       : o->rate <= 16000 ? 20000
					  : 28000;
	av->compression_level = 5;
	av_opt_set(av->priv_data, "application", "voip", 0);
	av_opt_set_double(av->priv_data, "frame_duration", o->ptime, 0);
	av_opt_set_int(av->priv_data, "packet_loss",
		       o->loss > 100 ? 100 : o->loss, 0);
	av_opt_set_int(av->priv_data, "fec", o->fec, 0);
}

struct encoder *encoder_new(const struct codec *c,
			    const struct encoder_options *o)
{
	const AVCodec *av = avcodec_find_encoder_by_name(c->encoder);
	struct encoder *e = calloc(1, sizeof(*e));

	if (!av || !e)
		goto fail;
	e->codec = c;
	e->av = avcodec_alloc_context3(av);
	e->pkt = av_packet_alloc();
	e->frame = av_frame_alloc();
	if (!e->av || !e->pkt || !e->frame)
		goto fail;
	av_channel_layout_default(&e->av->ch_layout, 1);
	e->av->sample_fmt = AV_SAMPLE_FMT_S16;
	e->av->sample_rate = (int)(is_opus(c) ? opus_rate(o->rate) : c->rate);
	e->av->time_base = (AVRational){1, e->av->sample_rate};
	e->av->thread_count = 1;
	if (is_opus(c))
		opus_options(e->av, o);
	else /* G.722's trellis and the like are not for this */
		e->av->frame_size = e->av->sample_rate / 1000 * (int)o->ptime;
	if (avcodec_open2(e->av, av, NULL))
		goto fail;
	e->frame->format = AV_SAMPLE_FMT_S16;
	e->frame->sample_rate = e->av->sample_rate;
	e->frame->nb_samples = e->av->sample_rate / 1000 * (int)o->ptime;
	if (av_channel_layout_copy(&e->frame->ch_layout, &e->av->ch_layout) ||
	    av_frame_get_buffer(e->frame, 0))
		goto fail;
	return e;
fail:
	encoder_free(e);
	return NULL;
}

void encoder_free(struct encoder *e)
{
	if (!e)
		return;
	avcodec_free_context(&e->av);
	av_packet_free(&e->pkt);
	av_frame_free(&e->frame);
	free(e);
}

uint32_t encoder_rate(const struct encoder *e)
{
	return (uint32_t)e->av->sample_rate;
}

int encoder_put(struct encoder *e, const int16_t *pcm, unsigned samples,
		uint8_t out[ENCODED_MAX])
{
	int n = 0;

	if (samples != (unsigned)e->frame->nb_samples ||
	    av_frame_make_writable(e->frame))
		return -1;
	memcpy(e->frame->data[0], pcm, samples * sizeof(*pcm));
	e->frame->pts += samples;
	if (avcodec_send_frame(e->av, e->frame))
		return -1;
	/* One frame in, one packet out, for every codec of the table. */
	while (!avcodec_receive_packet(e->av, e->pkt)) {
		if (n || e->pkt->size > ENCODED_MAX) {
			av_packet_unref(e->pkt);
			return -1;
		}
		memcpy(out, e->pkt->data, (size_t)e->pkt->size);
		n = e->pkt->size;
		av_packet_unref(e->pkt);
	}
	return n;
}
