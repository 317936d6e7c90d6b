/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/recording_tracks.c - from ports and rooms into Matroska. */
#include <stdlib.h>
#include <string.h>
#include "control/media/recording_impl.h"
#include "control/media/mix.h"

#define WAIT_MS	    5000      /* for the first key frame of a video */
#define WAIT_OCTETS (4 << 20) /* and no more than this meanwhile */
#define FRAME_OUT   (MKV_RATE / 1000 * FRAME_MS)
#define OUT_MAX	    (FRAME_OUT * 2)

static const struct codec *picture_codec(const struct port *p, bool *other)
{
	for (unsigned i = 0; i < p->in.formats; i++) {
		const struct codec *c = p->in.format[i].codec;

		if (c->kind == CODEC_VIDEO)
			return c;
		*other |= c->kind == CODEC_OTHER;
		if (c->kind == CODEC_AUDIO) {
			*other = false;
			break;
		}
	}
	return NULL;
}

static void leave_out(json_t *list, const struct rec_track *t,
		      const char *reason)
{
	char text[STREAM_TEXT];

	json_array_append_new(list, json_pack("{s:s, s:s}", "port",
					      stream_text(t->want.port, text),
					      "reason", reason));
}

bool rec_tracks(struct recording *r, json_t *left_out)
{
	for (unsigned i = 0; i < r->want.tracks; i++) {
		struct rec_track *t = &r->track[r->tracks];
		bool other = false;
		const struct port *p;

		memset(t, 0, sizeof(*t));
		t->want = r->want.track[i];
		t->number = -1;
		if (t->want.is_room) {
			r->tracks++;
			continue;
		}
		p = port_find(r->all->engine, t->want.port);
		t->codec = p && !t->want.out ? picture_codec(p, &other) : NULL;
		if (other) {
			leave_out(left_out, t,
				  "Of video only VP8 and H.264 are recorded");
			continue;
		}
		if (t->codec && !(t->video = video_new(t->codec)))
			return false;
		r->tracks++;
	}
	return r->tracks;
}

void rec_listen(void *arg)
{
	const struct recording *r = arg;

	for (unsigned i = 0; i < r->tracks && r->state == REC_RUNNING; i++) {
		const struct record_track *w = &r->track[i].want;
		struct port *p =
			w->is_room ? NULL : port_find(r->all->engine, w->port);

		if (p && !w->out)
			p->listeners++;
	}
}

/* What the track hears in this tick; rate 0: nothing. */
static void hear(const struct recording *r, const struct record_track *w,
		 struct frame *f)
{
	const struct room *room;
	const struct port *p;

	f->rate = 0;
	if (w->is_room) {
		room = room_find(r->all->engine, w->room);
		if (!room)
			return;
		f->rate = room->rate;
		mix_minus(f->pcm, room->sum, NULL, frame_samples(f->rate));
		return;
	}
	p = port_find(r->all->engine, w->port);
	if (p && !w->out)
		*f = p->in.frame;
	else if (p && p->out)
		*f = p->out->frame;
}

static void wait(struct recording *r, int track, const void *p, size_t n,
		 bool key)
{
	struct rec_waiting *w = malloc(sizeof(*w) + n);

	if (!w)
		return;
	*w = (struct rec_waiting){
		.track = track, .ms = r->ms, .key = key, .n = n};
	memcpy(w->data, p, n);
	*r->waiting_end = w;
	r->waiting_end = &w->next;
	r->waiting_octets += n;
}

static void sound(struct recording *r, int track, const int16_t *pcm,
		  unsigned n)
{
	if (r->header)
		mkv_audio(r->mkv, r->track[track].number, pcm, n, r->ms);
	else
		wait(r, track, pcm, n * sizeof(*pcm), false);
}

static void record_sound(struct recording *r, int track)
{
	struct rec_track *t = &r->track[track];
	int16_t out[OUT_MAX] = {0};
	struct frame f;
	int n;

	hear(r, &t->want, &f);
	if (!f.rate) {
		sound(r, track, out, FRAME_OUT);
		return;
	}
	if (!resample_set(&t->resample, f.rate, MKV_RATE))
		return;
	n = resample_put(t->resample, f.pcm, frame_samples(f.rate), out,
			 OUT_MAX);
	/* The filter's first few are late: silence in front, once. */
	if (n > 0 && n < FRAME_OUT) {
		memmove(out + FRAME_OUT - n, out, (size_t)n * sizeof(*out));
		memset(out, 0, (size_t)(FRAME_OUT - n) * sizeof(*out));
		n = FRAME_OUT;
	}
	if (n > 0)
		sound(r, track, out, (unsigned)n);
}

/* Have all videos shown their size? */
static bool sizes_known(const struct recording *r)
{
	struct video_size s;

	for (unsigned i = 0; i < r->tracks; i++)
		if (r->track[i].video && !video_known(r->track[i].video, &s))
			return false;
	return true;
}

static void add_track(struct recording *r, struct rec_track *t)
{
	struct video_size s;

	if (!t->video)
		t->number = mkv_add_audio(
			r->mkv, r->want.flac ? "flac" : "opus", t->want.name);
	else if (video_known(t->video, &s))
		t->number =
			mkv_add_video(r->mkv, t->codec, t->want.name, s.width,
				      s.height, s.extra, s.extra_len);
}

void rec_header(struct recording *r)
{
	struct rec_waiting *w;

	if (r->header)
		return;
	for (unsigned i = 0; i < r->tracks; i++)
		add_track(r, &r->track[i]);
	r->header = mkv_start(r->mkv);
	while ((w = r->waiting)) {
		const struct rec_track *t = &r->track[w->track];

		r->waiting = w->next;
		if (r->header && t->number >= 0 && t->video)
			mkv_video(r->mkv, t->number, w->data, w->n, w->ms,
				  w->key);
		else if (r->header && t->number >= 0)
			mkv_audio(r->mkv, t->number, (int16_t *)w->data,
				  (unsigned)(w->n / 2), w->ms);
		free(w);
	}
	r->waiting_end = &r->waiting;
	if (!r->header) {
		r->failed = true;
		strcpy(r->reason, "internal");
	}
}

struct picture {
	struct recording *r;
	int track;
};

static void picture(const uint8_t *p, size_t n, bool key, void *arg)
{
	const struct picture *to = arg;
	struct recording *r = to->r;
	const struct rec_track *t = &r->track[to->track];

	if (!r->header)
		wait(r, to->track, p, n, key);
	else if (t->number >= 0)
		mkv_video(r->mkv, t->number, p, n, r->ms, key);
}

void rec_video(const struct port *p, const struct format *f,
	       const struct rtp *rtp, void *arg)
{
	struct recording *r = arg;

	if (r->state != REC_RUNNING)
		return;
	for (unsigned i = 0; i < r->tracks; i++) {
		struct rec_track *t = &r->track[i];
		struct picture to = {r, (int)i};

		if (t->video && t->want.port == p->want.id &&
		    t->codec == f->codec)
			video_put(t->video, rtp, picture, &to);
	}
}

void rec_tick(uint64_t now, void *arg)
{
	struct recording *r = arg;

	(void)now;
	if (r->state == REC_CLOSING)
		return;
	if (r->state == REC_RUNNING) {
		for (unsigned i = 0; i < r->tracks; i++)
			if (!r->track[i].video)
				record_sound(r, (int)i);
		if (!r->header && (sizes_known(r) || r->ms >= WAIT_MS ||
				   r->waiting_octets > WAIT_OCTETS))
			rec_header(r);
	}
	r->ms += FRAME_MS;
	if (r->ms - r->synced_ms >= r->all->config.sync * 1000ull) {
		r->synced_ms = r->ms;
		rec_sync(r);
	}
}
