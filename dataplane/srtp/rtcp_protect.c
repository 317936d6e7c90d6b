/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3711 section 3.4, RFC 7714 section 9, sender. RTCP is rare: its keys are
 * expanded for the burst and wiped after it, packet by packet. */
#define _GNU_SOURCE
#include "dataplane/srtp/engine.h"
#include "dataplane/srtp/packet.h"
#include "dataplane/srtp/rtcp.h"

/* Gives a packet its index. @return enum srtp_verdict. */
static uint8_t assign(struct srtp_session *s, struct srtp_op *op)
{
	struct srtp_ssrc *x = ssrc_find(s, op->ssrc);
	struct srtcp_ssrc *r;

	if (!x)
		x = srtp_ssrc_learn(s, op->ssrc);
	if (!x)
		return SRTP_SSRC_FULL;
	if (!(x->met & MET_RTCP))
		srtcp_ssrc_meet(s, x, s->key_no);
	if (x->rtcp_key != s->key_no)
		srtcp_ssrc_turn(s, x, s->key_no);
	r = rtcp_at(s, slot_of(s, x));
	if (!r->left || r->index >= SRTCP_E)
		return SRTP_KEY_SPENT;
	op->index = r->index;
	SET(r->index, r->index + 1);
	r->left--;
	return SRTP_OK;
}

static uint8_t prepare(struct srtp_pkt *p, struct srtp_op *op)
{
	struct srtp_session *s = p->s;
	const unsigned sealed =
		p->len + SRTCP_INDEX + s->suite->rtcp_tag_len + s->mki_len;

	if (p->len < RTCP_HEADER)
		return SRTP_SHORT;
	if (sealed > p->room)
		return SRTP_NO_ROOM;
	op->data = p->data;
	op->ssrc = load32_raw(p->data + 4);
	op->hdr = RTCP_HEADER;
	op->len = p->len - RTCP_HEADER;
	op->tag_len = s->suite->rtcp_tag_len;
	return assign(s, op);
}

/* RTCP's layouts: an AEAD has its tag before the index (RFC 7714 9.1), an HMAC
 * at the very end. */
static void seal(struct srtp_engine *e, struct srtp_pkt *p, struct srtp_op *op)
{
	const struct srtp_session *s = p->s;
	const struct srtp_suite *a = s->suite;
	const struct srtp_key *k = key_of(a, s->expanded);
	const uint32_t word = SRTCP_E | (uint32_t)op->index;
	uint8_t *end = p->data + p->len, aad[RTCP_HEADER + SRTCP_INDEX];

	op->key = srtcp_expand(e, a, &k->rtcp);
	op->tail = __builtin_bswap32(word);
	op->aad = aad;
	op->aad_len = sizeof(aad);
	memcpy(aad, p->data, RTCP_HEADER);
	store32(aad + RTCP_HEADER, word);
	if (a->aead) {
		op->tag = end;
		end += op->tag_len;
		store32(end, word);
		memcpy(end + SRTCP_INDEX, k->mki, s->mki_len);
	} else {
		memcpy(end + SRTCP_INDEX, k->mki, s->mki_len);
		op->tag = end + SRTCP_INDEX + s->mki_len;
	}
	a->seal(e, a, &op, 1);
	p->len += SRTCP_INDEX + op->tag_len + s->mki_len;
}

uint16_t srtcp_protect(struct srtp_engine *e, struct srtp_pkt pkt[], uint16_t n)
{
	for (unsigned i = 0; i < n; i++)
		pkt[i].verdict = prepare(&pkt[i], &e->op[i]);
	for (unsigned i = 0; i < n; i++)
		if (pkt[i].verdict == SRTP_OK)
			seal(e, &pkt[i], &e->op[i]);
	srtcp_wipe(e);
	return srtp_burst_sort(pkt, n);
}
