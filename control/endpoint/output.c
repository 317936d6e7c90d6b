/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/output.h"
#include <libavformat/avformat.h>
#include <libavutil/imgutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct output {
	AVFormatContext *fmt;
	AVStream *stream;
	AVPacket *pkt;
	int64_t samples;
	bool open, failed;
};

static const struct {
	const char *ours, *ffmpeg;
} names[] = {{"mkv", "matroska"}, {"file", NULL}};

struct output *output_open(const char *spec, char *error)
{
	size_t n = strcspn(spec, ":");
	char name[32];
	const char *format = name;
	struct output *o;
	int err = AVERROR(EINVAL);

	if (!spec[n] || n >= sizeof(name)) {
		snprintf(error, INPUT_ERROR,
			 "\"%.100s\" isn't FORMAT:TARGET; try wav:PATH, "
			 "mkv:PATH or alsa:default",
			 spec);
		return NULL;
	}
	memcpy(name, spec, n);
	name[n] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i].ours))
			format = names[i].ffmpeg;
	o = calloc(1, sizeof(*o));
	if (!o)
		goto fail;
	o->pkt = av_packet_alloc();
	err = avformat_alloc_output_context2(&o->fmt, NULL, format,
					     spec + n + 1);
	if (err < 0 || !o->pkt)
		goto fail;
	return o;
fail:
	snprintf(error, INPUT_ERROR, "cannot play to %.100s: %.80s", spec,
		 av_err2str(err));
	output_close(o);
	return NULL;
}

void output_close(struct output *o)
{
	if (!o)
		return;
	if (o->open)
		av_write_trailer(o->fmt);
	if (o->fmt && o->fmt->pb && !(o->fmt->oformat->flags & AVFMT_NOFILE))
		avio_closep(&o->fmt->pb);
	avformat_free_context(o->fmt);
	av_packet_free(&o->pkt);
	free(o);
}

bool output_wants_pictures(const struct output *o)
{
	return o->fmt->oformat->flags & AVFMT_NOFILE;
}

static int start(struct output *o, const AVCodecParameters *par, AVRational tb)
{
	int err;

	if (o->failed)
		return AVERROR(EIO);
	o->failed = true; /* tried once */
	o->stream = avformat_new_stream(o->fmt, NULL);
	if (!o->stream)
		return AVERROR(ENOMEM);
	err = avcodec_parameters_copy(o->stream->codecpar, par);
	if (err < 0)
		return err;
	o->stream->codecpar->codec_tag = 0;
	o->stream->time_base = tb;
	if (!(o->fmt->oformat->flags & AVFMT_NOFILE)) {
		err = avio_open(&o->fmt->pb, o->fmt->url, AVIO_FLAG_WRITE);
		if (err < 0)
			return err;
	}
	err = avformat_write_header(o->fmt, NULL);
	if (err < 0)
		return err;
	o->open = true;
	o->failed = false;
	return 0;
}

static int write(struct output *o, const uint8_t *p, size_t len, bool key,
		 int64_t pts, AVRational tb)
{
	int err = av_new_packet(o->pkt, (int)len);

	if (err < 0)
		return err;
	memcpy(o->pkt->data, p, len);
	o->pkt->pts = o->pkt->dts = pts;
	o->pkt->flags = key ? AV_PKT_FLAG_KEY : 0;
	o->pkt->stream_index = 0;
	av_packet_rescale_ts(o->pkt, tb, o->stream->time_base);
	err = av_write_frame(o->fmt, o->pkt);
	av_packet_unref(o->pkt);
	return err;
}

int output_audio(struct output *o, const int16_t *samples, int n)
{
	AVRational tb = {1, OUTPUT_RATE};
	int err = 0;

	if (!o->open) {
		AVCodecParameters *par = avcodec_parameters_alloc();

		if (!par)
			return AVERROR(ENOMEM);
		par->codec_type = AVMEDIA_TYPE_AUDIO;
		par->codec_id = AV_CODEC_ID_PCM_S16LE;
		par->format = AV_SAMPLE_FMT_S16;
		par->sample_rate = OUTPUT_RATE;
		par->bits_per_coded_sample = 16;
		par->block_align = 2;
		par->bit_rate = OUTPUT_RATE * 16;
		av_channel_layout_default(&par->ch_layout, 1);
		err = start(o, par, tb);
		avcodec_parameters_free(&par);
	}
	if (err < 0)
		return err;
	err = write(o, (const uint8_t *)samples, (size_t)n * sizeof(*samples),
		    true, o->samples, tb);
	o->samples += n;
	return err;
}

int output_frame(struct output *o, const AVCodecParameters *par,
		 const uint8_t *p, size_t len, bool key, int64_t pts)
{
	AVRational tb = {1, 90000};
	int err = o->open ? 0 : start(o, par, tb);

	return err < 0 ? err : write(o, p, len, key, pts, tb);
}

int output_picture(struct output *o, const AVFrame *f, int64_t pts)
{
	AVRational tb = {1, 90000};
	int size = av_image_get_buffer_size(f->format, f->width, f->height, 1);
	uint8_t *buf;
	int err = 0;

	if (!o->open) {
		AVCodecParameters *par = avcodec_parameters_alloc();

		if (!par)
			return AVERROR(ENOMEM);
		par->codec_type = AVMEDIA_TYPE_VIDEO;
		par->codec_id = AV_CODEC_ID_RAWVIDEO;
		par->format = f->format;
		par->width = f->width;
		par->height = f->height;
		err = start(o, par, tb);
		avcodec_parameters_free(&par);
	}
	if (err < 0)
		return err;
	/* The device was opened for one size. */
	if (size < 0 || f->width != o->stream->codecpar->width ||
	    f->height != o->stream->codecpar->height)
		return AVERROR(EINVAL);
	buf = av_malloc((size_t)size);
	if (!buf)
		return AVERROR(ENOMEM);
	err = av_image_copy_to_buffer(buf, size,
				      (const uint8_t *const *)f->data,
				      f->linesize, f->format, f->width,
				      f->height, 1);
	if (err >= 0)
		err = write(o, buf, (size_t)size, true, pts, tb);
	av_free(buf);
	return err;
}
