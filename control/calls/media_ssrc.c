/* SPDX-License-Identifier: Apache-2.0 */
/* a=ssrc and a=ssrc-group (RFC 5576) where the dataplane puts a mask over
 * SSRCs: what is announced is what arrives. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/calls/media_impl.h"

#define SSRC_LINES_MAX 64
#define SSRC_TEXT_MAX  512

/* "ssrc:<ssrc> ..." and "ssrc-group:<semantics> <ssrc> ...". @return false: too
 * long to be written anew. */
static bool masked(const struct sdp_attr *a, uint32_t mask,
		   char out[SSRC_TEXT_MAX])
{
	bool group = sdp_view_eq(a->name, "ssrc-group");
	struct sdp_view rest = a->value, word;
	int n = snprintf(out, SSRC_TEXT_MAX, "%s",
			 group ? "ssrc-group:" : "ssrc:");
	bool first = true;
	uint32_t ssrc;

	while (n < SSRC_TEXT_MAX && sdp_view_word(&rest, &word)) {
		bool number = group ? !first : first;

		if (number && sdp_view_u32(word, UINT32_MAX, &ssrc))
			n += snprintf(out + n, (size_t)(SSRC_TEXT_MAX - n),
				      "%s%" PRIu32, first ? "" : " ",
				      ssrc ^ mask);
		else
			n += snprintf(out + n, (size_t)(SSRC_TEXT_MAX - n),
				      "%s%.*s", first ? "" : " ", (int)word.len,
				      word.p);
		first = false;
	}
	return n < SSRC_TEXT_MAX;
}

int media_ssrc_mask(struct sdp *s, unsigned i, uint32_t mask)
{
	char(*text)[SSRC_TEXT_MAX];
	struct sdp_attr a;
	unsigned n = 0;
	int err = 0;

	if (!mask)
		return 0;
	text = calloc(SSRC_LINES_MAX, sizeof(*text));
	if (!text)
		return ENOMEM;
	for (unsigned pos = 0;
	     n < SSRC_LINES_MAX && sdp_attr_next(s, (int)i, &pos, &a);)
		if (sdp_view_eq(a.name, "ssrc") ||
		    sdp_view_eq(a.name, "ssrc-group"))
			n += masked(&a, mask, text[n]);
	sdp_attr_remove(s, (int)i, "ssrc");
	sdp_attr_remove(s, (int)i, "ssrc-group");
	for (unsigned k = 0; !err && k < n; k++)
		err = sdp_attr_add(s, (int)i, text[k]);
	free(text);
	return err;
}
