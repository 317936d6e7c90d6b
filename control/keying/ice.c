/* SPDX-License-Identifier: Apache-2.0 */
#include "control/keying/ice.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SEEN_HASHES 3

static const char ice_chars[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void random_text(char *out, size_t size)
{
	uint8_t r[ICE_OUR_PWD];

	randombytes_buf(r, size - 1);
	for (size_t i = 0; i + 1 < size; i++)
		out[i] = ice_chars[r[i] % 64];
	out[size - 1] = '\0';
	sodium_memzero(r, sizeof(r));
}

void ice_init(struct ice *ice)
{
	memset(ice, 0, sizeof(*ice));
	random_text(ice->ufrag, sizeof(ice->ufrag));
	random_text(ice->pwd, sizeof(ice->pwd));
}

static bool chars_ok(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] == '\0' || !strchr(ice_chars, p[i]))
			return false;
	return true;
}

bool ice_ufrag_ok(const char *p, size_t n)
{
	return n >= 4 && n < ICE_UFRAG_MAX && chars_ok(p, n);
}

bool ice_pwd_ok(const char *p, size_t n)
{
	return n >= 22 && n < ICE_PWD_MAX && chars_ok(p, n);
}

static bool same(const struct sp_addr *a, const struct sp_addr *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

void ice_remote(struct ice *ice, const char *ufrag)
{
	if (ice->remote[0] && strcmp(ice->remote, ufrag) != 0)
		memset(ice->component, 0, sizeof(ice->component));
	snprintf(ice->remote, sizeof(ice->remote), "%s", ufrag);
}

bool ice_valid(const struct ice *ice, unsigned component,
	       const struct sp_addr *from)
{
	const struct ice_component *c = &ice->component[component];

	for (unsigned i = 0; i < ICE_SOURCES; i++)
		if (c->source[i].family && same(&c->source[i], from))
			return true;
	return false;
}

const struct sp_addr *ice_peer(const struct ice *ice, unsigned component,
			       uint64_t now)
{
	const struct ice_component *c = &ice->component[component];

	return c->peer.family && now - c->checked < ICE_CONSENT_MS ? &c->peer
								   : NULL;
}

void ice_restore(struct ice *ice, unsigned component,
		 const struct sp_addr *peer, uint64_t now)
{
	struct ice_component *c = &ice->component[component];

	c->source[0] = c->peer = *peer;
	c->next = 1;
	c->checked = now;
	ice->restored = true;
}

/* "ours:theirs". Until the peer's SDP is here, whoever knows our password may
 * call itself what it likes, but not another name later. */
static bool username_ok(struct ice *ice, const struct stun_msg *m)
{
	size_t ours = strlen(ice->ufrag), theirs;
	const char *u = (const char *)m->username;

	if (m->username_len <= ours + 1 || memcmp(u, ice->ufrag, ours) != 0 ||
	    u[ours] != ':')
		return false;
	u += ours + 1;
	theirs = m->username_len - ours - 1;
	if (!ice->remote[0])
		return ice_ufrag_ok(u, theirs);
	return theirs == strlen(ice->remote) &&
	       memcmp(u, ice->remote, theirs) == 0;
}

/* Transaction ids are random, so their own octets serve as hashes; only those
 * that have been authenticated get here. @return true: it was there. */
static bool seen(struct ice *ice, const uint8_t tid[STUN_TID])
{
	bool all = true;

	for (unsigned i = 0; i < SEEN_HASHES; i++) {
		unsigned bit = (tid[4 * i] << 8 | tid[4 * i + 1]) %
			       (64 * ICE_SEEN_WORDS);
		uint64_t mask = 1ull << (bit % 64);

		all = all && (ice->seen[bit / 64] & mask);
		ice->seen[bit / 64] |= mask;
	}
	return all;
}

static void keep_source(struct ice_component *c, const struct sp_addr *from)
{
	/* the nominated one stays whatever else is checked */
	if (c->peer.family && same(&c->source[c->next], &c->peer))
		c->next = (c->next + 1) % ICE_SOURCES;
	c->source[c->next] = *from;
	c->next = (c->next + 1) % ICE_SOURCES;
}

/* A check that is new and right. */
static enum ice_result checked(struct ice *ice, unsigned component,
			       const struct sp_addr *from,
			       const struct stun_msg *m, uint64_t now)
{
	struct ice_component *c = &ice->component[component];
	bool known = ice_valid(ice, component, from);

	if (!known)
		keep_source(c, from);
	if (m->use_candidate && !same(&c->peer, from) && !ice->restored) {
		c->peer = *from;
		c->checked = now;
		return ICE_NOMINATED;
	}
	if (same(&c->peer, from)) {
		/* after consent had ended, it is as good as another peer */
		bool ended = now - c->checked >= ICE_CONSENT_MS;

		c->checked = now;
		return ended ? ICE_NOMINATED : ICE_CHECKED;
	}
	return known ? ICE_ANSWERED : ICE_CHECKED;
}

enum ice_result ice_recv(struct ice *ice, unsigned component,
			 const struct sp_addr *from, const uint8_t *p, size_t n,
			 uint64_t now, uint8_t *reply, size_t *reply_len)
{
	enum ice_result r = ICE_ANSWERED;
	struct stun_msg m;

	*reply_len = 0;
	if (component >= ICE_COMPONENTS || stun_parse(p, n, &m) != STUN_OK ||
	    m.type != STUN_REQUEST || !username_ok(ice, &m) ||
	    !stun_verify(p, &m, ice->pwd))
		return ICE_IGNORED;
	if (!ice->remote[0])
		snprintf(ice->remote, sizeof(ice->remote), "%.*s",
			 (int)(m.username_len - strlen(ice->ufrag) - 1),
			 (const char *)m.username + strlen(ice->ufrag) + 1);
	if (seen(ice, m.tid)) {
		if (!ice_valid(ice, component, from))
			return ICE_IGNORED;
	} else if (m.n_unknown) {
		*reply_len = stun_error(reply, &m, 420, "Unknown Attribute",
					ice->pwd);
		return ICE_ANSWERED;
	} else if (m.controlled) {
		/* a lite agent is never the controlling one of the two */
		*reply_len =
			stun_error(reply, &m, 487, "Role Conflict", ice->pwd);
		return ICE_ANSWERED;
	} else {
		r = checked(ice, component, from, &m, now);
	}
	*reply_len = stun_success(reply, &m, from, ice->pwd);
	return r;
}
