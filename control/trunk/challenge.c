/* SPDX-License-Identifier: Apache-2.0 */
/* control/trunk/challenge.c - see challenge.h. */
#include "control/trunk/challenge.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <openssl/evp.h>
#include "control/sip/digest.h"

#define CNONCE_LEN 16 /* octets, sent in hex */

static const struct {
	const char *name;
	const EVP_MD *(*hash)(void);
	bool sess;
} algorithms[CHALLENGE_ALGORITHMS] = {
	[CHALLENGE_MD5] = {"MD5", EVP_md5, false},
	[CHALLENGE_MD5_SESS] = {"MD5-sess", EVP_md5, true},
	[CHALLENGE_SHA256] = {"SHA-256", EVP_sha256, false},
	[CHALLENGE_SHA256_SESS] = {"SHA-256-sess", EVP_sha256, true},
};

/* H(a:b:c), in hex; parts end with NULL. */
static bool hash(char hex[CHALLENGE_HASH_MAX + 1], enum challenge_algorithm alg,
		 const char *const parts[])
{
	uint8_t md[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned len = 0;
	bool ok = ctx && EVP_DigestInit_ex(ctx, algorithms[alg].hash(), NULL);

	for (unsigned i = 0; ok && parts[i]; i++)
		ok = (!i || EVP_DigestUpdate(ctx, ":", 1)) &&
		     EVP_DigestUpdate(ctx, parts[i], strlen(parts[i]));
	ok = ok && EVP_DigestFinal_ex(ctx, md, &len) &&
	     len * 2 <= CHALLENGE_HASH_MAX;
	EVP_MD_CTX_free(ctx);
	if (ok)
		sodium_bin2hex(hex, CHALLENGE_HASH_MAX + 1, md, len);
	sodium_memzero(md, sizeof(md));
	return ok;
}

bool challenge_ha1(char hex[CHALLENGE_HASH_MAX + 1],
		   enum challenge_algorithm algorithm, const char *user,
		   const char *realm, const char *password)
{
	return hash(hex, algorithm,
		    (const char *[]){user, realm, password, NULL});
}

bool challenge_response(char hex[CHALLENGE_HASH_MAX + 1],
			const struct challenge_answer *a)
{
	char ha1[CHALLENGE_HASH_MAX + 1], ha2[CHALLENGE_HASH_MAX + 1];
	bool ok = challenge_ha1(ha1, a->algorithm, a->user, a->realm,
				a->password);

	if (ok && algorithms[a->algorithm].sess)
		ok = hash(ha1, a->algorithm,
			  (const char *[]){ha1, a->nonce, a->cnonce, NULL});
	ok = ok &&
	     hash(ha2, a->algorithm, (const char *[]){a->method, a->uri, NULL});
	if (ok && a->nc)
		ok = hash(hex, a->algorithm,
			  (const char *[]){ha1, a->nonce, a->nc, a->cnonce,
					   "auth", ha2, NULL});
	else if (ok)
		ok = hash(hex, a->algorithm,
			  (const char *[]){ha1, a->nonce, ha2, NULL});
	sodium_memzero(ha1, sizeof(ha1));
	return ok;
}

/* "auth,auth-int": is auth among them? */
static bool offers_auth(const struct pl *list)
{
	struct pl one, rest = *list;

	while (rest.l) {
		const char *comma = memchr(rest.p, ',', rest.l);

		one.p = rest.p;
		one.l = comma ? (size_t)(comma - rest.p) : rest.l;
		pl_advance(&rest, (ssize_t)one.l + (comma ? 1 : 0));
		while (one.l && (*one.p == ' ' || *one.p == '\t'))
			pl_advance(&one, 1);
		while (one.l &&
		       (one.p[one.l - 1] == ' ' || one.p[one.l - 1] == '\t'))
			one.l--;
		if (!pl_strcasecmp(&one, "auth"))
			return true;
	}
	return false;
}

static bool keep(char out[CHALLENGE_TEXT_MAX], const struct pl *value)
{
	/* They are sent back as they came: no line may hide in them. */
	for (size_t i = 0; i < value->l; i++)
		if ((uint8_t)value->p[i] < ' ' || value->p[i] == 0x7f)
			return false;
	return value->l < CHALLENGE_TEXT_MAX &&
	       !pl_strcpy(value, out, CHALLENGE_TEXT_MAX);
}

static bool find_algorithm(const struct pl *name, enum challenge_algorithm *out)
{
	*out = CHALLENGE_MD5;
	if (!name->p)
		return true;
	for (unsigned i = 0; i < CHALLENGE_ALGORITHMS; i++) {
		if (pl_strcasecmp(name, algorithms[i].name))
			continue;
		*out = (enum challenge_algorithm)i;
		return true;
	}
	return false;
}

bool challenge_read(struct challenge *c, const char *value, size_t len,
		    bool proxy)
{
	struct challenge out = {.set = true, .proxy = proxy};
	struct pl in = {value, len}, name, val, realm = PL_INIT,
		  nonce = PL_INIT, opaque = PL_INIT, alg = PL_INIT,
		  qop = PL_INIT, stale = PL_INIT;
	const struct {
		const char *name;
		struct pl *to;
	} params[] = {
		{"realm", &realm},   {"nonce", &nonce}, {"opaque", &opaque},
		{"algorithm", &alg}, {"qop", &qop},	{"stale", &stale},
	};

	if (!digest_scheme(&in))
		return false;
	while (digest_param(&in, &name, &val)) {
		for (unsigned i = 0; i < ARRAY_SIZE(params); i++) {
			if (pl_strcasecmp(&name, params[i].name))
				continue;
			if (params[i].to->p)
				return false; /* twice */
			*params[i].to = val;
		}
	}
	if (!realm.p || !nonce.l || !keep(out.realm, &realm) ||
	    !keep(out.nonce, &nonce) || !find_algorithm(&alg, &out.algorithm) ||
	    (opaque.p && !keep(out.opaque, &opaque)))
		return false;
	out.has_opaque = opaque.p;
	out.qop = qop.p && offers_auth(&qop);
	out.stale = stale.p && !pl_strcasecmp(&stale, "true");
	if (qop.p && !out.qop)
		return false;
	/* A session's key is made with the cnonce, which goes with qop. */
	if (!out.qop && algorithms[out.algorithm].sess)
		return false;
	*c = out;
	return true;
}

struct search {
	struct challenge *c;
	bool proxy;
};

static bool take(const struct sip_hdr *hdr, const struct sip_msg *m, void *arg)
{
	struct search *s = arg;

	(void)m;
	return challenge_read(s->c, hdr->val.p, hdr->val.l, s->proxy);
}

bool challenge_take(struct challenge *c, const struct sip_msg *m)
{
	struct search s = {.c = c, .proxy = m->scode == 407};

	return sip_msg_hdr_apply(m, true,
				 s.proxy ? SIP_HDR_PROXY_AUTHENTICATE
					 : SIP_HDR_WWW_AUTHENTICATE,
				 take, &s) != NULL;
}

bool challenge_is_new(const struct challenge *was, const struct challenge *now)
{
	return !was->set || now->stale || strcmp(was->realm, now->realm) ||
	       was->proxy != now->proxy;
}

int challenge_print(struct challenge *c, struct mbuf *mb, const char *user,
		    const char *password, const char *method, const char *uri)
{
	char cnonce[CNONCE_LEN * 2 + 1], nc[9];
	char response[CHALLENGE_HASH_MAX + 1];
	uint8_t random[CNONCE_LEN];
	struct challenge_answer a = {
		.algorithm = c->algorithm,
		.user = user,
		.realm = c->realm,
		.password = password,
		.method = method,
		.uri = uri,
		.nonce = c->nonce,
		.cnonce = c->qop ? cnonce : NULL,
		.nc = c->qop ? nc : NULL,
	};
	int err;

	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(cnonce, sizeof(cnonce), random, sizeof(random));
	snprintf(nc, sizeof(nc), "%08x", ++c->count);
	if (!challenge_response(response, &a))
		return ENOSYS;
	err = mbuf_printf(mb,
			  "%s: Digest username=\"%s\", realm=\"%s\", "
			  "nonce=\"%s\", uri=\"%s\", response=\"%s\", "
			  "algorithm=%s",
			  c->proxy ? "Proxy-Authorization" : "Authorization",
			  user, c->realm, c->nonce, uri, response,
			  algorithms[c->algorithm].name);
	if (c->has_opaque)
		err |= mbuf_printf(mb, ", opaque=\"%s\"", c->opaque);
	if (c->qop)
		err |= mbuf_printf(mb, ", qop=auth, cnonce=\"%s\", nc=%s",
				   cnonce, nc);
	return err | mbuf_write_str(mb, "\r\n");
}
