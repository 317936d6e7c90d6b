/* SPDX-License-Identifier: Apache-2.0 */
/* What the flags of an offer or answer, and its SDP, say of a leg: where it is,
 * what security it is offered, how its packets are treated. */
#include <string.h>
#include "control/ng/impl.h"
#include "dataplane/abi/suite.h"

/* Offered to a leg that is to have SDES, best first. */
static const uint16_t suites[] = {
	SP_SUITE_AEAD_AES_256_GCM,	  SP_SUITE_AEAD_AES_128_GCM,
	SP_SUITE_AES_256_CM_HMAC_SHA1_80, SP_SUITE_AES_CM_128_HMAC_SHA1_80,
	SP_SUITE_AES_256_CM_HMAC_SHA1_32, SP_SUITE_AES_CM_128_HMAC_SHA1_32,
};

/* A transport as flags and SDP name it. */
static const struct {
	const char *name;
	enum media_security security;
	enum media_switch avpf;
} transports[] = {
	{"RTP/AVP", MEDIA_PLAIN, SWITCH_OFF},
	{"RTP/AVPF", MEDIA_PLAIN, SWITCH_ON},
	{"RTP/SAVP", MEDIA_SDES, SWITCH_OFF},
	{"RTP/SAVPF", MEDIA_SDES, SWITCH_ON},
	{"UDP/TLS/RTP/SAVP", MEDIA_DTLS, SWITCH_OFF},
	{"UDP/TLS/RTP/SAVPF", MEDIA_DTLS, SWITCH_ON},
};

static void transport_set(struct pl name, struct media_profile *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(transports); i++) {
		if (!flags_same(name, transports[i].name))
			continue;
		p->security = transports[i].security;
		p->avpf = transports[i].avpf;
	}
}

/* SDES-no-X, SDES-only-X. @return whether the suite may be offered. */
static bool suite_wanted(const struct ng_flags *f, const char *name)
{
	bool only = false, named = false;

	for (unsigned i = 0; i < f->sdes.n; i++) {
		struct pl v = f->sdes.v[i];
		struct pl rest = {v.p + 3, v.l > 3 ? v.l - 3 : 0};

		if (v.l > 3 && memcmp(v.p, "no-", 3) == 0) {
			if (flags_same(rest, name))
				return false;
		} else if (v.l > 5 && memcmp(v.p, "only-", 5) == 0) {
			rest = (struct pl){v.p + 5, v.l - 5};
			only = true;
			named |= flags_same(rest, name);
		}
	}
	return !only || named;
}

static void suites_set(const struct ng_flags *f, struct media_profile *p)
{
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		if (suite_wanted(f, sp_suite_info(suites[i])->name))
			p->suites[n++] = suites[i];
}

static bool sdes_off(const struct ng_flags *f)
{
	return flags_has(&f->sdes, "off") || flags_has(&f->sdes, "no") ||
	       flags_has(&f->sdes, "disable");
}

/* ---------------------------------------------------------------- addresses */

static const struct sp_media_addr *media_of(const struct ng *ng,
					    const struct sp_addr *a)
{
	const struct sp_greeting *g = dp_greeting(ng->cfg.dp);

	for (unsigned i = 0; g && i < g->n_media; i++)
		if (g->media[i].addr.family == a->family &&
		    memcmp(g->media[i].addr.addr, a->addr, 16) == 0)
			return &g->media[i];
	return NULL;
}

static bool within(const struct sp_addr *a, const struct sp_addr *net)
{
	unsigned whole = net->prefix / 8, rest = net->prefix % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	return net->prefix && a->family == net->family &&
	       memcmp(a->addr, net->addr, whole) == 0 &&
	       (!rest || ((a->addr[whole] ^ net->addr[whole]) & mask) == 0);
}

/* By a name of `direction`: the configuration's, or the dataplane's port or its
 * role. family 0: either. @return false: no such interface. */
static bool by_name(const struct ng *ng, struct pl name, uint8_t family,
		    struct sp_addr *out)
{
	const struct sp_greeting *g = dp_greeting(ng->cfg.dp);

	for (unsigned i = 0; i < ng->n_interface; i++) {
		const struct ng_interface *n = &ng->interface[i];

		if (flags_same(name, n->name) &&
		    (!family || n->addr.family == family)) {
			*out = n->addr;
			return true;
		}
	}
	for (unsigned i = 0; g && i < g->n_media; i++) {
		const struct sp_media_addr *m = &g->media[i];

		if ((flags_same(name, m->port) || flags_same(name, m->role)) &&
		    (!family || m->addr.family == family)) {
			*out = m->addr;
			return true;
		}
	}
	return false;
}

/* Where nobody says: the first interface that fits, as others have it. */
static bool by_default(const struct ng *ng, uint8_t family, struct sp_addr *out)
{
	const struct sp_greeting *g = dp_greeting(ng->cfg.dp);

	for (unsigned i = 0; i < ng->n_interface; i++) {
		*out = ng->interface[i].addr;
		if (!family || out->family == family)
			return true;
	}
	for (unsigned i = 0; g && i < g->n_media; i++) {
		*out = g->media[i].addr;
		if (!family || out->family == family)
			return true;
	}
	return false;
}

/* Our address in the network of this peer. */
static bool by_network(const struct ng *ng, const struct sp_addr *peer,
		       struct sp_addr *out)
{
	const struct sp_greeting *g = dp_greeting(ng->cfg.dp);

	for (unsigned i = 0; g && i < g->n_media; i++) {
		if (!within(peer, &g->media[i].addr))
			continue;
		*out = g->media[i].addr;
		return true;
	}
	return false;
}

static void received_from(const struct ng_flags *f, struct sp_addr *out)
{
	memset(out, 0, sizeof(*out));
	if (f->received.n &&
	    !ng_addr_parse(out, f->received.v[f->received.n - 1].p,
			   f->received.v[f->received.n - 1].l))
		memset(out, 0, sizeof(*out));
}

static void sdp_peer(const struct sdp *s, struct sp_addr *out)
{
	struct sdp_addr c;

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < sdp_media_count(s); i++) {
		if (!sdp_conn(s, i, &c) || !c.family)
			continue;
		out->family = c.family;
		memcpy(out->addr, c.addr, sizeof(out->addr));
		return;
	}
}

/* -------------------------------------------------------------------- wishes */

static void manner_set(const struct ng_flags *f, struct media_manner *how)
{
	if (f->strict || f->asymmetric)
		how->source = SP_SOURCE_STRICT;
	else if (f->handover)
		how->source = SP_SOURCE_FOLLOW;
	if (f->tos >= 0 && f->tos <= 255) {
		how->marked = true;
		how->dscp = (uint8_t)(f->tos >> 2);
	}
}

/* The transport of the SDP's first m-line in use. */
static void as_offered(const struct sdp *s, struct media_profile *p)
{
	struct sdp_mline ml;
	struct pl name;

	for (unsigned i = 0; i < sdp_media_count(s); i++) {
		sdp_mline(s, i, &ml);
		if (!ml.port)
			continue;
		name = (struct pl){ml.proto.p, ml.proto.len};
		transport_set(name, p);
		return;
	}
}

/* Of the session, or of any m-line. */
static bool has(const struct sdp *s, const char *attribute)
{
	struct sdp_view v;

	for (int i = SDP_SESSION; i < (int)sdp_media_count(s); i++)
		if (sdp_attr_find(s, i, attribute, &v))
			return true;
	return false;
}

/* The security that an SDP offers. */
static void security_of(const struct sdp *s, struct media_profile *p)
{
	as_offered(s, p);
	/* RTP/SAVP is for both kinds of keys */
	if (p->security == MEDIA_SDES && has(s, "fingerprint"))
		p->security = MEDIA_DTLS;
}

void ng_wish_from(const struct ng *ng, const struct ng_flags *f,
		  const struct sdp *s, struct ng_wish *w)
{
	struct sp_addr *local = &w->addr.local, media;

	memset(w, 0, sizeof(*w));
	received_from(f, &w->addr.peer);
	sdp_peer(s, &media);
	if (f->sip_source && w->addr.peer.family)
		media = w->addr.peer;
	if (!w->addr.peer.family)
		w->addr.peer = media;
	if (!(f->direction.n &&
	      by_name(ng, f->direction.v[0], media.family, local)) &&
	    !by_network(ng, &media, local) &&
	    !by_default(ng, media.family, local))
		memset(local, 0, sizeof(*local));
	/* so it is also when the other side makes the next offer */
	security_of(s, &w->profile);
	if (w->profile.security == MEDIA_PLAIN && has(s, "crypto"))
		w->profile.security = MEDIA_EITHER;
	w->profile.ice = has(s, "ice-ufrag") ? SWITCH_ON : SWITCH_OFF;
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		w->profile.suites[i] = suites[i];
	manner_set(f, &w->manner);
}

static void security_set(const struct ng_flags *f, struct media_profile *p)
{
	if (f->transport.l)
		transport_set(f->transport, p);
	/* the halves: one says the security, the other the feedback */
	if (f->rtp)
		p->security = MEDIA_PLAIN;
	if (f->srtp)
		p->security = MEDIA_SDES;
	if (f->dtls_srtp)
		p->security = MEDIA_DTLS;
	if (f->avp || f->avpf)
		p->avpf = f->avpf ? SWITCH_ON : SWITCH_OFF;
	/* of the two ways to have SRTP, the one that isn't switched off */
	if (p->security == MEDIA_SDES && sdes_off(f))
		p->security = MEDIA_DTLS;
	if (p->security == MEDIA_DTLS && flags_same(f->dtls, "off"))
		p->security = MEDIA_SDES;
}

/* By default what is offered is offered on; who hasn't ICE leaves it out. */
static bool ice_wanted(const struct ng_flags *f, const struct sdp *s)
{
	if (flags_same(f->ice, "remove"))
		return false;
	if (flags_same(f->ice, "force") || flags_same(f->ice, "optional"))
		return true;
	return has(s, "ice-ufrag");
}

static uint8_t family_wanted(const struct ng_flags *f)
{
	if (flags_same(f->family, "IP4"))
		return 4;
	return flags_same(f->family, "IP6") ? 6 : 0;
}

/* Our address for it. name: of the interface, NULL: none. other: where nothing is
 * said, of that one's family, or that one. */
static void local_set(const struct ng *ng, const struct ng_flags *f,
		      const struct pl *name, const struct sp_addr *other,
		      struct sp_addr *local)
{
	uint8_t family = family_wanted(f);

	if (!(f->media_address.l &&
	      ng_addr_parse(local, f->media_address.p, f->media_address.l) &&
	      media_of(ng, local)) &&
	    !(name && by_name(ng, *name, family, local)) &&
	    !by_default(ng, family ? family : other->family, local))
		*local = *other;
}

/* Towards a side that gets an offer from here; its security is there already. */
static void offered_set(const struct ng_flags *f, struct ng_wish *w)
{
	security_set(f, &w->profile);
	suites_set(f, &w->profile);
	if (flags_has(&f->mux, "offer") || flags_has(&f->mux, "require"))
		w->profile.mux = SWITCH_ON;
	else if (flags_has(&f->mux, "demux") || flags_has(&f->mux, "reject"))
		w->profile.mux = SWITCH_OFF;
	if (flags_same(f->dtls, "active"))
		w->profile.setup = SETUP_ACTIVE;
	else if (flags_same(f->dtls, "passive"))
		w->profile.setup = SETUP_PASSIVE;
	manner_set(f, &w->manner);
}

void ng_wish_to(const struct ng *ng, const struct ng_flags *f,
		const struct sdp *s, const struct ng_wish *from,
		struct ng_wish *w)
{
	memset(w, 0, sizeof(*w));
	local_set(ng, f, f->direction.n > 1 ? &f->direction.v[1] : NULL,
		  &from->addr.local, &w->addr.local);
	security_of(s, &w->profile);
	w->profile.ice = ice_wanted(f, s) ? SWITCH_ON : SWITCH_OFF;
	offered_set(f, w);
}

void ng_wish_subscriber(const struct ng *ng, const struct ng_flags *f,
			const struct media_info *m, enum leg party,
			struct ng_wish *w)
{
	const struct flags_list *d = &f->direction;
	struct pl proto;
	bool said = f->media_address.l || d->n || family_wanted(f);

	memset(w, 0, sizeof(*w));
	if (said)
		local_set(ng, f, d->n ? &d->v[d->n - 1] : NULL,
			  &m->local[party], &w->addr.local);
	else
		w->addr.local = m->local[party];
	pl_set_str(&proto, m->proto[party]);
	w->profile.security = MEDIA_PLAIN;
	transport_set(proto, &w->profile);
	/* keys may be in RTP/AVP's m-lines */
	if (w->profile.security == MEDIA_PLAIN && m->suite_rx[party])
		w->profile.security = MEDIA_SDES;
	w->profile.ice = flags_same(f->ice, "force") ? SWITCH_ON : SWITCH_OFF;
	offered_set(f, w);
}
