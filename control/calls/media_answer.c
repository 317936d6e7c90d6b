/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to an offer: checked against what was offered, put into the
 * dataplane, and passed on to the offerer. RFC 3264 section 6. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/calls/media_impl.h"

/* What the answerer says of the transport, unless that is another m-line's. */
static int transport_answered(struct media *m, enum leg from,
			      const struct sdp *s, unsigned i,
			      const struct mleg *had, struct mleg *a,
			      struct media_why *why)
{
	struct sdp_view v;

	a->mux = a->mux && sdp_attr_find(s, (int)i, "rtcp-mux", &v);
	if (media_ice_from_answer(m, from, s, i, a, why) != 0)
		return -1;
	if (!a->ice && media_addr_peer(m, from, s, i, a, why) != 0)
		return -1;
	if (a->keying == KEYING_SDES &&
	    media_keys_from_answer(s, i, had, a, why) != 0)
		return -1;
	if (a->keying == KEYING_DTLS &&
	    media_dtls_from_answer(m, from, s, i, a, why) != 0)
		return -1;
	media_heir_key(m, from, i, a);
	return 0;
}

/* Some answer without the F of feedback, or with SAVPF where DTLS was offered;
 * that it is secured at all is what counts, the keys are checked. */
static bool profile_fits(const struct profile *p, const struct mleg *a)
{
	bool secure = a->keying != KEYING_PLAIN;

	return p && (p->keying != KEYING_PLAIN) == secure &&
	       (p->keying != KEYING_DTLS || a->keying == KEYING_DTLS ||
		a->keying == KEYING_RELAY);
}

/* One m-line that was offered and has been accepted. */
static int line_answered(struct media *m, enum leg from, const struct sdp *s,
			 unsigned i, const struct mleg *had, struct state *st,
			 struct media_why *why)
{
	struct mline *l = &st->line[i];
	struct mleg *a = &l->leg[from];
	struct sdp_mline ml;
	int tag, err = 0;

	sdp_mline(s, i, &ml);
	if (!sdp_view_eq(ml.kind, l->kind))
		return media_no(why, 488,
				"SDP: the answer's m-line %u isn't the %s that "
				"was offered",
				i + 1, l->kind);
	if (!profile_fits(media_profile_find(ml.proto), a))
		return media_no(why, 488,
				"SDP: the answer's m-line %u has another "
				"profile than the %s that was offered",
				i + 1, a->proto);
	a->dir = sdp_dir(s, i);
	a->bundled = a->bundled && media_bundle_said(s, i);
	tag = media_bundle_tag(s, st, from, i);
	if (tag >= 0)
		media_bundle_join(a, &st->line[tag].leg[from]);
	else
		err = transport_answered(m, from, s, i, had, a, why);
	if (err)
		return err;
	mleg_settle(a);
	l->two_way |= a->dir == SDP_SENDRECV &&
		      l->leg[OTHER_LEG(from)].dir == SDP_SENDRECV;
	media_bundle_learn(s, i, l, from);
	return media_codecs_answered(m, s, i, from, l, why);
}

/* Why there is nothing on it: shown with the call. */
static void line_refused(struct mline *l, const char *reason)
{
	mline_clear(l);
	l->refusal = reason;
}

/* Video that the two can't both do is no reason to lose the audio. */
static bool goes_without(const struct state *st, const struct mline *l,
			 const struct media_why *why)
{
	if (!why->no_codec || strcmp(l->kind, "video") != 0)
		return false;
	for (unsigned i = 0; i < st->n; i++)
		if (st->line[i].flow && strcmp(st->line[i].kind, "audio") == 0)
			return true;
	return false;
}

static int lines_answered(struct media *m, enum leg from, const struct sdp *s,
			  struct state *st, struct media_why *why)
{
	if (sdp_media_count(s) != st->n)
		return media_no(why, 488,
				"SDP: the answer has %u m-lines where %u were "
				"offered",
				sdp_media_count(s), st->n);
	for (unsigned i = 0; i < st->n; i++) {
		struct mline *l = &st->line[i];
		const struct mline *had =
			i < m->cur->n ? &m->cur->line[i] : NULL;
		struct sdp_mline ml;

		sdp_mline(s, i, &ml);
		if (!l->flow)
			continue; /* refused already, whatever this says */
		if (had && had->flow != l->flow)
			had = NULL;
		if (ml.port == 0)
			line_refused(l, "The answer switched it off");
		else if (line_answered(m, from, s, i,
				       had ? &had->leg[from] : NULL, st,
				       why) == 0)
			continue;
		else if (goes_without(st, l, why))
			line_refused(l, "The two sides have no codec for it in "
					"common, and video isn't transcoded");
		else
			return -1;
	}
	return 0;
}

int media_answer(struct media *m, enum leg from, const char *sdp, size_t len,
		 char **out, struct media_why *why)
{
	struct e2ee before = m->e2ee;
	struct state *st = NULL;
	struct sdp_error e;
	struct sdp *s = NULL;

	*out = NULL;
	why->no_codec = false;
	if (!m->offer || m->offerer == from)
		return media_no(why, 500, "An answer to no offer");
	if (!dp_connected(m->dp))
		return media_no(why, 503,
				"The dataplane is away; try again later");
	s = sdp_parse(sdp, len, &e);
	if (!s)
		return e.line ? media_no(why, 400, "SDP line %u: %s", e.line,
					 e.text)
			      : media_no(why, 400, "SDP: %s", e.text);
	st = state_copy(m->offer);
	if (!st) {
		media_no(why, 500, "Out of memory");
		goto fail;
	}
	if (media_e2ee_heard(from, true, s, &m->e2ee, why) != 0 ||
	    lines_answered(m, from, s, st, why) != 0)
		goto fail;
	sdp_mlines_cut(s, m->lines[m->offerer]);
	if (media_rewrite(m, OTHER_LEG(from), true, s, st, out, why) != 0 ||
	    media_program(m, st, why) != 0)
		goto fail;
	m->answered = true;
	for (int x = LEG_A; x <= LEG_B; x++)
		m->side[x].lines = m->lines[x];
	sdp_free(s);
	return 0;

fail:
	m->e2ee = before;
	if (*out) {
		explicit_bzero(*out, strlen(*out));
		free(*out);
		*out = NULL;
	}
	state_free(st);
	sdp_free(s);
	return -1;
}
