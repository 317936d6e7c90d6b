/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3711 section 3.4, RFC 7714 section 9, receiver. One packet after the
 * other: check, authenticate, commit, decrypt. A sender may leave a packet
 * readable and say so in the E bit, which is authenticated. */
#define _GNU_SOURCE
#include "dataplane/srtp/engine.h"
#include "dataplane/srtp/packet.h"
#include "dataplane/srtp/rtcp.h"

#define WINDOW 64 /* packets: the least that RFC 3711 section 3.3.2 allows */

static struct replay window(struct srtcp_ssrc *r)
{
	return (struct replay){&r->window, 0, WINDOW};
}

/* What the session says before the tag is looked at. */
static uint8_t check(struct srtp_session *s, const struct srtp_op *op)
{
	const struct srtp_ssrc *x = ssrc_find(s, op->ssrc);
	struct srtcp_ssrc *r;

	if (!x || !(x->met & MET_RTCP))
		return SRTP_OK;
	r = rtcp_at(s, slot_of(s, x));
	if (replay_seen(window(r), r->index, op->index))
		return SRTP_REPLAY;
	return srtcp_left(s, x, op->key_no) ? SRTP_OK : SRTP_KEY_SPENT;
}

static uint8_t commit(struct srtp_session *s, const struct srtp_op *op)
{
	struct srtp_ssrc *x = ssrc_find(s, op->ssrc);
	struct srtcp_ssrc *r;

	if (!x)
		x = srtp_ssrc_learn(s, op->ssrc);
	if (!x)
		return SRTP_SSRC_FULL;
	r = rtcp_at(s, slot_of(s, x));
	if (!(x->met & MET_RTCP)) {
		srtcp_ssrc_meet(s, x, op->key_no);
		SET(r->index, (uint32_t)op->index);
	}
	if (x->rtcp_key != op->key_no)
		srtcp_ssrc_turn(s, x, op->key_no);
	r->left--;
	SET(r->index, (uint32_t)replay_commit(window(r), r->index, op->index));
	return SRTP_OK;
}

/* Finds the parts of the packet behind its len octets of RTCP: an AEAD has its
 * tag before the index (RFC 7714 9.1), an HMAC at the very end. */
static uint8_t prepare(struct srtp_pkt *p, struct srtp_op *op, uint32_t *word)
{
	struct srtp_session *s = p->s;
	const struct srtp_suite *a = s->suite;
	const unsigned extra = a->rtcp_tag_len + SRTCP_INDEX + s->mki_len;
	const unsigned len = p->len < extra ? 0 : p->len - extra;
	const uint8_t *index, *mki;
	int key_no = 0;

	if (len < RTCP_HEADER)
		return SRTP_SHORT;
	index = p->data + len + (a->aead ? a->rtcp_tag_len : 0);
	mki = index + SRTCP_INDEX;
	if (s->mki_len)
		key_no = srtp_key_find(s, mki);
	if (key_no < 0)
		return SRTP_BAD_MKI;
	op->data = p->data;
	op->tag = p->data + len + (a->aead ? 0 : SRTCP_INDEX + s->mki_len);
	*word = load32(index);
	op->index = *word & ~SRTCP_E;
	op->ssrc = load32_raw(p->data + 4);
	op->tag_len = a->rtcp_tag_len;
	op->key_no = key_no;
	op->hdr = *word & SRTCP_E ? RTCP_HEADER : len;
	op->len = len - op->hdr;
	return check(s, op);
}

static uint8_t receive(struct srtp_engine *e, struct srtp_pkt *p,
		       struct srtp_op *op)
{
	struct srtp_session *s = p->s;
	const struct srtp_suite *a = s->suite;
	uint8_t aad[RTCP_HEADER + SRTCP_INDEX], tag[SRTP_TAG_MAX], verdict;
	uint32_t word;

	verdict = prepare(p, op, &word);
	if (verdict != SRTP_OK)
		return verdict;
	op->key = srtcp_expand(e, a,
			       &key_of(a, key_expanded(s, op->key_no))->rtcp);
	op->tail = __builtin_bswap32(word);
	op->aad = aad;
	op->aad_len = sizeof(aad);
	memcpy(aad, p->data, RTCP_HEADER);
	store32(aad + RTCP_HEADER, word);
	if (a->aead && !(word & SRTCP_E)) {
		/* All of the packet is associated data, and the index has to
		 * follow it: where the tag stands. */
		memcpy(tag, op->tag, op->tag_len);
		store32(op->tag, word);
		op->tag = tag;
		op->aad = p->data;
		op->aad_len = op->hdr + SRTCP_INDEX;
	}
	if (a->aead) {
		a->open(e, op);
		op->ok = tag_equal(e->tag, op->tag, op->tag_len);
	} else {
		a->verify(e, a, &op, 1);
	}
	if (!op->ok)
		return SRTP_BAD_TAG;
	verdict = commit(s, op);
	if (verdict != SRTP_OK)
		return verdict;
	if (!a->aead)
		a->decrypt(e, a, &op, 1);
	p->len = op->hdr + op->len;
	return SRTP_OK;
}

uint16_t srtcp_unprotect(struct srtp_engine *e, struct srtp_pkt pkt[],
			 uint16_t n)
{
	for (unsigned i = 0; i < n; i++)
		pkt[i].verdict = receive(e, &pkt[i], &e->op[i]);
	srtcp_wipe(e);
	return srtp_burst_sort(pkt, n);
}
