/* SPDX-License-Identifier: Apache-2.0 */
/* STUN and ICE-lite: the vectors of RFC 5769, requests written and answers read
 * by libre's STUN, and what a forger or a recorder of checks achieves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <re.h> /* whole: of its parts, STUN needs them all */
#include "control/keying/ice.h"

/* RFC 5769 section 2.1 */
static const uint8_t sample_request[] =
	"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86"
	"\xfa\x87\xdf\xae\x80\x22\x00\x10STUN test client"
	"\x00\x24\x00\x04\x6e\x00\x01\xff"
	"\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36"
	"\x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20"
	"\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5"
	"\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\x80\x28\x00\x04\xe5\x7a\x3b\xcf";
#define SAMPLE_PWD "VOkJxbRl1RmTxUk/WvJxBt"

static void sample(void **state)
{
	uint8_t p[sizeof(sample_request) - 1];
	struct stun_msg m;

	(void)state;
	memcpy(p, sample_request, sizeof(p));
	assert_int_equal(stun_parse(p, sizeof(p), &m), STUN_OK);
	assert_int_equal(m.type, STUN_REQUEST);
	assert_int_equal(m.priority, 0x6e0001ff);
	assert_true(m.controlled);
	assert_false(m.controlling || m.use_candidate);
	assert_int_equal(m.username_len, 9);
	assert_memory_equal(m.username, "evtj:h6vY", 9);
	assert_true(stun_verify(p, &m, SAMPLE_PWD));
	assert_false(stun_verify(p, &m, "VOkJxbRl1RmTxUk/WvJxBu"));
	/* whatever octet is changed, and wherever it is cut, it is no request
	 * that verifies */
	for (size_t i = 0; i < sizeof(p); i++) {
		p[i] ^= 0x04;
		assert_false(stun_parse(p, sizeof(p), &m) == STUN_OK &&
			     m.type == STUN_REQUEST &&
			     stun_verify(p, &m, SAMPLE_PWD));
		p[i] ^= 0x04;
		assert_int_not_equal(stun_parse(p, i, &m), STUN_OK);
	}
}

/* ------------------------------------------------- requests made by libre */

struct check {
	const char *username, *pwd;
	bool use, controlled, unsealed;
	uint8_t tid; /* all of its octets */
};

static size_t request(const struct check *c, uint8_t *out, size_t size)
{
	struct mbuf *mb = mbuf_alloc(512);
	uint32_t priority = 0x6e0001ff;
	uint64_t tie = 1;
	uint8_t tid[STUN_TID_SIZE];
	size_t n;

	memset(tid, c->tid, sizeof(tid));
	assert_int_equal(
		stun_msg_encode(
			mb, STUN_METHOD_BINDING, STUN_CLASS_REQUEST, tid, NULL,
			(const uint8_t *)c->pwd, c->pwd ? strlen(c->pwd) : 0,
			!c->unsealed, 0x20, 4, STUN_ATTR_USERNAME, c->username,
			STUN_ATTR_PRIORITY, &priority,
			c->controlled ? STUN_ATTR_CONTROLLED
				      : STUN_ATTR_CONTROLLING,
			&tie, STUN_ATTR_USE_CAND, c->use ? (void *)1 : NULL),
		0);
	n = mb->end;
	assert_true(n <= size);
	memcpy(out, mb->buf, n);
	mem_deref(mb);
	return n;
}

static struct sp_addr at(uint16_t port)
{
	return (struct sp_addr){
		.family = 4, .prefix = 32, .port = port, .addr = {10, 1, 0, 9}};
}

struct rig {
	struct ice ice;
	uint8_t reply[STUN_REPLY_MAX];
	size_t n;
	char username[64];
};

static enum ice_result hear(struct rig *r, const struct check *c, uint16_t port,
			    uint64_t now)
{
	uint8_t p[512];
	struct check mine = *c;
	struct sp_addr from = at(port);
	size_t n;

	if (!mine.username)
		mine.username = r->username;
	n = request(&mine, p, sizeof(p));
	return ice_recv(&r->ice, 0, &from, p, n, now, r->reply, &r->n);
}

static struct rig *rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));

	ice_init(&r->ice);
	assert_int_equal(strlen(r->ice.ufrag), ICE_OUR_UFRAG - 1);
	assert_true(ice_ufrag_ok(r->ice.ufrag, strlen(r->ice.ufrag)));
	assert_true(ice_pwd_ok(r->ice.pwd, strlen(r->ice.pwd)));
	ice_remote(&r->ice, "h6vY");
	snprintf(r->username, sizeof(r->username), "%s:h6vY", r->ice.ufrag);
	return r;
}

/* libre reads it, finds the tag right, and what is in it. code 0: success. */
static void answered(struct rig *r, uint8_t tid, uint16_t port, uint16_t code)
{
	struct mbuf *mb = mbuf_alloc(512);
	struct stun_unknown_attr ua;
	const struct stun_attr *a;
	struct stun_msg *m = NULL;
	struct sa want;

	assert_int_not_equal(r->n, 0);
	mbuf_write_mem(mb, r->reply, r->n);
	mb->pos = 0;
	assert_int_equal(stun_msg_decode(&m, mb, &ua), 0);
	assert_int_equal(stun_msg_chk_mi(m, (uint8_t *)r->ice.pwd,
					 strlen(r->ice.pwd)),
			 0);
	assert_int_equal(stun_msg_chk_fingerprint(m), 0);
	assert_int_equal(stun_msg_tid(m)[5], tid);
	assert_int_equal(stun_msg_class(m), code ? STUN_CLASS_ERROR_RESP
						 : STUN_CLASS_SUCCESS_RESP);
	if (code) {
		a = stun_msg_attr(m, STUN_ATTR_ERR_CODE);
		assert_non_null(a);
		assert_int_equal(a->v.err_code.code, code);
	} else {
		a = stun_msg_attr(m, STUN_ATTR_XOR_MAPPED_ADDR);
		assert_non_null(a);
		sa_set_str(&want, "10.1.0.9", port);
		assert_true(sa_cmp(&a->v.xor_mapped_addr, &want, SA_ALL));
	}
	mem_deref(m);
	mem_deref(mb);
}

static void nominates(void **state)
{
	struct rig *r = rig_new();
	struct sp_addr a = at(5000), b = at(6000);

	(void)state;
	assert_int_equal(hear(r, &(struct check){.pwd = r->ice.pwd, .tid = 1},
			      5000, 100),
			 ICE_CHECKED);
	answered(r, 1, 5000, 0);
	assert_true(ice_valid(&r->ice, 0, &a));
	assert_false(ice_valid(&r->ice, 1, &a));
	assert_null(ice_peer(&r->ice, 0, 100)); /* checked, not nominated */
	assert_int_equal(
		hear(r,
		     &(struct check){.pwd = r->ice.pwd, .tid = 2, .use = true},
		     5000, 200),
		ICE_NOMINATED);
	answered(r, 2, 5000, 0);
	assert_int_equal(ice_peer(&r->ice, 0, 200)->port, 5000);
	/* it moves, by a check of its own */
	assert_int_equal(
		hear(r,
		     &(struct check){.pwd = r->ice.pwd, .tid = 3, .use = true},
		     6000, 300),
		ICE_NOMINATED);
	assert_int_equal(ice_peer(&r->ice, 0, 300)->port, 6000);
	assert_true(ice_valid(&r->ice, 0, &b));
	/* consent, RFC 7675: thirty seconds from the latest check */
	assert_non_null(ice_peer(&r->ice, 0, 300 + ICE_CONSENT_MS - 1));
	assert_null(ice_peer(&r->ice, 0, 300 + ICE_CONSENT_MS));
	assert_int_equal(hear(r, &(struct check){.pwd = r->ice.pwd, .tid = 4},
			      6000, 20000),
			 ICE_CHECKED);
	assert_non_null(ice_peer(&r->ice, 0, 20000 + ICE_CONSENT_MS - 1));
	/* and it may come back */
	assert_int_equal(hear(r, &(struct check){.pwd = r->ice.pwd, .tid = 5},
			      6000, 90000),
			 ICE_NOMINATED);
	assert_non_null(ice_peer(&r->ice, 0, 90000));
	free(r);
}

static void forgers(void **state)
{
	struct rig *r = rig_new();
	const struct check cases[] = {
		{.pwd = "wrongwrongwrongwrongwrong", .use = true},
		{.pwd = NULL, .use = true},
		{.pwd = r->ice.pwd, .use = true, .unsealed = true},
		{.pwd = r->ice.pwd, .use = true, .username = "h6vY:h6vY"},
		{.pwd = r->ice.pwd, .use = true, .username = r->ice.ufrag},
	};
	char other[32];
	uint8_t p[512];
	struct sp_addr from = at(5000);
	uint32_t sum;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (hear(r, &cases[i], 5000, 1) != ICE_IGNORED || r->n)
			fail_msg("case %zu", i);
	/* the right password, in another peer's name */
	snprintf(other, sizeof(other), "%s:h6vZ", r->ice.ufrag);
	assert_int_equal(hear(r,
			      &(struct check){.pwd = r->ice.pwd,
					      .username = other,
					      .use = true},
			      5000, 1),
			 ICE_IGNORED);
	/* USE-CANDIDATE put behind the integrity, and FINGERPRINT made anew:
	 * anybody on the way can do that, and nominates nobody */
	n = request(&(struct check){.pwd = r->ice.pwd,
				    .tid = 7,
				    .username = r->username},
		    p, sizeof(p)) -
	    8;
	memcpy(p + n, "\x00\x25\x00\x00\x80\x28\x00\x04", 8);
	p[3] = (uint8_t)(n + 12 - STUN_HEADER);
	sum = crc32(0, p, (uint32_t)n + 4) ^ 0x5354554e;
	for (unsigned i = 0; i < 4; i++)
		p[n + 8 + i] = (uint8_t)(sum >> (24 - 8 * i));
	assert_int_equal(ice_recv(&r->ice, 0, &from, p, n + 12, 1, r->reply,
				  &r->n),
			 ICE_CHECKED);
	assert_null(ice_peer(&r->ice, 0, 1));
	free(r);
}

/* A recorder plays a check again, from elsewhere and from the same place. */
static void replays(void **state)
{
	struct rig *r = rig_new();
	const struct check c = {.pwd = r->ice.pwd, .tid = 9, .use = true};
	struct sp_addr thief = at(666);

	(void)state;
	assert_int_equal(hear(r, &c, 5000, 100), ICE_NOMINATED);
	assert_int_equal(hear(r, &c, 666, 200), ICE_IGNORED);
	assert_int_equal(r->n, 0);
	assert_false(ice_valid(&r->ice, 0, &thief));
	assert_int_equal(ice_peer(&r->ice, 0, 200)->port, 5000);
	/* a retransmission has its answer, and renews nothing */
	assert_int_equal(hear(r, &c, 5000, 20000), ICE_ANSWERED);
	answered(r, 9, 5000, 0);
	assert_null(ice_peer(&r->ice, 0, 100 + ICE_CONSENT_MS));
	/* after a restart of ours nothing is known of what was heard: nobody
	 * else is nominated until ICE restarts */
	ice_restore(&r->ice, 0, &(struct sp_addr){4, 32, 5000, {10, 1, 0, 9}},
		    100000);
	assert_int_not_equal(
		hear(r,
		     &(struct check){.pwd = r->ice.pwd, .tid = 10, .use = true},
		     666, 100001),
		ICE_NOMINATED);
	assert_int_equal(ice_peer(&r->ice, 0, 100001)->port, 5000);
	free(r);
}

static void refusals(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	assert_int_equal(hear(r,
			      &(struct check){.pwd = r->ice.pwd,
					      .tid = 3,
					      .use = true,
					      .controlled = true},
			      5000, 1),
			 ICE_ANSWERED);
	answered(r, 3, 5000, 487);
	assert_null(ice_peer(&r->ice, 0, 1));
	free(r);
}

/* Checks may be faster than the SDP; its ufrag then has to be theirs. */
static void early(void **state)
{
	static const struct {
		const char *ufrag;
		bool stays;
	} cases[] = {{"h6vY", true}, {"h6vZ", false}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct rig *r = rig_new();

		r->ice.remote[0] = '\0';
		assert_int_equal(hear(r,
				      &(struct check){.pwd = r->ice.pwd,
						      .tid = 3,
						      .use = true},
				      5000, 1),
				 ICE_NOMINATED);
		ice_remote(&r->ice, cases[i].ufrag);
		assert_true((ice_peer(&r->ice, 0, 2) != NULL) ==
			    cases[i].stays);
		free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sample),   cmocka_unit_test(nominates),
		cmocka_unit_test(forgers),  cmocka_unit_test(replays),
		cmocka_unit_test(refusals), cmocka_unit_test(early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
