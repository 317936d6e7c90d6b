/* SPDX-License-Identifier: Apache-2.0 */
#include "control/media/player.h"
#include <dirent.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswresample/swresample.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "control/log.h"

#define TONE_LEVEL 6000 /* of all parts together, about -15 dBm0 */
#define STEP	   65536

struct load {
	AVFormatContext *in;
	AVCodecContext *codec;
	SwrContext *swr;
	AVPacket *pkt;
	AVFrame *frame;
	int16_t *pcm;
	uint32_t n, room;
};

static void load_close(struct load *l)
{
	swr_free(&l->swr);
	av_frame_free(&l->frame);
	av_packet_free(&l->pkt);
	avcodec_free_context(&l->codec);
	avformat_close_input(&l->in);
	free(l->pcm);
}

/* @return the audio stream's index; < 0: what libavformat says. */
static int load_open(struct load *l, const char *path)
{
	AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
	const AVCodec *c;
	int e = avformat_open_input(&l->in, path, NULL, NULL), s;

	if (e)
		return e;
	e = avformat_find_stream_info(l->in, NULL);
	if (e < 0)
		return e;
	s = av_find_best_stream(l->in, AVMEDIA_TYPE_AUDIO, -1, -1, &c, 0);
	if (s < 0)
		return s;
	l->codec = avcodec_alloc_context3(c);
	l->pkt = av_packet_alloc();
	l->frame = av_frame_alloc();
	if (!l->codec || !l->pkt || !l->frame)
		return AVERROR(ENOMEM);
	e = avcodec_parameters_to_context(l->codec,
					  l->in->streams[s]->codecpar);
	if (e >= 0)
		e = avcodec_open2(l->codec, c, NULL);
	if (e >= 0)
		e = swr_alloc_set_opts2(&l->swr, &mono, AV_SAMPLE_FMT_S16,
					PLAYER_RATE, &l->codec->ch_layout,
					l->codec->sample_fmt,
					l->codec->sample_rate, 0, NULL);
	if (e >= 0)
		e = swr_init(l->swr);
	return e < 0 ? e : s;
}

/* frame NULL: what the resampler still holds. @return false: enough, or none. */
static bool load_keep(struct load *l, const AVFrame *f)
{
	int want = swr_get_out_samples(l->swr, f ? f->nb_samples : 0), got;
	uint8_t *to;

	if (want <= 0)
		return want == 0;
	if (l->n + (uint32_t)want > l->room) {
		uint32_t room = l->n + (uint32_t)want + STEP * 4;
		int16_t *pcm = realloc(l->pcm, room * sizeof(*pcm));

		if (!pcm)
			return false;
		l->pcm = pcm;
		l->room = room;
	}
	to = (uint8_t *)(l->pcm + l->n);
	got = swr_convert(l->swr, &to, want,
			  f ? (const uint8_t **)f->extended_data : NULL,
			  f ? f->nb_samples : 0);
	if (got < 0)
		return false;
	l->n += (uint32_t)got;
	return l->n < PLAYER_RATE * PLAYER_SECONDS;
}

static bool load_frames(struct load *l)
{
	bool on = true;

	while (on && !avcodec_receive_frame(l->codec, l->frame)) {
		on = load_keep(l, l->frame);
		av_frame_unref(l->frame);
	}
	return on;
}

static void load_all(struct load *l, int stream)
{
	bool on = true;

	while (on && av_read_frame(l->in, l->pkt) >= 0) {
		if (l->pkt->stream_index == stream &&
		    !avcodec_send_packet(l->codec, l->pkt))
			on = load_frames(l);
		av_packet_unref(l->pkt);
	}
	if (on && !avcodec_send_packet(l->codec, NULL) && load_frames(l))
		load_keep(l, NULL);
}

static void load_file(struct player *p, const char *folder, const char *name)
{
	struct player_file *f = &p->file[p->count];
	char path[PATH_MAX];
	struct load l = {0};
	int s;

	struct stat st;

	if (snprintf(path, sizeof(path), "file:%s/%s", folder, name) >=
		    (int)sizeof(path) ||
	    stat(path + strlen("file:"), &st) || !S_ISREG(st.st_mode))
		return;
	s = load_open(&l, path);
	if (s >= 0)
		load_all(&l, s);
	if (l.n) {
		snprintf(f->name, sizeof(f->name), "%s", name);
		f->pcm = l.pcm;
		f->samples = l.n;
		l.pcm = NULL;
		p->count++;
		log_info(0, "music: %s, %u seconds", name, l.n / PLAYER_RATE);
	} else {
		log_warn(0, "music: %s is left out: %s", name,
			 s < 0 ? av_err2str(s) : "no sound in it");
	}
	load_close(&l);
}

void player_load(struct player *p, const char *path)
{
	DIR *d = path ? opendir(path) : NULL;
	const struct dirent *e;

	if (path && !d)
		log_warn(0, "music: %s can't be opened; there is none", path);
	while (d && p->count < PLAYER_FILES && (e = readdir(d)))
		if (e->d_name[0] != '.' && strlen(e->d_name) <= MP_FILE_MAX)
			load_file(p, path, e->d_name);
	if (d)
		closedir(d);
}

void player_free(struct player *p)
{
	for (unsigned i = 0; i < p->count; i++)
		free(p->file[i].pcm);
	p->count = 0;
}

const struct player_file *player_find(const struct player *p, const char *name)
{
	for (unsigned i = 0; i < p->count; i++)
		if (!strcmp(p->file[i].name, name))
			return &p->file[i];
	return NULL;
}

bool player_next(const struct player_file *file, uint32_t *at, bool loop,
		 struct frame *f)
{
	unsigned n = frame_samples(PLAYER_RATE), i = 0;

	f->rate = PLAYER_RATE;
	f->quiet = false;
	if (*at >= file->samples && !loop) {
		memset(f->pcm, 0, n * sizeof(*f->pcm));
		return false;
	}
	for (; i < n; i++) {
		if (*at >= file->samples) {
			if (!loop)
				break;
			*at = 0;
		}
		f->pcm[i] = file->pcm[(*at)++];
	}
	for (; i < n; i++)
		f->pcm[i] = 0;
	return true;
}

void tone_next(struct tone *t, struct frame *f)
{
	unsigned n = frame_samples(PLAYER_RATE);
	uint64_t on = (uint64_t)t->on_ms * (PLAYER_RATE / 1000);
	uint64_t all = on + (uint64_t)t->off_ms * (PLAYER_RATE / 1000);

	f->rate = PLAYER_RATE;
	f->quiet = false;
	for (unsigned i = 0; i < n; i++, t->at++) {
		double v = 0;

		if (!t->off_ms || t->at % all < on)
			for (unsigned k = 0; k < t->parts; k++)
				v += sin(2 * M_PI * t->hz[k] * (double)t->at /
					 PLAYER_RATE);
		f->pcm[i] = (int16_t)(v * TONE_LEVEL / t->parts);
	}
}
