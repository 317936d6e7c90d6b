/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/input.h"
#include <libavcodec/avcodec.h>
#include <libavdevice/avdevice.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct input {
	AVFormatContext *fmt;
	AVCodecContext *dec;
	AVPacket *pkt;
	int stream;
	bool live, drained;
};

/* Shorthands for graphs that people should not have to remember. */
static const struct {
	const char *name, *graph, *with_target;
} shorthand[] = {
	{"tone", "sine=frequency=440:sample_rate=48000",
	 "sine=frequency=%s:sample_rate=48000"},
	{"silence", "anullsrc=r=48000:cl=mono", NULL},
	{"test", "testsrc2=size=320x240:rate=15", "testsrc2=size=%s:rate=15"},
	{"black", "color=c=black:size=320x240:rate=5",
	 "color=c=black:size=%s:rate=5"},
};

/* Devices block until there is something; they keep their own time. */
static const char *const live[] = {"alsa",    "v4l2",	 "video4linux2",
				   "x11grab", "kmsgrab", "pulse",
				   "jack",    "fbdev"};

static bool expand(const char *spec, char *out, size_t room)
{
	size_t n = strcspn(spec, ":");

	for (size_t i = 0; i < sizeof(shorthand) / sizeof(*shorthand); i++) {
		if (strlen(shorthand[i].name) != n ||
		    strncmp(spec, shorthand[i].name, n))
			continue;
		if (!spec[n])
			snprintf(out, room, "lavfi:%s", shorthand[i].graph);
		else if (shorthand[i].with_target) {
			size_t at = (size_t)snprintf(out, room, "lavfi:");

			/* The table's own formats, each with one %s. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(out + at, room - at, shorthand[i].with_target,
				 spec + n + 1);
#pragma GCC diagnostic pop
		} else
			return false;
		return true;
	}
	return (size_t)snprintf(out, room, "%s", spec) < room && spec[n];
}

static int open_format(struct input *in, char *spec, char *error)
{
	char *target = strchr(spec, ':');
	const AVInputFormat *f = NULL;
	int err;

	*target++ = '\0';
	if (strcmp(spec, "file")) {
		f = av_find_input_format(spec);
		if (!f) {
			snprintf(error, INPUT_ERROR,
				 "no capture format \"%.40s\" here; try file:, "
				 "alsa:, v4l2:, x11grab: or lavfi:",
				 spec);
			return AVERROR(ENOENT);
		}
	}
	for (size_t i = 0; i < sizeof(live) / sizeof(*live); i++)
		in->live |= !strcmp(spec, live[i]);
	err = avformat_open_input(&in->fmt, target, f, NULL);
	if (err < 0)
		snprintf(error, INPUT_ERROR, "cannot open %.40s:%.100s: %.80s",
			 spec, target, av_err2str(err));
	return err;
}

static int open_decoder(struct input *in, bool video, char *error)
{
	const AVCodec *codec;
	int err = avformat_find_stream_info(in->fmt, NULL);

	if (err >= 0)
		err = av_find_best_stream(in->fmt,
					  video ? AVMEDIA_TYPE_VIDEO
						: AVMEDIA_TYPE_AUDIO,
					  -1, -1, &codec, 0);
	if (err < 0)
		goto fail;
	in->stream = err;
	in->dec = avcodec_alloc_context3(codec);
	in->pkt = av_packet_alloc();
	err = in->dec && in->pkt ? 0 : AVERROR(ENOMEM);
	if (!err)
		err = avcodec_parameters_to_context(
			in->dec, in->fmt->streams[in->stream]->codecpar);
	if (err >= 0)
		err = avcodec_open2(in->dec, codec, NULL);
fail:
	if (err < 0)
		snprintf(error, INPUT_ERROR,
			 "cannot decode %s of %.100s: %.80s",
			 video ? "video" : "audio", in->fmt->url,
			 av_err2str(err));
	return err;
}

struct input *input_open(const char *spec, bool video, char *error)
{
	char text[1024];
	struct input *in;

	if (!expand(spec, text, sizeof(text))) {
		snprintf(error, INPUT_ERROR,
			 "\"%.100s\" isn't FORMAT:TARGET; try tone, silence, "
			 "test, file:PATH or alsa:default",
			 spec);
		return NULL;
	}
	in = calloc(1, sizeof(*in));
	if (!in) {
		snprintf(error, INPUT_ERROR, "no memory to open %.100s", spec);
		return NULL;
	}
	if (open_format(in, text, error) < 0 ||
	    open_decoder(in, video, error) < 0) {
		input_close(in);
		return NULL;
	}
	return in;
}

void input_close(struct input *in)
{
	if (!in)
		return;
	av_packet_free(&in->pkt);
	avcodec_free_context(&in->dec);
	avformat_close_input(&in->fmt);
	free(in);
}

bool input_is_live(const struct input *in)
{
	return in->live;
}

bool input_read(struct input *in, AVFrame *frame)
{
	for (;;) {
		int err = avcodec_receive_frame(in->dec, frame);

		if (!err)
			return true;
		if (err != AVERROR(EAGAIN) || in->drained)
			return false;
		do {
			av_packet_unref(in->pkt);
			err = av_read_frame(in->fmt, in->pkt);
		} while (!err && in->pkt->stream_index != in->stream);
		/* A NULL packet asks the decoder for what it still holds. */
		in->drained = err < 0;
		err = avcodec_send_packet(in->dec, err < 0 ? NULL : in->pkt);
		av_packet_unref(in->pkt);
		if (err < 0 && err != AVERROR_INVALIDDATA)
			return false;
	}
}

double input_time(const struct input *in, const AVFrame *frame)
{
	const AVStream *s = in->fmt->streams[in->stream];
	int64_t start = s->start_time == AV_NOPTS_VALUE ? 0 : s->start_time;

	if (frame->best_effort_timestamp == AV_NOPTS_VALUE)
		return 0;
	return (double)(frame->best_effort_timestamp - start) *
	       av_q2d(s->time_base);
}
