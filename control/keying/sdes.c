/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 4568 section 9.1 (grammar), section 6 (SRTP parameters). */
#include "control/keying/sdes.h"
#include <inttypes.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LIFETIME_MAX (1ull << 48) /* RFC 3711 section 9.2 */
#define TAG_DIGITS   9
#define MKI_LEN_MAX  128 /* RFC 4568 section 6.1 */

struct view {
	const char *p;
	size_t len;
};

static bool view_is(struct view v, const char *s)
{
	return v.len == strlen(s) && memcmp(v.p, s, v.len) == 0;
}

static bool view_starts(struct view v, const char *s)
{
	return v.len >= strlen(s) && memcmp(v.p, s, strlen(s)) == 0;
}

/* Cut off what stands before the first `sep` (all of it where there is none,
 * and then *v is empty with p NULL). */
static struct view cut(struct view *v, char sep)
{
	const char *at = v->len ? memchr(v->p, sep, v->len) : NULL;
	struct view head = *v;

	if (at) {
		head.len = (size_t)(at - v->p);
		v->p = at + 1;
		v->len -= head.len + 1;
	} else {
		*v = (struct view){NULL, 0};
	}
	return head;
}

static struct view next_word(struct view *v)
{
	struct view w;

	while (v->len && *v->p == ' ') {
		v->p++;
		v->len--;
	}
	w = cut(v, ' ');
	return w;
}

static bool number(struct view v, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (v.len == 0)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		unsigned digit = (unsigned)(v.p[i] - '0');

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return n <= max;
}

/* Suites that we know by name and never use. */
static const struct {
	const char *name, *why;
} refused_suites[] = {
	{"NULL_HMAC_SHA1_80", "a NULL suite would leave the media open"},
	{"NULL_HMAC_SHA1_32", "a NULL suite would leave the media open"},
	{"F8_128_HMAC_SHA1_80", "F8 suites are not supported"},
	{"F8_128_HMAC_SHA1_32", "F8 suites are not supported"},
};

/* What a session parameter means for us, by its beginning. RFC 4568 section
 * 6.3. Unknown ones are ignored with "-" in front, and else invalidate. */
static const struct {
	const char *start;
	bool exact;
	enum sdes_result result;
	const char *why;
} params[] = {
	{"KDR=0", true, SDES_OK, NULL}, /* the default, said aloud */
	{"KDR=", false, SDES_REFUSED, "a key derivation rate is not supported"},
	{"UNENCRYPTED_SRTP", true, SDES_REFUSED,
	 "UNENCRYPTED_SRTP would leave the media open"},
	{"UNENCRYPTED_SRTCP", true, SDES_REFUSED,
	 "UNENCRYPTED_SRTCP would leave RTCP open"},
	{"UNAUTHENTICATED_SRTP", true, SDES_REFUSED,
	 "UNAUTHENTICATED_SRTP would let anybody forge media"},
	{"FEC_ORDER=", false, SDES_REFUSED, "FEC is not supported"},
	{"FEC_KEY=", false, SDES_REFUSED, "FEC is not supported"},
	{"WSH=", false, SDES_OK, NULL}, /* our window is larger or a hint */
	{"-", false, SDES_OK, NULL},
};

static enum sdes_result param_take(struct view v, const char **why)
{
	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		if (params[i].exact ? view_is(v, params[i].start)
				    : view_starts(v, params[i].start)) {
			*why = params[i].why;
			return params[i].result;
		}
	}
	*why = "an unknown session parameter";
	return SDES_REFUSED;
}

/* key||salt in base64; phones write it with and without its padding. */
static const char *key_take(struct view b64, const struct sp_suite_info *suite,
			    struct sdes_key *k)
{
	uint8_t bin[SP_KEY_MAX + SP_SALT_MAX];
	size_t want = (size_t)suite->key_len + suite->salt_len, got = 0;
	const char *bad = NULL;
	int variant;

	while (b64.len && b64.p[b64.len - 1] == '=')
		b64.len--;
	variant = sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
	if (b64.len == 0 || b64.len > sodium_base64_ENCODED_LEN(want, variant))
		bad = "the key's length isn't the suite's";
	else if (sodium_base642bin(bin, sizeof(bin), b64.p, b64.len, NULL, &got,
				   NULL, variant) != 0)
		bad = "the key isn't base64";
	else if (got != want)
		bad = "the key's length isn't the suite's";
	if (!bad) {
		memcpy(k->key, bin, suite->key_len);
		memcpy(k->salt, bin + suite->key_len, suite->salt_len);
	}
	sodium_memzero(bin, sizeof(bin));
	return bad;
}

static const char *lifetime_take(struct view v, struct sdes_key *k)
{
	uint64_t n;

	if (view_starts(v, "2^")) {
		v.p += 2;
		v.len -= 2;
		if (!number(v, 48, &n))
			return "a lifetime beyond 2^48";
		k->packets = 1ull << n;
	} else {
		if (!number(v, LIFETIME_MAX, &k->packets))
			return "a lifetime that is no number up to 2^48";
		if (k->packets == 0)
			return "a lifetime of nothing";
	}
	if (k->packets == LIFETIME_MAX)
		k->packets = 0; /* the default */
	return NULL;
}

static enum sdes_result mki_take(struct view v, struct sdes_key *k,
				 const char **why)
{
	struct view value = cut(&v, ':');
	uint64_t n, len;

	*why = "an MKI without a length of 1 to 128";
	if (!v.p || !number(v, MKI_LEN_MAX, &len) || len == 0)
		return SDES_BAD;
	*why = "an MKI of more than eight octets isn't supported";
	if (len > SP_MKI_MAX)
		return SDES_REFUSED;
	*why = "an MKI that doesn't fit its length";
	if (!number(value, len == 8 ? UINT64_MAX : (1ull << (8 * len)) - 1, &n))
		return SDES_BAD;
	*why = NULL;
	k->mki_len = (uint8_t)len;
	for (unsigned i = 0; i < len; i++)
		k->mki[len - 1 - i] = (uint8_t)(n >> (8 * i));
	return SDES_OK;
}

/* inline:<key||salt>["|"lifetime]["|"mki":"length] */
static enum sdes_result key_param(struct view v,
				  const struct sp_suite_info *suite,
				  struct sdes_key *k, const char **why)
{
	enum sdes_result r = SDES_OK;
	struct view field;

	if (v.len && memchr(v.p, ';', v.len)) {
		*why = "several keys in one attribute are not supported";
		return SDES_REFUSED;
	}
	if (!view_starts(v, "inline:")) {
		*why = "no inline: key";
		return SDES_BAD;
	}
	v.p += 7;
	v.len -= 7;
	field = cut(&v, '|');
	*why = key_take(field, suite, k);
	if (!*why && v.p) {
		field = cut(&v, '|');
		if (!field.len || !memchr(field.p, ':', field.len)) {
			*why = lifetime_take(field, k);
			field = cut(&v, '|');
		}
		if (!*why && field.p)
			r = mki_take(field, k, why);
		if (!*why && v.p)
			*why = "more fields after the key than there are";
	}
	return *why && r == SDES_OK ? SDES_BAD : r;
}

static enum sdes_result parse(struct view v, struct sdes_key *k,
			      const char **why)
{
	const struct sp_suite_info *suite;
	struct view tag, name, keys, param;
	enum sdes_result r;
	uint64_t n;

	*why = "not a tag, a suite and a key";
	tag = next_word(&v);
	name = next_word(&v);
	keys = next_word(&v);
	if (tag.len > TAG_DIGITS || !number(tag, UINT32_MAX, &n) || !name.len ||
	    !keys.len)
		return SDES_BAD;
	k->tag = (uint32_t)n;
	for (size_t i = 0; i < sizeof(refused_suites) / sizeof(*refused_suites);
	     i++) {
		if (view_is(name, refused_suites[i].name)) {
			*why = refused_suites[i].why;
			return SDES_REFUSED;
		}
	}
	suite = sp_suite_named(name.p, name.len);
	if (!suite) {
		*why = "an unknown suite";
		return SDES_UNKNOWN;
	}
	k->suite = suite->id;
	r = key_param(keys, suite, k, why);
	while (r == SDES_OK && (param = next_word(&v)).len)
		r = param_take(param, why);
	return r;
}

enum sdes_result sdes_parse(const char *p, size_t len, struct sdes_key *out,
			    const char **why)
{
	enum sdes_result r;

	memset(out, 0, sizeof(*out));
	r = parse((struct view){p, len}, out, why);
	if (r != SDES_OK)
		sodium_memzero(out, sizeof(*out));
	else
		*why = NULL;
	return r;
}

int sdes_generate(struct sdes_key *k, uint16_t suite, uint32_t tag)
{
	const struct sp_suite_info *info = sp_suite_info(suite);

	memset(k, 0, sizeof(*k));
	if (!info)
		return -1;
	k->tag = tag;
	k->suite = suite;
	randombytes_buf(k->key, info->key_len);
	randombytes_buf(k->salt, info->salt_len);
	return 0;
}

int sdes_print(const struct sdes_key *k, char out[SDES_TEXT_MAX])
{
	const struct sp_suite_info *info = sp_suite_info(k->suite);
	uint8_t bin[SP_KEY_MAX + SP_SALT_MAX];
	char b64[sodium_base64_ENCODED_LEN(sizeof(bin),
					   sodium_base64_VARIANT_ORIGINAL)];
	char life[32] = "", mki[32] = "";
	uint64_t m = 0;
	int n;

	if (!info)
		return -1;
	memcpy(bin, k->key, info->key_len);
	memcpy(bin + info->key_len, k->salt, info->salt_len);
	sodium_bin2base64(b64, sizeof(b64), bin,
			  (size_t)info->key_len + info->salt_len,
			  sodium_base64_VARIANT_ORIGINAL);
	if (k->packets)
		snprintf(life, sizeof(life), "|%" PRIu64, k->packets);
	for (unsigned i = 0; i < k->mki_len; i++)
		m = m << 8 | k->mki[i];
	if (k->mki_len)
		snprintf(mki, sizeof(mki), "|%" PRIu64 ":%u", m, k->mki_len);
	n = snprintf(out, SDES_TEXT_MAX, "crypto:%u %s inline:%s%s%s", k->tag,
		     info->name, b64, life, mki);
	sodium_memzero(bin, sizeof(bin));
	sodium_memzero(b64, sizeof(b64));
	return n < 0 || n >= SDES_TEXT_MAX ? -1 : n;
}

int sdes_same(const struct sdes_key *a, const struct sdes_key *b)
{
	return a->suite == b->suite && a->mki_len == b->mki_len &&
	       a->packets == b->packets &&
	       memcmp(a->mki, b->mki, sizeof(a->mki)) == 0 &&
	       sodium_memcmp(a->key, b->key, sizeof(a->key)) == 0 &&
	       sodium_memcmp(a->salt, b->salt, sizeof(a->salt)) == 0;
}
