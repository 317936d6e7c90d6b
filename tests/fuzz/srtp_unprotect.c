/* SPDX-License-Identifier: Apache-2.0 */
/* Arbitrary octets as SRTP and SRTCP, to every suite; and a twin of each that
 * was sealed first, as it is and with an octet changed.
 *
 * Input: an octet of options (MKI, RTCP, burst), two that say what to change in
 * the twin, the rest is the packet. Packets are in blocks of just their size,
 * for ASan. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/srtp/srtp.h"

#define TWINS 4

static void *take(void *ctx, size_t size, size_t align)
{
	(void)ctx;
	return aligned_alloc(align, (size + align - 1) & ~(align - 1));
}

static void leave(void *ctx, void *p, size_t size)
{
	(void)ctx, (void)size;
	free(p);
}

static const struct srtp_mem mem = {take, leave, NULL};
static const struct srtp_backend *const b = &srtp_ipsec_mb;
static struct srtp_engine *engine;

static const uint16_t suites[] = {
#define X(symbol, id, name, key, salt, tag, ctag) id,
	SP_SUITES(X)
#undef X
};

static void must(int held)
{
	if (!held)
		abort();
}

/* The same octets, n times in one burst. @return how many were taken. */
static unsigned open_twins(struct srtp_session *rx, const uint8_t *data,
			   size_t size, unsigned n, int rtcp, uint8_t *plain,
			   size_t *plain_len)
{
	struct srtp_pkt pkt[TWINS];
	uint8_t *copy[TWINS];
	unsigned done;

	for (unsigned i = 0; i < n; i++) {
		copy[i] = malloc(size ? size : 1);
		must(copy[i] != NULL);
		memcpy(copy[i], data, size);
		pkt[i] = (struct srtp_pkt){.s = rx,
					   .data = copy[i],
					   .cookie = copy[i],
					   .len = size,
					   .room = size};
	}
	done = (rtcp ? b->rtcp_unprotect : b->unprotect)(engine, pkt, n);
	for (unsigned i = 0; i < n; i++)
		must((pkt[i].verdict == SRTP_OK) == (i < done) &&
		     pkt[i].verdict < SRTP_VERDICTS && pkt[i].len <= size);
	if (done && plain) {
		memcpy(plain, pkt[0].data, pkt[0].len);
		*plain_len = pkt[0].len;
	}
	for (unsigned i = 0; i < n; i++)
		free(copy[i]);
	return done;
}

static void one_suite(uint16_t suite, unsigned mki_len, unsigned n, int rtcp,
		      const uint8_t change[2], const uint8_t *data, size_t size)
{
	const struct srtp_master m = {.suite = suite,
				      .mki_len = mki_len,
				      .mki = {1, 2, 3, 4, 5, 6, 7, 8},
				      .key = {42},
				      .salt = {7}};
	struct srtp_session *tx =
		b->session_new(engine, &m, SRTP_TX, 128, &mem);
	struct srtp_session *rx =
		b->session_new(engine, &m, SRTP_RX, 128, &mem);
	const size_t room = size + SRTP_TRAILER_MAX;
	uint8_t *sealed = malloc(room), *plain = malloc(room);
	struct srtp_pkt pkt = {
		.s = tx, .data = sealed, .len = size, .room = room};
	size_t len = 0;

	must(tx && rx && sealed && plain);
	/* A stranger's: never taken, as no one guesses a tag of ours. */
	must(open_twins(rx, data, size, n, rtcp, NULL, NULL) == 0);

	memcpy(sealed, data, size);
	if ((rtcp ? b->rtcp_protect : b->protect)(engine, &pkt, 1) == 1) {
		uint8_t *octet = &sealed[change[0] * pkt.len / 256];

		if (change[1]) {
			*octet ^= change[1];
			must(open_twins(rx, sealed, pkt.len, n, rtcp, NULL,
					NULL) == 0);
			*octet ^= change[1];
		}
		must(open_twins(rx, sealed, pkt.len, n, rtcp, plain, &len) ==
		     1);
		must(len == size && !memcmp(plain, data, size));
		must(open_twins(rx, sealed, pkt.len, n, rtcp, NULL, NULL) == 0);
	}
	free(sealed);
	free(plain);
	b->session_free(tx);
	b->session_free(rx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!engine)
		engine = b->engine_new("");
	must(engine != NULL);
	if (size < 3 || size > 2048)
		return 0;
	for (unsigned i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		one_suite(suites[i], data[0] & 4 ? 1 + (data[0] >> 5) : 0,
			  1 + (data[0] & 3), data[0] & 8, data + 1, data + 3,
			  size - 3);
	return 0;
}
