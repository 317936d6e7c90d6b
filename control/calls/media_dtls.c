/* SPDX-License-Identifier: Apache-2.0 */
/* DTLS-SRTP in SDP (RFC 5763, 8122, 8842), and the associations that it is
 * about. One belongs to a transport as long as fingerprints, roles and tls-id
 * stay; any of these anew is another association, which takes the place of the
 * one before once it has keys. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "control/calls/media_impl.h"
#include "control/keying/dtls.h"
#include "control/keying/identity.h"
#include "control/log.h"

#define TLS_ID 33 /* octets with the NUL; RFC 8842 section 4: 20 to 255 */

struct session {
	unsigned refs;
	struct media *m;
	uint64_t transport; /* the id that its datagrams leave by */
	struct assoc *assoc;
	struct fingerprint ours;
	char tls_id[TLS_ID];
	uint8_t peer_id[16]; /* hash of the peer's; zero: it has none */
	struct fingerprint fp[MEDIA_FINGERPRINTS];
	unsigned n_fp;
	enum setup setup;	   /* ours as agreed; ACTPASS: not yet */
	const char *refused;	   /* why nothing has come of it; static */
	uint64_t refused_at;	   /* media_now() of that */
	struct sp_datagram *early; /* before the SDP says from where */
};

static const char *const setups[] = {
	[HOLDCONN] = "holdconn",
	[ACTIVE] = "active",
	[PASSIVE] = "passive",
	[ACTPASS] = "actpass",
};

/* Where a profile names no suites: what every browser has. */
static const uint16_t suites_default[MEDIA_SUITES_MAX] = {
	SP_SUITE_AEAD_AES_128_GCM,
	SP_SUITE_AEAD_AES_256_GCM,
	SP_SUITE_AES_CM_128_HMAC_SHA1_80,
};

static void on_send(const struct sp_addr *to, const void *p, size_t n,
		    void *arg)
{
	struct session *s = arg;

	dp_inject(s->m->dp, s->transport, false, to, p, n);
}

static void on_event(enum assoc_event e, const char *why, void *arg)
{
	struct session *s = arg;

	if (e != DTLS_KEYS)
		log_info(s->m->call, "DTLS: %s", why);
	if (e == DTLS_FAILED && !s->refused) {
		s->refused = why;
		s->refused_at = media_now();
	}
	if (e == DTLS_KEYS) {
		s->refused = NULL;
		media_punt_keys(s->m, s);
	}
}

const char *media_dtls_refused(const struct media *m, uint32_t ms)
{
	for (unsigned i = 0; i < 2 * m->cur->n; i++) {
		const struct mline *l = &m->cur->line[i / 2];
		const struct mleg *leg = &l->leg[i % 2];

		/* the keys of an association before it stay in force */
		if (l->flow && leg->dtls && leg->dtls->refused && !leg->rx &&
		    media_now() - leg->dtls->refused_at >= ms)
			return leg->dtls->refused;
	}
	return NULL;
}

static struct session *session_new(struct media *m, enum leg l)
{
	const struct media_profile *p = &m->side[l].profile;
	struct session *s = calloc(1, sizeof(*s));
	/* one who comes from another call has an association already, and
	 * would take ours for that one */
	struct identity *id = m->side[l].heir ? dtls_identity_new(time(NULL))
					      : identity_get(time(NULL));
	uint8_t random[(TLS_ID - 1) / 2];

	if (s && id)
		s->assoc = assoc_new(
			id, p->suites[0] ? p->suites : suites_default,
			&(struct assoc_handlers){on_send, on_event, s});
	if (!s || !s->assoc) {
		free(s);
		identity_drop(&id);
		return NULL;
	}
	s->refs = 1;
	s->m = m;
	s->setup = ACTPASS;
	s->ours = id->fingerprint;
	identity_drop(&id);
	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(s->tls_id, sizeof(s->tls_id), random, sizeof(random));
	return s;
}

struct session *session_ref(struct session *s)
{
	if (s)
		s->refs++;
	return s;
}

void session_drop(struct session **sp)
{
	struct session *s = *sp;

	*sp = NULL;
	if (!s || --s->refs > 0)
		return;
	assoc_free(s->assoc);
	free(s->early);
	free(s);
}

/* ---------------------------------------------------------------- the SDP */

bool media_dtls_said(const struct sdp *s, unsigned i)
{
	struct sdp_view v;

	return sdp_attr_find(s, (int)i, "fingerprint", &v) ||
	       sdp_attr_find(s, SDP_SESSION, "fingerprint", &v);
}

/* Every fingerprint of a section that we can check. */
static enum fingerprint_result fingerprints(const struct sdp *s, int section,
					    struct mleg *out)
{
	enum fingerprint_result worst = FINGERPRINT_UNKNOWN, r;
	struct sdp_attr a;

	for (unsigned pos = 0; sdp_attr_next(s, section, &pos, &a);) {
		struct fingerprint fp;

		if (!sdp_view_eq(a.name, "fingerprint"))
			continue;
		r = fingerprint_parse(a.value.p, a.value.len, &fp);
		if (r == FINGERPRINT_OK && out->n_fp < MEDIA_FINGERPRINTS)
			out->fp[out->n_fp++] = fp;
		else if (r > worst)
			worst = r;
	}
	return out->n_fp ? FINGERPRINT_OK : worst;
}

struct said {
	enum setup setup;
	uint8_t id[16]; /* hash of tls-id */
};

static int peer_says(const struct sdp *s, unsigned i, struct mleg *out,
		     struct said *said, enum setup otherwise,
		     struct media_why *why)
{
	static const char *const bad[] = {
		[FINGERPRINT_UNKNOWN] = "no a=fingerprint that we can check",
		[FINGERPRINT_WEAK] = "an a=fingerprint by a hash that is too "
				     "weak; SHA-256 is wanted",
		[FINGERPRINT_BAD] = "a malformed a=fingerprint",
	};
	struct sdp_view v;
	enum fingerprint_result r;

	memset(said, 0, sizeof(*said));
	out->n_fp = 0;
	r = fingerprints(s, (int)i, out);
	/* the m-line's own take the session's place, RFC 8122 section 5 */
	if (!sdp_attr_find(s, (int)i, "fingerprint", &v))
		r = fingerprints(s, SDP_SESSION, out);
	if (r != FINGERPRINT_OK)
		return media_no(why, 488, "SDP: m-line %u has %s", i + 1,
				bad[r]);
	said->setup = otherwise;
	if (sdp_attr_find(s, (int)i, "setup", &v) ||
	    sdp_attr_find(s, SDP_SESSION, "setup", &v)) {
		said->setup = HOLDCONN;
		while (said->setup <= ACTPASS &&
		       !sdp_view_eq(v, setups[said->setup]))
			said->setup++;
		if (said->setup > ACTPASS)
			return media_no(why, 488,
					"SDP: m-line %u has an a=setup that "
					"isn't known",
					i + 1);
	}
	if (sdp_attr_find(s, (int)i, "tls-id", &v) ||
	    sdp_attr_find(s, SDP_SESSION, "tls-id", &v))
		crypto_generichash(said->id, sizeof(said->id),
				   (const uint8_t *)v.p, v.len, NULL, 0);
	return 0;
}

static bool same_fingerprints(const struct session *s, const struct mleg *leg)
{
	if (s->n_fp != leg->n_fp)
		return false;
	for (unsigned i = 0; i < s->n_fp; i++)
		if (!fingerprint_same(&s->fp[i], &leg->fp[i]))
			return false;
	return true;
}

/* Is that still this association? */
static bool goes_on(const struct session *s, const struct mleg *leg,
		    const struct said *said)
{
	return same_fingerprints(s, leg) &&
	       memcmp(s->peer_id, said->id, sizeof(said->id)) == 0 &&
	       (said->setup == ACTPASS || said->setup == HOLDCONN ||
		s->setup == ACTPASS || said->setup != s->setup);
}

static void agree(struct session *s, const struct mleg *leg,
		  const struct said *said, enum setup ours)
{
	memcpy(s->fp, leg->fp, sizeof(s->fp));
	memcpy(s->peer_id, said->id, sizeof(s->peer_id));
	s->n_fp = leg->n_fp;
	s->setup = ours;
	assoc_expect(s->assoc, s->fp, s->n_fp);
}

/* Keys go on until the next ones are there. */
static void keep_keys(const struct mleg *had, struct mleg *out)
{
	if (!had || had->keying != KEYING_DTLS)
		return;
	out->rx = hopkey_ref(had->rx);
	out->tx = hopkey_ref(had->tx);
}

int media_dtls_from_offer(struct media *m, enum leg l, const struct sdp *s,
			  unsigned i, const struct mleg *had, struct mleg *out,
			  struct media_why *why)
{
	enum media_setup wish = m->side[l].profile.setup;
	struct said said;

	if (peer_says(s, i, out, &said, ACTPASS, why) != 0)
		return -1;
	out->keying = KEYING_DTLS;
	keep_keys(had, out);
	if (had && had->dtls && goes_on(had->dtls, out, &said)) {
		out->dtls = session_ref(had->dtls);
		out->setup =
			said.setup == HOLDCONN ? HOLDCONN : out->dtls->setup;
		return 0;
	}
	switch (said.setup) {
	case ACTIVE:
		out->setup = PASSIVE;
		break;
	case PASSIVE:
		out->setup = ACTIVE;
		break;
	case ACTPASS:
		out->setup = wish == SETUP_PASSIVE ? PASSIVE : ACTIVE;
		break;
	default:
		out->setup = HOLDCONN;
	}
	out->dtls = session_new(m, l);
	if (!out->dtls)
		return media_no(why, 500, "DTLS can't be set up");
	agree(out->dtls, out, &said, out->setup);
	return 0;
}

int media_dtls_to_offer(struct media *m, enum leg l, const struct mleg *had,
			struct mleg *out, struct media_why *why)
{
	static const enum setup ours[] = {
		[SETUP_AUTO] = ACTPASS,
		[SETUP_ACTIVE] = ACTIVE,
		[SETUP_PASSIVE] = PASSIVE,
	};

	out->keying = KEYING_DTLS;
	keep_keys(had, out);
	out->setup = ours[m->side[l].profile.setup];
	out->dtls =
		had && had->dtls ? session_ref(had->dtls) : session_new(m, l);
	return out->dtls ? 0 : media_no(why, 500, "DTLS can't be set up");
}

int media_dtls_from_answer(struct media *m, enum leg l, const struct sdp *s,
			   unsigned i, struct mleg *out, struct media_why *why)
{
	struct said said;
	enum setup ours;

	/* without a=setup: old phones begin by themselves */
	if (peer_says(s, i, out, &said, ACTIVE, why) != 0)
		return -1;
	if (said.setup == ACTPASS)
		return media_no(why, 488,
				"SDP: the answer's m-line %u says actpass, "
				"which only an offer may",
				i + 1);
	ours = said.setup == ACTIVE    ? PASSIVE
	       : said.setup == PASSIVE ? ACTIVE
				       : HOLDCONN;
	if (out->dtls->n_fp && !goes_on(out->dtls, out, &said)) {
		session_drop(&out->dtls);
		out->dtls = session_new(m, l);
		if (!out->dtls)
			return media_no(why, 500, "DTLS can't be set up");
	}
	if (!out->dtls->n_fp)
		agree(out->dtls, out, &said, ours);
	return 0;
}

int media_dtls_print(struct sdp *s, unsigned i, const struct mleg *leg)
{
	char text[FINGERPRINT_TEXT_MAX + 16] = "fingerprint:";
	int err;

	if (leg->keying != KEYING_DTLS || !leg->dtls)
		return 0;
	fingerprint_print(&leg->dtls->ours, text + strlen(text));
	err = sdp_attr_add(s, (int)i, text);
	snprintf(text, sizeof(text), "setup:%s", setups[leg->setup]);
	if (!err)
		err = sdp_attr_add(s, (int)i, text);
	snprintf(text, sizeof(text), "tls-id:%s", leg->dtls->tls_id);
	return err ? err : sdp_attr_add(s, (int)i, text);
}

/* -------------------------------------------------------- the association */

static bool same_host(const struct sp_addr *a, const struct sp_addr *b)
{
	return a->family && a->family == b->family &&
	       memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

void session_begin(struct session *s, struct transport *t,
		   const struct mleg *leg)
{
	const struct sp_addr *peer = &leg->rtp;
	struct sp_datagram *early = s->early;

	s->transport = t->id;
	if (leg->ice)
		peer = ice_peer(&leg->ice->ice, 0, media_now());
	if (s->setup == ACTIVE && peer && peer->family && peer->port)
		assoc_start(s->assoc, DTLS_ACTIVE, peer);
	else if (s->setup != ACTIVE && s->setup != HOLDCONN)
		assoc_start(s->assoc, DTLS_PASSIVE, NULL);
	if (!early || !s->n_fp)
		return;
	s->early = NULL;
	session_recv(s, early, leg, leg->ice);
	free(early);
}

/* Only from where the SDP says, unless ICE has checked the source. What comes
 * before the answer is kept, the latest of it, and heard with the answer. */
void session_recv(struct session *s, const struct sp_datagram *d,
		  const struct mleg *leg, const struct agent *ice)
{
	bool trusted = ice && ice_valid(&ice->ice, d->rtcp, &d->addr);

	if (d->rtcp || (ice && !trusted))
		return;
	if (!ice && !s->n_fp) {
		if (!s->early)
			s->early = malloc(sizeof(*s->early));
		if (s->early)
			*s->early = *d;
		return;
	}
	if (!ice && !same_host(&leg->rtp, &d->addr))
		return;
	assoc_recv(s->assoc, &d->addr, d->data, d->len, trusted);
}

void session_keys(struct session *s, struct mleg *leg)
{
	struct hopkey *rx = assoc_rx(s->assoc), *tx = assoc_tx(s->assoc);

	if (!rx || !tx)
		return;
	if (rx != leg->rx) {
		hopkey_drop(&leg->rx);
		leg->rx = hopkey_ref(rx);
	}
	if (tx != leg->tx) {
		hopkey_drop(&leg->tx);
		leg->tx = hopkey_ref(tx);
	}
	if (leg->ice)
		return;
	leg->rtp = *assoc_peer(s->assoc);
	leg->rtcp = leg->rtp;
}
