/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/e2ee_attr.c - a=e2ee: an SDP of a stranger, and a value. What is
 * taken is the one encoding of what it decodes to. */
#include "control/e2ee/attribute.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void value(const char *p, size_t n)
{
	static char again[E2EE_ATTR_MAX + 1];
	static uint8_t msg[E2EE_MSG_MAX];
	size_t len;

	if (e2ee_attr_decode(p, n, msg, &len))
		return;
	if (e2ee_attr_encode(again, sizeof(again), msg, len) != n ||
	    memcmp(again, p, n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	enum e2ee_reason why;
	struct e2ee_view v;

	value(text, size);
	if (!e2ee_attr_find(text, size, &v, &why)) {
		if (!why)
			abort();
		return 0;
	}
	if (v.p)
		value((const char *)v.p, v.n);
	return 0;
}
