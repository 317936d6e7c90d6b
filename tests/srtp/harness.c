/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/srtp/harness.h"

const uint16_t all_suites[] = {
#define X(symbol, id, name, key, salt, tag, ctag) id,
	SP_SUITES(X)
#undef X
		0};

bool is_aead(uint16_t suite)
{
	return sp_suite_info(suite)->salt_len == 12;
}

static void *mem_alloc(void *ctx, size_t size, size_t align)
{
	struct subject *u = ctx;
	void *p = aligned_alloc(align, (size + align - 1) & ~(align - 1));

	assert_non_null(p);
	memset(p, 0xa5, size);
	u->in_use += size;
	u->peak = u->in_use > u->peak ? u->in_use : u->peak;
	return p;
}

static void mem_free(void *ctx, void *p, size_t size)
{
	struct subject *u = ctx;
	const uint8_t *octet = p;

	for (size_t i = 0; i < size; i++)
		assert_int_equal(octet[i], 0);
	u->in_use -= size;
	free(p);
}

unsigned subjects(struct subject out[], unsigned max)
{
	static const struct {
		const struct srtp_backend *b;
		const char *isa;
	} all[] = {
		{&srtp_ipsec_mb, "sse"},    {&srtp_ipsec_mb, "avx2"},
		{&srtp_ipsec_mb, "avx512"}, {&srtp_ipsec_mb, ""},
		{&srtp_libsrtp2, ""},
	};
	unsigned n = 0;

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]) && n < max; i++) {
		struct srtp_engine *e = all[i].b->engine_new(all[i].isa);

		if (!e) {
			printf("# %s has no %s here\n", all[i].b->name,
			       all[i].isa);
			continue;
		}
		out[n] = (struct subject){
			.b = all[i].b,
			.isa = all[i].isa,
			.e = e,
			.mem = {mem_alloc, mem_free, &out[n]},
		};
		n++;
	}
	return n;
}

void subjects_free(struct subject u[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		u[i].b->engine_free(u[i].e);
}

uint64_t rng_next(struct rng *r)
{
	r->x ^= r->x >> 12;
	r->x ^= r->x << 25;
	r->x ^= r->x >> 27;
	return r->x * UINT64_C(0x2545f4914f6cdd1d);
}

unsigned rng_below(struct rng *r, unsigned n)
{
	return (rng_next(r) >> 32) % n;
}

void rng_fill(struct rng *r, void *p, size_t len)
{
	uint8_t *octet = p;

	for (size_t i = 0; i < len; i++)
		octet[i] = rng_next(r) >> 56;
}

struct srtp_master make_master(uint16_t suite, uint8_t number, uint8_t mki_len)
{
	struct srtp_master m = {.suite = suite, .mki_len = mki_len};
	struct rng r = {number + 1000u};

	memset(m.mki, number, mki_len);
	rng_fill(&r, m.key, sizeof(m.key));
	rng_fill(&r, m.salt, sizeof(m.salt));
	return m;
}

struct srtp_session *open_session(struct subject *u,
				  const struct srtp_master *m,
				  enum srtp_dir dir, unsigned window)
{
	struct srtp_session *s =
		u->b->session_new(u->e, m, dir, window, &u->mem);

	assert_non_null(s);
	assert_true(u->b->session_widen(s));
	return s;
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = v >> 24;
	p[1] = v >> 16;
	p[2] = v >> 8;
	p[3] = v;
}

struct packet make_rtp_long(uint32_t ssrc, uint16_t seq, unsigned payload,
			    unsigned csrcs, int words)
{
	struct packet p = {.len = 12 + 4 * csrcs};
	struct rng r = {(uint64_t)ssrc << 16 | seq | UINT64_C(1) << 63};

	p.data[0] = 0x80 | (words >= 0 ? 0x10 : 0) | csrcs;
	p.data[1] = 96;
	p.data[2] = seq >> 8;
	p.data[3] = seq;
	put32(p.data + 4, seq * 160u);
	put32(p.data + 8, ssrc);
	rng_fill(&r, p.data + 12, 4 * csrcs);
	if (words >= 0) {
		put32(p.data + p.len, 0xbede0000u | (unsigned)words);
		rng_fill(&r, p.data + p.len + 4, 4 * (unsigned)words);
		p.len += 4 + 4 * words;
	}
	assert_true(p.len + payload <= BUF);
	rng_fill(&r, p.data + p.len, payload);
	p.len += payload;
	return p;
}

struct packet make_rtp(uint32_t ssrc, uint16_t seq, unsigned payload)
{
	return make_rtp_long(ssrc, seq, payload, 0, -1);
}

struct packet make_rtcp(uint32_t ssrc, unsigned payload)
{
	struct packet p = {.len = 8 + payload};
	struct rng r = {ssrc | UINT64_C(1) << 62};

	put32(p.data, 0x80c80000u | ((8 + payload) / 4 - 1));
	put32(p.data + 4, ssrc);
	rng_fill(&r, p.data + 8, payload);
	return p;
}

uint16_t run(struct subject *u, enum op op, struct srtp_pkt pkt[], uint16_t n)
{
	switch (op) {
	case RTP_SEAL:
		return u->b->protect(u->e, pkt, n);
	case RTP_OPEN:
		return u->b->unprotect(u->e, pkt, n);
	case RTCP_SEAL:
		return u->b->rtcp_protect(u->e, pkt, n);
	default:
		return u->b->rtcp_unprotect(u->e, pkt, n);
	}
}

uint8_t run1(struct subject *u, enum op op, struct srtp_session *s,
	     struct packet *p)
{
	struct srtp_pkt pkt = {.s = s,
			       .data = p->data,
			       .cookie = p,
			       .len = p->len,
			       .room = BUF};
	uint16_t done = run(u, op, &pkt, 1);

	assert_int_equal(done, pkt.verdict == SRTP_OK);
	assert_ptr_equal(pkt.cookie, p);
	if (done)
		p->len = pkt.len;
	else
		assert_int_equal(pkt.len, p->len);
	return pkt.verdict;
}

unsigned unhex(const char *s, uint8_t *out, unsigned max)
{
	unsigned n = 0, high = 16;

	for (; *s; s++) {
		unsigned digit;

		if (isspace((unsigned char)*s))
			continue;
		assert_true(isxdigit((unsigned char)*s));
		digit = isdigit((unsigned char)*s)
				? (unsigned)(*s - '0')
				: (unsigned)(tolower(*s) - 'a' + 10);
		if (high == 16) {
			high = digit;
			continue;
		}
		assert_true(n < max);
		out[n++] = high << 4 | digit;
		high = 16;
	}
	return n;
}
