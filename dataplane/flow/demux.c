/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/flow/demux.h"
#include <stdbool.h>
#include <string.h>
#include "dataplane/flow/flow.h"
#include "dataplane/stage/parse.h"

enum { EXT_ONE = 0xbede, EXT_TWO = 0x1000, EXT_TWO_MASK = 0xfff0 };

static bool mid_is(const struct stream *s, unsigned id, const uint8_t *v,
		   size_t len)
{
	const struct demux_rule *r = stream_rule(s);

	return s->match == SP_MATCH_MID && r->mid_ext == id && r->mid_len &&
	       r->mid_len == len && memcmp(r->mid, v, len) == 0;
}

static struct stream *by_mid(const struct flow *f, unsigned id,
			     const uint8_t *v, size_t len)
{
	for (unsigned i = 0; i < f->n_streams; i++)
		if (mid_is(f->stream[i], id, v, len))
			return f->stream[i];
	return NULL;
}

/* The elements of the extension in p[0..n); one or two octets before each. */
static struct stream *elements(const struct flow *f, const uint8_t *p, size_t n,
			       bool two)
{
	for (size_t off = 0; off < n;) {
		unsigned id = two ? p[off] : p[off] >> 4;
		struct stream *s;
		size_t len;

		if (id == 0) { /* padding */
			off++;
			continue;
		}
		if (two && n - off < 2)
			return NULL;
		if (!two && id == 15) /* RFC 8285 section 4.2: stop */
			return NULL;
		len = two ? p[off + 1] : (p[off] & 0x0fu) + 1;
		off += two ? 2 : 1;
		if (len > n - off)
			return NULL;
		s = by_mid(f, id, p + off, len);
		if (s)
			return s;
		off += len;
	}
	return NULL;
}

static struct stream *by_extension(const struct flow *f, const uint8_t *rtp,
				   size_t header)
{
	size_t off = 12 + 4 * (size_t)(rtp[0] & 0x0f);
	unsigned profile;

	if (!(rtp[0] & 0x10))
		return NULL;
	profile = (unsigned)(rtp[off] << 8 | rtp[off + 1]);
	off += 4;
	if (profile == EXT_ONE || (profile & EXT_TWO_MASK) == EXT_TWO)
		return elements(f, rtp + off, header - off, profile != EXT_ONE);
	return NULL;
}

static struct stream *by_rule(const struct flow *f, uint32_t ssrc, uint8_t pt)
{
	for (unsigned i = 0; i < f->n_streams; i++) {
		struct stream *s = f->stream[i];

		for (unsigned k = 0;
		     s->match == SP_MATCH_MID && k < stream_rule(s)->n_ssrcs;
		     k++)
			if (stream_rule(s)->ssrcs[k] == ssrc)
				return s;
	}
	for (unsigned i = 0; i < f->n_streams; i++) {
		struct stream *s = f->stream[i];

		if (s->match == SP_MATCH_MID &&
		    (stream_rule(s)->pts[pt / 64] >> (pt % 64) & 1))
			return s;
	}
	return NULL;
}

static struct stream *by_id(const struct flow *f, uint64_t id)
{
	for (unsigned i = 0; i < f->n_streams; i++)
		if (f->stream[i]->id == id)
			return f->stream[i];
	return NULL;
}

static void learn(struct demux *d, uint32_t ssrc, const struct stream *s)
{
	unsigned at = d->next % DEMUX_SSRCS;

	for (unsigned i = 0; i < DEMUX_SSRCS; i++)
		if (d->seen[i].used && d->seen[i].ssrc == ssrc) {
			d->seen[i].stream = s->id;
			return;
		}
	d->seen[at].ssrc = ssrc;
	d->seen[at].used = 1;
	d->seen[at].stream = s->id;
	d->next++;
}

struct stream *demux_seen(const struct flow *f, uint32_t ssrc)
{
	const struct demux *d = f->demux;

	for (unsigned i = 0; d && i < DEMUX_SSRCS; i++)
		if (d->seen[i].used && d->seen[i].ssrc == ssrc)
			return by_id(f, d->seen[i].stream);
	return NULL;
}

struct stream *demux_rtp(const struct flow *f, const uint8_t *rtp,
			 size_t header)
{
	uint32_t ssrc = load32(rtp + 8);
	struct stream *s = by_extension(f, rtp, header);

	if (!s) {
		s = demux_seen(f, ssrc);
		if (s)
			return s;
		s = by_rule(f, ssrc, rtp[1] & 0x7f);
	}
	if (s)
		learn(f->demux, ssrc, s);
	return s;
}

/* Does s lead to where this SSRC comes from? It is as masked on this side. */
static bool leads_to(const struct flow *f, const struct stream *s,
		     uint32_t ssrc)
{
	const struct flow *to = flow_at(&s->to);

	for (unsigned i = 0; to && i < to->n_streams; i++) {
		const struct stream *back = to->stream[i];
		const struct flow *here = flow_at(&back->to);
		uint32_t own = ssrc ^ back->ssrc_xor;

		if (!here || here->id != f->id)
			continue;
		if (to->demux ? demux_seen(to, own) == back
			      : back->run->started && back->run->ssrc == own)
			return true;
	}
	return false;
}

static struct stream *about(const struct flow *f, uint32_t ssrc)
{
	for (unsigned i = 0; ssrc && i < f->n_streams; i++)
		if (leads_to(f, f->stream[i], ssrc))
			return f->stream[i];
	return NULL;
}

struct stream *demux_rtcp(const struct flow *f, const uint8_t *p, size_t n)
{
	enum { SR = 200, RR = 201, RTPFB = 205, PSFB = 206 };
	struct stream *s = NULL, *reported = NULL;
	size_t off = 0;

	while (!s && n - off >= 8) {
		const uint8_t *q = p + off;
		size_t len = 4 + 4 * ((size_t)q[2] << 8 | q[3]);
		size_t block = q[1] == SR ? 28 : q[1] == RR ? 8 : 0;

		if (len > n - off)
			break;
		if ((q[1] == RTPFB || q[1] == PSFB) && len >= 12)
			s = about(f, load32(q + 8));
		else if (!reported && block && (q[0] & 0x1f) &&
			 len >= block + 4)
			reported = about(f, load32(q + block));
		off += len;
	}
	if (!s)
		s = reported;
	if (!s)
		s = demux_seen(f, load32(p + 4));
	return s;
}
