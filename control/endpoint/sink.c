/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/sink.h"
#include <libswresample/swresample.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "control/endpoint/output.h"
#include "control/endpoint/payload.h"

#define QUEUE	    512	  /* packets waiting for the thread */
#define GAP_MAX_S   5	  /* a longer one is a new start, not a loss */
#define PICTURE_MAX 16384 /* pixels on a side */

struct sink {
	enum e2ee_kind kind;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct media_pkt *queue[QUEUE]; /* a ring, under the lock */
	unsigned head, count;
	bool stop;
	void (*want_key)(enum e2ee_kind kind, void *arg);
	void *arg;
	/* The thread's own. */
	struct output *out;
	AVCodecContext *dec;
	AVFrame *frame;
	AVPacket *pkt;
	AVCodecParameters *par;
	SwrContext *swr;
	struct payload_reader reader;
	int codec;	  /* of dec, -1: none */
	uint32_t next_ts; /* audio: of the packet that follows */
	bool playing;
	uint32_t first_ts;
	int64_t pts; /* video, unwrapped */
	uint32_t last_ts;
};

static bool use_codec(struct sink *s, const struct codec *c)
{
	const AVCodec *codec;

	if (s->codec == c->id)
		return true;
	/* The recorded stream's codec can't change any more. */
	if (s->par && s->codec >= 0 && c->video)
		return false;
	avcodec_free_context(&s->dec);
	swr_free(&s->swr);
	s->codec = -1;
	s->playing = false;
	codec = avcodec_find_decoder(c->av);
	if (!codec)
		return false;
	s->dec = avcodec_alloc_context3(codec);
	if (!s->dec)
		return false;
	s->dec->thread_count = 1;
	s->dec->max_pixels = (int64_t)PICTURE_MAX * PICTURE_MAX;
	if (!c->video) {
		s->dec->sample_rate = (int)c->rate;
		av_channel_layout_default(&s->dec->ch_layout, 1);
	} else {
		s->dec->flags |= AV_CODEC_FLAG_LOW_DELAY;
		payload_reader_free(&s->reader);
		payload_reader_init(&s->reader, c->id);
	}
	if (avcodec_open2(s->dec, codec, NULL) < 0)
		return false;
	s->codec = c->id;
	return true;
}

static bool decode(struct sink *s, const uint8_t *p, size_t len)
{
	av_packet_unref(s->pkt);
	if (av_new_packet(s->pkt, (int)len) < 0)
		return false;
	memcpy(s->pkt->data, p, len);
	av_frame_unref(s->frame);
	return avcodec_send_packet(s->dec, s->pkt) >= 0 &&
	       avcodec_receive_frame(s->dec, s->frame) >= 0;
}

static void silence(struct sink *s, size_t samples)
{
	static const int16_t zeros[OUTPUT_RATE / 10];

	while (samples) {
		size_t n = samples;

		if (n > sizeof(zeros) / sizeof(*zeros))
			n = sizeof(zeros) / sizeof(*zeros);
		output_audio(s->out, zeros, (int)n);
		samples -= n;
	}
}

static void resample(struct sink *s)
{
	AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
	int16_t *buf = NULL;
	int n;

	if (!s->swr &&
	    (swr_alloc_set_opts2(&s->swr, &mono, AV_SAMPLE_FMT_S16, OUTPUT_RATE,
				 &s->frame->ch_layout, s->frame->format,
				 s->frame->sample_rate, 0, NULL) < 0 ||
	     swr_init(s->swr) < 0)) {
		swr_free(&s->swr);
		return;
	}
	n = swr_get_out_samples(s->swr, s->frame->nb_samples);
	if (n <= 0)
		return;
	buf = malloc((size_t)n * sizeof(*buf));
	if (!buf)
		return;
	n = swr_convert(s->swr, (uint8_t *[]){(uint8_t *)buf}, n,
			(const uint8_t **)s->frame->extended_data,
			s->frame->nb_samples);
	if (n > 0)
		output_audio(s->out, buf, n);
	free(buf);
}

static void play_audio(struct sink *s, const struct media_pkt *p,
		       const struct codec *c)
{
	uint32_t gap = p->ts - s->next_ts;

	if (s->playing && gap && gap < c->clock * GAP_MAX_S)
		silence(s, (size_t)gap * OUTPUT_RATE / c->clock);
	if (!decode(s, p->data, p->len))
		return;
	resample(s);
	s->playing = true;
	s->next_ts =
		p->ts + (uint32_t)((uint64_t)s->frame->nb_samples * c->clock /
				   (unsigned)s->frame->sample_rate);
}

/* What a file's header wants to know: size, and H.264's parameter sets. */
static bool describe(struct sink *s)
{
	AVCodecParameters *par;

	if (!decode(s, s->reader.buf, s->reader.len))
		return false;
	par = avcodec_parameters_alloc();
	if (!par || avcodec_parameters_from_context(par, s->dec) < 0)
		goto fail;
	par->width = s->frame->width;
	par->height = s->frame->height;
	if (s->codec == MEDIA_H264) {
		/* A key frame begins with them, so it serves as a whole. */
		av_freep(&par->extradata);
		par->extradata = av_mallocz(s->reader.len +
					    AV_INPUT_BUFFER_PADDING_SIZE);
		if (!par->extradata)
			goto fail;
		memcpy(par->extradata, s->reader.buf, s->reader.len);
		par->extradata_size = (int)s->reader.len;
	}
	s->par = par;
	return true;
fail:
	avcodec_parameters_free(&par);
	return false;
}

static void play_video(struct sink *s, const struct media_pkt *p)
{
	bool wanted = s->reader.want_key;

	if (!payload_read(&s->reader, p)) {
		if (!wanted && s->reader.want_key)
			s->want_key(s->kind, s->arg);
		return;
	}
	if (!s->playing)
		s->last_ts = p->ts;
	s->playing = true;
	s->pts += (int32_t)(p->ts - s->last_ts);
	s->last_ts = p->ts;
	if (output_wants_pictures(s->out)) {
		if (decode(s, s->reader.buf, s->reader.len))
			output_picture(s->out, s->frame, s->pts);
		return;
	}
	if (!s->par && !(s->reader.key && describe(s)))
		return;
	output_frame(s->out, s->par, s->reader.buf, s->reader.len,
		     s->reader.key, s->pts);
}

static struct media_pkt *next(struct sink *s)
{
	struct media_pkt *p = NULL;

	pthread_mutex_lock(&s->lock);
	while (!s->count && !s->stop)
		pthread_cond_wait(&s->wake, &s->lock);
	if (s->count) {
		p = s->queue[s->head];
		s->head = (s->head + 1) % QUEUE;
		s->count--;
	}
	pthread_mutex_unlock(&s->lock);
	return p;
}

static void *run(void *arg)
{
	struct sink *s = arg;
	struct media_pkt *p;

	while ((p = next(s))) {
		const struct codec *c = codec_by_id(p->codec);

		if (c && c->av != AV_CODEC_ID_NONE &&
		    c->video == (s->kind != E2EE_AUDIO) && use_codec(s, c)) {
			if (c->video)
				play_video(s, p);
			else
				play_audio(s, p, c);
		}
		free(p);
	}
	return NULL;
}

static void destroy(struct sink *s)
{
	payload_reader_free(&s->reader);
	output_close(s->out);
	avcodec_parameters_free(&s->par);
	avcodec_free_context(&s->dec);
	av_frame_free(&s->frame);
	av_packet_free(&s->pkt);
	swr_free(&s->swr);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct sink *sink_start(enum e2ee_kind kind, const char *spec,
			void (*want_key)(enum e2ee_kind kind, void *arg),
			void *arg, char *error)
{
	struct sink *s = calloc(1, sizeof(*s));

	if (!s) {
		snprintf(error, INPUT_ERROR, "no memory to play to %.100s",
			 spec);
		return NULL;
	}
	s->kind = kind;
	s->codec = -1;
	s->want_key = want_key;
	s->arg = arg;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->wake, NULL);
	s->frame = av_frame_alloc();
	s->pkt = av_packet_alloc();
	s->out = output_open(spec, error);
	if (!s->out || !s->frame || !s->pkt)
		goto fail;
	if (pthread_create(&s->thread, NULL, run, s)) {
		snprintf(error, INPUT_ERROR, "no thread to play to %.100s",
			 spec);
		goto fail;
	}
	return s;
fail:
	destroy(s);
	return NULL;
}

void sink_put(struct sink *s, struct media_pkt *pkt)
{
	pthread_mutex_lock(&s->lock);
	if (s->count < QUEUE) {
		s->queue[(s->head + s->count++) % QUEUE] = pkt;
		pkt = NULL;
		pthread_cond_signal(&s->wake);
	}
	pthread_mutex_unlock(&s->lock);
	free(pkt);
}

void sink_stop(struct sink *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	while (s->count) {
		free(s->queue[s->head]);
		s->head = (s->head + 1) % QUEUE;
		s->count--;
	}
	destroy(s);
}
