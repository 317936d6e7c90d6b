/* SPDX-License-Identifier: Apache-2.0 */
/* control/calls/solo.c - a path with one leg: see call.h.
 *
 * The other end is the gateway: its SDP is made here, of the codecs that
 * sallyport-media can do both ways; what the phone hears is media_play's. While
 * sallyport-media is away the phone stays where it is, and hears nothing. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "control/calls/impl.h"
#include "control/duties/duties.h"
#include "control/log.h"
#include "control/sdp/sdp.h"

#define SDP_ROOM 8192
#define PORT_SDP 9 /* discard: nobody listens at the gateway's own end */

struct solo {
	enum leg real;
	char *offer; /* of the phone, as its other end got it */
};

/* What we speak, best first. The first three are every phone's. */
static const struct own {
	const char *name;
	unsigned clock, channels;
	int pt; /* in an offer of ours */
	const char *fmtp;
} own[] = {
	{"opus", 48000, 2, 96, "useinbandfec=1"},
	{"G722", 8000, 1, 9, NULL},
	{"PCMA", 8000, 1, 8, NULL},
	{"PCMU", 8000, 1, 0, NULL},
};
#define EVENTS	  "telephone-event"
#define EVENTS_PT 101

/* --------------------------------------------------------------------- SDP */

struct text {
	char *p;
	size_t n;
	bool full;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t,
						      const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->p + t->n, SDP_ROOM - t->n, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= SDP_ROOM - t->n)
		t->full = true;
	else
		t->n += (size_t)n;
}

/* An address of its family that media could be sent to (RFC 5737, 3849); none
 * ever is. */
static void begin(struct text *t, const struct sp_addr *here)
{
	bool six = here->family == 6;
	const char *addr = six ? "2001:db8::1" : "192.0.2.1";

	put(t,
	    "v=0\r\no=- 1 1 IN IP%c %s\r\ns=-\r\nc=IN IP%c %s\r\n"
	    "t=0 0\r\n",
	    six ? '6' : '4', addr, six ? '6' : '4', addr);
}

static bool have(const struct path *p, const char *name)
{
	struct duties *d = p->call->all->cfg.duties;
	struct duty_why why;

	/* while it is away, what every build can do */
	return !d || !duties_up(d, &why) ? strcasecmp(name, "opus") != 0
					 : duties_codec(d, name);
}

static const struct own *own_find(const struct path *p,
				  const struct sdp_codec *c)
{
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (sdp_view_ieq(c->name, own[i].name) &&
		    c->clock == own[i].clock &&
		    c->channels == own[i].channels && have(p, own[i].name))
			return &own[i];
	return NULL;
}

static enum sdp_dir reversed(enum sdp_dir d)
{
	return (SDP_DIR_SEND(d) ? SDP_RECVONLY : SDP_INACTIVE) |
	       (SDP_DIR_RECV(d) ? SDP_SENDONLY : SDP_INACTIVE);
}

static const char *const dirs[] = {"inactive", "recvonly", "sendonly",
				   "sendrecv"};

/* Of one m-line of the offer: the first codec that is ours, and digits at its
 * clock rate. @return false: none. */
static bool answer_line(const struct path *p, struct text *t,
			const struct sdp *s, unsigned i)
{
	struct sdp_codec c, chosen = {0}, events = {0};
	struct sdp_mline ml;
	unsigned pos = 0;

	sdp_mline(s, i, &ml);
	if (!ml.port || !sdp_view_eq(ml.kind, "audio"))
		return false;
	while (!chosen.name.p && sdp_codec_next(s, i, &pos, &c))
		if (own_find(p, &c))
			chosen = c;
	if (!chosen.name.p)
		return false;
	for (pos = 0; sdp_codec_next(s, i, &pos, &c);)
		if (sdp_view_ieq(c.name, EVENTS) && c.clock == chosen.clock)
			events = c;
	put(t, "m=audio %d %.*s %u", PORT_SDP, (int)ml.proto.len, ml.proto.p,
	    chosen.pt);
	if (events.name.p)
		put(t, " %u", events.pt);
	put(t, "\r\na=rtpmap:%u %.*s/%u", chosen.pt, (int)chosen.name.len,
	    chosen.name.p, chosen.clock);
	if (chosen.channels > 1)
		put(t, "/%u", chosen.channels);
	put(t, "\r\n");
	if (events.name.p)
		put(t, "a=rtpmap:%u " EVENTS "/%u\r\na=fmtp:%u 0-15\r\n",
		    events.pt, events.clock, events.pt);
	put(t, "a=%s\r\n", dirs[reversed(sdp_dir(s, i))]);
	return true;
}

static int no(struct media_why *why, int status, const char *text)
{
	why->status = status;
	why->stays = false;
	snprintf(why->text, sizeof(why->text), "%s", text);
	return -1;
}

/* -------------------------------------------------------------- the verbs */

int path_solo(struct path *p, enum leg real)
{
	p->solo = calloc(1, sizeof(*p->solo));
	if (!p->solo)
		return ENOMEM;
	p->solo->real = real;
	media_solo(p->media, real);
	return 0;
}

bool path_is_solo(const struct path *p)
{
	return p->solo != NULL;
}

void solo_gone(struct path *p)
{
	struct solo *o = p->solo;

	if (!o)
		return;
	free(o->offer);
	free(o);
	p->solo = NULL;
}

void path_play(struct path *p, enum play what, const char *name)
{
	media_play(p->media, what, name);
}

void solo_heard(struct path *p, enum leg from, const char *offer)
{
	if (!p->solo || from != p->solo->real)
		return;
	free(p->solo->offer);
	p->solo->offer = strdup(offer);
}

int path_answer_self(struct path *p, char **out, struct media_why *why)
{
	struct solo *o = p->solo;
	struct text t = {.p = malloc(SDP_ROOM)};
	struct sdp_error e;
	struct sp_addr here;
	struct sdp *s = NULL;
	bool any = false;
	int err = -1;

	*out = NULL;
	if (o->offer)
		s = sdp_parse(o->offer, strlen(o->offer), &e);
	if (!s || !t.p) {
		no(why, 500, "Out of memory");
		goto out;
	}
	media_here(p->media, o->real, &here);
	begin(&t, &here);
	for (unsigned i = 0; i < sdp_media_count(s); i++) {
		struct sdp_mline ml;

		if (answer_line(p, &t, s, i)) {
			any = true;
			continue;
		}
		sdp_mline(s, i, &ml);
		put(&t, "m=%.*s 0 %.*s %.*s\r\n", (int)ml.kind.len, ml.kind.p,
		    (int)ml.proto.len, ml.proto.p, (int)ml.fmts.len, ml.fmts.p);
	}
	if (!any || t.full)
		err = no(why, 488,
			 "The phone has no codec that the gateway has");
	else
		err = path_answer(p, OTHER_LEG(o->real), t.p, t.n, true, out,
				  why);
out:
	sdp_free(s);
	free(t.p);
	return err;
}

int path_offer_self(struct path *p, char **out, struct media_why *why)
{
	struct solo *o = p->solo;
	struct text t = {.p = malloc(SDP_ROOM)};
	struct sp_addr here;
	int err;

	if (!t.p)
		return no(why, 500, "Out of memory");
	media_here(p->media, o->real, &here);
	begin(&t, &here);
	put(&t, "m=audio %d RTP/AVP", PORT_SDP);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (have(p, own[i].name))
			put(&t, " %d", own[i].pt);
	put(&t, " %d\r\n", EVENTS_PT);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (!have(p, own[i].name))
			continue;
		put(&t, "a=rtpmap:%d %s/%u%s\r\n", own[i].pt, own[i].name,
		    own[i].clock, own[i].channels > 1 ? "/2" : "");
		if (own[i].fmtp)
			put(&t, "a=fmtp:%d %s\r\n", own[i].pt, own[i].fmtp);
	}
	put(&t,
	    "a=rtpmap:%d " EVENTS "/8000\r\na=fmtp:%d 0-15\r\n"
	    "a=sendrecv\r\n",
	    EVENTS_PT, EVENTS_PT);
	err = path_offer(p, OTHER_LEG(o->real), t.p, t.n, out, why);
	free(t.p);
	return err;
}

json_t *solo_save(const struct path *p)
{
	return p->solo ? json_integer(p->solo->real) : json_null();
}

bool solo_load(struct path *p, const json_t *saved)
{
	if (!json_is_integer(saved))
		return true;
	p->solo = calloc(1, sizeof(*p->solo));
	if (p->solo)
		p->solo->real =
			json_integer_value(saved) == LEG_B ? LEG_B : LEG_A;
	return p->solo;
}

/* ------------------------------------------------------------------- rooms */

int calls_room(struct calls *cs, const char *name, struct media_why *why)
{
	struct duty_why reason = {.status = 503,
				  .text = "Conferences aren't set up"};
	/* kept: phones may be in it already when sallyport-media is away */
	if (cs->cfg.duties &&
	    !duty_set(cs->cfg.duties, DUTY_ROOM, name, 0, !why,
		      json_pack("{s:s, s:i}", "room", name, "rate", 16000),
		      &reason))
		return 0;
	return why ? no(why, reason.status, reason.text) : -1;
}

void calls_room_gone(struct calls *cs, const char *name)
{
	if (cs->cfg.duties)
		duty_remove(cs->cfg.duties, DUTY_ROOM, name);
}
