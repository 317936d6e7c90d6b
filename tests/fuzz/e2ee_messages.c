/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/e2ee_messages.c - M1 to M5 into both sides at each state.
 *
 * First octet: how far the honest handshake went (low bits), which side gets
 * the rest, and how: as a message, through SDP, or laid over the honest message
 * whose turn it is (so that single fields are reached). The identity block is
 * behind an AEAD that a fuzzer won't forge, so its reader also gets the octets
 * directly. Nobody may come to a lock by what was made up. */
#include "tests/e2ee/pair.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void readers(const uint8_t *p, size_t n)
{
	struct e2ee_view v = {p, n}, idb;
	struct e2ee_idb block;
	const uint8_t *sig;
	const char *where;

	e2ee_idb_read(v, &block, &where);
	if (!e2ee_signed_read(v, &idb, &sig, &where))
		e2ee_idb_read(idb, &block, &where);
	e2ee_aor_valid(p, n);
}

/* What's left of an honest message, and the data xored over it. */
static size_t overlay(uint8_t *msg, size_t n, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i + 2 < len; i += 3) {
		size_t at = (size_t)(p[i] << 8 | p[i + 1]) % (n ? n : 1);

		msg[at] ^= p[i + 2];
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t msg[E2EE_MSG_MAX + 8], how;
	struct e2ee_result r;
	struct e2ee *h;
	struct pair p;
	int upto;
	size_t n;

	if (!size)
		return 0;
	how = *data++;
	size--;
	readers(data, size);
	n = size < sizeof(msg) ? size : sizeof(msg);
	upto = 1 + how % 8 % 5;
	pair_init(&p, 1);
	if (!pair_start(&p) || !pair_upto(&p, upto))
		abort();
	h = how & 8 ? pair_to(&p, upto) : p.side[how >> 7];
	if (how & 8) {
		memcpy(msg, p.msg[upto], p.len[upto]);
		n = overlay(msg, p.len[upto], data, size);
	} else {
		memcpy(msg, data, n);
	}
	if (how & 16 || (upto <= 2 && how & 8)) {
		const char *sdp =
			pair_sdp(msg, n <= E2EE_MSG_MAX ? n : E2EE_MSG_MAX);

		r = e2ee_sdp(h, sdp, strlen(sdp), p.now);
	} else {
		r = e2ee_feed(h, msg, n, p.now);
	}
	if (r.act == E2EE_LOCK &&
	    (upto != 5 || n != p.len[5] || memcmp(msg, p.msg[5], n)))
		abort();
	if (r.act == E2EE_SEND && r.len > E2EE_OUT_MAX)
		abort();
	e2ee_tick(h, p.now + 20000);
	pair_free(&p);
	return 0;
}
