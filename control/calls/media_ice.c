/* SPDX-License-Identifier: Apache-2.0 */
/* ICE-lite in SDP: RFC 8445, 8839; trickle is tolerated (RFC 8840): candidates
 * of the peer aren't needed, since it is the peer that checks. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/calls/media_impl.h"

/* RFC 8445 section 5.1.2.1: type host, the one address that we have */
#define PRIORITY(component) (126u << 24 | 65535u << 8 | (256 - (component)))

struct agent *agent_new(void)
{
	struct agent *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->refs = 1;
	ice_init(&a->ice);
	return a;
}

struct agent *agent_ref(struct agent *a)
{
	if (a)
		a->refs++;
	return a;
}

void agent_drop(struct agent **ap)
{
	struct agent *a = *ap;

	*ap = NULL;
	if (!a || --a->refs > 0)
		return;
	explicit_bzero(a, sizeof(*a));
	free(a);
}

/* An attribute of the m-line, else of the session. */
static bool find(const struct sdp *s, unsigned i, const char *name,
		 struct sdp_view *v)
{
	return sdp_attr_find(s, (int)i, name, v) ||
	       sdp_attr_find(s, SDP_SESSION, name, v);
}

/* The peer's credentials. Another lite end never checks, so such a peer is as
 * good as one without ICE. @return 0, ENOENT: it has no ICE, EINVAL. */
static int remote_of(const struct sdp *s, unsigned i, char ufrag[ICE_UFRAG_MAX])
{
	struct sdp_view u, p, lite;

	if (!find(s, i, "ice-ufrag", &u) || !find(s, i, "ice-pwd", &p) ||
	    sdp_attr_find(s, SDP_SESSION, "ice-lite", &lite))
		return ENOENT;
	if (!ice_ufrag_ok(u.p, u.len) || !ice_pwd_ok(p.p, p.len))
		return EINVAL;
	sdp_view_copy(u, ufrag, ICE_UFRAG_MAX);
	return 0;
}

static int without(const struct media *m, enum leg l, unsigned i, int err,
		   struct media_why *why)
{
	if (err == EINVAL)
		return media_no(why, 488,
				"SDP: m-line %u has ICE credentials that are "
				"none",
				i + 1);
	if (m->side[l].profile.ice == SWITCH_ON)
		return media_no(why, 488,
				"This device is set up for ICE, and m-line %u "
				"has none",
				i + 1);
	return 0;
}

int media_ice_from_offer(const struct media *m, enum leg l, const struct sdp *s,
			 unsigned i, const struct mleg *had, struct mleg *out,
			 struct media_why *why)
{
	char ufrag[ICE_UFRAG_MAX];
	int err;

	if (m->side[l].profile.ice == SWITCH_OFF)
		return 0;
	err = remote_of(s, i, ufrag);
	if (err)
		return without(m, l, i, err, why);
	/* other credentials are a restart, and then ours are others too */
	if (had && had->ice && strcmp(had->ice->ice.remote, ufrag) == 0) {
		out->ice = agent_ref(had->ice);
		return 0;
	}
	out->ice = agent_new();
	if (!out->ice)
		return media_no(why, 500, "Out of memory");
	ice_remote(&out->ice->ice, ufrag);
	return 0;
}

int media_ice_to_offer(const struct media *m, enum leg l,
		       const struct mleg *had, struct mleg *out,
		       struct media_why *why)
{
	struct media_profile p = media_profile_offer(&m->side[l].profile);

	/* in use, it goes on where the profile doesn't forbid it: without it
	 * the peer would take this for another end, or for none */
	if (had && had->ice && m->side[l].profile.ice != SWITCH_OFF)
		out->ice = agent_ref(had->ice);
	else if (p.ice == SWITCH_ON && !(had && had->tp))
		out->ice = agent_new();
	else
		return 0;
	return out->ice ? 0 : media_no(why, 500, "Out of memory");
}

int media_ice_from_answer(const struct media *m, enum leg l,
			  const struct sdp *s, unsigned i, struct mleg *out,
			  struct media_why *why)
{
	char ufrag[ICE_UFRAG_MAX];
	int err;

	if (!out->ice)
		return 0;
	err = remote_of(s, i, ufrag);
	if (err) {
		agent_drop(&out->ice);
		return without(m, l, i, err, why);
	}
	ice_remote(&out->ice->ice, ufrag);
	return 0;
}

static int candidate(struct sdp *s, unsigned i, const struct side *side,
		     const struct mleg *leg, unsigned component)
{
	char addr[INET6_ADDRSTRLEN], text[160];

	if (!inet_ntop(side->local.family == 6 ? AF_INET6 : AF_INET,
		       side->local.addr, addr, sizeof(addr)))
		return EINVAL;
	snprintf(text, sizeof(text), "candidate:1 %u UDP %u %s %u typ host",
		 component, PRIORITY(component), addr,
		 leg->tp->port + component - 1);
	return sdp_attr_add(s, (int)i, text);
}

static int candidates(struct sdp *s, unsigned i, const struct side *side,
		      const struct mleg *leg)
{
	int err = candidate(s, i, side, leg, 1);

	if (!err && !leg->mux)
		err = candidate(s, i, side, leg, 2);
	return err ? err : sdp_attr_add(s, (int)i, "end-of-candidates");
}

int media_ice_print(struct sdp *s, unsigned i, const struct side *side,
		    const struct mleg *leg)
{
	struct sdp_view v;
	char text[64];
	int err;

	/* relayed: the ends check each other, by way of this one address */
	if (leg->keying == KEYING_RELAY)
		return find(s, i, "ice-ufrag", &v) ? candidates(s, i, side, leg)
						   : 0;
	if (!leg->ice)
		return 0;
	snprintf(text, sizeof(text), "ice-ufrag:%s", leg->ice->ice.ufrag);
	err = sdp_attr_add(s, (int)i, text);
	snprintf(text, sizeof(text), "ice-pwd:%s", leg->ice->ice.pwd);
	if (!err)
		err = sdp_attr_add(s, (int)i, text);
	explicit_bzero(text, sizeof(text));
	return err ? err : candidates(s, i, side, leg);
}
