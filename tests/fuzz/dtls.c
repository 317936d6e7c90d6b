/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams at a DTLS association, as anybody can send them to a media port:
 * first octet: passive or active, with ICE or without; then datagrams, each
 * behind two octets of length. No keys may come of it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "control/keying/dtls.h"
#include "control/keying/identity.h"
#include "control/libre.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_send(const struct sp_addr *to, const void *p, size_t n,
		    void *arg)
{
	(void)to;
	(void)p;
	(void)arg;
	if (n == 0 || n > DTLS_MTU)
		abort();
}

static void on_event(enum assoc_event e, const char *why, void *arg)
{
	(void)why;
	(void)arg;
	if (e == DTLS_KEYS)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t suites[8] = {SP_SUITE_AEAD_AES_128_GCM};
	static const struct assoc_handlers h = {on_send, on_event, NULL};
	static const struct sp_addr peer = {4, 32, 5000, {10, 1, 0, 9}};
	static const struct fingerprint fp = {FP_SHA256, 32, {1}};
	static struct identity *id;
	struct assoc *a;
	bool trusted;

	if (!id) {
		libre_init();
		id = identity_get(1);
	}
	if (size < 1)
		return 0;
	a = assoc_new(id, suites, &h);
	trusted = data[0] & 2;
	assoc_expect(a, &fp, 1);
	assoc_start(a, data[0] & 1 ? DTLS_ACTIVE : DTLS_PASSIVE, &peer);
	data++;
	size--;
	while (size > 2) {
		size_t n = (size_t)(data[0] << 8 | data[1]);
		uint8_t *p;

		data += 2;
		size -= 2;
		if (n > size)
			n = size;
		p = malloc(n ? n : 1);
		memcpy(p, data, n);
		assoc_recv(a, &peer, p, n, trusted);
		free(p);
		data += n;
		size -= n;
	}
	assoc_free(a);
	return 0;
}
