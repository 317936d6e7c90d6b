/* SPDX-License-Identifier: Apache-2.0 */
/* What an m-line says about its media: direction, codecs, bandwidth.
 * RFC 8866 section 6, RFC 3551 section 6 (static payload types). */
#include <errno.h>
#include <string.h>
#include "control/sdp/doc.h"

static const char *const dir_name[] = {
	[SDP_INACTIVE] = "inactive",
	[SDP_RECVONLY] = "recvonly",
	[SDP_SENDONLY] = "sendonly",
	[SDP_SENDRECV] = "sendrecv",
};

static bool dir_in(const struct sdp *s, int section, enum sdp_dir *out)
{
	struct sdp_view v;

	for (int d = SDP_INACTIVE; d <= SDP_SENDRECV; d++) {
		if (sdp_attr_find(s, section, dir_name[d], &v)) {
			*out = d;
			return true;
		}
	}
	return false;
}

enum sdp_dir sdp_dir(const struct sdp *s, unsigned m)
{
	enum sdp_dir d = SDP_SENDRECV;

	if (!dir_in(s, (int)m, &d))
		dir_in(s, SDP_SESSION, &d);
	return d;
}

int sdp_dir_set(struct sdp *s, unsigned m, enum sdp_dir d)
{
	for (int i = SDP_INACTIVE; i <= SDP_SENDRECV; i++)
		sdp_attr_remove(s, (int)m, dir_name[i]);
	return sdp_attr_add(s, (int)m, dir_name[d]);
}

static const struct {
	uint8_t pt;
	const char *name;
	uint32_t clock, channels;
} static_types[] = {
	{0, "PCMU", 8000, 1},	{3, "GSM", 8000, 1},	{4, "G723", 8000, 1},
	{5, "DVI4", 8000, 1},	{6, "DVI4", 16000, 1},	{7, "LPC", 8000, 1},
	{8, "PCMA", 8000, 1},	{9, "G722", 8000, 1},	{10, "L16", 44100, 2},
	{11, "L16", 44100, 1},	{12, "QCELP", 8000, 1}, {13, "CN", 8000, 1},
	{14, "MPA", 90000, 1},	{15, "G728", 8000, 1},	{16, "DVI4", 11025, 1},
	{17, "DVI4", 22050, 1}, {18, "G729", 8000, 1},	{26, "JPEG", 90000, 1},
	{31, "H261", 90000, 1}, {32, "MPV", 90000, 1},	{34, "H263", 90000, 1},
};

static struct sdp_view view_of(const char *s)
{
	return (struct sdp_view){s, strlen(s)};
}

/* The next field of "name/clock/channels". */
static struct sdp_view cut_slash(struct sdp_view *v)
{
	const char *slash = v->len ? memchr(v->p, '/', v->len) : NULL;
	struct sdp_view f = *v;

	if (slash) {
		f.len = (size_t)(slash - v->p);
		v->p = slash + 1;
		v->len -= f.len + 1;
	} else {
		v->p += v->len;
		v->len = 0;
	}
	return f;
}

/* The attribute `name` whose first word is this payload type; the rest. */
static bool attr_of_pt(const struct sdp *s, unsigned m, const char *name,
		       uint8_t pt, struct sdp_view *rest)
{
	struct sdp_view word;
	struct sdp_attr a;
	uint32_t n;

	for (unsigned pos = 0; sdp_attr_next(s, (int)m, &pos, &a);) {
		if (!sdp_view_eq(a.name, name) ||
		    !sdp_view_word(&a.value, &word) ||
		    !sdp_view_u32(word, 127, &n) || n != pt)
			continue;
		while (a.value.len && *a.value.p == ' ') {
			a.value.p++;
			a.value.len--;
		}
		*rest = a.value;
		return true;
	}
	return false;
}

static void codec_look_up(const struct sdp *s, unsigned m, struct sdp_codec *c)
{
	struct sdp_view map;

	c->name = view_of("");
	c->clock = 8000;
	c->channels = 1;
	if (attr_of_pt(s, m, "rtpmap", c->pt, &map)) {
		c->name = cut_slash(&map);
		sdp_view_u32(cut_slash(&map), UINT32_MAX, &c->clock);
		sdp_view_u32(cut_slash(&map), 255, &c->channels);
		return;
	}
	for (size_t i = 0; i < sizeof(static_types) / sizeof(*static_types);
	     i++) {
		if (static_types[i].pt != c->pt)
			continue;
		c->name = view_of(static_types[i].name);
		c->clock = static_types[i].clock;
		c->channels = static_types[i].channels;
	}
}

bool sdp_codec_next(const struct sdp *s, unsigned m, unsigned *pos,
		    struct sdp_codec *out)
{
	struct sdp_view word, rest;
	struct sdp_mline ml;
	uint32_t pt;

	sdp_mline(s, m, &ml);
	rest = (struct sdp_view){ml.fmts.p + *pos, ml.fmts.len - *pos};
	while (sdp_view_word(&rest, &word)) {
		*pos = (unsigned)(rest.p - ml.fmts.p);
		if (!sdp_view_u32(word, 127, &pt))
			continue;
		out->pt = (uint8_t)pt;
		codec_look_up(s, m, out);
		return true;
	}
	return false;
}

bool sdp_fmtp(const struct sdp *s, unsigned m, uint8_t pt,
	      struct sdp_view *params)
{
	return attr_of_pt(s, m, "fmtp", pt, params);
}

static uint64_t bandwidth_in(const struct section *sec)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < sec->n; i++) {
		struct sdp_view v = line_view(&sec->line[i]);
		bool as = v.len > 3 && memcmp(v.p, "AS:", 3) == 0;
		bool tias = v.len > 5 && memcmp(v.p, "TIAS:", 5) == 0;
		size_t skip = as ? 3 : 5;
		uint32_t n;

		if (sec->line[i].type != 'b' || (!as && !tias) ||
		    !sdp_view_u32((struct sdp_view){v.p + skip, v.len - skip},
				  UINT32_MAX, &n))
			continue;
		if (bits < n * (as ? 1000ull : 1ull))
			bits = n * (as ? 1000ull : 1ull);
	}
	return bits;
}

uint64_t sdp_bandwidth(const struct sdp *s, unsigned m)
{
	uint64_t bits = bandwidth_in(sdp_csection(s, (int)m));

	return bits ? bits : bandwidth_in(&s->sec[0]);
}
