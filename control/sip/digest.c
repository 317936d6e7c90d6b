/* SPDX-License-Identifier: Apache-2.0 */
/* control/sip/digest.c - digest authentication, see digest.h. */
#include "control/sip/digest.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <openssl/evp.h>

#define BUCKETS 1024 /* a power of two */
#define WAYS	4

/* Nonces whose count has been used. When a bucket is full the oldest leaves,
 * and its time is kept: a nonce that is not here and no younger counts as
 * stale, so forgetting never lets a replay through. */
struct used {
	uint64_t issued; /* microseconds; 0: empty */
	uint8_t sign[8];
	uint32_t nc; /* highest */
};

struct bucket {
	uint64_t floor; /* issued before this or then: stale */
	struct used way[WAYS];
};

struct digest {
	char realm[DIGEST_REALM_MAX + 1];
	uint8_t key[crypto_auth_KEYBYTES];
	char no_ha1[DIGEST_HA1_LEN + 1]; /* stands for users that aren't */
	unsigned lifetime;
	uint64_t last; /* so that no two nonces are alike */
	struct bucket table[BUCKETS];
};

struct nonce {
	uint64_t issued; /* microseconds */
	uint8_t salt[8];
	uint8_t sign[8];
};
_Static_assert(sizeof(struct nonce) * 2 == DIGEST_NONCE_LEN, "hex of it");

static void digest_destructor(void *arg)
{
	sodium_memzero(arg, sizeof(struct digest));
}

int digest_alloc(struct digest **dp, const char *realm, unsigned lifetime)
{
	uint8_t random[DIGEST_HA1_LEN / 2];
	struct digest *d;

	if (sodium_init() < 0)
		return EIO;
	if (strlen(realm) > DIGEST_REALM_MAX)
		return EINVAL;
	d = mem_zalloc(sizeof(*d), digest_destructor);
	if (!d)
		return ENOMEM;
	snprintf(d->realm, sizeof(d->realm), "%s", realm);
	d->lifetime = lifetime;
	crypto_auth_keygen(d->key);
	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(d->no_ha1, sizeof(d->no_ha1), random, sizeof(random));
	*dp = d;
	return 0;
}

static void sign(const struct digest *d, const struct nonce *n,
		 uint8_t out[static 8])
{
	uint8_t mac[crypto_auth_BYTES];

	crypto_auth(mac, (const uint8_t *)n, offsetof(struct nonce, sign),
		    d->key);
	memcpy(out, mac, 8);
}

/* Half of the salt says whom the nonce was for: not where it may be used, since
 * phones move. */
static void mark(const struct digest *d, const struct sa *src,
		 uint8_t out[static 4])
{
	uint8_t mac[crypto_auth_BYTES], addr[16] = {0};
	size_t len = 4;
	uint32_t v4;

	if (sa_af(src) == AF_INET6) {
		sa_in6(src, addr);
		len = 16;
	} else {
		v4 = sa_in(src);
		memcpy(addr, &v4, sizeof(v4));
	}
	crypto_auth(mac, addr, len, d->key);
	memcpy(out, mac, 4);
}

int digest_challenge(struct digest *d, struct mbuf *mb, int64_t now, bool stale,
		     const struct sa *src)
{
	struct nonce n = {.issued = (uint64_t)now * 1000000};
	char text[DIGEST_NONCE_LEN + 1];

	if (n.issued <= d->last)
		n.issued = d->last + 1;
	d->last = n.issued;
	randombytes_buf(n.salt, sizeof(n.salt));
	if (src)
		mark(d, src, n.salt);
	sign(d, &n, n.sign);
	sodium_bin2hex(text, sizeof(text), (const uint8_t *)&n, sizeof(n));
	return mbuf_printf(mb,
			   "Digest realm=\"%s\", nonce=\"%s\", algorithm=MD5, "
			   "qop=\"auth\"%s",
			   d->realm, text, stale ? ", stale=true" : "");
}

bool digest_scheme(struct pl *in)
{
	if (in->l < 7 || strncasecmp(in->p, "Digest", 6) ||
	    (in->p[6] != ' ' && in->p[6] != '\t'))
		return false;
	pl_advance(in, 7);
	return true;
}

bool digest_param(struct pl *in, struct pl *name, struct pl *val)
{
	const char *p = in->p, *end = in->p + in->l;

	while (p < end && (strchr(" \t\r\n,", *p) && *p))
		p++;
	name->p = p;
	while (p < end && *p != '=' && *p != ' ' && *p != '\t')
		p++;
	name->l = (size_t)(p - name->p);
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (!name->l || p == end || *p++ != '=')
		return false;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p < end && *p == '"') {
		val->p = ++p;
		while (p < end && *p != '"')
			p += *p == '\\' && p + 1 < end ? 2 : 1;
		if (p >= end)
			return false;
		val->l = (size_t)(p++ - val->p);
	} else {
		val->p = p;
		while (p < end && !(strchr(" \t\r\n,", *p) && *p))
			p++;
		val->l = (size_t)(p - val->p);
	}
	in->p = p;
	in->l = (size_t)(end - p);
	return true;
}

bool digest_parse(struct digest_response *r, const struct pl *value)
{
	static const struct {
		const char *name;
		size_t offset;
	} params[] = {
#define PARAM(n) {#n, offsetof(struct digest_response, n)}
		PARAM(username), PARAM(realm),	   PARAM(nonce),  PARAM(uri),
		PARAM(response), PARAM(algorithm), PARAM(cnonce), PARAM(opaque),
		PARAM(qop),	 PARAM(nc),
#undef PARAM
	};
	struct pl in = *value, name, val;

	memset(r, 0, sizeof(*r));
	if (!digest_scheme(&in))
		return false;
	while (digest_param(&in, &name, &val)) {
		for (unsigned i = 0; i < ARRAY_SIZE(params); i++) {
			struct pl *field;

			if (pl_strcasecmp(&name, params[i].name))
				continue;
			field = (struct pl *)((char *)r + params[i].offset);
			if (field->p)
				return false; /* twice */
			*field = val;
		}
	}
	return r->username.l && r->realm.p && r->nonce.l && r->uri.l &&
	       r->response.l;
}

bool digest_is_ours(const struct digest *d, const struct digest_response *r)
{
	return !pl_strcmp(&r->realm, d->realm);
}

bool digest_username(const struct digest_response *r,
		     char user[DIGEST_USER_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < r->username.l; i++) {
		char c = r->username.p[i];

		if (c == '\\' && i + 1 < r->username.l)
			c = r->username.p[++i];
		if (!c || n == DIGEST_USER_MAX)
			return false;
		user[n++] = c;
	}
	user[n] = '\0';
	return n > 0;
}

static bool hash(char hex[DIGEST_HA1_LEN + 1], const struct pl part[],
		 unsigned n)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned len = 0;
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_md5(), NULL);

	for (unsigned i = 0; ok && i < n; i++)
		ok = (!i || EVP_DigestUpdate(ctx, ":", 1)) &&
		     EVP_DigestUpdate(ctx, part[i].p, part[i].l);
	ok = ok && EVP_DigestFinal_ex(ctx, md, &len) && len == 16;
	EVP_MD_CTX_free(ctx);
	if (ok)
		sodium_bin2hex(hex, DIGEST_HA1_LEN + 1, md, len);
	return ok;
}

/* RFC 7616 section 3.4.1; without qop as RFC 2069 had it. */
static bool expected(char hex[DIGEST_HA1_LEN + 1],
		     const struct digest_response *r, const struct pl *method,
		     const char *ha1_text)
{
	struct pl ha1 = {ha1_text, DIGEST_HA1_LEN}, ha2;
	char ha2_text[DIGEST_HA1_LEN + 1];

	if (!hash(ha2_text, (struct pl[]){*method, r->uri}, 2))
		return false;
	pl_set_str(&ha2, ha2_text);
	if (r->qop.p)
		return hash(hex,
			    (struct pl[]){ha1, r->nonce, r->nc, r->cnonce,
					  r->qop, ha2},
			    6);
	return hash(hex, (struct pl[]){ha1, r->nonce, ha2}, 3);
}

static bool nonce_read(const struct digest *d, const struct pl *text,
		       struct nonce *n)
{
	uint8_t mac[8];
	size_t len;

	if (text->l != DIGEST_NONCE_LEN ||
	    sodium_hex2bin((uint8_t *)n, sizeof(*n), text->p, text->l, NULL,
			   &len, NULL) ||
	    len != sizeof(*n))
		return false;
	sign(d, n, mac);
	return !sodium_memcmp(mac, n->sign, sizeof(mac));
}

bool digest_given_to(const struct digest *d, const struct digest_response *r,
		     const struct sa *src)
{
	struct nonce n;
	uint8_t want[4];

	if (!nonce_read(d, &r->nonce, &n))
		return false;
	mark(d, src, want);
	return !memcmp(want, n.salt, sizeof(want));
}

/* Use up a count of a nonce. @return false: that one, or a later, was used. */
static bool count_use(struct digest *d, const struct nonce *n, uint32_t nc)
{
	struct bucket *b =
		&d->table[(n->sign[0] | n->sign[1] << 8) & (BUCKETS - 1)];
	struct used *oldest = &b->way[0];

	for (unsigned i = 0; i < WAYS; i++) {
		struct used *u = &b->way[i];

		if (u->issued == n->issued &&
		    !memcmp(u->sign, n->sign, sizeof(u->sign))) {
			if (nc <= u->nc)
				return false;
			u->nc = nc;
			return true;
		}
		if (u->issued < oldest->issued)
			oldest = u;
	}
	if (n->issued <= b->floor)
		return false;
	if (oldest->issued > b->floor)
		b->floor = oldest->issued;
	oldest->issued = n->issued;
	memcpy(oldest->sign, n->sign, sizeof(oldest->sign));
	oldest->nc = nc;
	return true;
}

/* 8 hex digits; where there is no qop there is no count: then a nonce is good
 * for once. */
static bool count_read(const struct digest_response *r, uint32_t *nc)
{
	*nc = 1;
	if (!r->qop.p)
		return true;
	if (r->nc.l != 8 || !r->cnonce.l || pl_strcasecmp(&r->qop, "auth"))
		return false;
	*nc = pl_x32(&r->nc);
	return *nc != 0;
}

enum digest_verdict digest_check(struct digest *d,
				 const struct digest_response *r,
				 const struct pl *method, const char *ha1,
				 int64_t now)
{
	char want[DIGEST_HA1_LEN + 1];
	struct nonce n;
	uint64_t age;
	uint32_t nc;
	bool right;

	if (r->algorithm.p && pl_strcasecmp(&r->algorithm, "MD5"))
		return DIGEST_WRONG;
	if (!count_read(r, &nc) || r->response.l != DIGEST_HA1_LEN ||
	    !expected(want, r, method, ha1 ? ha1 : d->no_ha1))
		return DIGEST_WRONG;
	right = !sodium_memcmp(want, r->response.p, DIGEST_HA1_LEN);
	sodium_memzero(want, sizeof(want));
	if (!right || !ha1)
		return DIGEST_WRONG;

	/* Right from here on, so telling that a nonce is stale tells nobody
	 * anything (RFC 2617 section 3.2.1). */
	if (!nonce_read(d, &r->nonce, &n))
		return DIGEST_STALE;
	age = (uint64_t)now * 1000000 - n.issued;
	if ((int64_t)age > (int64_t)d->lifetime * 1000000)
		return DIGEST_STALE;
	return count_use(d, &n, nc) ? DIGEST_OK : DIGEST_STALE;
}
