/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/source.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct source {
	struct input *in;
	struct encoder *enc;
	AVFrame *frame;
	pthread_t thread;
	struct timespec start;
	unsigned fps;
	bool video, ended;
	atomic_bool stop;
};

/* Sleep until `seconds` after the start. */
static void until(const struct source *s, double seconds)
{
	struct timespec t = s->start;
	long ns = (long)((seconds - (double)(long)seconds) * 1e9);

	t.tv_sec += (time_t)seconds;
	t.tv_nsec += ns;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000L;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static double since_start(const struct source *s)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)(t.tv_sec - s->start.tv_sec) +
	       (double)(t.tv_nsec - s->start.tv_nsec) / 1e9;
}

static bool next_frame(struct source *s)
{
	if (s->ended)
		return false;
	av_frame_unref(s->frame);
	if (input_read(s->in, s->frame))
		return true;
	s->ended = true;
	return false;
}

static void run_audio(struct source *s)
{
	bool live = input_is_live(s->in);

	for (unsigned n = 0; !atomic_load(&s->stop); n++) {
		while (!encoder_audio_packet(s->enc)) {
			bool more = next_frame(s);

			if (encoder_put(s->enc, more ? s->frame : NULL, 0) < 0)
				return;
			if (atomic_load(&s->stop))
				return;
		}
		if (!live || s->ended)
			until(s, (n + 1) * PTIME_MS / 1000.0);
	}
}

static void run_video(struct source *s)
{
	bool live = input_is_live(s->in);
	double t = 0;

	while (!atomic_load(&s->stop)) {
		if (next_frame(s)) {
			t = live ? since_start(s) : input_time(s->in, s->frame);
			if (!live)
				until(s, t);
			encoder_put(s->enc, s->frame, t);
		} else {
			t += 1.0 / s->fps;
			until(s, t);
			encoder_put(s->enc, NULL, t);
		}
	}
}

static void *run(void *arg)
{
	struct source *s = arg;

	if (s->video)
		run_video(s);
	else
		run_audio(s);
	return NULL;
}

struct source *source_start(const char *spec, const struct encoder_config *c,
			    char *error)
{
	struct source *s = calloc(1, sizeof(*s));

	if (!s) {
		snprintf(error, INPUT_ERROR, "no memory to capture %s", spec);
		return NULL;
	}
	s->video = c->codec->video;
	s->fps = c->fps ? c->fps : 1;
	s->frame = av_frame_alloc();
	s->in = input_open(spec, s->video, error);
	if (!s->in || !s->frame)
		goto fail;
	s->enc = encoder_new(c, error);
	if (!s->enc)
		goto fail;
	clock_gettime(CLOCK_MONOTONIC, &s->start);
	if (pthread_create(&s->thread, NULL, run, s)) {
		snprintf(error, INPUT_ERROR, "no thread to capture %s", spec);
		goto fail;
	}
	return s;
fail:
	encoder_free(s->enc);
	input_close(s->in);
	av_frame_free(&s->frame);
	free(s);
	return NULL;
}

void source_stop(struct source *s)
{
	if (!s)
		return;
	atomic_store(&s->stop, true);
	pthread_join(s->thread, NULL);
	encoder_free(s->enc);
	input_close(s->in);
	av_frame_free(&s->frame);
	free(s);
}

void source_mute(struct source *s, bool on)
{
	encoder_mute(s->enc, on);
}

void source_keyframe(struct source *s)
{
	encoder_keyframe(s->enc);
}
