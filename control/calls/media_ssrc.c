/* SPDX-License-Identifier: Apache-2.0 */
/* By what a peer tells streams apart: a=ssrc and a=ssrc-group (RFC 5576), and
 * the MID header extension (RFC 9143). What is announced must be what arrives.
 *
 * The dataplane may put a mask over SSRCs; it is put over those of the SDP as
 * well. And sound may be sallyport-media's at any time: transcoded, music on
 * hold, an announcement. That has SSRCs that it chooses as it begins, since
 * sequence numbers that were used with one key can't be used again; so has
 * everything after a restart of the dataplane, by another mask. A browser plays
 * an SSRC of which it wasn't told, as long as it was told of none on that m-line
 * and of MID on no m-line; otherwise it drops it. Hence sound is announced by no
 * SSRC, and nothing by MID: payload types say enough, where each is on one m-line
 * only.
 *
 * But for this: a browser that has met two SSRCs goes on playing the later one
 * when the earlier comes back, as it does after a hold with music. Then the SDP
 * names it. */
#define _GNU_SOURCE /* memmem */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/calls/media_impl.h"

#define SSRC_LINES_MAX 64
#define SSRC_TEXT_MAX  512

/* "ssrc:<ssrc> ..." and "ssrc-group:<semantics> <ssrc> ...". @return false: too
 * long to be written anew. */
static bool masked(const struct sdp_attr *a, uint32_t mask,
		   char out[SSRC_TEXT_MAX])
{
	bool group = sdp_view_eq(a->name, "ssrc-group");
	struct sdp_view rest = a->value, word;
	int n = snprintf(out, SSRC_TEXT_MAX, "%s",
			 group ? "ssrc-group:" : "ssrc:");
	bool first = true;
	uint32_t ssrc;

	while (n < SSRC_TEXT_MAX && sdp_view_word(&rest, &word)) {
		bool number = group ? !first : first;

		if (number && sdp_view_u32(word, UINT32_MAX, &ssrc))
			n += snprintf(out + n, (size_t)(SSRC_TEXT_MAX - n),
				      "%s%" PRIu32, first ? "" : " ",
				      ssrc ^ mask);
		else
			n += snprintf(out + n, (size_t)(SSRC_TEXT_MAX - n),
				      "%s%.*s", first ? "" : " ", (int)word.len,
				      word.p);
		first = false;
	}
	return n < SSRC_TEXT_MAX;
}

static int put_mask(struct sdp *s, unsigned i, uint32_t mask)
{
	char(*text)[SSRC_TEXT_MAX];
	struct sdp_attr a;
	unsigned n = 0;
	int err = 0;

	if (!mask)
		return 0;
	text = calloc(SSRC_LINES_MAX, sizeof(*text));
	if (!text)
		return ENOMEM;
	for (unsigned pos = 0;
	     n < SSRC_LINES_MAX && sdp_attr_next(s, (int)i, &pos, &a);)
		if (sdp_view_eq(a.name, "ssrc") ||
		    sdp_view_eq(a.name, "ssrc-group"))
			n += masked(&a, mask, text[n]);
	sdp_attr_remove(s, (int)i, "ssrc");
	sdp_attr_remove(s, (int)i, "ssrc-group");
	for (unsigned k = 0; !err && k < n; k++)
		err = sdp_attr_add(s, (int)i, text[k]);
	free(text);
	return err;
}

/* Does what leg `from` sends go on as it is from now on, as far as can be told
 * before there is an answer? */
static bool relayed(const struct media *m, unsigned i, const struct mline *l,
		    enum leg from)
{
	const struct mline *had = i < m->cur->n ? &m->cur->line[i] : NULL;
	const struct mleg *f = &l->leg[from];

	if (media_divert(m, l, from) == SP_DIVERT_TAKE)
		return false;
	if (media_may_play(m, l) && (!SDP_DIR_RECV(f->dir) || f->no_recv))
		return false;
	return !had || had->flow != l->flow || !had->transcoded;
}

bool media_by_type(const struct sdp *s, const struct mleg *leg)
{
	bool taken[128] = {false}, mine[128];

	for (unsigned i = 0; i < sdp_media_count(s); i++) {
		struct sdp_codec c;

		memset(mine, 0, sizeof(mine));
		for (unsigned pos = 0; sdp_codec_next(s, i, &pos, &c);)
			mine[c.pt & 127] = true;
		for (unsigned pt = 0; pt < 128; pt++) {
			if (taken[pt] && mine[pt])
				return false;
			taken[pt] |= mine[pt];
		}
	}
	return leg->keying != KEYING_RELAY;
}

static bool is_mid(char type, struct sdp_view v, void *arg)
{
	(void)arg;
	return type == 'a' && v.len > 7 && memcmp(v.p, "extmap:", 7) == 0 &&
	       memmem(v.p, v.len, MEDIA_MID_URI, strlen(MEDIA_MID_URI));
}

int media_ssrc_rewrite(struct sdp *s, unsigned i, const struct media *m,
		       const struct mline *l, enum leg to)
{
	enum leg from = OTHER_LEG(to);
	uint32_t mask = l->flow->ssrc_xor;

	if (media_by_type(s, &l->leg[to])) {
		sdp_lines_remove(s, (int)i, is_mid, NULL);
		if (strcmp(l->kind, "audio") == 0 &&
		    (!l->flow->made[from] || !relayed(m, i, l, from))) {
			sdp_attr_remove(s, (int)i, "ssrc");
			sdp_attr_remove(s, (int)i, "ssrc-group");
			return 0;
		}
	}
	dp_stream_mask(m->dp, l->flow->stream[from], &mask);
	return put_mask(s, i, mask);
}
