/* SPDX-License-Identifier: Apache-2.0 */
/* Several master keys in one session, told apart by MKI: added, used, ended. */
#include <string.h>
#include "tests/srtp/pair.h"

/* libsrtp2 looks for SRTCP's MKI before a tag of SRTP's length. */
static bool rtcp_mki_works(const struct subject *u, uint16_t suite)
{
	const struct sp_suite_info *info = sp_suite_info(suite);

	return u->b != &srtp_libsrtp2 || info->tag_len == info->rtcp_tag_len;
}

static void mki_case(struct subject *u, uint16_t suite, unsigned len)
{
	struct srtp_master m = make_master(suite, 7, len);
	struct srtp_master n = make_master(suite, 8, len);
	struct srtp_master o = make_master(suite, 9, len);
	struct pair x = pair_open(u, &m, 64);
	struct packet p = sealed_rtp(u, &x, 5, 1), q, r;

	assert_int_equal(p.len, 52 + sp_suite_info(suite)->tag_len + len);
	assert_int_equal(open_rtp(u, &x, &p), SRTP_OK);

	/* another key: known to the receiver, then used */
	q = sealed_rtp(u, &x, 5, 2);
	assert_true(u->b->session_key(u->e, x.rx, &n));
	assert_true(u->b->session_key(u->e, x.tx, &n));
	p = sealed_rtp(u, &x, 5, 3);
	assert_int_equal(open_rtp(u, &x, &p), SRTP_OK);
	assert_int_equal(open_rtp(u, &x, &q), SRTP_OK);
	r = make_rtcp(5, 20);
	assert_int_equal(run1(u, RTCP_SEAL, x.tx, &r), SRTP_OK);
	if (rtcp_mki_works(u, suite))
		assert_int_equal(run1(u, RTCP_OPEN, x.rx, &r), SRTP_OK);

	/* a key that the receiver has not got */
	assert_true(u->b->session_key(u->e, x.tx, &o));
	p = sealed_rtp(u, &x, 5, 4);
	assert_int_equal(open_rtp(u, &x, &p), SRTP_BAD_MKI);
	r = make_rtcp(5, 20);
	assert_int_equal(run1(u, RTCP_SEAL, x.tx, &r), SRTP_OK);
	assert_int_equal(run1(u, RTCP_OPEN, x.rx, &r), SRTP_BAD_MKI);
	pair_close(u, &x);
}

void mki(void **state)
{
	FOR_SUITES(suite)
	for (unsigned len = 1; len <= SP_MKI_MAX; len++)
		mki_case(*state, *suite, len);
}

void keys_refused(void **state)
{
	struct subject *u = *state;
	const uint16_t suite = SP_SUITE_AEAD_AES_128_GCM;
	struct srtp_master m = make_master(suite, 1, 2);
	struct srtp_master none = make_master(suite, 2, 0);
	struct srtp_master wide = make_master(suite, 2, 3);
	struct srtp_master other =
		make_master(SP_SUITE_AES_CM_128_HMAC_SHA1_80, 2, 2);
	struct srtp_session *s = open_session(u, &m, SRTP_RX, 64);

	assert_false(u->b->session_key(u->e, s, &m));
	assert_false(u->b->session_key(u->e, s, &none));
	assert_false(u->b->session_key(u->e, s, &wide));
	assert_false(u->b->session_key(u->e, s, &other));
	for (unsigned i = 1; i < SRTP_KEYS_MAX; i++) {
		m = make_master(suite, 1 + i, 2);
		assert_true(u->b->session_key(u->e, s, &m));
	}
	m = make_master(suite, 40, 2);
	assert_false(u->b->session_key(u->e, s, &m));
	u->b->session_free(s);
}

/* Lifetimes belong to keys: a spent one stays spent beside a fresh one. */
void lifetimes_by_key(void **state)
{
	struct subject *u = *state;
	const uint16_t suite = SP_SUITE_AES_CM_128_HMAC_SHA1_80;
	struct srtp_master m = make_master(suite, 1, 1);
	struct srtp_master n = make_master(suite, 2, 1);
	struct packet old[3], p;
	struct pair x, y;

	y = pair_open(u, &m, 64);
	m.packets = 2;
	n.packets = 2;
	x = pair_open(u, &m, 64);
	for (unsigned i = 0; i < 3; i++)
		old[i] = sealed_rtp(u, &y, 5, i);
	assert_true(u->b->session_key(u->e, y.tx, &n));
	assert_true(u->b->session_key(u->e, x.rx, &n));
	assert_int_equal(open_rtp(u, &x, &old[0]), SRTP_OK);
	p = sealed_rtp(u, &y, 5, 3);
	assert_int_equal(open_rtp(u, &x, &p), SRTP_OK);
	assert_int_equal(open_rtp(u, &x, &old[1]), SRTP_OK);
	assert_int_equal(open_rtp(u, &x, &old[2]), SRTP_KEY_SPENT);
	pair_close(u, &x);
	pair_close(u, &y);
}

/* Keys come and go for longer than there are slots for them: each is found
 * while it is there and not after, with a lifetime of its own, and neither
 * indices nor windows begin anew. */
void keys_end(void **state)
{
	struct subject *u = *state;

	FOR_SUITES(suite)
	{
		struct srtp_master m = make_master(*suite, 1, 2);
		bool rtcp = rtcp_mki_works(u, *suite);
		uint16_t seq = 65000;
		struct packet old, p;
		struct pair x;

		m.packets = 6;
		x = pair_open(u, &m, 64);
		assert_false(u->b->session_key_end(x.rx, m.mki));
		for (unsigned i = 2; i < 300; i++) {
			struct srtp_master n = make_master(*suite, i, 2);

			n.packets = 6;
			n.mki[1] = (uint8_t)(i >> 8);
			old = sealed_rtp(u, &x, 5, seq++);
			assert_true(u->b->session_key(u->e, x.rx, &n));
			assert_true(u->b->session_key(u->e, x.tx, &n));
			assert_false(u->b->session_key_end(x.tx, n.mki));
			for (unsigned k = 0; k < 4; k++) {
				p = sealed_rtp(u, &x, 5, seq++);
				assert_int_equal(open_rtp(u, &x, &p), SRTP_OK);
			}
			assert_int_equal(open_rtp(u, &x, &old), SRTP_OK);
			if (rtcp) {
				p = make_rtcp(5, 20);
				assert_int_equal(run1(u, RTCP_SEAL, x.tx, &p),
						 SRTP_OK);
				assert_int_equal(run1(u, RTCP_OPEN, x.rx, &p),
						 SRTP_OK);
			}
			assert_true(u->b->session_key_end(x.rx, m.mki));
			assert_false(u->b->session_key_end(x.rx, m.mki));
			assert_true(u->b->session_key_end(x.tx, m.mki));
			u->b->session_key_wipe(x.rx, m.mki);
			u->b->session_key_wipe(x.tx, m.mki);
			m = n;
		}
		pair_close(u, &x);
	}
}

/* What was sealed with a key that has ended is nobody's any more; a key may
 * come back by the same MKI with other octets, and a lifetime of its own. */
void key_ends_for_good(void **state)
{
	struct subject *u = *state;
	const uint16_t suite = SP_SUITE_AES_CM_128_HMAC_SHA1_80;
	struct srtp_master m = make_master(suite, 1, 1);
	struct srtp_master n = make_master(suite, 2, 1);
	struct srtp_master again = make_master(suite, 3, 1);
	struct packet p, late;
	struct pair x;

	m.packets = again.packets = 3;
	again.mki[0] = m.mki[0];
	x = pair_open(u, &m, 64);
	for (unsigned i = 0; i < 2; i++) {
		p = sealed_rtp(u, &x, 5, i);
		assert_int_equal(open_rtp(u, &x, &p), SRTP_OK);
	}
	late = sealed_rtp(u, &x, 5, 2);
	assert_true(u->b->session_key(u->e, x.rx, &n));
	assert_true(u->b->session_key_end(x.rx, m.mki));
	p = late;
	assert_int_equal(open_rtp(u, &x, &p), SRTP_BAD_MKI);
	u->b->session_key_wipe(x.rx, m.mki);
	assert_true(u->b->session_key(u->e, x.rx, &again));
	p = late;
	assert_int_equal(open_rtp(u, &x, &p), SRTP_BAD_TAG);
	assert_true(u->b->session_key(u->e, x.tx, &n));
	assert_true(u->b->session_key_end(x.tx, m.mki));
	u->b->session_key_wipe(x.tx, m.mki);
	assert_true(u->b->session_key(u->e, x.tx, &again));
	for (unsigned i = 3; i < 7; i++) {
		p = make_rtp(5, i, 40);
		assert_int_equal(run1(u, RTP_SEAL, x.tx, &p),
				 i < 6 ? SRTP_OK : SRTP_KEY_SPENT);
		if (i < 6)
			assert_int_equal(open_rtp(u, &x, &p), SRTP_OK);
	}
	pair_close(u, &x);
}

/* The first that is heard of an SSRC may be with any of the keys. */
void late_key_first(void **state)
{
	struct subject *u = *state;
	const uint16_t suite = SP_SUITE_AEAD_AES_128_GCM;
	struct srtp_master m = make_master(suite, 1, 1);
	struct srtp_master n = make_master(suite, 2, 1);
	struct packet p, early;
	struct pair x = pair_open(u, &m, 64);

	assert_true(u->b->session_key(u->e, x.rx, &n));
	early = sealed_rtp(u, &x, 5, 1);
	assert_true(u->b->session_key(u->e, x.tx, &n));
	p = sealed_rtp(u, &x, 5, 2);
	assert_int_equal(open_rtp(u, &x, &p), SRTP_OK);
	assert_int_equal(open_rtp(u, &x, &early), SRTP_OK);
	pair_close(u, &x);
}
