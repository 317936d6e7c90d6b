/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <string.h>
#include "dataplane/srtp/kdf.h"

/* RFC 3711 section 4.3.2; those of SRTCP follow those of SRTP. */
enum { LABEL_ENC, LABEL_AUTH, LABEL_SALT, LABEL_RTCP };

struct master {
	struct srtp_engine *e;
	const struct srtp_suite *a;
	const uint8_t *key;
	uint8_t x[16]; /* salt * 2^16: a 96-bit salt stands to the left */
};

static void derive(const struct master *m, uint8_t label, uint8_t *out,
		   size_t len)
{
	uint8_t iv[16];

	memcpy(iv, m->x, sizeof(iv));
	iv[7] ^= label; /* label * 2^48, and r is 0 */
	m->a->keystream(m->e, m->a, m->key, iv, out, len);
	explicit_bzero(iv, sizeof(iv));
}

static void derive_raw(const struct master *m, uint8_t first,
		       struct srtp_raw *out)
{
	memset(out, 0, sizeof(*out));
	derive(m, first + LABEL_ENC, out->enc, m->a->key_len);
	if (m->a->auth_len)
		derive(m, first + LABEL_AUTH, out->auth, m->a->auth_len);
	derive(m, first + LABEL_SALT, out->salt, m->a->salt_len);
}

void srtp_kdf(struct srtp_engine *e, const struct srtp_suite *a,
	      const uint8_t *key, const uint8_t *salt, struct srtp_raw *rtp,
	      struct srtp_raw *rtcp)
{
	struct master m = {.e = e, .a = a, .key = key};

	memcpy(m.x, salt, a->salt_len);
	derive_raw(&m, 0, rtp);
	derive_raw(&m, LABEL_RTCP, rtcp);
	explicit_bzero(&m, sizeof(m));
}
