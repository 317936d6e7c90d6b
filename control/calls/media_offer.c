/* SPDX-License-Identifier: Apache-2.0 */
/* An offer in, a state reserved, the offer for the other leg out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/calls/media_impl.h"

static const struct profile profiles[] = {
	{"RTP/AVP", false, false, NULL},
	{"RTP/AVPF", false, true, NULL},
	{"RTP/SAVP", true, false, NULL},
	{"RTP/SAVPF", true, true, NULL},
	{"UDP/TLS/RTP/SAVP", true, false,
	 "DTLS-SRTP isn't supported on this leg; offer SDES or plain RTP"},
	{"UDP/TLS/RTP/SAVPF", true, true,
	 "DTLS-SRTP isn't supported on this leg; offer SDES or plain RTP"},
};

const struct profile *media_profile_find(struct sdp_view name)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (sdp_view_eq(name, profiles[i].name))
			return &profiles[i];
	return NULL;
}

static const char *profile_name(bool secure, bool feedback)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (profiles[i].secure == secure &&
		    profiles[i].feedback == feedback)
			return profiles[i].name;
	return "";
}

static bool has_crypto(const struct sdp *s, unsigned i)
{
	struct sdp_view v;

	return sdp_attr_find(s, (int)i, "crypto", &v);
}

/* The offerer's own leg: plain or SDES, as its profile of devices says.
 * a=crypto on RTP/AVP is how some phones offer SRTP "if you can". */
static int offerer_keys(const struct media *m, enum leg from,
			const struct sdp *s, unsigned i,
			const struct profile *prof, const struct mleg *had,
			struct mleg *out, struct media_why *why)
{
	const struct media_profile *p = &m->side[from].profile;
	int err;

	if (p->security == MEDIA_PLAIN)
		return prof->secure
			       ? media_no(
					 why, 488,
					 "This device is set up for plain RTP, "
					 "and m-line %u offers only SRTP",
					 i + 1)
			       : 0;
	if (!prof->secure && !has_crypto(s, i))
		return p->security == MEDIA_SDES
			       ? media_no(why, 488,
					  "This device is set up for SRTP, and "
					  "m-line %u offers plain RTP",
					  i + 1)
			       : 0;
	err = media_keys_from_offer(p, s, i, had, out, why);
	/* keys that are no use to us on RTP/AVP leave the plain offer */
	if (err == ENOENT && !prof->secure && p->security == MEDIA_EITHER)
		return 0;
	if (err == ENOMEM)
		return media_no(why, 500, "Out of memory");
	return err ? -1 : 0;
}

/* The other leg: what the gateway offers its device. A leg that is in use
 * stays as it is where its profile still allows so. */
static int offeree_keys(const struct media *m, enum leg to, bool feedback,
			const struct mleg *had, struct mleg *out,
			struct media_why *why)
{
	const struct media_profile *p = &m->side[to].profile;
	bool secure = p->security != MEDIA_PLAIN;

	if (p->security == MEDIA_EITHER && had)
		secure = had->secure;
	snprintf(out->proto, sizeof(out->proto), "%s",
		 profile_name(secure, feedback));
	if (secure && media_keys_to_offer(p, had, out) != 0)
		return media_no(why, 500, "Out of memory");
	return 0;
}

/* One usable m-line, into an empty *l. had: the line in force; NULL: none. */
static int line_offered(struct media *m, enum leg from, const struct sdp *s,
			unsigned i, const struct mline *had, struct mline *l,
			struct media_why *why)
{
	enum leg to = OTHER_LEG(from);
	struct mleg *o = &l->leg[from], *t = &l->leg[to];
	const struct profile *prof;
	struct sdp_mline ml;
	struct sdp_view v;

	sdp_mline(s, i, &ml);
	sdp_view_copy(ml.kind, l->kind, sizeof(l->kind));
	if (!sdp_view_eq(ml.kind, "audio") && !sdp_view_eq(ml.kind, "video"))
		return media_no(why, 488,
				"Only audio and video are carried, not %s",
				l->kind);
	prof = media_profile_find(ml.proto);
	if (!prof)
		return media_no(why, 488,
				"The transport of m-line %u isn't supported",
				i + 1);
	if (prof->refusal)
		return media_no(why, 488, "%s", prof->refusal);

	snprintf(o->proto, sizeof(o->proto), "%s", prof->name);
	o->mux = sdp_attr_find(s, (int)i, "rtcp-mux", &v);
	o->dir = sdp_dir(s, i);
	t->mux = o->mux || (had && had->leg[to].mux);
	if (media_addr_peer(m, from, s, i, o, why) != 0 ||
	    offerer_keys(m, from, s, i, prof, had ? &had->leg[from] : NULL, o,
			 why) != 0 ||
	    offeree_keys(m, to, prof->feedback, had ? &had->leg[to] : NULL, t,
			 why) != 0)
		return -1;
	media_heir_key(m, from, i, o);
	media_codecs_offered(s, i, l);
	if (!had || !had->flow)
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

		sdp_mline(s, i, &ml);
		sdp_view_copy(ml.kind, l->kind, sizeof(l->kind));
		if (ml.port == 0)
			continue;
		if (had && (!had->flow || !sdp_view_eq(ml.kind, had->kind)))
			had = NULL;
		if (line_offered(m, from, s, i, had, l, &here) == 0) {
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
	st = state_new(sdp_media_count(s));
	base = state_copy(m->cur);
	if (!st || !base) {
		media_no(why, 500, "Out of memory");
		goto fail;
	}
	if (lines_offered(m, from, s, st, why) != 0 ||
	    media_rewrite(m, OTHER_LEG(from), false, s, st, out, why) != 0)
		goto fail;
	for (int x = LEG_A; x <= LEG_B; x++)
		m->had_lines[x] = m->side[x].lines;
	m->lines[from] = n;
	m->lines[OTHER_LEG(from)] = st->n;
	sdp_free(s);
	state_free(m->offer); /* one never answered is replaced by this */
	state_free(m->base);
	m->offer = st;
	m->base = base;
	m->offerer = from;
	m->answered = false;
	return 0;

fail:
	m->e2ee = before;
	state_free(st);
	state_free(base);
	sdp_free(s);
	return -1;
}
