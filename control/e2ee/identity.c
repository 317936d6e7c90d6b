/* SPDX-License-Identifier: Apache-2.0 */
/* The text form, in this order, each line ended by one newline:
 *   sallyport-e2ee-identity 1
 *   public <Ed25519 public key, hexadecimal>
 *   seed <hexadecimal>
 * or, with a passphrase, in place of the last line:
 *   argon2id <operations> <memory, KiB> <salt>
 *   sealed <nonce> <secretbox of the seed>
 */
#include "control/e2ee/identity.h"
#include "control/e2ee/secret.h"
#include <stdio.h>

#define MAGIC	"sallyport-e2ee-identity 1"
#define OPS_MAX 16
#define KIB_MIN 8	      /* of memory: Argon2's own minimum */
#define KIB_MAX (1024 * 1024) /* more than a thin client has to spare */
#define SALT	crypto_pwhash_argon2id_SALTBYTES
#define NONCE	crypto_secretbox_NONCEBYTES
#define SEED	crypto_sign_SEEDBYTES
#define BOX	(SEED + crypto_secretbox_MACBYTES)
#define HEX(n)	(2 * (n) + 1)

struct identity {
	uint8_t seed[SEED];
	uint8_t sk[crypto_sign_SECRETKEYBYTES]; /* seed and public key */
	uint8_t key[crypto_sign_PUBLICKEYBYTES];
};

/* What one sealing needs, all of it secret or next to it. */
struct sealing {
	uint8_t key[crypto_secretbox_KEYBYTES];
	uint8_t salt[SALT], nonce[NONCE], box[BOX];
};

struct identity *identity_from_seed(const uint8_t seed[32])
{
	struct identity *id = secret_alloc(sizeof(*id));

	if (!id)
		return NULL;
	memcpy(id->seed, seed, SEED);
	crypto_sign_seed_keypair(id->key, id->sk, id->seed);
	return id;
}

struct identity *identity_new(void)
{
	uint8_t *seed = secret_alloc(SEED);
	struct identity *id = NULL;

	if (seed) {
		randombytes_buf(seed, SEED);
		id = identity_from_seed(seed);
	}
	secret_free(seed);
	return id;
}

void identity_free(struct identity *id)
{
	secret_free(id);
}

const uint8_t *identity_key(const struct identity *id)
{
	return id->key;
}

void identity_sign(const struct identity *id, uint8_t sig[64],
		   const uint8_t *msg, size_t n)
{
	crypto_sign_detached(sig, NULL, msg, n, id->sk);
}

static bool passphrase_key(struct sealing *s, const char *pass, size_t pass_len,
			   unsigned long long ops, size_t kib)
{
	return !crypto_pwhash_argon2id(s->key, sizeof(s->key), pass, pass_len,
				       s->salt, ops, kib * 1024,
				       crypto_pwhash_argon2id_ALG_ARGON2ID13);
}

static int write_sealed(const struct identity *id, struct sealing *s,
			const char *pass, size_t pass_len, char *o, size_t room)
{
	const unsigned long long ops =
		crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE;
	const size_t kib = crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE / 1024;
	char salt[HEX(SALT)], nonce[HEX(NONCE)], box[HEX(BOX)];

	randombytes_buf(s->salt, SALT);
	randombytes_buf(s->nonce, NONCE);
	if (!passphrase_key(s, pass, pass_len, ops, kib))
		return -1;
	crypto_secretbox_easy(s->box, id->seed, SEED, s->nonce, s->key);
	return snprintf(o, room, "argon2id %llu %zu %s\nsealed %s %s\n", ops,
			kib, sodium_bin2hex(salt, sizeof(salt), s->salt, SALT),
			sodium_bin2hex(nonce, sizeof(nonce), s->nonce, NONCE),
			sodium_bin2hex(box, sizeof(box), s->box, BOX));
}

size_t identity_write(const struct identity *id, const char *pass,
		      size_t pass_len, char text[IDENTITY_TEXT_MAX])
{
	char hex[HEX(SEED)];
	struct sealing *s = secret_alloc(sizeof(*s));
	int head, n = -1;

	if (!s)
		return 0;
	sodium_bin2hex(hex, sizeof(hex), id->key, sizeof(id->key));
	head = snprintf(text, IDENTITY_TEXT_MAX, MAGIC "\npublic %s\n", hex);
	if (pass_len) {
		n = write_sealed(id, s, pass, pass_len, text + head,
				 IDENTITY_TEXT_MAX - (size_t)head);
	} else {
		sodium_bin2hex(hex, sizeof(hex), id->seed, SEED);
		n = snprintf(text + head, IDENTITY_TEXT_MAX - (size_t)head,
			     "seed %s\n", hex);
		sodium_memzero(hex, sizeof(hex));
	}
	secret_free(s);
	return n > 0 ? (size_t)(head + n) : 0;
}

/* A strict scanner: each function takes exactly what it names, or fails. */
struct scan {
	const char *p;
	size_t n;
};

static bool scan_text(struct scan *s, const char *text)
{
	size_t n = strlen(text);

	if (s->n < n || memcmp(s->p, text, n))
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

static bool scan_hex(struct scan *s, uint8_t *out, size_t n)
{
	size_t got;

	if (s->n < 2 * n)
		return false;
	for (size_t i = 0; i < 2 * n; i++)
		if (!strchr("0123456789abcdef", s->p[i]) || !s->p[i])
			return false;
	if (sodium_hex2bin(out, n, s->p, 2 * n, NULL, &got, NULL) || got != n)
		return false;
	s->p += 2 * n;
	s->n -= 2 * n;
	return true;
}

static bool scan_number(struct scan *s, unsigned long max, unsigned long *out)
{
	size_t i = 0;

	*out = 0;
	while (i < s->n && s->p[i] >= '0' && s->p[i] <= '9') {
		*out = *out * 10 + (unsigned long)(s->p[i++] - '0');
		if (*out > max || s->p[0] == '0')
			return false;
	}
	s->p += i;
	s->n -= i;
	return i != 0;
}

static enum identity_error read_sealed(struct scan *t, struct sealing *s,
				       uint8_t *seed, const char *pass,
				       size_t pass_len)
{
	unsigned long ops, kib;

	if (!scan_text(t, "argon2id ") || !scan_number(t, OPS_MAX, &ops) ||
	    !scan_text(t, " ") || !scan_number(t, KIB_MAX, &kib) ||
	    !scan_text(t, " ") || !scan_hex(t, s->salt, SALT) ||
	    !scan_text(t, "\nsealed ") || !scan_hex(t, s->nonce, NONCE) ||
	    !scan_text(t, " ") || !scan_hex(t, s->box, BOX) ||
	    !scan_text(t, "\n") || kib < KIB_MIN)
		return IDENTITY_FORMAT;
	if (!pass_len)
		return IDENTITY_LOCKED;
	if (!passphrase_key(s, pass, pass_len, ops, kib))
		return IDENTITY_MEMORY;
	if (crypto_secretbox_open_easy(seed, s->box, BOX, s->nonce, s->key))
		return IDENTITY_PASSPHRASE;
	return IDENTITY_OK;
}

struct identity *identity_read(const char *text, size_t len, const char *pass,
			       size_t pass_len, enum identity_error *why)
{
	struct {
		uint8_t seed[SEED];
		struct sealing s;
	} * w;
	uint8_t key[crypto_sign_PUBLICKEYBYTES];
	struct scan t = {text, len};
	struct identity *id = NULL;

	*why = IDENTITY_MEMORY;
	w = secret_alloc(sizeof(*w));
	if (!w)
		return NULL;
	*why = IDENTITY_FORMAT;
	if (!scan_text(&t, MAGIC "\npublic ") ||
	    !scan_hex(&t, key, sizeof(key)) || !scan_text(&t, "\n"))
		goto out;
	if (!scan_text(&t, "seed "))
		*why = read_sealed(&t, &w->s, w->seed, pass, pass_len);
	else if (scan_hex(&t, w->seed, SEED) && scan_text(&t, "\n"))
		*why = IDENTITY_OK;
	if (*why)
		goto out;
	*why = IDENTITY_MEMORY;
	id = identity_from_seed(w->seed);
	if (!id)
		goto out;
	*why = IDENTITY_OK;
	if (t.n || sodium_memcmp(id->key, key, sizeof(key))) {
		*why = IDENTITY_FORMAT;
		identity_free(id);
		id = NULL;
	}
out:
	secret_free(w);
	return id;
}
