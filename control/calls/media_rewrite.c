/* SPDX-License-Identifier: Apache-2.0 */
/* The SDP for the other leg: what one leg said, with our address, ports, keys
 * and origin in the place of its own. Every other line passes as it came. */
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
	"fingerprint",
	"setup", /* 8122, 4145; DTLS ends at nobody here */
	"connection",
	"tls-id",  /* 4145, 8842 */
	"dtls-id", /* older name of tls-id */
	"candidate",
	"remote-candidates",
	"end-of-candidates", /* 8839 */
	"ice-ufrag",
	"ice-pwd",
	"ice-options",
	"ice-lite",
	"ice-mismatch",
	"ice-pacing",
	"ice2",
	"rtcp",
	"rtcp-mux",
	"rtcp-mux-only", /* 3605, 5761, 8858; ours follow */
	"bundle-only",
	"cryptex", /* 9143, 9335 */
	"acap",
	"tcap",
	"pcfg",
	"acfg", /* 5939: they may hold keys */
	"csup",
	"creq",
	"sescap",
	"bcap",
};

static bool drop_line(char type, struct sdp_view v, void *arg)
{
	const struct media *m = arg;
	const char *colon = v.len ? memchr(v.p, ':', v.len) : NULL;
	struct sdp_view name = {v.p, colon ? (size_t)(colon - v.p) : v.len};

	if (type == 'k') /* a key in clear, RFC 8866 section 5.12 */
		return true;
	if (type != 'a')
		return false;
	for (size_t i = 0; i < sizeof(hop_attributes) / sizeof(*hop_attributes);
	     i++)
		if (sdp_view_eq(name, hop_attributes[i]))
			return true;
	/* one transport for each m-line here: RFC 9143 */
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

static int line_rewrite(struct sdp *s, unsigned i, const struct mline *l,
			enum leg to, bool answer)
{
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
	if (!err && leg->mux)
		err = sdp_attr_add(s, (int)i, "rtcp-mux");
	if (answer) {
		if (!err && leg->secure)
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

int media_rewrite(struct media *m, enum leg to, bool answer, struct sdp *s,
		  const struct state *st, char **out, struct media_why *why)
{
	struct side *side = &m->side[to];
	struct sdp_addr here = {.family = side->local.family};
	int err;

	memcpy(here.addr, side->local.addr, sizeof(here.addr));
	sdp_lines_remove(s, SDP_SESSION, drop_line, m);
	err = sdp_conn_set(s, &here);
	for (unsigned i = 0; !err && i < sdp_media_count(s); i++) {
		sdp_lines_remove(s, (int)i, drop_line, m);
		err = line_rewrite(s, i, &st->line[i], to, answer);
	}
	*out = err ? NULL : print_versioned(side, s);
	if (*out)
		return 0;
	return err == EMSGSIZE ? media_no(why, 488, "SDP: too large to pass on")
			       : media_no(why, 500, "Out of memory");
}
