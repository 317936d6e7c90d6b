/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and tel: URIs as strangers send them. Whatever comes out as E.164 is
 * E.164, and every format of it reads back as the same number. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "control/trunk/number.h"

static const struct number_plan plan = {"49", "30", "00", "0", 4};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct number *n)
{
	char out[NUMBER_MAX];
	struct number back;

	if (n->kind <= NUMBER_INTERNAL)
		return;
	if (!number_is_e164(n->text))
		abort();
	for (unsigned f = 0; f < NUMBER_FORMATS; f++) {
		number_print(out, n, &plan, f);
		number_from_trunk(&back, &plan, f, out, strlen(out));
		if (strcmp(back.text, n->text))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1); /* its end is the view's */
	struct number n;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	number_read(&n, &plan, copy, size);
	check(&n);
	number_of_uri(&n, &plan, "sip.test", copy, size);
	check(&n);
	free(copy);
	return 0;
}
