/* SPDX-License-Identifier: Apache-2.0 */
/* Which a=crypto, and which keys. RFC 4568 sections 5.1 and 7.1.
 *
 * A key that a peer repeats is the key it was, so its SRTP session goes on;
 * any other key is a new one. When the peer's key is new, ours is too: it may
 * be another device now, which knows no rollover counter of ours. */
#include <errno.h>
#include <sodium.h>
#include "control/calls/media_impl.h"

static const uint16_t default_suites[MEDIA_SUITES_MAX] = {
	SP_SUITE_AES_CM_128_HMAC_SHA1_80,
};

static const uint16_t *suites_of(const struct media_profile *p)
{
	return p->suites[0] ? p->suites : default_suites;
}

bool media_suite_allowed(const struct media_profile *p, uint16_t suite)
{
	const uint16_t *s = suites_of(p);

	for (unsigned i = 0; i < MEDIA_SUITES_MAX && s[i]; i++)
		if (s[i] == suite)
			return true;
	return false;
}

/* The peer's key: the one it had, or a new one. @return 0 or ENOMEM. */
static int rx_take(const struct mleg *had, const struct sdes_key *k,
		   struct mleg *out)
{
	if (had && had->rx && had->rx->known && sdes_same(&had->rx->sdes, k)) {
		out->rx = hopkey_ref(had->rx);
		return 0;
	}
	out->rx = hopkey_new();
	if (!out->rx)
		return ENOMEM;
	out->rx->sdes = *k;
	out->rx->repeat = had && had->rx && !had->rx->known;
	return 0;
}

static struct hopkey *key_make(uint16_t suite, uint32_t tag)
{
	struct hopkey *k = hopkey_new();

	if (k && sdes_generate(&k->sdes, suite, tag) != 0)
		hopkey_drop(&k);
	return k;
}

int media_keys_from_offer(const struct media_profile *p, const struct sdp *s,
			  unsigned i, const struct mleg *had, struct mleg *out,
			  struct media_why *why)
{
	const char *bad = "no a=crypto";
	struct sdes_key k;
	struct sdp_attr a;
	int err = ENOENT;

	for (unsigned pos = 0;
	     err == ENOENT && sdp_attr_next(s, (int)i, &pos, &a);) {
		const char *w = NULL;

		if (!sdp_view_eq(a.name, "crypto"))
			continue;
		if (sdes_parse(a.value.p, a.value.len, &k, &w) == SDES_OK &&
		    !media_suite_allowed(p, k.suite))
			w = "a suite that this device's profile doesn't have";
		if (w) {
			bad = w;
			continue;
		}
		out->tag = k.tag;
		err = rx_take(had, &k, out);
	}
	sodium_memzero(&k, sizeof(k));
	if (err == ENOENT)
		media_no(why, 488, "SDP: m-line %u has no usable SRTP keys: %s",
			 i + 1, bad);
	if (err)
		return err;
	out->keying = KEYING_SDES;
	if (had && had->rx == out->rx && had->tx && had->tx->known)
		out->tx = hopkey_ref(had->tx);
	else
		out->tx = key_make(out->rx->sdes.suite, out->tag);
	return out->tx ? 0 : ENOMEM;
}

int media_keys_to_offer(const struct media_profile *p, const struct mleg *had,
			struct mleg *out)
{
	const uint16_t *s = suites_of(p);

	out->keying = KEYING_SDES;
	/* keys in use are offered again, alone, so that nothing changes */
	if (had && had->tx && had->tx->known &&
	    media_suite_allowed(p, had->tx->sdes.suite)) {
		out->offered[out->n_offered++] = hopkey_ref(had->tx);
		return 0;
	}
	for (unsigned i = 0; i < MEDIA_SUITES_MAX && s[i]; i++) {
		out->offered[i] = key_make(s[i], i + 1);
		if (!out->offered[i])
			return ENOMEM;
		out->n_offered++;
	}
	return 0;
}

int media_keys_from_answer(const struct sdp *s, unsigned i,
			   const struct mleg *had, struct mleg *out,
			   struct media_why *why)
{
	struct hopkey *ours = NULL;
	struct sdp_attr a;
	struct sdes_key k;
	unsigned n = 0;
	const char *w = "no a=crypto";
	int err;

	for (unsigned pos = 0; sdp_attr_next(s, (int)i, &pos, &a);)
		if (sdp_view_eq(a.name, "crypto") && n++ == 0)
			sdes_parse(a.value.p, a.value.len, &k, &w);
	if (n > 1)
		w = "more than one a=crypto";
	for (unsigned o = 0; n == 1 && !w && o < out->n_offered; o++)
		if (out->offered[o]->sdes.tag == k.tag)
			ours = out->offered[o];
	if (!w && !ours)
		w = "an a=crypto tag that wasn't offered";
	else if (!w && ours->sdes.suite != k.suite)
		w = "another suite than the tag was offered with";
	else if (!w && sodium_memcmp(ours->sdes.key, k.key, sizeof(k.key)) == 0)
		w = "our own key, given back";
	if (w) {
		sodium_memzero(&k, sizeof(k));
		return media_no(why, 488,
				"SDP: the answer's m-line %u isn't usable: %s",
				i + 1, w);
	}
	err = rx_take(had, &k, out);
	sodium_memzero(&k, sizeof(k));
	if (err)
		return media_no(why, 500, "Out of memory");
	out->tx = hopkey_ref(ours);
	out->tag = ours->sdes.tag;
	return 0;
}
