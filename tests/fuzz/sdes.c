/* SPDX-License-Identifier: Apache-2.0 */
/* a=crypto that strangers send: what is taken prints, parses again and is the
 * same; what isn't leaves nothing behind and says why. */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "control/keying/sdes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sdes_key k, again;
	char text[SDES_TEXT_MAX];
	const char *why = "";

	if (sdes_parse((const char *)data, size, &k, &why) != SDES_OK) {
		must(why && why[0]);
		must(sodium_is_zero((uint8_t *)&k, sizeof(k)));
		return 0;
	}
	must(!why && sp_suite_info(k.suite));
	must(sdes_print(&k, text) > 7);
	must(sdes_parse(text + 7, strlen(text + 7), &again, &why) == SDES_OK);
	must(again.tag == k.tag && sdes_same(&again, &k));
	return 0;
}
