/* SPDX-License-Identifier: Apache-2.0 */
/* Every field that control sends, as if a stranger had sent it. The text names
 * the field as abi.h does. Ids of other things (streams, transports) and the
 * end-to-end mark are checked where they are looked up. */
#include <string.h>
#include "dataplane/flow/internal.h"

#define MUST(cond, ...)                                              \
	do {                                                         \
		if (!(cond))                                         \
			return refuse(text, SP_EINVAL, __VA_ARGS__); \
	} while (0)

#define KEY_PACKETS_MAX (1ull << 48) /* RFC 3711 section 9.2 */

static bool zero(const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n > 0)
		if (b[--n] != 0)
			return false;
	return true;
}

/* A group, all of them, or this very host: nobody's media comes from there. */
static bool unicast(const struct sp_addr *a)
{
	static const uint8_t loopback6[16] = {[15] = 1};

	if (zero(a->addr, sizeof(a->addr)))
		return false;
	if (a->family == 4)
		return a->addr[0] != 127 && a->addr[0] < 224;
	return a->addr[0] != 0xff && memcmp(a->addr, loopback6, 16) != 0;
}

static int validate_peer(const char *name, const struct sp_addr *a,
			 uint8_t family, uint8_t rule, char text[SP_TEXT_MAX])
{
	unsigned bits = a->family == 6 ? 128 : 32;

	if (a->family == 0)
		return SP_OK; /* not known yet; the rest isn't looked at */
	MUST(a->family == 4 || a->family == 6, "%s.family: %u is not 4 or 6",
	     name, a->family);
	MUST(a->family == family,
	     "%s.family: IPv%u, the media address is IPv%u", name, a->family,
	     family);
	MUST(a->family == 6 || zero(a->addr + 4, 12),
	     "%s.addr: octets behind an IPv4 address", name);
	MUST(a->prefix <= bits, "%s.prefix: %u is more than %u", name,
	     a->prefix, bits);
	MUST(rule != SP_SOURCE_STRICT || a->prefix == bits,
	     "%s.prefix: %u with a strict source, must be %u", name, a->prefix,
	     bits);
	MUST(rule != SP_SOURCE_STRICT || a->port != 0,
	     "%s.port: 0 with a strict source", name);
	MUST(unicast(a) || (a->prefix == 0 && zero(a->addr, 16)),
	     "%s.addr: not a host's address", name);
	return SP_OK;
}

static int validate_key(const char *name, const struct sp_key *k,
			char text[SP_TEXT_MAX])
{
	const struct sp_suite_info *s = sp_suite_info(k->suite);

	if (k->suite == SP_SUITE_PLAIN) {
		MUST(k->id == 0, "%s.id: %llu, yet plain", name,
		     (unsigned long long)k->id);
		return SP_OK;
	}
	MUST(s, "%s.suite: 0x%04x is not known", name, k->suite);
	MUST(k->id != 0, "%s.id: 0 with a suite", name);
	MUST(k->packets <= KEY_PACKETS_MAX, "%s.packets: more than 2^48", name);
	MUST(k->mki_len <= SP_MKI_MAX, "%s.mki_len: %u is more than %u", name,
	     k->mki_len, SP_MKI_MAX);
	MUST(zero(k->reserved, sizeof(k->reserved)) &&
		     zero(k->reserved2, sizeof(k->reserved2)),
	     "%s.reserved: not zero", name);
	return SP_OK;
}

/* RFC 3711 section 9.1: with one master key for both directions, an SSRC that
 * both sides use would have its keystream twice. */
static bool same_key(const struct sp_key *a, const struct sp_key *b)
{
	const struct sp_suite_info *s = sp_suite_info(a->suite);

	return s && a->suite == b->suite &&
	       memcmp(a->key, b->key, s->key_len) == 0 &&
	       memcmp(a->salt, b->salt, s->salt_len) == 0 &&
	       !zero(a->key, s->key_len);
}

int validate_transport(const struct table *t, const struct sp_transport *x,
		       char text[SP_TEXT_MAX])
{
	uint8_t family;
	int r;

	MUST(x->id != 0, "id: 0");
	MUST(x->media_addr < t->lim.media_addrs,
	     "media_addr: %u, there are %u media addresses", x->media_addr,
	     t->lim.media_addrs);
	MUST((x->flags & ~(SP_TRANSPORT_RTCP_MUX | SP_TRANSPORT_E2EE)) == 0,
	     "flags: 0x%02x has unknown bits", x->flags);
	MUST(x->source >= SP_SOURCE_STRICT && x->source <= SP_SOURCE_FOLLOW,
	     "source: %u is no rule", x->source);
	MUST(x->dscp <= 63, "dscp: %u is more than 63", x->dscp);
	MUST(x->rtp_port % 2 == 0, "rtp_port: %u is odd", x->rtp_port);
	MUST(x->rtp_port >= t->lim.udp_first && x->rtp_port < t->lim.udp_last,
	     "rtp_port: %u is outside %u-%u", x->rtp_port, t->lim.udp_first,
	     t->lim.udp_last);
	MUST(x->stun <= SP_PUNT_RELAY, "stun: %u is no rule", x->stun);
	MUST(x->dtls <= SP_PUNT_RELAY, "dtls: %u is no rule", x->dtls);

	family = t->media_family[x->media_addr];
	r = validate_peer("peer_rtp", &x->peer_rtp, family, x->source, text);
	if (r == SP_OK)
		r = validate_peer("peer_rtcp", &x->peer_rtcp, family, x->source,
				  text);
	if (r == SP_OK)
		r = validate_key("rx", &x->rx, text);
	if (r == SP_OK)
		r = validate_key("tx", &x->tx, text);
	if (r != SP_OK)
		return r;
	MUST(!same_key(&x->rx, &x->tx), "tx.key: the same as rx.key");
	return SP_OK;
}

int validate_key_add(const struct sp_key_add *x, char text[SP_TEXT_MAX])
{
	MUST(x->dir == SP_RX || x->dir == SP_TX, "dir: %u is none", x->dir);
	MUST(zero(x->reserved, sizeof(x->reserved)), "reserved: not zero");
	MUST(x->key.suite != SP_SUITE_PLAIN, "key.suite: plain");
	return validate_key("key", &x->key, text);
}

int validate_stream(const struct sp_stream *x, char text[SP_TEXT_MAX])
{
	MUST(x->id != 0, "id: 0");
	MUST(x->divert <= SP_DIVERT_TAKE, "divert: %u is none", x->divert);
	MUST(x->from != x->to || x->divert == SP_DIVERT_TAKE,
	     "to: the transport that it comes from, and not taken");
	MUST(x->divert || x->generation == 0, "generation: %u without divert",
	     x->generation);
	MUST(x->match >= SP_MATCH_ANY && x->match <= SP_MATCH_MID,
	     "match: %u is none", x->match);
	MUST(x->mid_len <= SP_MID_MAX, "mid_len: %u is more than %u",
	     x->mid_len, SP_MID_MAX);
	MUST(x->n_ssrcs <= SP_STREAM_SSRCS, "n_ssrcs: %u is more than %u",
	     x->n_ssrcs, SP_STREAM_SSRCS);
	MUST(x->match != SP_MATCH_MID || (x->mid_ext && x->mid_len) ||
		     x->n_ssrcs || x->pts[0] || x->pts[1],
	     "match: by MID, and nothing to match");
	MUST(x->match != SP_MATCH_PT || x->pt <= 127, "pt: %u is more than 127",
	     x->pt);
	MUST(x->out_pt <= 127 || x->out_pt == SP_PT_KEEP,
	     "out_pt: %u is more than 127, and not 255 (keep)", x->out_pt);
	MUST(x->blocked <= 1, "blocked: %u is not 0 or 1", x->blocked);
	MUST(x->clock == 0 || (x->clock >= 1000 && x->clock <= 1000000),
	     "clock: %u Hz is not an RTP clock", x->clock);
	return SP_OK;
}
