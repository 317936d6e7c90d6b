/* SPDX-License-Identifier: Apache-2.0 */
#include "control/media/seal.h"
#include <string.h>

#define AT_KEYS	     10
#define AT_STARTED   12
#define AT_RECORDING 20
#define AT_CALL	     (AT_RECORDING + SEAL_NAME)
#define AT_STREAM    (AT_CALL + SEAL_NAME)

#define FINAL	crypto_secretstream_xchacha20poly1305_TAG_FINAL
#define MESSAGE crypto_secretstream_xchacha20poly1305_TAG_MESSAGE

static void put_be(uint8_t *p, uint64_t v, unsigned octets)
{
	while (octets-- > 0) {
		p[octets] = (uint8_t)v;
		v >>= 8;
	}
}

static uint64_t get_be(const uint8_t *p, unsigned octets)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < octets; i++)
		v = v << 8 | p[i];
	return v;
}

bool seal_key_read(struct seal_key *k, const char *base64)
{
	size_t n = 0;

	if (sodium_base642bin(k->pub, sizeof(k->pub), base64, strlen(base64),
			      NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) ||
	    n != sizeof(k->pub))
		return false;
	crypto_generichash(k->id, sizeof(k->id), k->pub, sizeof(k->pub), NULL,
			   0);
	return true;
}

static void bind_header(struct seal *s, const uint8_t *head, size_t n)
{
	crypto_generichash(s->bound, sizeof(s->bound), head, n, NULL, 0);
}

size_t seal_begin(struct seal *s, const struct seal_header *h,
		  const struct seal_key keys[], unsigned n,
		  uint8_t out[SEAL_HEADER])
{
	uint8_t key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
	size_t len = SEAL_FIXED;

	memset(out, 0, SEAL_FIXED);
	memcpy(out, SEAL_MAGIC, 8);
	put_be(out + 8, SEAL_VERSION, 2);
	put_be(out + AT_KEYS, n, 2);
	put_be(out + AT_STARTED, h->started, 8);
	memcpy(out + AT_RECORDING, h->recording,
	       strnlen(h->recording, SEAL_NAME));
	memcpy(out + AT_CALL, h->call, strnlen(h->call, SEAL_NAME));
	crypto_secretstream_xchacha20poly1305_keygen(key);
	crypto_secretstream_xchacha20poly1305_init_push(&s->state,
							out + AT_STREAM, key);
	for (unsigned i = 0; i < n; i++, len += SEAL_SLOT) {
		memcpy(out + len, keys[i].id, SEAL_KEYID);
		/* Fails only for a public key of small order, whose holder
		 * couldn't open it either: then with nothing in the slot. */
		if (crypto_box_seal(out + len + SEAL_KEYID, key, sizeof(key),
				    keys[i].pub))
			memset(out + len + SEAL_KEYID, 0,
			       SEAL_SLOT - SEAL_KEYID);
	}
	sodium_memzero(key, sizeof(key));
	bind_header(s, out, len);
	return len;
}

size_t seal_piece(struct seal *s, enum seal_type type, const uint8_t *p,
		  size_t n, uint8_t *out)
{
	/* Type and content are one message, encrypted where it will lie: behind
	 * the length, and the octet that the stream puts its tag into. */
	uint8_t *plain = out + 4 + 1;
	unsigned long long len;

	memmove(plain + 1, p, n);
	plain[0] = (uint8_t)type;
	crypto_secretstream_xchacha20poly1305_push(
		&s->state, out + 4, &len, plain, n + 1, s->bound,
		sizeof(s->bound), type == SEAL_END ? FINAL : MESSAGE);
	put_be(out, len, 4);
	return (size_t)len + 4;
}

size_t seal_header_read(struct seal_header *h, const uint8_t *p, size_t n)
{
	size_t len = SEAL_FIXED;

	if (n < SEAL_FIXED || memcmp(p, SEAL_MAGIC, 8) ||
	    get_be(p + 8, 2) != SEAL_VERSION)
		return 0;
	memset(h, 0, sizeof(*h));
	h->keys = (unsigned)get_be(p + AT_KEYS, 2);
	if (!h->keys || h->keys > SEAL_KEYS ||
	    n < SEAL_FIXED + h->keys * SEAL_SLOT)
		return 0;
	h->started = get_be(p + AT_STARTED, 8);
	memcpy(h->recording, p + AT_RECORDING, SEAL_NAME);
	memcpy(h->call, p + AT_CALL, SEAL_NAME);
	for (unsigned i = 0; i < h->keys; i++, len += SEAL_SLOT)
		memcpy(h->keyid[i], p + len, SEAL_KEYID);
	return len;
}

bool seal_open(struct seal *s, const uint8_t *head, size_t n,
	       const uint8_t pub[crypto_box_PUBLICKEYBYTES],
	       const uint8_t priv[crypto_box_SECRETKEYBYTES])
{
	uint8_t key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
	uint8_t id[SEAL_KEYID];
	bool found = false;

	crypto_generichash(id, sizeof(id), pub, crypto_box_PUBLICKEYBYTES, NULL,
			   0);
	for (size_t at = SEAL_FIXED; at + SEAL_SLOT <= n && !found;
	     at += SEAL_SLOT)
		found = !memcmp(head + at, id, sizeof(id)) &&
			!crypto_box_seal_open(key, head + at + SEAL_KEYID,
					      SEAL_SLOT - SEAL_KEYID, pub,
					      priv);
	if (found)
		found = !crypto_secretstream_xchacha20poly1305_init_pull(
			&s->state, head + AT_STREAM, key);
	sodium_memzero(key, sizeof(key));
	bind_header(s, head, n);
	return found;
}

int seal_read(struct seal *s, const uint8_t *p, size_t n, uint8_t *out,
	      size_t *len)
{
	unsigned long long got;
	unsigned char tag;
	uint8_t type;

	if (n < SEAL_OVERHEAD - 4 || n > SEAL_PIECE + SEAL_OVERHEAD)
		return 0;
	if (crypto_secretstream_xchacha20poly1305_pull(&s->state, out, &got,
						       &tag, p, n, s->bound,
						       sizeof(s->bound)) ||
	    !got)
		return 0;
	type = out[0];
	if (type < SEAL_META || type > SEAL_END ||
	    (type == SEAL_END) != (tag == FINAL))
		return 0;
	*len = (size_t)got - 1;
	memmove(out, out + 1, *len);
	return type;
}
