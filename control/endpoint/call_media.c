/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/call_int.h"

static void packet(struct media_pkt *pkt, void *arg)
{
	struct call *c = arg;

	c->ua->ops.packet(c, pkt, c->ua->ops.arg);
}

static void authentic(void *arg)
{
	call_e2ee_authentic(arg);
}

static void want_key(enum e2ee_kind kind, void *arg)
{
	struct call *c = arg;

	c->ua->ops.want_key(c, kind, c->ua->ops.arg);
}

static int add(struct call *c, enum e2ee_kind kind, unsigned only, bool srtp)
{
	const struct ua_config *u = &c->ua->c;
	struct rtp_handlers h = {packet, authentic, want_key, c};
	int err = rtp_new(&c->stream[kind].rtp, kind, &c->ua->laddr, u->rtp_low,
			  u->rtp_high, c->cname, &h);

	if (err)
		return err;
	if (u->local_only)
		rtp_accept_local(c->stream[kind].rtp);
	if (srtp) {
		c->stream[kind].hop = hop_new();
		if (!c->stream[kind].hop)
			return ENOMEM;
		rtp_hop(c->stream[kind].rtp, c->stream[kind].hop);
	}
	err = desc_add(c->desc, kind, rtp_port(c->stream[kind].rtp), only,
		       c->stream[kind].hop);
	/* Audio goes both ways always, so that paths open; other kinds that
	 * this side never sends are received only. */
	if (!err && kind != E2EE_AUDIO && !u->can_send[kind])
		desc_direction(c->desc, kind, SDP_RECVONLY);
	return err;
}

/* In an offer's order, or in that of the kinds. */
int call_media_prepare(struct call *c, const struct call_wish *wish,
		       const struct desc_wish *offered)
{
	const struct ua_config *u = &c->ua->c;
	uint8_t random[RTCP_CNAME / 2];
	bool any = false;
	int err;

	/* E2EE.md, "Media": a CNAME that says nothing. */
	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(c->cname, sizeof(c->cname), random, sizeof(random));

	c->wish.codecs = u->codecs;
	for (int k = 0; k < E2EE_KINDS; k++)
		c->wish.wants[k] = u->wants[k];
	if (wish)
		c->wish = *wish;
	call_media_free(c);
	err = desc_new(&c->desc, &c->ua->laddr);
	for (unsigned i = 0; !err && i < (offered ? offered->lines : 0); i++) {
		enum e2ee_kind kind = offered->line[i].kind;

		/* Where the hop is to be protected, plain lines are refused. */
		if (!c->wish.wants[kind] ||
		    (u->srtp && !offered->line[i].srtp) ||
		    !(offered->line[i].codecs & c->wish.codecs))
			continue;
		any |= kind == E2EE_AUDIO;
		err = add(c, kind, c->wish.codecs, offered->line[i].srtp);
	}
	for (int k = 0; !err && !offered && k < E2EE_KINDS; k++) {
		if (!c->wish.wants[k])
			continue;
		any |= k == E2EE_AUDIO;
		err = add(c, k, c->wish.codecs, u->srtp);
	}
	return !err && !any ? EPROTO : err;
}

int call_media_apply(struct call *c)
{
	for (int k = 0; k < E2EE_KINDS; k++) {
		struct desc_line *l = &c->stream[k].line;
		struct rtp *r = c->stream[k].rtp;

		if (!r)
			continue;
		desc_line(c->desc, k, l);
		rtp_map_clear(r);
		for (unsigned i = 0; i < l->codecs; i++)
			rtp_map(r, l->codec[i].codec, l->codec[i].in,
				l->codec[i].out);
		rtp_remote(r, l->used ? &l->rtp : NULL,
			   l->used ? &l->rtcp : NULL);
		rtp_direction(r, l->used && l->send, l->used && l->receive);
	}
	return c->stream[E2EE_AUDIO].line.used ? 0 : EPROTO;
}

int call_sdp_write(struct call *c, bool offer, struct mbuf **mbp)
{
	char value[E2EE_ATTR_ROOM];
	size_t n = c->e2ee && c->sealed
			   ? e2ee_attribute(c->e2ee, value, sizeof(value))
			   : 0;
	int err = desc_e2ee(c->desc, n ? value : NULL);

	return err ? err : desc_write(c->desc, offer, mbp);
}

void call_media_open(struct call *c, enum rtp_mode mode)
{
	for (int k = 0; k < E2EE_KINDS; k++)
		if (c->stream[k].rtp)
			rtp_open(c->stream[k].rtp, mode, c->media);
}

void call_media_free(struct call *c)
{
	tmr_cancel(&c->free_streams);
	for (int k = 0; k < E2EE_KINDS; k++) {
		rtp_free(c->stream[k].rtp);
		c->stream[k].rtp = NULL;
		hop_free(c->stream[k].hop);
		c->stream[k].hop = NULL;
		c->stream[k].line = (struct desc_line){0};
	}
	desc_free(c->desc);
	c->desc = NULL;
}

static void free_later(void *arg)
{
	call_media_free(arg);
}

void call_media_close(struct call *c)
{
	call_media_open(c, RTP_CLOSED);
	/* A stream may be what told us that the call is over. */
	tmr_start(&c->free_streams, 0, free_later, c);
}

const struct codec *call_codec(const struct call *c, enum e2ee_kind kind)
{
	const struct desc_line *l = &c->stream[kind].line;

	for (unsigned i = 0; i < l->codecs; i++)
		if (l->codec[i].codec != MEDIA_EVENT)
			return codec_by_id(l->codec[i].codec);
	return NULL;
}

bool call_digits(const struct call *c)
{
	const struct desc_line *l = &c->stream[E2EE_AUDIO].line;

	for (unsigned i = 0; i < l->codecs; i++)
		if (l->codec[i].codec == MEDIA_EVENT)
			return true;
	return c->media;
}

bool call_send(struct call *c, enum e2ee_kind kind, uint8_t codec, bool marker,
	       uint32_t ts, const uint8_t *p, size_t len)
{
	return c->stream[kind].rtp &&
	       rtp_send_payload(c->stream[kind].rtp, codec, marker, ts, p, len);
}

void call_ask_key(struct call *c, enum e2ee_kind kind)
{
	if (c->stream[kind].rtp)
		rtp_ask_key(c->stream[kind].rtp);
}

struct call_wish call_agreed(const struct call *c)
{
	struct call_wish w = {0};

	for (unsigned i = 0; c->state == CALL_RINGING && i < c->offered.lines;
	     i++) {
		w.wants[c->offered.line[i].kind] = true;
		w.codecs |= c->offered.line[i].codecs;
	}
	for (int k = 0; c->state == CALL_UP && k < E2EE_KINDS; k++) {
		const struct desc_line *l = &c->stream[k].line;

		w.wants[k] = l->used;
		for (unsigned i = 0; l->used && i < l->codecs; i++)
			w.codecs |=
				1u << (codec_by_id(l->codec[i].codec) - codecs);
	}
	return w;
}

const struct rtp_stats *call_stats(const struct call *c, enum e2ee_kind kind)
{
	return c->stream[kind].rtp ? rtp_statistics(c->stream[kind].rtp) : NULL;
}

uint64_t call_refused_packets(const struct call *c, enum e2ee_kind kind)
{
	uint64_t n = 0;

	for (int v = MEDIA_OK + 1; c->media && v < MEDIA_VERDICTS; v++)
		n += media_count(c->media, kind, v);
	return n;
}
