/* SPDX-License-Identifier: Apache-2.0 */
/* An offer in, a state reserved, the offer for the other leg out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/calls/media_impl.h"

static const struct profile profiles[] = {
	{"RTP/AVP", KEYING_PLAIN, false},
	{"RTP/AVPF", KEYING_PLAIN, true},
	{"RTP/SAVP", KEYING_SDES, false},
	{"RTP/SAVPF", KEYING_SDES, true},
	{"UDP/TLS/RTP/SAVP", KEYING_DTLS, false},
	{"UDP/TLS/RTP/SAVPF", KEYING_DTLS, true},
};

const struct profile *media_profile_find(struct sdp_view name)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (sdp_view_eq(name, profiles[i].name))
			return &profiles[i];
	return NULL;
}

static const char *profile_name(enum keying keying, bool feedback)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (profiles[i].keying == keying &&
		    profiles[i].feedback == feedback)
			return profiles[i].name;
	return "";
}

static bool has_crypto(const struct sdp *s, unsigned i)
{
	struct sdp_view v;

	return sdp_attr_find(s, (int)i, "crypto", &v);
}

#define TAKES(keying) (1u << (keying))

/* What a device's profile takes from it, as an offerer. */
static const uint8_t takes[MEDIA_SECURITIES] = {
	[MEDIA_PLAIN] = TAKES(KEYING_PLAIN),
	[MEDIA_SDES] = TAKES(KEYING_SDES),
	[MEDIA_EITHER] = TAKES(KEYING_PLAIN) | TAKES(KEYING_SDES),
	[MEDIA_DTLS] = TAKES(KEYING_DTLS),
	[MEDIA_AUTO] =
		TAKES(KEYING_PLAIN) | TAKES(KEYING_SDES) | TAKES(KEYING_DTLS),
	[MEDIA_PASSTHROUGH] =
		TAKES(KEYING_PLAIN) | TAKES(KEYING_SDES) | TAKES(KEYING_DTLS),
};

static const char *const wants[MEDIA_SECURITIES] = {
	[MEDIA_PLAIN] = "plain RTP",
	[MEDIA_SDES] = "SRTP",
	[MEDIA_EITHER] = "plain RTP or SRTP with SDES",
	[MEDIA_DTLS] = "DTLS-SRTP",
	[MEDIA_AUTO] = "any",
	[MEDIA_PASSTHROUGH] = "any",
};

static const char *const offers[] = {
	[KEYING_PLAIN] = "offers plain RTP",
	[KEYING_SDES] = "offers only SRTP",
	[KEYING_DTLS] = "offers only DTLS-SRTP",
};

/* Both ends do it themselves, if both are set up so. */
static bool relayed(const struct media *m)
{
	return m->side[LEG_A].profile.security == MEDIA_PASSTHROUGH &&
	       m->side[LEG_B].profile.security == MEDIA_PASSTHROUGH;
}

/* How the offerer would have it. Some say RTP/SAVPF where they mean DTLS (it
 * was so in drafts), and a=crypto on RTP/AVP is how some phones offer SRTP "if
 * you can". Where both are there, what its profile takes. */
static enum keying offered_keying(const struct media_profile *p,
				  const struct sdp *s, unsigned i,
				  const struct profile *prof)
{
	uint8_t can = takes[p->security];

	if (prof->keying != KEYING_PLAIN && media_dtls_said(s, i) &&
	    (!has_crypto(s, i) || (can & TAKES(KEYING_DTLS))))
		return KEYING_DTLS;
	if (prof->keying == KEYING_DTLS)
		return has_crypto(s, i) ? KEYING_SDES : KEYING_DTLS;
	if (has_crypto(s, i) && (can & TAKES(KEYING_SDES)))
		return KEYING_SDES;
	return prof->keying;
}

static int offerer_keys(struct media *m, enum leg from, const struct sdp *s,
			unsigned i, const struct profile *prof,
			const struct mleg *had, struct mleg *out,
			struct media_why *why)
{
	const struct media_profile *p = &m->side[from].profile;
	enum keying keying = offered_keying(p, s, i, prof);
	int err;

	if (keying == KEYING_DTLS && relayed(m)) {
		out->keying = KEYING_RELAY;
		return 0;
	}
	if (!(takes[p->security] & TAKES(keying)))
		return media_no(why, 488,
				"This device is set up for %s, and m-line %u "
				"%s",
				wants[p->security], i + 1, offers[keying]);
	if (keying == KEYING_PLAIN)
		return 0;
	if (keying == KEYING_DTLS)
		return media_dtls_from_offer(m, from, s, i, had, out, why);
	err = media_keys_from_offer(p, s, i, had, out, why);
	/* keys that are no use to us on RTP/AVP leave the plain offer */
	if (err == ENOENT && prof->keying == KEYING_PLAIN &&
	    (takes[p->security] & TAKES(KEYING_PLAIN)))
		return 0;
	if (err == ENOMEM)
		return media_no(why, 500, "Out of memory");
	return err ? -1 : 0;
}

/* What the gateway offers a device. A leg that is in use stays as it is where
 * its profile still allows so. */
static enum keying keying_to_offer(const struct media_profile *p,
				   const struct mleg *had)
{
	static const enum keying first[MEDIA_SECURITIES] = {
		[MEDIA_PLAIN] = KEYING_PLAIN,	   [MEDIA_SDES] = KEYING_SDES,
		[MEDIA_EITHER] = KEYING_SDES,	   [MEDIA_DTLS] = KEYING_DTLS,
		[MEDIA_PASSTHROUGH] = KEYING_DTLS,
	};

	if (had && had->keying != KEYING_RELAY &&
	    (takes[p->security] & TAKES(had->keying)))
		return had->keying;
	return first[media_profile_offer(p).security];
}

static bool has_feedback(const struct mleg *leg)
{
	const struct profile *p = media_profile_find(
		(struct sdp_view){leg->proto, strlen(leg->proto)});

	return p && p->feedback;
}

/* What is keyed by DTLS is a browser's or like one, and always says AVPF, also
 * when the other side re-offers. Other phones often refuse that, so they hear
 * AVP. */
static bool feedback_to_offer(const struct media_profile *p,
			      const struct profile *other,
			      const struct mleg *had, enum keying keying)
{
	enum media_switch avpf = media_profile_offer(p).avpf;

	if (avpf != SWITCH_AUTO)
		return avpf == SWITCH_ON;
	if (had && had->keying == KEYING_DTLS && keying == KEYING_DTLS)
		return has_feedback(had);
	return other->feedback &&
	       (other->keying != KEYING_DTLS || keying >= KEYING_DTLS);
}

static int offeree_keys(struct media *m, enum leg to,
			const struct profile *other, bool relay,
			const struct mleg *had, struct mleg *out,
			struct media_why *why)
{
	const struct media_profile *p = &m->side[to].profile;
	enum keying keying = relay ? KEYING_RELAY : keying_to_offer(p, had);

	snprintf(out->proto, sizeof(out->proto), "%s",
		 profile_name(relay ? KEYING_DTLS : keying,
			      feedback_to_offer(p, other, had, keying)));
	out->keying = keying;
	if (keying == KEYING_DTLS)
		return media_dtls_to_offer(m, to, had, out, why);
	if (keying == KEYING_SDES && media_keys_to_offer(p, had, out) != 0)
		return media_no(why, 500, "Out of memory");
	return 0;
}

/* The offerer's leg of an m-line. tag: of the bundle that it is in, or NULL. */
static int offerer_leg(struct media *m, enum leg from, const struct sdp *s,
		       unsigned i, const struct profile *prof,
		       const struct mleg *had, const struct mleg *tag,
		       struct mleg *o, struct media_why *why)
{
	const struct media_profile *p = &m->side[from].profile;
	struct sdp_view v;

	snprintf(o->proto, sizeof(o->proto), "%s", prof->name);
	o->dir = sdp_dir(s, i);
	if (sdp_attr_find(s, (int)i, "mid", &v) && v.len < MID_MAX)
		sdp_view_copy(v, o->mid, sizeof(o->mid));
	if (tag) {
		media_bundle_join(o, tag);
		return 0;
	}
	o->mux = p->mux != SWITCH_OFF &&
		 sdp_attr_find(s, (int)i, "rtcp-mux", &v);
	if (offerer_keys(m, from, s, i, prof, had, o, why) != 0)
		return -1;
	if (o->keying != KEYING_RELAY &&
	    media_ice_from_offer(m, from, s, i, had, o, why) != 0)
		return -1;
	/* with ICE the peer will show where it is */
	return o->ice ? 0 : media_addr_peer(m, from, s, i, o, why);
}

static int offeree_leg(struct media *m, enum leg to, const struct profile *prof,
		       const struct mleg *had, const struct mleg *o,
		       struct mleg *t, struct media_why *why)
{
	enum media_switch mux = media_profile_offer(&m->side[to].profile).mux;
	bool relay = o->keying == KEYING_RELAY;

	t->mux = mux == SWITCH_AUTO ? o->mux || (had && had->mux)
				    : mux == SWITCH_ON;
	if (had)
		snprintf(t->mid, sizeof(t->mid), "%s", had->mid);
	if (offeree_keys(m, to, prof, relay, had, t, why) != 0)
		return -1;
	return relay ? 0 : media_ice_to_offer(m, to, had, t, why);
}

/* One usable m-line, into an empty *l. had: the line in force; NULL: none. tag:
 * the one whose transport it shares on the offerer's leg, or NULL. */
static int line_offered(struct media *m, enum leg from, const struct sdp *s,
			unsigned i, const struct mline *had,
			const struct mline *tag, struct mline *l,
			struct media_why *why)
{
	enum leg to = OTHER_LEG(from);
	struct mleg *o = &l->leg[from], *t = &l->leg[to];
	const struct profile *prof;
	struct sdp_mline ml;

	/* it has the transports that it had, unless it joins or leaves others */
	if (had && (tag ? had->leg[from].tp != tag->leg[from].tp
			: media_bundle_left(m->cur, i, from)))
		had = NULL;
	sdp_mline(s, i, &ml);
	if (!sdp_view_eq(ml.kind, "audio") && !sdp_view_eq(ml.kind, "video"))
		return media_no(why, 488,
				"Only audio and video are carried, not %s",
				l->kind);
	prof = media_profile_find(ml.proto);
	if (!prof)
		return media_no(why, 488,
				"The transport of m-line %u isn't supported",
				i + 1);
	if (offerer_leg(m, from, s, i, prof, had ? &had->leg[from] : NULL,
			tag ? &tag->leg[from] : NULL, o, why) != 0 ||
	    offeree_leg(m, to, prof, had ? &had->leg[to] : NULL, o, t, why) !=
		    0)
		return -1;
	media_heir_key(m, from, i, o);
	l->two_way = had && had->two_way;
	if (media_codecs_offered(s, i, l) != 0)
		return media_no(why, 500, "Out of memory");
	media_codecs_add(m, s, had, to, l);
	media_bundle_learn(s, i, l, from);
	if (!had)
		return mline_reserve(m, l, why);
	mline_share(l, had);
	return 0;
}

/* Every m-line into the state. One that can't be had is refused by itself;
 * only when none is left does the offer fail, with the first reason. */
static int lines_offered(struct media *m, enum leg from, const struct sdp *s,
			 struct state *st, struct media_why *why)
{
	unsigned usable = 0;
	struct media_why first = {0};

	for (unsigned i = 0; i < st->n; i++) {
		struct mline *l = &st->line[i];
		const struct mline *had =
			i < m->cur->n ? &m->cur->line[i] : NULL;
		struct media_why here = {0};
		struct sdp_mline ml;
		struct sdp_view v;
		int tag;

		sdp_mline(s, i, &ml);
		sdp_view_copy(ml.kind, l->kind, sizeof(l->kind));
		l->leg[from].bundled =
			m->side[from].profile.bundle != SWITCH_OFF &&
			media_bundle_said(s, i);
		tag = media_bundle_tag(s, st, from, i);
		/* a=bundle-only has port 0, RFC 9143 section 6 */
		if (ml.port == 0 &&
		    (tag < 0 || !sdp_attr_find(s, (int)i, "bundle-only", &v)))
			continue;
		if (had && (!had->flow || !sdp_view_eq(ml.kind, had->kind)))
			had = NULL;
		if (line_offered(m, from, s, i, had,
				 tag < 0 ? NULL : &st->line[tag], l,
				 &here) == 0) {
			usable++;
			continue;
		}
		mline_clear(l);
		/* nothing that another m-line could make up for */
		if (here.status >= 500) {
			*why = here;
			return -1;
		}
		if (!first.status)
			first = here;
	}
	if (usable)
		return 0;
	if (!first.status)
		return media_no(why, 488, "The offer has no media");
	*why = first;
	return -1;
}

static int offer_check(struct media *m, enum leg from, const struct sdp *s,
		       struct media_why *why)
{
	if (m->offer && !m->answered && m->offerer != from)
		return media_no(why, 491,
				"An offer from the other side is waiting for "
				"its answer");
	if (!dp_connected(m->dp))
		return media_no(why, 503,
				"The dataplane is away; try again later");
	if (sdp_media_count(s) < m->side[from].lines)
		return media_no(why, 488,
				"SDP: fewer m-lines than before; switch one "
				"off with port 0");
	if (media_addr_pick(m, LEG_A, why) != 0)
		return -1;
	return media_addr_pick(m, LEG_B, why);
}

int media_offer(struct media *m, enum leg from, const char *sdp, size_t len,
		char **out, struct media_why *why)
{
	struct state *st = NULL, *base = NULL;
	struct e2ee before = m->e2ee;
	struct sdp_error e;
	struct sdp *s;
	unsigned n;
	bool opened;

	*out = NULL;
	s = sdp_parse(sdp, len, &e);
	if (!s)
		return e.line ? media_no(why, 400, "SDP line %u: %s", e.line,
					 e.text)
			      : media_no(why, 400, "SDP: %s", e.text);
	n = sdp_media_count(s);
	if (offer_check(m, from, s, why) != 0 ||
	    media_heir_pad(m, OTHER_LEG(from), s, why) != 0 ||
	    media_e2ee_heard(from, false, s, &m->e2ee, why) != 0)
		goto fail;
	if (media_force_offered(m, from, s) != 0) {
		media_no(why, 500, "Out of memory");
		goto fail;
	}
	st = state_new(sdp_media_count(s));
	base = state_copy(m->cur);
	if (!st || !base) {
		media_no(why, 500, "Out of memory");
		goto fail;
	}
	if (lines_offered(m, from, s, st, why) != 0)
		goto fail;
	media_bundle_offer(m, st, OTHER_LEG(from));
	if (media_rewrite(m, OTHER_LEG(from), false, s, st, out, why) != 0)
		goto fail;
	for (int x = LEG_A; x <= LEG_B; x++)
		m->had_lines[x] = m->side[x].lines;
	m->lines[from] = n;
	m->lines[OTHER_LEG(from)] = st->n;
	sdp_free(s);
	opened = media_offer_opens(m);
	state_free(m->offer); /* one never answered is replaced by this */
	state_free(m->base);
	m->offer = st;
	m->base = base;
	m->offerer = from;
	m->answered = false;
	if (opened || media_offer_opens(m))
		media_streams_program(m, &(struct media_why){0});
	media_punt_early(m, st, OTHER_LEG(from));
	return 0;

fail:
	m->e2ee = before;
	state_free(st);
	state_free(base);
	sdp_free(s);
	return -1;
}
