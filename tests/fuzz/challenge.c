/* SPDX-License-Identifier: Apache-2.0 */
/* Challenges as a trunk, or who answers in its place, sends them: what is taken
 * is answered in one line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "control/trunk/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1); /* its end is the view's */
	struct challenge c;
	struct mbuf *mb;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (challenge_read(&c, copy, size, size & 1)) {
		mb = mbuf_alloc(64);
		if (mb &&
		    !challenge_print(&c, mb, "user", "password", "INVITE",
				     "sip:a@b") &&
		    (memchr(mb->buf, '\n', mb->end) !=
		     (char *)mb->buf + mb->end - 1))
			abort();
		mem_deref(mb);
	}
	free(copy);
	return 0;
}
