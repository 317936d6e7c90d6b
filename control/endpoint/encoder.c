/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/encoder.h"
#include <libavcodec/avcodec.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include "control/endpoint/input.h"
#include "control/endpoint/payload.h"

struct encoder {
	struct encoder_config c;
	AVCodecContext *enc;
	AVFrame *frame; /* in the encoder's format */
	AVPacket *pkt;
	atomic_bool muted, key;
	/* audio */
	SwrContext *swr;
	AVAudioFifo *fifo;
	uint32_t ts;
	bool talking; /* the first packet carries the marker */
	/* video */
	struct SwsContext *sws;
	struct payload_writer *writer;
	int64_t last_pts;
};

static void emit(struct encoder *e, bool marker, uint32_t ts, const uint8_t *p,
		 size_t len)
{
	struct media_pkt *m =
		media_pkt_new(e->c.kind, e->c.codec->id, marker, ts, p, len);

	if (m)
		e->c.packet(m, e->c.arg);
}

static void video_payload(bool marker, uint32_t ts, const uint8_t *p,
			  size_t len, void *arg)
{
	emit(arg, marker, ts, p, len);
}

static int audio_start(struct encoder *e)
{
	int samples = (int)(e->c.codec->rate * PTIME_MS / 1000);

	e->enc->sample_rate = (int)e->c.codec->rate;
	e->enc->sample_fmt = AV_SAMPLE_FMT_S16;
	e->enc->time_base = (AVRational){1, (int)e->c.codec->rate};
	av_channel_layout_default(&e->enc->ch_layout, 1);
	if (e->c.codec->id == MEDIA_OPUS) {
		e->enc->bit_rate = e->c.audio_bps;
		av_opt_set(e->enc->priv_data, "vbr", "off", 0);
		av_opt_set_int(e->enc->priv_data, "frame_duration", PTIME_MS,
			       0);
		av_opt_set(e->enc->priv_data, "application", "voip", 0);
	}
	e->fifo = av_audio_fifo_alloc(AV_SAMPLE_FMT_S16, 1, samples * 10);
	e->frame->nb_samples = samples;
	e->frame->format = AV_SAMPLE_FMT_S16;
	e->frame->sample_rate = e->enc->sample_rate;
	av_channel_layout_default(&e->frame->ch_layout, 1);
	e->ts = randombytes_random();
	return e->fifo ? av_frame_get_buffer(e->frame, 0) : AVERROR(ENOMEM);
}

static int video_start(struct encoder *e)
{
	e->enc->width = (int)e->c.width;
	e->enc->height = (int)e->c.height;
	e->enc->pix_fmt = AV_PIX_FMT_YUV420P;
	e->enc->time_base = (AVRational){1, 90000};
	e->enc->framerate = (AVRational){(int)e->c.fps, 1};
	e->enc->gop_size = (int)e->c.fps * 4;
	e->enc->max_b_frames = 0;
	e->enc->bit_rate = (int64_t)e->c.kbps * 1000;
	e->enc->thread_count = 1;
	if (e->c.codec->id == MEDIA_H264) {
		e->enc->profile = FF_PROFILE_H264_CONSTRAINED_BASELINE;
		av_opt_set(e->enc->priv_data, "preset", "veryfast", 0);
		av_opt_set(e->enc->priv_data, "tune", "zerolatency", 0);
		av_opt_set(e->enc->priv_data, "profile", "baseline", 0);
		av_opt_set_int(e->enc->priv_data, "forced-idr", 1, 0);
	} else {
		av_opt_set(e->enc->priv_data, "deadline", "realtime", 0);
		av_opt_set_int(e->enc->priv_data, "cpu-used", 8, 0);
		av_opt_set_int(e->enc->priv_data, "lag-in-frames", 0, 0);
	}
	e->frame->format = AV_PIX_FMT_YUV420P;
	e->frame->width = e->enc->width;
	e->frame->height = e->enc->height;
	e->last_pts = -1;
	e->writer = payload_writer_new(e->c.codec, e->c.payload_max,
				       video_payload, e);
	return e->writer ? av_frame_get_buffer(e->frame, 0) : AVERROR(ENOMEM);
}

struct encoder *encoder_new(const struct encoder_config *c, char *error)
{
	const AVCodec *codec = avcodec_find_encoder_by_name(c->codec->encoder);
	struct encoder *e = calloc(1, sizeof(*e));
	int err = AVERROR_ENCODER_NOT_FOUND;

	if (!codec || !e)
		goto fail;
	e->c = *c;
	err = AVERROR(ENOMEM);
	e->enc = avcodec_alloc_context3(codec);
	e->frame = av_frame_alloc();
	e->pkt = av_packet_alloc();
	if (!e->enc || !e->frame || !e->pkt)
		goto fail;
	err = c->codec->video ? video_start(e) : audio_start(e);
	if (err >= 0)
		err = avcodec_open2(e->enc, codec, NULL);
	if (err >= 0)
		return e;
fail:
	snprintf(error, INPUT_ERROR, "cannot encode %s with %s: %s",
		 c->codec->name, c->codec->encoder, av_err2str(err));
	encoder_free(e);
	return NULL;
}

void encoder_free(struct encoder *e)
{
	if (!e)
		return;
	payload_writer_free(e->writer);
	sws_freeContext(e->sws);
	swr_free(&e->swr);
	av_audio_fifo_free(e->fifo);
	av_packet_free(&e->pkt);
	av_frame_free(&e->frame);
	avcodec_free_context(&e->enc);
	free(e);
}

static int audio_put(struct encoder *e, AVFrame *f)
{
	uint8_t *buf = NULL;
	int err, n;

	if (!f) {
		n = e->frame->nb_samples;
		err = av_frame_make_writable(e->frame);
		if (err < 0)
			return err;
		av_samples_set_silence(e->frame->data, 0, n, 1,
				       AV_SAMPLE_FMT_S16);
		return av_audio_fifo_write(e->fifo, (void **)e->frame->data, n);
	}
	if (!e->swr) {
		err = swr_alloc_set_opts2(&e->swr, &e->enc->ch_layout,
					  AV_SAMPLE_FMT_S16,
					  e->enc->sample_rate, &f->ch_layout,
					  f->format, f->sample_rate, 0, NULL);
		if (err >= 0)
			err = swr_init(e->swr);
		if (err < 0)
			return err;
	}
	n = swr_get_out_samples(e->swr, f->nb_samples);
	err = av_samples_alloc(&buf, NULL, 1, n, AV_SAMPLE_FMT_S16, 0);
	if (err < 0)
		return err;
	n = swr_convert(e->swr, &buf, n, (const uint8_t **)f->extended_data,
			f->nb_samples);
	if (n > 0)
		n = av_audio_fifo_write(e->fifo, (void **)&buf, n);
	av_freep(&buf);
	return n;
}

bool encoder_audio_packet(struct encoder *e)
{
	int n = e->frame->nb_samples;

	if (av_audio_fifo_size(e->fifo) < n ||
	    av_frame_make_writable(e->frame) < 0)
		return false;
	av_audio_fifo_read(e->fifo, (void **)e->frame->data, n);
	if (atomic_load(&e->muted))
		av_samples_set_silence(e->frame->data, 0, n, 1,
				       AV_SAMPLE_FMT_S16);
	if (avcodec_send_frame(e->enc, e->frame) < 0)
		return true;
	while (!avcodec_receive_packet(e->enc, e->pkt)) {
		emit(e, !e->talking, e->ts, e->pkt->data, (size_t)e->pkt->size);
		e->talking = true;
		av_packet_unref(e->pkt);
	}
	e->ts += e->c.codec->clock * PTIME_MS / 1000;
	return true;
}

static void black(AVFrame *f)
{
	ptrdiff_t stride[4] = {f->linesize[0], f->linesize[1], f->linesize[2]};

	av_image_fill_black(f->data, stride, f->format, AVCOL_RANGE_MPEG,
			    f->width, f->height);
}

static int video_put(struct encoder *e, const AVFrame *f, double seconds)
{
	int64_t pts = (int64_t)(seconds * 90000);
	int err = av_frame_make_writable(e->frame);

	if (err < 0)
		return err;
	/* A source's clock that jumps back must not stop the encoder. */
	if (pts <= e->last_pts)
		pts = e->last_pts + 1;
	e->last_pts = pts;
	if (!f || atomic_load(&e->muted)) {
		black(e->frame);
	} else {
		e->sws =
			sws_getCachedContext(e->sws, f->width, f->height,
					     f->format, e->frame->width,
					     e->frame->height, e->frame->format,
					     SWS_BILINEAR, NULL, NULL, NULL);
		if (!e->sws)
			return AVERROR(ENOMEM);
		sws_scale(e->sws, (const uint8_t *const *)f->data, f->linesize,
			  0, f->height, e->frame->data, e->frame->linesize);
	}
	e->frame->pts = pts;
	e->frame->pict_type = atomic_exchange(&e->key, false)
				      ? AV_PICTURE_TYPE_I
				      : AV_PICTURE_TYPE_NONE;
	err = avcodec_send_frame(e->enc, e->frame);
	while (err >= 0) {
		err = avcodec_receive_packet(e->enc, e->pkt);
		if (err < 0)
			break;
		payload_write(e->writer, e->pkt);
		av_packet_unref(e->pkt);
	}
	return err == AVERROR(EAGAIN) ? 0 : err;
}

int encoder_put(struct encoder *e, AVFrame *frame, double seconds)
{
	return e->c.codec->video ? video_put(e, frame, seconds)
				 : audio_put(e, frame);
}

void encoder_mute(struct encoder *e, bool on)
{
	atomic_store(&e->muted, on);
}

void encoder_keyframe(struct encoder *e)
{
	atomic_store(&e->key, true);
}
