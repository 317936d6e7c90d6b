/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs: which are in common, and what is done where none is.
 *
 * An offer passes with the offerer's codecs first, in their order, and behind
 * them those that sallyport-media can make of them. If the answer has any that
 * was the offerer's own, media is relayed as it comes, and nothing is ever
 * transcoded. If it has added ones only, the offerer is answered with a codec of
 * its own, and both directions go through sallyport-media. Video is never
 * transcoded: nothing is added to it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "control/calls/media_impl.h"

#define PTIME_DEFAULT 20u /* ms; RFC 3551 section 4.2 */
#define PTIME_MIN     5u
#define EVENTS	      "telephone-event"

/* What can be added, best first; pt: where RFC 3551 names one. */
static const struct codec known[] = {
	{"opus", 48000, 2, NO_PT, "useinbandfec=1"},
	{"G722", 8000, 1, 9, ""},
	{"AMR-WB", 16000, 1, NO_PT, "octet-align=1"},
	{"PCMA", 8000, 1, 8, ""},
	{"PCMU", 8000, 1, 0, ""},
	{"iLBC", 8000, 1, NO_PT, "mode=20"},
	{EVENTS, 8000, 1, NO_PT, "0-16"},
	{EVENTS, 48000, 1, NO_PT, "0-16"},
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

_Static_assert(KNOWN <= MEDIA_ADDED_MAX, "each has a place");

bool media_codec_auxiliary(const char *name)
{
	static const char *const names[] = {EVENTS,   "CN",	    "red",
					    "ulpfec", "flexfec-03", "rtx"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

static void codec_keep(const struct sdp *s, unsigned i,
		       const struct sdp_codec *c, struct codec *out)
{
	struct sdp_view v;

	memset(out, 0, sizeof(*out));
	sdp_view_copy(c->name, out->name, sizeof(out->name));
	out->clock = c->clock;
	out->channels = c->channels;
	out->pt = c->pt;
	if (sdp_fmtp(s, i, c->pt, &v) && v.len < sizeof(out->fmtp))
		sdp_view_copy(v, out->fmtp, sizeof(out->fmtp));
}

static bool codec_equal(const struct codec *a, const struct codec *b)
{
	return a->name[0] && strcasecmp(a->name, b->name) == 0 &&
	       a->clock == b->clock && a->channels == b->channels;
}

static bool is_events(const struct codec *c)
{
	return strcasecmp(c->name, EVENTS) == 0;
}

/* RFC 3952: without a mode it is 30 ms, which isn't made here. */
static bool fit_to_transcode(const struct codec *c)
{
	return strcasecmp(c->name, "iLBC") != 0 || strstr(c->fmtp, "mode=20");
}

/* Its row; KNOWN: none. */
static size_t row_of(const struct codec *c)
{
	size_t k;

	for (k = 0; k < KNOWN; k++)
		if (codec_equal(c, &known[k]))
			break;
	return k;
}

/* May media be made of it, and it of media? */
static bool transcodable(const struct duties *d, const struct codec *c)
{
	return d && !media_codec_auxiliary(c->name) && row_of(c) < KNOWN &&
	       fit_to_transcode(c) && duties_codec(d, c->name);
}

static unsigned ptime_of(const struct sdp *s, unsigned i)
{
	struct sdp_view v;
	uint32_t ms;

	if (!sdp_attr_find(s, (int)i, "ptime", &v) ||
	    !sdp_view_u32(v, 1000, &ms))
		return 0;
	return ms < PTIME_MIN ? PTIME_MIN : ms;
}

void media_codecs_offered(const struct sdp *s, unsigned i, struct mline *l)
{
	struct sdp_codec c;

	l->n_codecs = 0;
	for (unsigned pos = 0;
	     l->n_codecs < MEDIA_CODECS_MAX && sdp_codec_next(s, i, &pos, &c);)
		codec_keep(s, i, &c, &l->codecs[l->n_codecs++]);
	l->ptime = ptime_of(s, i);
	l->bandwidth = sdp_bandwidth(s, i);
	memset(l->added, NO_PT, sizeof(l->added));
}

/* ---------------------------------------------------------------- the offer */

/* Payload types that an offer uses, on any m-line: those that are bundled share
 * them (RFC 9143 section 10.1). */
struct taken {
	bool pt[128];
};

static void taken_by(const struct sdp *s, struct taken *t)
{
	memset(t, 0, sizeof(*t));
	for (unsigned i = 0; i < sdp_media_count(s); i++) {
		struct sdp_codec c;

		for (unsigned pos = 0; sdp_codec_next(s, i, &pos, &c);)
			t->pt[c.pt & 127] = true;
	}
}

/* The one it had, the usual one, or any that is free. */
static uint8_t choose(struct taken *t, uint8_t had, uint8_t usual)
{
	uint8_t pt = NO_PT;

	if (had < 128 && !t->pt[had])
		pt = had;
	else if (usual < 128 && !t->pt[usual])
		pt = usual;
	for (uint8_t i = 96; pt == NO_PT && i < 128; i++)
		if (!t->pt[i])
			pt = i;
	/* RFC 5761 section 4: with rtcp-mux 64 to 95 aren't to be used */
	for (uint8_t i = 35; pt == NO_PT && i < 64; i++)
		if (!t->pt[i])
			pt = i;
	if (pt != NO_PT)
		t->pt[pt] = true;
	return pt;
}

/* Under which number the leg knows this codec: RFC 3264 section 8.3.2. */
static uint8_t number_before(const struct mline *had, enum leg to, size_t k)
{
	const struct tongue *t = had ? &had->tongue[to] : NULL;

	for (unsigned i = 0; t && i < t->n; i++)
		if (codec_equal(&t->spoken[i], &known[k]))
			return t->spoken[i].pt;
	return had ? had->added[k] : NO_PT;
}

static bool offers(const struct mline *l, const struct codec *c)
{
	for (unsigned i = 0; i < l->n_codecs; i++)
		if (codec_equal(&l->codecs[i], c))
			return true;
	return false;
}

static bool offers_transcodable(const struct media *m, const struct mline *l)
{
	for (unsigned i = 0; i < l->n_codecs; i++)
		if (transcodable(m->duties, &l->codecs[i]))
			return true;
	return false;
}

/* Where a digit could come from: the offerer has events of some clock. */
static bool offers_events(const struct mline *l)
{
	for (unsigned i = 0; i < l->n_codecs; i++)
		if (is_events(&l->codecs[i]))
			return true;
	return false;
}

void media_codecs_add(const struct media *m, const struct sdp *s,
		      const struct mline *had, enum leg to, struct mline *l)
{
	bool clock[2] = {false, false}; /* 8000, 48000: of what is added */
	struct taken t;

	if (strcmp(l->kind, "audio") != 0 || !m->duties || m->solo ||
	    l->leg[to].keying == KEYING_RELAY ||
	    m->e2ee.state == E2EE_OFFERED || m->e2ee.state == E2EE_ON ||
	    !offers_transcodable(m, l))
		return;
	/* a call that is transcoded keeps its place */
	if (!(had && had->flow && had->flow->transcoding) &&
	    !duties_can_transcode(m->duties, NULL))
		return;
	taken_by(s, &t);
	for (size_t k = 0; k < KNOWN; k++) {
		const struct codec *c = &known[k];
		bool events = is_events(c);

		if (offers(l, c) ||
		    (events ? !offers_events(l) || !clock[c->clock == 48000]
			    : !duties_codec(m->duties, c->name) ||
				      !media_forces(m->side[to].profile.codecs,
						    c->name)))
			continue;
		l->added[k] = choose(&t, number_before(had, to, k), c->pt);
		clock[c->clock == 48000] |= l->added[k] != NO_PT;
	}
}

static struct codec added(const struct mline *l, size_t k)
{
	struct codec c = known[k];

	c.pt = l->added[k];
	return c;
}

/* --------------------------------------------------------------- the answer */

static void may_say(struct tongue *t, const struct codec *c, uint8_t pt)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->spoken[i].pt == pt)
			return;
	if (t->n == MEDIA_SPOKEN_MAX)
		return;
	t->spoken[t->n] = *c;
	t->spoken[t->n++].pt = pt;
}

static const struct codec *offered(const struct mline *l, const struct codec *a)
{
	for (unsigned i = 0; i < l->n_codecs; i++)
		if (codec_equal(a, &l->codecs[i]))
			return &l->codecs[i];
	return NULL;
}

static unsigned smaller_ptime(unsigned a, unsigned b)
{
	unsigned p = PTIME_DEFAULT;

	if (a && a < p)
		p = a;
	if (b && b < p)
		p = b;
	return p;
}

/* What sallyport-media can make. */
static uint8_t ptime_made(unsigned asked)
{
	return asked == 10 || asked == 40 || asked == 60 ? (uint8_t)asked
							 : PTIME_DEFAULT;
}

/* Codecs of the answer that were the offerer's own: each leg may send them by
 * the number that the other has for them. @return how many carry media. */
static unsigned common(const struct sdp *s, unsigned i, enum leg answerer,
		       struct mline *l)
{
	struct tongue *at = &l->tongue[answerer],
		      *ot = &l->tongue[OTHER_LEG(answerer)];
	struct sdp_codec c;
	unsigned n = 0;

	for (unsigned pos = 0; sdp_codec_next(s, i, &pos, &c);) {
		const struct codec *o;
		struct codec a;

		codec_keep(s, i, &c, &a);
		o = offered(l, &a);
		if (!o)
			continue;
		may_say(at, &a, o->pt);
		may_say(ot, o, a.pt);
		if (media_codec_auxiliary(a.name))
			continue;
		if (n++ == 0) {
			l->codec = a;
			at->codec = a;
			ot->codec = *o;
		}
	}
	return n;
}

/* The number of digits and of comfort noise that go with a codec. */
static uint8_t events_pt(const struct codec c[], unsigned n, uint32_t clock)
{
	for (unsigned i = 0; i < n; i++)
		if (is_events(&c[i]) && c[i].clock == clock)
			return c[i].pt;
	return NO_PT;
}

/* What else sallyport-media must know to be heard by a leg: the number that it
 * has for digits is the one by which the other may send them. */
static void may_be_played_to(struct tongue *t, const struct tongue *other)
{
	t->event_pt = events_pt(other->spoken, other->n, t->codec.clock);
	t->ptime = PTIME_DEFAULT;
}

/* The offerer's side of a call that is transcoded: its first codec that can be. */
static bool offerer_speaks(const struct media *m, const struct mline *l,
			   struct tongue *t)
{
	for (unsigned i = 0; !t->n && i < l->n_codecs; i++)
		if (transcodable(m->duties, &l->codecs[i])) {
			t->codec = l->codecs[i];
			may_say(t, &t->codec, t->codec.pt);
		}
	if (!t->n)
		return false;
	t->ptime = ptime_made(l->ptime);
	t->event_pt = events_pt(l->codecs, l->n_codecs, t->codec.clock);
	for (unsigned i = 0; i < l->n_codecs; i++) {
		const struct codec *c = &l->codecs[i];

		if (c->clock == t->codec.clock &&
		    (is_events(c) || strcasecmp(c->name, "CN") == 0))
			may_say(t, c, c->pt);
	}
	return true;
}

/* The answerer's: what we have added and it has taken. */
static bool answerer_speaks(const struct sdp *s, unsigned i,
			    const struct mline *l, struct tongue *t)
{
	struct codec all[MEDIA_SPOKEN_MAX];
	struct sdp_codec c;
	unsigned n = 0;
	bool found = false;

	for (unsigned pos = 0; sdp_codec_next(s, i, &pos, &c);) {
		struct codec a;
		size_t k;

		codec_keep(s, i, &c, &a);
		k = row_of(&a);
		if (k == KNOWN || l->added[k] == NO_PT || !fit_to_transcode(&a))
			continue;
		may_say(t, &a, l->added[k]);
		if (n < MEDIA_SPOKEN_MAX)
			all[n++] = a;
		if (!found && !media_codec_auxiliary(a.name)) {
			t->codec = a;
			found = true;
		}
	}
	t->ptime = ptime_made(ptime_of(s, i));
	t->event_pt = events_pt(all, n, t->codec.clock);
	return found;
}

/* No codec in common. */
static int transcode(const struct media *m, const struct sdp *s, unsigned i,
		     enum leg answerer, struct mline *l, struct media_why *why)
{
	enum leg offerer = OTHER_LEG(answerer);
	struct duty_why no = {.status = 488};

	memset(l->tongue, 0, sizeof(l->tongue));
	why->no_codec = true;
	if (!answerer_speaks(s, i, l, &l->tongue[answerer]) ||
	    !offerer_speaks(m, l, &l->tongue[offerer])) {
		media_no(why, 488, "The two sides have no %s codec in common",
			 l->kind);
		return -1;
	}
	if (!l->flow->transcoding && !duties_can_transcode(m->duties, &no))
		return media_no(why, no.status,
				"The two sides have no audio codec in common, "
				"and the call can't be transcoded: %s",
				no.text);
	why->no_codec = false;
	l->transcoded = true;
	l->codec = l->tongue[answerer].codec;
	return 0;
}

int media_codecs_answered(const struct media *m, const struct sdp *s,
			  unsigned i, enum leg answerer, struct mline *l,
			  struct media_why *why)
{
	uint64_t bits = 0, bandwidth[2];
	struct sdp_codec c;
	struct codec a;

	l->transcoded = false;
	memset(l->tongue, 0, sizeof(l->tongue));
	l->tongue[LEG_A].event_pt = l->tongue[LEG_B].event_pt = NO_PT;
	if (common(s, i, answerer, l) == 0 &&
	    transcode(m, s, i, answerer, l, why) != 0)
		return -1;
	if (!l->transcoded)
		for (int x = LEG_A; x <= LEG_B; x++)
			may_be_played_to(&l->tongue[x],
					 &l->tongue[OTHER_LEG(x)]);
	for (unsigned pos = 0; sdp_codec_next(s, i, &pos, &c);) {
		codec_keep(s, i, &c, &a);
		if (bits < media_codec_bits(&a))
			bits = media_codec_bits(&a);
	}
	if (l->transcoded &&
	    bits < media_codec_bits(&l->tongue[OTHER_LEG(answerer)].codec))
		bits = media_codec_bits(&l->tongue[OTHER_LEG(answerer)].codec);
	bandwidth[answerer] = sdp_bandwidth(s, i);
	bandwidth[OTHER_LEG(answerer)] = l->bandwidth;
	media_limits(l, bits, bandwidth,
		     smaller_ptime(ptime_of(s, i), l->ptime));
	return 0;
}

/* ------------------------------------------------------------------ the SDP */

static int say_codec(struct sdp *s, unsigned i, const struct codec *c)
{
	char text[64 + CODEC_FMTP_MAX];
	int err;

	if (c->channels > 1)
		snprintf(text, sizeof(text), "rtpmap:%u %s/%u/%u", c->pt,
			 c->name, c->clock, c->channels);
	else
		snprintf(text, sizeof(text), "rtpmap:%u %s/%u", c->pt, c->name,
			 c->clock);
	err = sdp_attr_add(s, (int)i, text);
	if (err || !c->fmtp[0])
		return err;
	snprintf(text, sizeof(text), "fmtp:%u %s", c->pt, c->fmtp);
	return sdp_attr_add(s, (int)i, text);
}

/* Behind the offerer's own. */
static int add_to_offer(struct sdp *s, unsigned i, const struct mline *l)
{
	uint8_t pt[128];
	struct sdp_codec c;
	unsigned n = 0, own;
	int err;

	for (unsigned pos = 0; n < 128 && sdp_codec_next(s, i, &pos, &c);)
		pt[n++] = c.pt;
	own = n;
	for (size_t k = 0; k < KNOWN && n < 128; k++)
		if (l->added[k] != NO_PT)
			pt[n++] = l->added[k];
	if (n == own)
		return 0;
	err = sdp_formats_set(s, i, pt, n);
	for (size_t k = 0; !err && k < KNOWN; k++) {
		struct codec x = added(l, k);

		if (x.pt != NO_PT)
			err = say_codec(s, i, &x);
	}
	return err;
}

/* The offerer hears of what it offered, and of nothing else. */
static int cut_from_answer(struct sdp *s, unsigned i, const struct mline *l)
{
	uint8_t pt[128];
	struct sdp_codec c;
	unsigned n = 0, all = 0;

	for (unsigned pos = 0; all < 128 && sdp_codec_next(s, i, &pos, &c);
	     all++) {
		struct codec a;

		codec_keep(s, i, &c, &a);
		/* what has no name is for the two of them to understand */
		if (!a.name[0] || row_of(&a) == KNOWN || offered(l, &a))
			pt[n++] = c.pt;
	}
	return n == all ? 0 : sdp_formats_set(s, i, pt, n);
}

/* A codec of the offerer's in the place of all that the answerer said. */
static int translate_answer(struct sdp *s, unsigned i, const struct tongue *t)
{
	static const char *const about[] = {"rtpmap", "fmtp", "rtcp-fb",
					    "ptime", "maxptime"};
	uint8_t pt[MEDIA_SPOKEN_MAX];
	int err;

	for (unsigned k = 0; k < t->n; k++)
		pt[k] = t->spoken[k].pt;
	err = sdp_formats_set(s, i, pt, t->n);
	if (err)
		return err;
	for (size_t k = 0; k < sizeof(about) / sizeof(about[0]); k++)
		sdp_attr_remove(s, (int)i, about[k]);
	for (unsigned k = 0; !err && k < t->n; k++)
		err = say_codec(s, i, &t->spoken[k]);
	return err;
}

/* What is added, and then what the profile of that leg wants of it all. */
static int rewrite_offer(const struct media *m, struct sdp *s, unsigned i,
			 const struct mline *l, enum leg to)
{
	int err = add_to_offer(s, i, l);

	if (err || strcmp(l->kind, "audio") != 0 || !media_may_force(m))
		return err;
	return media_force(s, i, m->side[to].profile.codecs);
}

int media_codecs_rewrite(const struct media *m, struct sdp *s, unsigned i,
			 const struct mline *l, enum leg to, bool answer)
{
	bool any = false;

	for (size_t k = 0; k < KNOWN; k++)
		any |= l->added[k] != NO_PT;
	if (!l->flow)
		return 0;
	if (!answer)
		return rewrite_offer(m, s, i, l, to);
	if (!any)
		return 0;
	return l->transcoded ? translate_answer(s, i, &l->tongue[to])
			     : cut_from_answer(s, i, l);
}
