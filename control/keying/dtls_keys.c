/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 5764 section 4: which protection profile, and the keys from it. Profile
 * numbers are those of enum sp_suite. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "control/keying/dtls_int.h"

#define LABEL "EXTRACTOR-dtls_srtp"

static const struct {
	uint16_t suite;
	const char *name; /* OpenSSL's */
} profiles[] = {
	{SP_SUITE_AEAD_AES_256_GCM, "SRTP_AEAD_AES_256_GCM"},
	{SP_SUITE_AEAD_AES_128_GCM, "SRTP_AEAD_AES_128_GCM"},
	{SP_SUITE_AES_CM_128_HMAC_SHA1_80, "SRTP_AES128_CM_SHA1_80"},
	{SP_SUITE_AES_CM_128_HMAC_SHA1_32, "SRTP_AES128_CM_SHA1_32"},
};

#define N_PROFILES (sizeof(profiles) / sizeof(profiles[0]))

static const char *profile_name(uint16_t suite)
{
	for (size_t i = 0; i < N_PROFILES; i++)
		if (profiles[i].suite == suite)
			return profiles[i].name;
	return NULL;
}

bool assoc_profiles(const struct assoc *d, SSL *ssl)
{
	char list[128] = "";
	size_t n = 0;

	for (unsigned i = 0; i < 8 && d->suites[i]; i++) {
		const char *name = profile_name(d->suites[i]);

		if (name)
			n += (size_t)snprintf(list + n, sizeof(list) - n,
					      "%s%s", n ? ":" : "", name);
	}
	/* 0 is success here */
	return n > 0 && n < sizeof(list) &&
	       SSL_set_tlsext_use_srtp(ssl, list) == 0;
}

/* client key, server key, client salt, server salt */
struct material {
	uint8_t octets[2 * (SP_KEY_MAX + SP_SALT_MAX)];
};

static struct hopkey *key_of(const struct material *m,
			     const struct sp_suite_info *s, bool server)
{
	const uint8_t *salts = m->octets + 2 * (size_t)s->key_len;
	struct hopkey *k = hopkey_new();

	if (!k)
		return NULL;
	k->sdes.suite = s->id;
	memcpy(k->sdes.key, m->octets + (server ? s->key_len : 0), s->key_len);
	memcpy(k->sdes.salt, salts + (server ? s->salt_len : 0), s->salt_len);
	return k;
}

const char *assoc_export(struct assoc *d)
{
	const SRTP_PROTECTION_PROFILE *p =
		SSL_get_selected_srtp_profile(d->ssl);
	const struct sp_suite_info *s =
		p ? sp_suite_info((uint16_t)p->id) : NULL;
	bool server = d->role == DTLS_PASSIVE;
	struct material *m;
	bool ok;

	if (!s || !profile_name(s->id))
		return "no SRTP protection profile in common";
	m = sodium_malloc(sizeof(*m));
	if (!m)
		return "no memory for keys";
	ok = SSL_export_keying_material(d->ssl, m->octets,
					2u * (s->key_len + s->salt_len), LABEL,
					strlen(LABEL), NULL, 0, 0) == 1;
	if (ok) {
		d->tx = key_of(m, s, server);
		d->rx = key_of(m, s, !server);
		ok = d->rx && d->tx;
	}
	sodium_free(m); /* wipes */
	if (ok)
		return NULL;
	hopkey_drop(&d->rx);
	hopkey_drop(&d->tx);
	return "no keys could be derived";
}
