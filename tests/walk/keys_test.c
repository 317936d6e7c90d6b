/* SPDX-License-Identifier: Apache-2.0 */
/* Several master keys of one direction: added, used, retired, while packets
 * flow; what lists and events say of them. The far end is two sessions of the
 * SRTP engine, whose MKIs are checked against libsrtp2 elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/stage/walk.h"

#define SUITE SP_SUITE_AES_CM_128_HMAC_SHA1_80
#define AEAD  SP_SUITE_AEAD_AES_256_GCM

/* The far end: keys are numbers, their MKI too. */
static struct {
	struct srtp_engine *e;
	struct srtp_session *in, *out;
	uint16_t suite, seq;
} far_end;

static struct sp_key key(unsigned number)
{
	struct sp_key k = lab_key(number, far_end.suite);

	k.mki_len = 2;
	k.mki[0] = (uint8_t)(number >> 8);
	k.mki[1] = (uint8_t)number;
	return k;
}

static struct srtp_master master(unsigned number)
{
	struct sp_key k = key(number);
	struct srtp_master m = {.suite = k.suite, .mki_len = k.mki_len};

	memcpy(m.mki, k.mki, sizeof(m.mki));
	memcpy(m.key, k.key, sizeof(m.key));
	memcpy(m.salt, k.salt, sizeof(m.salt));
	return m;
}

/* Plain phone, sealed far end: key 1 towards us, key 101 from us. */
static void up_with(uint16_t suite, uint64_t packets)
{
	struct sp_transport a = lab_transport(1, ACCESS4, 20000, PHONE);
	struct sp_transport b = lab_transport(2, TRUNK4, 20000, FAR);
	static struct srtp_master m;

	far_end.suite = suite;
	far_end.seq = 65000;
	b.rx = key(1);
	b.tx = key(101);
	b.rx.packets = b.tx.packets = packets;
	lab_pair(&a, &b);
	far_end.e = srtp_ipsec_mb.engine_new(NULL);
	assert_non_null(far_end.e);
	m = master(1);
	far_end.out = srtp_ipsec_mb.session_new(far_end.e, &m, SRTP_TX, 128,
						&lab_srtp_mem);
	m = master(101);
	far_end.in = srtp_ipsec_mb.session_new(far_end.e, &m, SRTP_RX, 128,
					       &lab_srtp_mem);
}

static int up(void **state)
{
	(void)state;
	lab_up(&(struct lab_options){0});
	return 0;
}

static int down(void **state)
{
	(void)state;
	srtp_ipsec_mb.session_free(far_end.in);
	srtp_ipsec_mb.session_free(far_end.out);
	srtp_ipsec_mb.engine_free(far_end.e);
	lab_down();
	return 0;
}

static void far_key(struct srtp_session *s, unsigned number)
{
	struct srtp_master m = master(number);

	assert_true(srtp_ipsec_mb.session_key(far_end.e, s, &m));
}

static int add(enum sp_dir dir, unsigned number, uint64_t packets)
{
	struct sp_key_add a = {
		.id = 2, .dir = (uint8_t)dir, .key = key(number)};
	char text[SP_TEXT_MAX];

	a.key.packets = packets;
	return table_key_add(lab.t, &a, text);
}

static int end(enum sp_dir dir, unsigned number)
{
	struct sp_key_retire r = {.id = 2, .key = number, .dir = (uint8_t)dir};
	char text[SP_TEXT_MAX];

	return table_key_retire(lab.t, &r, text);
}

static size_t seal(uint8_t *p, uint16_t seq)
{
	struct srtp_pkt k = {.s = far_end.out, .data = p, .room = 512};

	k.len = (uint16_t)lab_rtp(p, 0xbbbb, seq, 0, 160);
	assert_int_equal(srtp_ipsec_mb.protect(far_end.e, &k, 1), 1);
	return k.len;
}

/* From the far end to the phone. */
static void in(void)
{
	uint8_t p[512];

	say(TRUNK, FAR, TRUNK_OURS, p, seal(p, far_end.seq++));
	assert_int_equal(left(ACCESS).n, 172);
}

/* From the phone to the far end, with this key. */
static void gone(unsigned number)
{
	struct lab_view v;
	struct srtp_pkt k = {.s = far_end.in, .room = 512};
	size_t tag = far_end.suite == SUITE ? 10 : 0;

	rtp(ACCESS, PHONE, OURS, 0xaaaa, far_end.seq++, 0);
	v = left(TRUNK);
	assert_int_equal(v.payload[v.n - tag - 2], number >> 8);
	assert_int_equal(v.payload[v.n - tag - 1], number & 255);
	k.data = v.payload;
	k.len = (uint16_t)v.n;
	assert_int_equal(srtp_ipsec_mb.unprotect(far_end.e, &k, 1), 1);
	assert_int_equal(k.len, 172);
}

static uint64_t listed_tx, listed_rx;

static int list(void *arg, const struct sp_transport *x)
{
	static const struct sp_key none;

	(void)arg;
	if (x->id == 2) {
		listed_rx = x->rx.id;
		listed_tx = x->tx.id;
		assert_memory_equal(x->rx.key, none.key, sizeof(none.key));
		assert_memory_equal(x->tx.key, none.key, sizeof(none.key));
	}
	return 0;
}

static void listed(uint64_t rx, uint64_t tx)
{
	table_transports(lab.t, list, NULL);
	assert_int_equal(listed_rx, rx);
	assert_int_equal(listed_tx, tx);
}

/* What arrives with any of four keys passes; what has ended doesn't. */
static void test_receiving(void **state)
{
	uint8_t old[512], p[512];
	size_t n;

	(void)state;
	up_with(SUITE, 0);
	in();
	n = seal(old, far_end.seq++);
	for (unsigned i = 2; i <= 4; i++)
		assert_int_equal(add(SP_RX, i, 0), SP_OK);
	assert_int_equal(add(SP_RX, 5, 0), SP_ENOSPC);
	for (unsigned i = 2; i <= 4; i++) {
		in(); /* the far end is late */
		far_key(far_end.out, i);
		in();
	}
	say(TRUNK, FAR, TRUNK_OURS, old, n); /* still with the first */
	left(ACCESS);
	n = seal(p, far_end.seq++);
	assert_int_equal(end(SP_RX, 4), SP_OK);
	listed(1, 101);
	say(TRUNK, FAR, TRUNK_OURS, p, n);
	stopped(V_BAD_MKI);
	assert_int_equal(end(SP_RX, 1), SP_OK);
	listed(2, 101);
	assert_int_equal(end(SP_RX, 1), SP_ENOENT);
	assert_int_equal(end(SP_RX, 2), SP_OK);
	assert_int_equal(end(SP_RX, 3), SP_EBUSY);
	/* Room again, for the same MKI, too. */
	assert_int_equal(add(SP_RX, 4, 0), SP_OK);
	say(TRUNK, FAR, TRUNK_OURS, p, n);
	left(ACCESS);
}

/* What is sent turns to the latest, counters and windows go on. */
static void test_sending(void **state)
{
	struct sp_transport b = lab_transport(2, TRUNK4, 20000, FAR);

	(void)state;
	up_with(AEAD, 0);
	for (unsigned i = 101; i < 500; i++) {
		for (unsigned k = 0; k < 4; k++)
			gone(i);
		far_key(far_end.in, i + 1);
		assert_int_equal(add(SP_TX, i + 1, 0), SP_OK);
		listed(1, i + 1);
		gone(i + 1);
		assert_int_equal(end(SP_TX, i + 1), SP_EBUSY);
		if (i % 7 == 0) { /* a change in between leaves keys alone */
			b.rx = key(1);
			b.tx = key(i % 2 ? i : i + 1);
			b.dscp = i % 64;
			change(&b);
			listed(1, i + 1);
			gone(i + 1);
		}
		assert_int_equal(end(SP_TX, i), SP_OK);
		assert_true(srtp_ipsec_mb.session_key_end(far_end.in,
							  master(i).mki));
		srtp_ipsec_mb.session_key_wipe(far_end.in, master(i).mki);
	}
	/* One repeated on the plain side isn't sealed with the new key. */
	far_end.seq--;
	rtp(ACCESS, PHONE, OURS, 0xaaaa, far_end.seq, 0);
	stopped(V_INDEX_USED);
}

/* A change that names a key that isn't there begins anew, with it alone. */
static void test_begin_anew(void **state)
{
	struct sp_transport b = lab_transport(2, TRUNK4, 20000, FAR);
	uint8_t p[512];
	size_t n;

	(void)state;
	up_with(SUITE, 0);
	assert_int_equal(add(SP_RX, 2, 0), SP_OK);
	assert_int_equal(add(SP_TX, 102, 0), SP_OK);
	b.rx = key(9);
	b.tx = key(109);
	change(&b);
	listed(9, 109);
	n = seal(p, far_end.seq++);
	say(TRUNK, FAR, TRUNK_OURS, p, n);
	stopped(V_BAD_MKI);
	assert_int_equal(end(SP_RX, 2), SP_ENOENT);
	assert_int_equal(end(SP_RX, 9), SP_EBUSY);
	assert_int_equal(add(SP_RX, 1, 0), SP_OK);
	say(TRUNK, FAR, TRUNK_OURS, p, n);
	left(ACCESS);
}

/* Said near each end: an eighth is left. */
struct told {
	unsigned n;
	uint64_t left;
};

static void tell(void *arg, const struct sp_event *e)
{
	struct told *t = arg;

	if (e->kind != SP_EVENT_KEY_END)
		return;
	assert_int_equal(e->id, 2);
	t->n++;
	t->left = e->value;
}

static void test_warnings(void **state)
{
	struct told t = {0};

	(void)state;
	up_with(SUITE, 80);
	for (unsigned i = 101; i < 110; i++) {
		for (unsigned k = 0; k < 69; k++)
			gone(i);
		table_sweep(lab.t, tell, &t);
		assert_int_equal(t.n, i - 101);
		gone(i);
		for (unsigned k = 0; k < 3; k++)
			table_sweep(lab.t, tell, &t);
		assert_int_equal(t.n, i - 100);
		assert_int_equal(t.left, 10);
		assert_int_equal(stats(1).key_warnings, i - 100);
		far_key(far_end.in, i + 1);
		assert_int_equal(add(SP_TX, i + 1, 80), SP_OK);
		assert_int_equal(end(SP_TX, i), SP_OK);
		assert_true(srtp_ipsec_mb.session_key_end(far_end.in,
							  master(i).mki));
		srtp_ipsec_mb.session_key_wipe(far_end.in, master(i).mki);
	}
	/* Without another it ends. */
	for (unsigned k = 0; k < 80; k++)
		gone(110);
	rtp(ACCESS, PHONE, OURS, 0xaaaa, far_end.seq++, 0);
	stopped(V_KEY_SPENT);
	assert_int_equal(stats(2).key_warnings, 0);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *says;
		int status;
		uint8_t id, dir, key, reserved;
		uint16_t suite;
		uint8_t mki_len; /* 99: 0 */
		bool same_mki;
	} cases[] = {
		{"id: no transport 7", SP_ENOENT, .id = 7, .dir = 1, .key = 2},
		{"dir: 0 is none", SP_EINVAL, .id = 2, .key = 2},
		{"dir: 3 is none", SP_EINVAL, .id = 2, .dir = 3, .key = 2},
		{"dir: plain, has no keys", SP_EINVAL, .id = 1, .dir = 1,
		 .key = 2},
		{"reserved: not zero", SP_EINVAL, .id = 2, .dir = 1, .key = 2,
		 .reserved = 1},
		{"key.id: 1 is there", SP_EEXIST, .id = 2, .dir = 1, .key = 1},
		{"key.suite: 0x0008", SP_EINVAL, .id = 2, .dir = 1, .key = 2,
		 .suite = AEAD},
		{"key.mki_len: 3", SP_EINVAL, .id = 2, .dir = 1, .key = 2,
		 .mki_len = 3},
		{"key.mki_len: 0", SP_EINVAL, .id = 2, .dir = 1, .key = 2,
		 .mki_len = 99},
		{"key.mki: key 1 has it", SP_EEXIST, .id = 2, .dir = 1,
		 .key = 2, .same_mki = true},
		{"key.id: 0 with a suite", SP_EINVAL, .id = 2, .dir = 1},
	};
	char text[SP_TEXT_MAX];

	(void)state;
	up_with(SUITE, 0);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct sp_key_add a = {.id = cases[i].id,
				       .dir = cases[i].dir,
				       .reserved = {cases[i].reserved},
				       .key = key(cases[i].key)};
		int r;

		if (cases[i].suite)
			a.key.suite = cases[i].suite;
		if (cases[i].mki_len)
			a.key.mki_len = (uint8_t)(cases[i].mki_len % 99);
		if (cases[i].same_mki)
			a.key.mki[1] = 1;
		r = table_key_add(lab.t, &a, text);
		if (r != cases[i].status ||
		    strncmp(text, cases[i].says, strlen(cases[i].says)))
			fail_msg("%s: %d %s", cases[i].says, r, text);
	}
	in();
	gone(101);
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(test_receiving), T(test_sending),  T(test_begin_anew),
		T(test_warnings),  T(test_refusals),
	};

	lab_start();
	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
