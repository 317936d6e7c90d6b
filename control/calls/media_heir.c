/* SPDX-License-Identifier: Apache-2.0 */
/* A phone that comes from another call with its dialog: what it hears next must
 * go on from what it heard there. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "control/calls/media_impl.h"

int media_heir(struct media *m, enum leg l, const struct media *other,
	       enum leg was)
{
	const struct side *from = &other->side[was];
	struct side *to = &m->side[l];

	if (from->lines) {
		to->was = state_new(from->lines);
		if (!to->was)
			return -1;
	}
	to->addr = from->addr;
	to->profile = from->profile;
	to->heir = true;
	to->session = from->session;
	to->version = from->version;
	memcpy(to->digest, from->digest, sizeof(to->digest));
	to->lines = from->lines;
	for (unsigned i = 0; i < from->lines && i < other->cur->n; i++) {
		const struct mline *had = &other->cur->line[i];
		struct mline *has = &to->was->line[i];

		snprintf(has->kind, sizeof(has->kind), "%s", had->kind);
		if (!had->flow)
			continue;
		has->leg[l].rx = hopkey_ref(had->leg[was].rx);
		to->was_roc[i] =
			dp_transport_roc(other->dp, had->leg[was].tp->id);
	}
	media_allow_e2ee(m, false,
			 "A call that was put together from others isn't "
			 "end-to-end encrypted");
	return 0;
}

static bool drop_all(char type, struct sdp_view v, void *arg)
{
	(void)v;
	(void)arg;
	return type == 'a' || type == 'b' || type == 'k';
}

char *media_refusal(struct media *m, enum leg to, const char *sdp, size_t len)
{
	struct side *side = &m->side[to];
	struct sdp_error e;
	struct sdp *s = sdp_parse(sdp, len, &e);
	char *text = NULL;

	if (!s)
		return NULL;
	sdp_lines_remove(s, SDP_SESSION, drop_all, NULL);
	for (unsigned i = 0; i < sdp_media_count(s); i++) {
		sdp_lines_remove(s, (int)i, drop_all, NULL);
		if (sdp_mline_set(s, i, 0, NULL))
			goto out;
	}
	if (!sdp_origin_set(s, "sallyport", side->session, ++side->version,
			    side->local.family, side->local.addr))
		text = sdp_print(s);
out:
	sdp_free(s);
	return text;
}

int media_heir_pad(const struct media *m, enum leg to, struct sdp *s,
		   struct media_why *why)
{
	const struct side *side = &m->side[to];
	unsigned i;

	while ((i = sdp_media_count(s)) < side->lines) {
		const char *kind = "";

		if (side->was && i < side->was->n)
			kind = side->was->line[i].kind;
		else if (i < m->cur->n)
			kind = m->cur->line[i].kind;
		if (sdp_mline_add(s, kind[0] ? kind : "audio"))
			return media_no(why, 500, "Out of memory");
	}
	return 0;
}

void media_heir_key(const struct media *m, enum leg x, unsigned i,
		    struct mleg *leg)
{
	const struct side *side = &m->side[x];
	const struct hopkey *had;

	if (!side->was || i >= side->was->n || !leg->rx)
		return;
	had = side->was->line[i].leg[x].rx;
	/* one that a restart lost may well be this one */
	if (had && (!had->known || sdes_same(&had->sdes, &leg->rx->sdes)))
		leg->rx->roc = side->was_roc[i];
}
