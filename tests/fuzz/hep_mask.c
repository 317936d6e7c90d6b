/* SPDX-License-Identifier: Apache-2.0 */
/* A secret behind whatever comes first is masked, and nothing is written beyond
 * the message. */
#include <stdlib.h>
#include <string.h>
#include "control/hep/mask.h"

#define SECRET "SECRETKEYOCTETS"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char tail[] =
		"\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" SECRET "\r\n";
	size_t len = size + sizeof(tail) - 1;
	uint8_t *p = malloc(len);

	if (!p)
		return 0;
	if (size)
		memcpy(p, data, size);
	memcpy(p + size, tail, sizeof(tail) - 1);
	mask_sip(p, len);
	for (size_t i = size; i + sizeof(SECRET) - 1 <= len; i++)
		if (!memcmp(p + i, SECRET, sizeof(SECRET) - 1))
			abort();
	free(p);
	return 0;
}
