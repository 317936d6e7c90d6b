/* SPDX-License-Identifier: Apache-2.0 */
/* What was decided about codecs, in the SDP for the other leg. */
#include <stdio.h>
#include <string.h>
#include "control/calls/media_impl.h"

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
	struct codec x;
	unsigned n = 0, own;
	int err;

	for (unsigned pos = 0; n < 128 && sdp_codec_next(s, i, &pos, &c);)
		pt[n++] = c.pt;
	own = n;
	for (unsigned k = 0; n < 128 && media_codec_added(l, &k, &x);)
		pt[n++] = x.pt;
	if (n == own)
		return 0;
	err = sdp_formats_set(s, i, pt, n);
	for (unsigned k = 0; !err && media_codec_added(l, &k, &x);)
		err = say_codec(s, i, &x);
	return err;
}

/* The offerer hears of what it offered, and of nothing else. */
static int cut_from_answer(const struct media *m, struct sdp *s, unsigned i,
			   const struct mline *l)
{
	uint8_t pt[128];
	struct sdp_codec c;
	unsigned n = 0, all = 0;

	for (unsigned pos = 0; all < 128 && sdp_codec_next(s, i, &pos, &c);
	     all++) {
		struct codec a;

		media_codec_keep(s, i, &c, &a);
		if (l->told && media_told_rank(m, &a) < 0)
			continue;
		/* what has no name is for the two of them to understand */
		if (!a.name[0] || !media_codec_known(&a) ||
		    media_codec_offered(l, &a))
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
	struct codec x;
	unsigned k = 0;
	bool any = media_codec_added(l, &k, &x);

	if (!l->flow)
		return 0;
	if (!answer)
		return rewrite_offer(m, s, i, l, to);
	if (l->transcoded)
		return translate_answer(s, i, &l->tongue[to]);
	return any || l->told ? cut_from_answer(m, s, i, l) : 0;
}
