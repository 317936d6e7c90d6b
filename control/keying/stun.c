/* SPDX-License-Identifier: Apache-2.0 */
#include "control/keying/stun.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <string.h>
#include <zlib.h>

#define COOKIE		0x2112a442u
#define FINGERPRINT_XOR 0x5354554eu
#define TAG_LEN		20 /* HMAC-SHA1 */

enum attribute {
	USERNAME = 0x0006,
	MESSAGE_INTEGRITY = 0x0008,
	ERROR_CODE = 0x0009,
	UNKNOWN_ATTRIBUTES = 0x000a,
	XOR_MAPPED_ADDRESS = 0x0020,
	PRIORITY = 0x0024,
	USE_CANDIDATE = 0x0025,
	FINGERPRINT = 0x8028,
	ICE_CONTROLLED = 0x8029,
	ICE_CONTROLLING = 0x802a,
};

static uint16_t load16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t load32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static void store16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void store32(uint8_t *p, uint32_t v)
{
	store16(p, v >> 16);
	store16(p + 2, v & 0xffff);
}

static uint32_t fingerprint(const uint8_t *p, size_t n)
{
	return (uint32_t)crc32(0, p, (uInt)n) ^ FINGERPRINT_XOR;
}

/* One attribute that the integrity covers. @return false: of a wrong length. */
static bool take(struct stun_msg *m, unsigned type, const uint8_t *v,
		 uint16_t len)
{
	switch (type) {
	case USERNAME:
		m->username = v;
		m->username_len = len;
		return len > 0 && len <= 513; /* RFC 8489 section 14.3 */
	case PRIORITY:
		m->priority = len == 4 ? load32(v) : 0;
		return len == 4;
	case USE_CANDIDATE:
		m->use_candidate = true;
		return len == 0;
	case ICE_CONTROLLED:
		m->controlled = true;
		return len == 8;
	case ICE_CONTROLLING:
		m->controlling = true;
		return len == 8;
	default:
		if (type < 0x8000 && m->n_unknown < STUN_UNKNOWN_MAX)
			m->unknown[m->n_unknown++] = (uint16_t)type;
		return true;
	}
}

enum stun_result stun_parse(const uint8_t *p, size_t n, struct stun_msg *out)
{
	bool sealed = false, sound = true;
	size_t off = STUN_HEADER;

	memset(out, 0, sizeof(*out));
	if (n < STUN_HEADER || n > SP_DATAGRAM_MAX || p[0] & 0xc0 ||
	    load16(p + 2) % 4 != 0 || load16(p + 2) + (size_t)STUN_HEADER != n)
		return STUN_BAD;
	if (load32(p + 4) != COOKIE)
		return STUN_NOT_ICE;
	out->type = load16(p);
	if (out->type != STUN_REQUEST && out->type != STUN_INDICATION)
		return STUN_NOT_ICE;
	memcpy(out->tid, p + 8, STUN_TID);
	while (off < n && !sealed) {
		unsigned type;
		size_t len, next;

		if (n - off < 4)
			return STUN_BAD;
		type = load16(p + off);
		len = load16(p + off + 2);
		next = off + 4 + ((len + 3) & ~(size_t)3);
		if (next > n)
			return STUN_BAD;
		if (type == FINGERPRINT) {
			/* the last one there is, RFC 8489 section 14.7 */
			if (len != 4 || next != n)
				return STUN_BAD;
			sealed = true;
			sound = load32(p + off + 4) == fingerprint(p, off);
		} else if (type == MESSAGE_INTEGRITY && !out->integrity) {
			if (len != TAG_LEN)
				return STUN_BAD;
			out->integrity = (uint16_t)off;
		} else if (!out->integrity &&
			   !take(out, type, p + off + 4, (uint16_t)len)) {
			return STUN_BAD;
		}
		off = next;
	}
	if (out->type == STUN_INDICATION)
		return STUN_OK;
	return sealed && sound && out->username && out->integrity
		       ? STUN_OK
		       : STUN_UNSIGNED;
}

/* HMAC-SHA1 over the message up to the attribute at off, as if that were its
 * last. RFC 8489 section 14.5. */
static bool tag_of(const uint8_t *p, size_t off, const char *pwd,
		   uint8_t tag[TAG_LEN])
{
	uint8_t text[SP_DATAGRAM_MAX];
	unsigned len = TAG_LEN;

	if (off > sizeof(text))
		return false;
	memcpy(text, p, off);
	store16(text + 2, (unsigned)(off + 4 + TAG_LEN - STUN_HEADER));
	return HMAC(EVP_sha1(), pwd, (int)strlen(pwd), text, off, tag, &len) &&
	       len == TAG_LEN;
}

bool stun_verify(const uint8_t *p, const struct stun_msg *m, const char *pwd)
{
	uint8_t tag[TAG_LEN];

	return m->integrity && tag_of(p, m->integrity, pwd, tag) &&
	       sodium_memcmp(tag, p + m->integrity + 4, TAG_LEN) == 0;
}

/* ---------------------------------------------------------------- answers */

static size_t header(uint8_t *out, unsigned type, const struct stun_msg *m)
{
	store16(out, type);
	store16(out + 2, 0);
	store32(out + 4, COOKIE);
	memcpy(out + 8, m->tid, STUN_TID);
	return STUN_HEADER;
}

static uint8_t *attribute(uint8_t *out, size_t *off, unsigned type,
			  unsigned len)
{
	uint8_t *v = out + *off + 4;

	store16(v - 4, type);
	store16(v - 2, len);
	memset(v, 0, (len + 3) & ~3u);
	*off += 4 + ((len + 3) & ~3u);
	return v;
}

static size_t seal(uint8_t *out, size_t off, const char *pwd)
{
	uint8_t tag[TAG_LEN] = {0};
	size_t at = off;

	tag_of(out, off, pwd, tag);
	memcpy(attribute(out, &off, MESSAGE_INTEGRITY, TAG_LEN), tag, TAG_LEN);
	at = off;
	attribute(out, &off, FINGERPRINT, 4);
	store16(out + 2, (unsigned)(off - STUN_HEADER));
	store32(out + at + 4, fingerprint(out, at));
	return off;
}

size_t stun_success(uint8_t *out, const struct stun_msg *m,
		    const struct sp_addr *mapped, const char *pwd)
{
	unsigned len = mapped->family == 6 ? 16 : 4;
	size_t off = header(out, STUN_SUCCESS, m);
	uint8_t *v = attribute(out, &off, XOR_MAPPED_ADDRESS, 4 + len);

	v[1] = mapped->family == 6 ? 2 : 1;
	store16(v + 2, mapped->port ^ (COOKIE >> 16));
	for (unsigned i = 0; i < len; i++)
		v[4 + i] = mapped->addr[i] ^ out[4 + i];
	return seal(out, off, pwd);
}

size_t stun_error(uint8_t *out, const struct stun_msg *m, unsigned code,
		  const char *reason, const char *pwd)
{
	size_t off = header(out, STUN_ERROR, m), n = strnlen(reason, 32);
	uint8_t *v = attribute(out, &off, ERROR_CODE, (unsigned)(4 + n));

	v[2] = (uint8_t)(code / 100);
	v[3] = (uint8_t)(code % 100);
	memcpy(v + 4, reason, n);
	if (code == 420) {
		v = attribute(out, &off, UNKNOWN_ATTRIBUTES, 2u * m->n_unknown);
		for (unsigned i = 0; i < m->n_unknown; i++)
			store16(v + 2 * (size_t)i, m->unknown[i]);
	}
	return seal(out, off, pwd);
}
