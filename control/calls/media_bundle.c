/* SPDX-License-Identifier: Apache-2.0 */
/* BUNDLE, RFC 9143: m-lines of a leg that share the transport of their first
 * one, and by what their packets are told apart. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "control/calls/media_impl.h"

static bool mid_of(const struct sdp *s, unsigned i, struct sdp_view *mid)
{
	return sdp_attr_find(s, (int)i, "mid", mid) && mid->len > 0 &&
	       mid->len < MID_MAX;
}

static bool same(struct sdp_view a, struct sdp_view b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

/* The nth bundle that names the mid; counted from 1, 0: none. */
static unsigned group_of(const struct sdp *s, struct sdp_view mid)
{
	struct sdp_attr a;
	unsigned n = 0;

	for (unsigned pos = 0; sdp_attr_next(s, SDP_SESSION, &pos, &a);) {
		struct sdp_view word;

		if (!sdp_view_eq(a.name, "group") ||
		    !sdp_view_word(&a.value, &word) ||
		    !sdp_view_eq(word, "BUNDLE"))
			continue;
		n++;
		while (sdp_view_word(&a.value, &word))
			if (same(word, mid))
				return n;
	}
	return 0;
}

bool media_bundle_said(const struct sdp *s, unsigned i)
{
	struct sdp_view mid;

	return mid_of(s, i, &mid) && group_of(s, mid) > 0;
}

int media_bundle_tag(const struct sdp *s, const struct state *st, enum leg x,
		     unsigned i)
{
	struct sdp_view mid, other;
	unsigned group;

	if (!st->line[i].leg[x].bundled || !mid_of(s, i, &mid))
		return -1;
	group = group_of(s, mid);
	for (unsigned k = 0; group && k < i; k++)
		if (st->line[k].flow && st->line[k].leg[x].bundled &&
		    mid_of(s, k, &other) && group_of(s, other) == group)
			return (int)k;
	return -1;
}

bool media_bundle_left(const struct state *had, unsigned i, enum leg x)
{
	for (unsigned k = 0; k < i && i < had->n; k++)
		if (had->line[k].flow &&
		    had->line[k].leg[x].tp == had->line[i].leg[x].tp)
			return true;
	return false;
}

void media_bundle_join(struct mleg *leg, const struct mleg *tag)
{
	transport_drop(&leg->tp);
	agent_drop(&leg->ice);
	session_drop(&leg->dtls);
	hopkey_drop(&leg->rx);
	hopkey_drop(&leg->tx);
	leg->tp = transport_ref(tag->tp);
	leg->ice = agent_ref(tag->ice);
	leg->dtls = session_ref(tag->dtls);
	leg->rx = hopkey_ref(tag->rx);
	leg->tx = hopkey_ref(tag->tx);
	leg->tag = tag->tag;
	leg->keying = tag->keying;
	leg->setup = tag->setup;
	leg->mux = tag->mux;
	leg->rtp = tag->rtp;
	leg->rtcp = tag->rtcp;
	memcpy(leg->fp, tag->fp, sizeof(leg->fp));
	leg->n_fp = tag->n_fp;
}

/* -------------------------------------------- what packets are told apart by */

static void learn_mid(const struct sdp *s, unsigned i, struct mline *l)
{
	struct sdp_attr a;

	for (unsigned pos = 0; sdp_attr_next(s, (int)i, &pos, &a);) {
		struct sdp_view id, uri;
		uint32_t n;

		if (!sdp_view_eq(a.name, "extmap") ||
		    !sdp_view_word(&a.value, &id) ||
		    !sdp_view_word(&a.value, &uri) ||
		    !sdp_view_eq(uri, MEDIA_MID_URI))
			continue;
		/* "4" or "4/sendrecv" */
		for (size_t k = 0; k < id.len; k++)
			if (id.p[k] == '/')
				id.len = k;
		if (sdp_view_u32(id, 255, &n) && n)
			l->mid_ext = (uint8_t)n;
	}
}

void media_bundle_learn(const struct sdp *s, unsigned i, struct mline *l,
			enum leg x)
{
	struct mleg *leg = &l->leg[x];
	struct sdp_codec c;
	struct sdp_attr a;

	for (unsigned pos = 0; sdp_codec_next(s, i, &pos, &c);)
		l->pts[c.pt / 64 % 2] |= 1ull << (c.pt % 64);
	if (!media_by_type(s, leg))
		learn_mid(s, i, l);
	leg->n_ssrc = 0;
	for (unsigned pos = 0; sdp_attr_next(s, (int)i, &pos, &a);) {
		struct sdp_view word;
		uint32_t ssrc;

		if (!sdp_view_eq(a.name, "ssrc") ||
		    leg->n_ssrc == SP_STREAM_SSRCS ||
		    !sdp_view_word(&a.value, &word) ||
		    !sdp_view_u32(word, UINT32_MAX, &ssrc))
			continue;
		/* each has several lines, one after the other */
		if (!leg->n_ssrc || leg->ssrc[leg->n_ssrc - 1] != ssrc)
			leg->ssrc[leg->n_ssrc++] = ssrc;
	}
}

bool media_bundle_shared(const struct state *st, const struct mline *l,
			 enum leg x)
{
	for (unsigned i = 0; i < st->n; i++)
		if (st->line[i].flow && &st->line[i] != l &&
		    st->line[i].leg[x].tp == l->leg[x].tp)
			return true;
	return false;
}

void media_bundle_match(const struct state *st, const struct mline *l,
			enum leg from, struct sp_stream *out)
{
	const struct mleg *leg = &l->leg[from];
	uint64_t taken[2] = {0, 0};

	for (unsigned i = 0; i < st->n; i++) {
		const struct mline *o = &st->line[i];

		if (o == l || !o->flow || o->leg[from].tp != leg->tp)
			continue;
		taken[0] |= o->pts[0];
		taken[1] |= o->pts[1];
	}
	out->match = SP_MATCH_MID;
	out->mid_ext = leg->mid[0] ? l->mid_ext : 0;
	if (out->mid_ext) {
		out->mid_len = (uint8_t)strlen(leg->mid);
		memcpy(out->mid, leg->mid, out->mid_len);
	}
	/* only those that say which m-line it is, RFC 9143 section 9.2 */
	out->pts[0] = l->pts[0] & ~taken[0];
	out->pts[1] = l->pts[1] & ~taken[1];
	memcpy(out->ssrcs, leg->ssrc, leg->n_ssrc * sizeof(leg->ssrc[0]));
	out->n_ssrcs = leg->n_ssrc;
}

/* ------------------------------------------------------------------ offers */

/* Could a receiver tell its packets from those of the m-lines before? */
static bool distinct(const struct state *st, unsigned i)
{
	const struct mline *l = &st->line[i];

	for (unsigned k = 0; k < i; k++)
		if (st->line[k].flow &&
		    ((st->line[k].pts[0] & l->pts[0]) ||
		     (st->line[k].pts[1] & l->pts[1])) &&
		    !(l->mid_ext && st->line[k].mid_ext))
			return false;
	return true;
}

/* In use, a bundle goes on where the profile doesn't forbid it. */
static bool offers(const struct media *m, unsigned i, enum leg to)
{
	const struct media_profile *p = &m->side[to].profile;

	return media_profile_offer(p).bundle == SWITCH_ON ||
	       (p->bundle != SWITCH_OFF && i < m->cur->n &&
		m->cur->line[i].flow && m->cur->line[i].leg[to].bundled);
}

void media_bundle_offer(const struct media *m, struct state *st, enum leg to)
{
	for (unsigned i = 0; i < st->n; i++) {
		struct mleg *leg = &st->line[i].leg[to];
		const struct mleg *other = &st->line[i].leg[OTHER_LEG(to)];

		if (!st->line[i].flow)
			continue;
		if (!leg->mid[0])
			memcpy(leg->mid, other->mid, sizeof(leg->mid));
		if (!offers(m, i, to) || !leg->mux || !distinct(st, i))
			continue;
		leg->bundled = true;
		if (!leg->mid[0])
			snprintf(leg->mid, sizeof(leg->mid), "%u", i);
	}
}

static int group_print(enum leg to, struct sdp *s, const struct state *st)
{
	char text[sizeof("group:BUNDLE") + SDP_MEDIA_MAX * (MID_MAX + 1)] =
		"group:BUNDLE";
	size_t n = strlen(text), before = n;

	for (unsigned i = 0; i < st->n && i < sdp_media_count(s); i++) {
		const struct mleg *leg = &st->line[i].leg[to];

		if (st->line[i].flow && leg->bundled && leg->mid[0])
			n += (size_t)snprintf(text + n, sizeof(text) - n, " %s",
					      leg->mid);
	}
	return n > before ? sdp_attr_add(s, SDP_SESSION, text) : 0;
}

/* The leg's own mid, in the place of the other's. */
static int mid_print(struct sdp *s, unsigned i, const struct mleg *leg)
{
	char text[MID_MAX + 4];
	struct sdp_view mid;

	if (sdp_attr_find(s, (int)i, "mid", &mid) && sdp_view_eq(mid, leg->mid))
		return 0;
	sdp_attr_remove(s, (int)i, "mid");
	if (!leg->mid[0])
		return 0;
	snprintf(text, sizeof(text), "mid:%s", leg->mid);
	return sdp_attr_add(s, (int)i, text);
}

int media_bundle_print(enum leg to, struct sdp *s, const struct state *st)
{
	int err = group_print(to, s, st);

	for (unsigned i = 0; !err && i < st->n && i < sdp_media_count(s); i++)
		if (st->line[i].flow)
			err = mid_print(s, i, &st->line[i].leg[to]);
	return err;
}
