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
#include "control/libre.h"

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

void media_codec_keep(const struct sdp *s, unsigned i,
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

int media_codecs_offered(const struct sdp *s, unsigned i, struct mline *l)
{
	struct codec *kept;
	struct sdp_codec c;
	unsigned n = 0;

	for (unsigned pos = 0;
	     n < MEDIA_CODECS_MAX && sdp_codec_next(s, i, &pos, &c);)
		n++;
	kept = mem_alloc(n * sizeof(*kept), NULL);
	if (!kept)
		return ENOMEM;
	for (unsigned k = 0, pos = 0; k < n && sdp_codec_next(s, i, &pos, &c);)
		media_codec_keep(s, i, &c, &kept[k++]);
	l->codecs = kept;
	l->n_codecs = n;
	l->ptime = ptime_of(s, i);
	l->bandwidth = sdp_bandwidth(s, i);
	memset(l->added, NO_PT, sizeof(l->added));
	return 0;
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

bool media_codec_added(const struct mline *l, unsigned *k, struct codec *out)
{
	while (*k < KNOWN && l->added[*k] == NO_PT)
		(*k)++;
	if (*k == KNOWN)
		return false;
	*out = known[*k];
	out->pt = l->added[(*k)++];
	return true;
}

bool media_codec_known(const struct codec *c)
{
	return row_of(c) < KNOWN;
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

const struct codec *media_codec_offered(const struct mline *l,
					const struct codec *a)
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
static unsigned common(const struct media *m, const struct sdp *s, unsigned i,
		       enum leg answerer, struct mline *l)
{
	struct tongue *at = &l->tongue[answerer],
		      *ot = &l->tongue[OTHER_LEG(answerer)];
	struct sdp_codec c;
	unsigned n = 0;

	for (unsigned pos = 0; sdp_codec_next(s, i, &pos, &c);) {
		const struct codec *o;
		struct codec a;

		media_codec_keep(s, i, &c, &a);
		o = media_codec_offered(l, &a);
		if (!o)
			continue;
		may_say(at, &a, o->pt);
		if (l->told && media_told_rank(m, o) < 0)
			continue;
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

/* The offerer's codec that it is to speak where the call is transcoded: its first
 * that can be, or the first that it is to be told of. NULL: none. */
static const struct codec *to_speak(const struct media *m,
				    const struct mline *l)
{
	const struct codec *best = NULL;
	int least = MEDIA_TOLD_MAX;

	for (unsigned i = 0; i < l->n_codecs; i++) {
		const struct codec *c = &l->codecs[i];
		int rank = l->told ? media_told_rank(m, c) : 0;

		if (rank < 0 || rank >= least || !transcodable(m->duties, c))
			continue;
		best = c;
		least = rank;
	}
	return best;
}

/* The offerer's side of a call that is transcoded. */
static bool offerer_speaks(const struct media *m, const struct mline *l,
			   struct tongue *t)
{
	const struct codec *own = to_speak(m, l);

	if (!own)
		return false;
	t->codec = *own;
	may_say(t, own, own->pt);
	t->ptime = ptime_made(l->ptime);
	t->event_pt = events_pt(l->codecs, l->n_codecs, t->codec.clock);
	for (unsigned i = 0; i < l->n_codecs; i++) {
		const struct codec *c = &l->codecs[i];

		if (c->clock == t->codec.clock &&
		    (is_events(c) || strcasecmp(c->name, "CN") == 0) &&
		    !(l->told && media_told_rank(m, c) < 0))
			may_say(t, c, c->pt);
	}
	return true;
}

/* By what number the answerer may send a codec of its answer: ours, where we have
 * added it, or the offerer's. NO_PT: it wasn't offered. */
static uint8_t number_offered(const struct mline *l, const struct codec *a)
{
	const struct codec *o = media_codec_offered(l, a);
	size_t k = row_of(a);

	if (o)
		return o->pt;
	return k < KNOWN ? l->added[k] : NO_PT;
}

/* The answerer's: what it has taken of what sallyport-media can make. */
static bool answerer_speaks(const struct sdp *s, unsigned i,
			    const struct mline *l, struct tongue *t)
{
	struct codec all[MEDIA_SPOKEN_MAX];
	struct sdp_codec c;
	unsigned n = 0;
	bool found = false;

	for (unsigned pos = 0; sdp_codec_next(s, i, &pos, &c);) {
		struct codec a;
		uint8_t pt;

		media_codec_keep(s, i, &c, &a);
		pt = number_offered(l, &a);
		if (row_of(&a) == KNOWN || pt == NO_PT || !fit_to_transcode(&a))
			continue;
		may_say(t, &a, pt);
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

/* No codec in common, or none that the offerer is to be told of. */
static int transcode(const struct media *m, const struct sdp *s, unsigned i,
		     enum leg answerer, struct mline *l, struct media_why *why)
{
	enum leg offerer = OTHER_LEG(answerer);
	struct duty_why no = {.status = 488};

	media_tongues_clear(l);
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

/* What the answerer will send: its first codec that carries media. */
static bool first_answered(const struct sdp *s, unsigned i, struct codec *out)
{
	struct sdp_codec c;

	for (unsigned pos = 0; sdp_codec_next(s, i, &pos, &c);) {
		media_codec_keep(s, i, &c, out);
		if (!media_codec_auxiliary(out->name))
			return true;
	}
	return false;
}

/* As what the offerer is to be told has it. @return false: it can't be so. */
static bool agree_as_told(const struct media *m, const struct sdp *s,
			  unsigned i, enum leg answerer, struct mline *l)
{
	struct media_why ignored;
	struct codec first;

	l->told = media_told_applies(m, l) && first_answered(s, i, &first);
	if (!l->told)
		return false;
	if (media_codec_offered(l, &first) && media_told_rank(m, &first) >= 0)
		return common(m, s, i, answerer, l) > 0;
	if (strcmp(l->kind, "audio") == 0 &&
	    transcode(m, s, i, answerer, l, &ignored) == 0)
		return true;
	l->told = false;
	media_tongues_clear(l);
	return false;
}

static int answered(const struct media *m, const struct sdp *s, unsigned i,
		    enum leg answerer, struct mline *l, struct media_why *why)
{
	uint64_t bits = 0, bandwidth[2];
	struct sdp_codec c;
	struct codec a;

	if (!agree_as_told(m, s, i, answerer, l) &&
	    common(m, s, i, answerer, l) == 0 &&
	    transcode(m, s, i, answerer, l, why) != 0)
		return -1;
	if (!l->transcoded)
		for (int x = LEG_A; x <= LEG_B; x++)
			may_be_played_to(&l->tongue[x],
					 &l->tongue[OTHER_LEG(x)]);
	for (unsigned pos = 0; sdp_codec_next(s, i, &pos, &c);) {
		media_codec_keep(s, i, &c, &a);
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

int media_codecs_answered(const struct media *m, const struct sdp *s,
			  unsigned i, enum leg answerer, struct mline *l,
			  struct media_why *why)
{
	struct tongues draft;
	int err;

	media_tongues_begin(l, &draft);
	err = answered(m, s, i, answerer, l, why);
	if (media_tongues_keep(l, !err) != 0)
		return media_no(why, 500, "Out of memory");
	return err;
}
