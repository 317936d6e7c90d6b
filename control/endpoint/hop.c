/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint/hop.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <srtp2/srtp.h>
#include "control/e2ee/secret.h"

#define KEY   30 /* octets of key and salt */
#define B64   sodium_base64_VARIANT_ORIGINAL
#define SUITE "AES_CM_128_HMAC_SHA1_80"

struct secrets {
	uint8_t own[KEY], peer[KEY];
};

struct hop {
	struct secrets *keys;
	srtp_t tx, rx;
};

static bool create(srtp_t *s, uint8_t *key, srtp_ssrc_type_t who)
{
	srtp_policy_t p = {0};

	srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&p.rtp);
	srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&p.rtcp);
	p.ssrc.type = who;
	p.key = key;
	p.window_size = 128;
	return srtp_create(s, &p) == srtp_err_status_ok;
}

struct hop *hop_new(void)
{
	static bool started;
	struct hop *h;

	if (!started && srtp_init() != srtp_err_status_ok)
		return NULL;
	started = true;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->keys = secret_alloc(sizeof(*h->keys));
	if (!h->keys)
		goto fail;
	randombytes_buf(h->keys->own, KEY);
	if (!create(&h->tx, h->keys->own, ssrc_any_outbound))
		goto fail;
	return h;
fail:
	hop_free(h);
	return NULL;
}

void hop_free(struct hop *h)
{
	if (!h)
		return;
	if (h->tx)
		srtp_dealloc(h->tx);
	if (h->rx)
		srtp_dealloc(h->rx);
	secret_free(h->keys);
	free(h);
}

void hop_offer(const struct hop *h, unsigned tag, char out[HOP_LINE_MAX])
{
	char key[sodium_base64_ENCODED_LEN(KEY, B64)];

	sodium_bin2base64(key, sizeof(key), h->keys->own, KEY, B64);
	snprintf(out, HOP_LINE_MAX, "%u " SUITE " inline:%s", tag, key);
	sodium_memzero(key, sizeof(key));
}

/* tag SUITE inline:KEY, perhaps |LIFETIME (which we never reach). */
static bool read_line(const char *p, size_t len, unsigned *tag,
		      uint8_t key[KEY])
{
	static const char suite[] = " " SUITE " inline:";
	const char *end = p + len, *stop;
	size_t n = 0;
	unsigned t = 0;

	for (; p < end && *p >= '0' && *p <= '9' && t < 100000000; p++)
		t = t * 10 + (unsigned)(*p - '0');
	if ((size_t)(end - p) < sizeof(suite) - 1 ||
	    memcmp(p, suite, sizeof(suite) - 1))
		return false;
	p += sizeof(suite) - 1;
	if (sodium_base642bin(key, KEY, p, (size_t)(end - p), NULL, &n, &stop,
			      B64) ||
	    n != KEY)
		return false;
	*tag = t;
	/* An MKI or session parameters would change what packets look like. */
	return stop == end ||
	       (*stop == '|' && !memchr(stop, ':', (size_t)(end - stop)) &&
		!memchr(stop, ' ', (size_t)(end - stop)));
}

bool hop_accept(struct hop *h, const char *value, size_t len, unsigned *tag)
{
	uint8_t key[KEY];
	bool ok = read_line(value, len, tag, key);

	/* Made again, it would forget which packets it has seen. */
	if (ok && (!h->rx || sodium_memcmp(key, h->keys->peer, KEY))) {
		memcpy(h->keys->peer, key, KEY);
		if (h->rx)
			srtp_dealloc(h->rx);
		h->rx = NULL;
		ok = create(&h->rx, h->keys->peer, ssrc_any_inbound);
	}
	sodium_memzero(key, sizeof(key));
	return ok;
}

bool hop_protect(struct hop *h, uint8_t *rtp, int *len)
{
	return srtp_protect(h->tx, rtp, len) == srtp_err_status_ok;
}

bool hop_unprotect(struct hop *h, uint8_t *rtp, int *len)
{
	return h->rx && srtp_unprotect(h->rx, rtp, len) == srtp_err_status_ok;
}

bool hop_protect_rtcp(struct hop *h, uint8_t *rtcp, int *len)
{
	return srtp_protect_rtcp(h->tx, rtcp, len) == srtp_err_status_ok;
}

bool hop_unprotect_rtcp(struct hop *h, uint8_t *rtcp, int *len)
{
	return h->rx &&
	       srtp_unprotect_rtcp(h->rx, rtcp, len) == srtp_err_status_ok;
}
