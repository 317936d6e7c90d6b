/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded pieces of text. */
#include "control/sdp/sdp.h"
#include <string.h>
#include <strings.h>

bool sdp_view_eq(struct sdp_view v, const char *s)
{
	return v.len == strlen(s) && memcmp(v.p, s, v.len) == 0;
}

bool sdp_view_ieq(struct sdp_view v, const char *s)
{
	return v.len == strlen(s) && strncasecmp(v.p, s, v.len) == 0;
}

bool sdp_view_word(struct sdp_view *v, struct sdp_view *word)
{
	while (v->len && *v->p == ' ') {
		v->p++;
		v->len--;
	}
	word->p = v->p;
	word->len = 0;
	while (v->len && *v->p != ' ') {
		v->p++;
		v->len--;
		word->len++;
	}
	return word->len > 0;
}

bool sdp_view_u32(struct sdp_view v, uint32_t max, uint32_t *out)
{
	uint64_t n = 0;

	if (v.len == 0 || v.len > 10)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(v.p[i] - '0');
	}
	if (n > max)
		return false;
	*out = (uint32_t)n;
	return true;
}

void sdp_view_copy(struct sdp_view v, char *out, size_t size)
{
	size_t n = v.len < size ? v.len : size - 1;

	memcpy(out, v.p, n);
	out[n] = '\0';
}
