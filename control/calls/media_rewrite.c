/* SPDX-License-Identifier: Apache-2.0 */
/* The SDP for the other leg: what one leg said, with our address, ports, keys
 * and origin in the place of its own, and nothing of who and where it is. Every
 * other line passes as it came. */
#define _GNU_SOURCE /* memmem */
#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/calls/media_impl.h"

/* What speaks of one hop and must not reach the next. RFC numbers say where
 * each is from. */
static const char *const hop_attributes[] = {
	"crypto",   /* 4568; the other hop has keys of its own */
	"key-mgmt", /* 4567 */
	"candidate",
	"remote-candidates",
	"end-of-candidates", /* 8839 */
	"ice-mismatch",
	"rtcp",
	"rtcp-mux",
	"rtcp-mux-only", /* 3605, 5761, 8858; ours follow */
	"bundle-only",
	"cryptex",   /* 9143, 9335 */
	"simulcast", /* 8853: one stream of each kind */
	"rid",
	"acap",
	"tcap",
	"pcfg",
	"acfg", /* 5939: they may hold keys */
	"csup",
	"creq",
	"sescap",
	"bcap",
};

/* The same, but where DTLS is relayed it is between the two ends, and so are
 * the checks of ICE. */
static const char *const end_attributes[] = {
	"fingerprint", "setup",	 /* 8122, 4145 */
	"connection",  "tls-id", /* 4145, 8842 */
	"dtls-id",		 /* older name of tls-id */
	"ice-ufrag",   "ice-pwd",    "ice-options",
	"ice-lite",    "ice-pacing", "ice2",
};

/* What speaks of a party, and of nobody's media. */
static const char *const own_attributes[] = {"tool"};

#define PLACES_MAX 4

struct drop {
	const struct media *m;
	bool relay;
	char place[PLACES_MAX][INET6_ADDRSTRLEN]; /* where the party is */
	unsigned places;
};

/* The addresses that an SDP names for media: nothing that says them passes, in
 * whatever attribute. */
static void find_places(struct drop *d, const struct sdp *s)
{
	for (unsigned i = 0; i < sdp_media_count(s); i++) {
		struct sdp_addr a;
		bool known = false;

		if (!sdp_conn(s, i, &a) || !a.family ||
		    d->places == PLACES_MAX ||
		    !inet_ntop(a.family == 6 ? AF_INET6 : AF_INET, a.addr,
			       d->place[d->places], INET6_ADDRSTRLEN))
			continue;
		for (unsigned k = 0; k < d->places; k++)
			known |= !strcmp(d->place[k], d->place[d->places]);
		d->places += !known;
	}
}

static bool tells_place(const struct drop *d, struct sdp_view v)
{
	for (unsigned i = 0; i < d->places; i++)
		if (v.len &&
		    memmem(v.p, v.len, d->place[i], strlen(d->place[i])))
			return true;
	return false;
}

static bool named(struct sdp_view name, const char *const list[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (sdp_view_eq(name, list[i]))
			return true;
	return false;
}

static bool drop_line(char type, struct sdp_view v, void *arg)
{
	const struct drop *d = arg;
	const struct media *m = d->m;
	const char *colon = v.len ? memchr(v.p, ':', v.len) : NULL;
	struct sdp_view name = {v.p, colon ? (size_t)(colon - v.p) : v.len};

	if (type == 'k') /* a key in clear, RFC 8866 section 5.12 */
		return true;
	/* RFC 8866 sections 5.4 to 5.6: titles, pages, people */
	if (type == 'i' || type == 'u' || type == 'e' || type == 'p')
		return true;
	if (type != 'a')
		return false;
	if (tells_place(d, v) ||
	    named(name, own_attributes,
		  sizeof(own_attributes) / sizeof(*own_attributes)))
		return true;
	if (named(name, hop_attributes,
		  sizeof(hop_attributes) / sizeof(*hop_attributes)) ||
	    (!d->relay &&
	     named(name, end_attributes,
		   sizeof(end_attributes) / sizeof(*end_attributes))))
		return true;
	/* which m-lines share a transport is each hop's own, RFC 9143 */
	if (v.len >= 12 && memcmp(v.p, "group:BUNDLE", 12) == 0)
		return true;
	return m->e2ee.state != E2EE_OFFERED && m->e2ee.state != E2EE_ON &&
	       sdp_view_eq(name, "e2ee");
}

/* a=crypto of ours. @return 0 or errno. */
static int crypto_add(struct sdp *s, unsigned i, const struct hopkey *k,
		      uint32_t tag)
{
	struct sdes_key named = k->sdes;
	char text[SDES_TEXT_MAX];
	int err = EINVAL;

	named.tag = tag;
	if (sdes_print(&named, text) > 0)
		err = sdp_attr_add(s, (int)i, text);
	sodium_memzero(text, sizeof(text));
	sodium_memzero(&named, sizeof(named));
	return err;
}

/* Hold as RFC 2543 had it, c=0.0.0.0, told the next hop as RFC 3264 has it. */
static int hold_translate(struct sdp *s, unsigned i, enum sdp_dir dir)
{
	return sdp_dir_set(s, i,
			   SDP_DIR_SEND(dir) ? SDP_SENDONLY : SDP_INACTIVE);
}

/* A hold by inactive is none to who is to hear music meanwhile. */
static int hold_by_music(struct sdp *s, unsigned i, const struct media *m,
			 const struct mline *l, enum leg to, bool answer)
{
	const struct mleg *leg = &l->leg[to], *from = &l->leg[OTHER_LEG(to)];

	if (!media_may_play(m, l))
		return 0;
	if (answer) /* what it was asked isn't what it asked */
		return leg->dir == SDP_INACTIVE
			       ? sdp_dir_set(s, i, SDP_INACTIVE)
			       : 0;
	return from->dir == SDP_INACTIVE ? sdp_dir_set(s, i, SDP_SENDONLY) : 0;
}

static int line_rewrite(struct sdp *s, unsigned i, const struct media *m,
			const struct mline *l, enum leg to, bool answer)
{
	const struct side *side = &m->side[to];
	const struct mleg *leg = &l->leg[to], *from = &l->leg[OTHER_LEG(to)];
	const struct flow *f = l->flow;
	int err;

	/* what was refused when offered keeps the profile it came with */
	err = sdp_mline_set(s, i, f ? leg->tp->port : 0,
			    leg->proto[0] ? leg->proto : NULL);
	if (err || !f)
		return err;
	if (from->no_recv)
		err = hold_translate(s, i, from->dir);
	if (!err)
		err = hold_by_music(s, i, m, l, to, answer);
	if (!err && leg->mux)
		err = sdp_attr_add(s, (int)i, "rtcp-mux");
	if (!err)
		err = media_ssrc_rewrite(s, i, m, l, to);
	if (!err)
		err = media_ice_print(s, i, side, leg);
	if (!err)
		err = media_dtls_print(s, i, leg);
	if (answer) {
		if (!err && leg->keying == KEYING_SDES)
			err = crypto_add(s, i, leg->tx, leg->tag);
		return err;
	}
	for (unsigned k = 0; !err && k < leg->n_offered; k++)
		err = crypto_add(s, i, leg->offered[k],
				 leg->offered[k]->sdes.tag);
	return err;
}

static char *print_with_origin(const struct side *side, struct sdp *s,
			       uint8_t digest[sizeof(side->digest)])
{
	char *text = NULL;

	if (sdp_origin_set(s, "sallyport", side->session, side->version,
			   side->local.family, side->local.addr) == 0)
		text = sdp_print(s);
	if (text)
		crypto_generichash(digest, sizeof(side->digest),
				   (uint8_t *)text, strlen(text), NULL, 0);
	return text;
}

/* Print with our o=, whose version moves on when anything has changed. */
static char *print_versioned(struct side *side, struct sdp *s)
{
	uint8_t digest[sizeof(side->digest)];
	char *text = print_with_origin(side, s, digest);

	if (text && !sodium_is_zero(side->digest, sizeof(digest)) &&
	    memcmp(digest, side->digest, sizeof(digest)) != 0) {
		sodium_memzero(text, strlen(text));
		free(text);
		side->version++;
		text = print_with_origin(side, s, digest);
	}
	if (text)
		memcpy(side->digest, digest, sizeof(digest));
	return text;
}

static bool any_relayed(const struct state *st, enum leg to)
{
	for (unsigned i = 0; i < st->n; i++)
		if (st->line[i].flow &&
		    st->line[i].leg[to].keying == KEYING_RELAY)
			return true;
	return false;
}

/* What stands before the first m-line. */
static int session_rewrite(const struct side *side, enum leg to, struct sdp *s,
			   const struct state *st)
{
	struct sdp_addr here = {.family = side->local.family};
	bool ice = false;
	int err;

	memcpy(here.addr, side->local.addr, sizeof(here.addr));
	err = sdp_conn_set(s, &here);
	if (!err)
		err = sdp_subject_set(s, "-");
	for (unsigned i = 0; i < st->n; i++)
		ice = ice || (st->line[i].flow && st->line[i].leg[to].ice);
	if (!err && ice)
		err = sdp_attr_add(s, SDP_SESSION, "ice-lite");
	return err ? err : media_bundle_print(to, s, st);
}

int media_rewrite(struct media *m, enum leg to, bool answer, struct sdp *s,
		  const struct state *st, char **out, struct media_why *why)
{
	struct side *side = &m->side[to];
	struct drop drop = {m, any_relayed(st, to), {""}, 0};
	int err = 0;

	find_places(&drop, s);
	sdp_lines_remove(s, SDP_SESSION, drop_line, &drop);
	for (unsigned i = 0; !err && i < sdp_media_count(s); i++) {
		drop.relay = st->line[i].leg[to].keying == KEYING_RELAY;
		sdp_lines_remove(s, (int)i, drop_line, &drop);
		err = line_rewrite(s, i, m, &st->line[i], to, answer);
		if (!err)
			err = media_codecs_rewrite(m, s, i, &st->line[i], to,
						   answer);
	}
	if (!err)
		err = session_rewrite(side, to, s, st);
	*out = err ? NULL : print_versioned(side, s);
	if (*out)
		return 0;
	return err == EMSGSIZE ? media_no(why, 488, "SDP: too large to pass on")
			       : media_no(why, 500, "Out of memory");
}
