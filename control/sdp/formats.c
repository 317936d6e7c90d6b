/* SPDX-License-Identifier: Apache-2.0 */
/* Formats of an m-line chosen anew: the list, and the attributes about them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "control/sdp/doc.h"

struct formats {
	const uint8_t *pt;
	unsigned n;
};

static bool kept(const struct formats *f, uint32_t pt)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->pt[i] == pt)
			return true;
	return false;
}

/* a=rtpmap:<pt> ..., a=fmtp:<pt> ..., a=rtcp-fb:<pt> ... of what is gone. */
static bool about_another(char type, struct sdp_view v, void *arg)
{
	static const char *const names[] = {"rtpmap:", "fmtp:", "rtcp-fb:"};
	struct sdp_view word;
	uint32_t pt;

	if (type != 'a')
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = strlen(names[i]);

		if (v.len <= n || memcmp(v.p, names[i], n) != 0)
			continue;
		v.p += n;
		v.len -= n;
		return sdp_view_word(&v, &word) &&
		       sdp_view_u32(word, 127, &pt) && !kept(arg, pt);
	}
	return false;
}

int sdp_formats_set(struct sdp *s, unsigned m, const uint8_t pt[], unsigned n)
{
	struct formats f = {pt, n};
	char text[SDP_LINE_MAX];
	struct sdp_mline ml;
	int at;

	if (n == 0)
		return EINVAL;
	sdp_mline(s, m, &ml);
	at = snprintf(text, sizeof(text), "%.*s %u %.*s", (int)ml.kind.len,
		      ml.kind.p, ml.port, (int)ml.proto.len, ml.proto.p);
	for (unsigned i = 0; i < n && at > 0 && (size_t)at < sizeof(text); i++)
		at += snprintf(text + at, sizeof(text) - (size_t)at, " %u",
			       pt[i]);
	if (at < 0 || (size_t)at >= sizeof(text))
		return EMSGSIZE;
	sdp_lines_remove(s, (int)m, about_another, &f);
	return sdp_line_replace(&sdp_section(s, (int)m)->line[0], text,
				(size_t)at);
}
