/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/sframe_header.c - an SFrame header of a stranger, and a packet to
 * each kind and suite. A header that is taken is the one encoding of what it
 * says; nothing made up opens; and it harms no stream: the honest packet that
 * comes next opens. */
#include "control/e2ee/media_int.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t base[E2EE_BASE_KEY] = {1, 2, 3};

static void header(const uint8_t *p, size_t n)
{
	uint8_t again[SFRAME_HEADER_MAX];
	struct sframe_header h;

	if (!sframe_header_read(p, n, &h))
		return;
	if (h.len > n || sframe_header_write(again, h.kid, h.ctr) != h.len ||
	    memcmp(again, p, h.len) ||
	    sframe_header_size(h.kid, h.ctr) != h.len)
		abort();
}

static void packet(uint16_t suite, enum e2ee_kind kind, const uint8_t *p,
		   size_t n)
{
	static const struct media_limits limits = {1, MEDIA_STEP_MS};
	struct receiver *r = receiver_new(suite, kind, base);
	struct sender *s = sender_new(suite, kind, base, &limits);
	uint8_t honest[128], *out = malloc(n + 1);
	struct media_frame f = {.codec = MEDIA_OPUS};
	size_t len;

	if (!r || !s || !out)
		abort();
	if (receiver_open(r, 0, p, n, out, n, &f) == MEDIA_OK)
		abort();
	f = (struct media_frame){.codec = MEDIA_OPUS};
	for (int i = 0; i < 2; i++) {
		if (sender_seal(s, 0, &f, honest, sizeof(honest), &len) ||
		    receiver_open(r, 0, honest, len, out, n + 1, &f) ==
			    MEDIA_TAG)
			abort();
		receiver_open(r, 0, p, n, out, n, &f);
	}
	free(out);
	sender_free(s);
	receiver_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t suites[] = {1, 4, 5};

	header(data, size);
	if (!size)
		return 0;
	packet(suites[data[0] % 3], data[0] / 3 % E2EE_KINDS, data + 1,
	       size - 1);
	return 0;
}
