/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/session.h"
#include <string.h>
#include <stdlib.h>
#include "control/endpoint/sink.h"
#include "control/endpoint/source.h"

enum { MSG_PACKET, MSG_WANT_KEY };

struct session {
	const struct config *conf;
	struct mqueue *mq;
	struct call *call; /* NULL: none in progress */
	struct {
		struct source *source;
		struct sink *sink;
		const struct codec *codec; /* of the source */
		bool failed_source, failed_sink, muted;
	} kind[E2EE_KINDS];
	struct digits_out out;
	struct digits_in in;
};

/* In a source's thread. */
static void captured(struct media_pkt *pkt, void *arg)
{
	struct session *s = arg;

	if (mqueue_push(s->mq, MSG_PACKET, pkt))
		free(pkt);
}

/* In a sink's thread. */
static void want_key(enum e2ee_kind kind, void *arg)
{
	static char which[E2EE_KINDS]; /* only its address is used */
	struct session *s = arg;

	(void)mqueue_push(s->mq, MSG_WANT_KEY + (int)kind, &which[kind]);
}

static void send_packet(struct session *s, const struct media_pkt *p)
{
	const struct codec *c = codec_by_id(p->codec);
	uint8_t event[MEDIA_DIGIT];
	bool marker;
	uint32_t ts;

	if (!s->call || !c || !s->kind[p->kind].source)
		return;
	if (p->kind == E2EE_AUDIO &&
	    digits_next(&s->out, p->ts, c->clock * PTIME_MS / 1000, event,
			&marker, &ts)) {
		call_send(s->call, E2EE_AUDIO, MEDIA_EVENT, marker, ts, event,
			  sizeof(event));
		return;
	}
	call_send(s->call, p->kind, p->codec, p->marker, p->ts, p->data,
		  p->len);
}

static void message(int id, void *data, void *arg)
{
	struct session *s = arg;

	if (id == MSG_PACKET) {
		send_packet(s, data);
		free(data);
	} else if (s->call) {
		call_ask_key(s->call, (enum e2ee_kind)(id - MSG_WANT_KEY));
	}
}

int session_new(struct session **sp, const struct config *conf)
{
	struct session *s = calloc(1, sizeof(*s));
	int err = s ? mqueue_alloc(&s->mq, message, s) : ENOMEM;

	if (err) {
		free(s);
		return err;
	}
	s->conf = conf;
	*sp = s;
	return 0;
}

void session_end(struct session *s)
{
	s->call = NULL;
	for (int k = 0; k < E2EE_KINDS; k++) {
		source_stop(s->kind[k].source);
		sink_stop(s->kind[k].sink);
		memset(&s->kind[k], 0, sizeof(s->kind[k]));
	}
	memset(&s->out, 0, sizeof(s->out));
	memset(&s->in, 0, sizeof(s->in));
}

void session_free(struct session *s)
{
	if (!s)
		return;
	session_end(s);
	mem_deref(s->mq);
	free(s);
}

static void start_source(struct session *s, enum e2ee_kind k,
			 void (*warn)(const char *text))
{
	const struct config *conf = s->conf;
	struct encoder_config e = {.kind = k,
				   .codec = s->kind[k].codec,
				   .width = conf->width,
				   .height = conf->height,
				   .fps = conf->fps,
				   .kbps = conf->kbps,
				   .audio_bps = conf->opus_bps,
				   .payload_max = RTP_PAYLOAD_MAX,
				   .packet = captured,
				   .arg = s};
	char error[INPUT_ERROR];

	s->kind[k].source = source_start(conf->in[k], &e, error);
	if (!s->kind[k].source) {
		warn(error);
		/* The paths have to open, and the call's audio to go on. */
		s->kind[k].source = source_start(
			k == E2EE_AUDIO ? "silence" : "black", &e, error);
	}
	if (!s->kind[k].source) {
		s->kind[k].failed_source = true;
		warn(error);
	} else if (s->kind[k].muted) {
		source_mute(s->kind[k].source, true);
	}
}

void session_update(struct session *s, struct call *c,
		    void (*warn)(const char *text))
{
	char error[INPUT_ERROR];

	if (s->call != c)
		session_end(s);
	s->call = c;
	for (int k = 0; k < E2EE_KINDS; k++) {
		const struct codec *codec = call_codec(c, k);

		if (s->kind[k].source && s->kind[k].codec != codec) {
			source_stop(s->kind[k].source);
			s->kind[k].source = NULL;
		}
		s->kind[k].codec = codec;
		if (codec && s->conf->in[k] && !s->kind[k].source &&
		    !s->kind[k].failed_source)
			start_source(s, k, warn);
		if (codec && s->conf->out[k] && !s->kind[k].sink &&
		    !s->kind[k].failed_sink) {
			s->kind[k].sink = sink_start(k, s->conf->out[k],
						     want_key, s, error);
			s->kind[k].failed_sink = !s->kind[k].sink;
			if (!s->kind[k].sink)
				warn(error);
		}
	}
}

void session_play(struct session *s, struct media_pkt *pkt)
{
	if (s->kind[pkt->kind].sink)
		sink_put(s->kind[pkt->kind].sink, pkt);
	else
		free(pkt);
}

void session_keyframe(struct session *s, enum e2ee_kind kind)
{
	if (s->kind[kind].source)
		source_keyframe(s->kind[kind].source);
}

void session_mute(struct session *s, enum e2ee_kind kind, bool on)
{
	s->kind[kind].muted = on;
	if (s->kind[kind].source)
		source_mute(s->kind[kind].source, on);
}

bool session_digits(struct session *s, const char *digits)
{
	return digits_queue(&s->out, digits);
}

char session_heard(struct session *s, const struct media_pkt *pkt)
{
	return digits_heard(&s->in, pkt);
}
