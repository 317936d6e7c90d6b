/* SPDX-License-Identifier: Apache-2.0 */
/* Flags that change an offer before the call model has it: which codecs the
 * other side sees, and where media are said to be. */
#include <string.h>
#include "control/ng/impl.h"

#define FORMATS_MAX 64 /* payload types of an m-line that are looked at */

/* Does "opus", "opus/48000/2" or "all" name this codec? */
static bool names(struct pl spec, const struct sdp_codec *c)
{
	const char *slash = spec.l ? memchr(spec.p, '/', spec.l) : NULL;
	struct pl name = {spec.p, slash ? (size_t)(slash - spec.p) : spec.l};
	struct pl mine = {c->name.p, c->name.len};
	uint32_t clock;

	if (flags_same(spec, "all") || flags_same(spec, "full"))
		return true;
	if (mine.l == 0 || pl_casecmp(&name, &mine) != 0)
		return false;
	if (!slash)
		return true;
	name.p = slash + 1;
	name.l = spec.l - (size_t)(name.p - spec.p);
	slash = name.l ? memchr(name.p, '/', name.l) : NULL;
	if (slash)
		name.l = (size_t)(slash - name.p);
	clock = pl_u32(&name);
	return !clock || clock == c->clock;
}

static int place(const struct flags_list *l, const struct sdp_codec *c)
{
	for (unsigned i = 0; i < l->n; i++)
		if (names(l->v[i], c))
			return (int)i;
	return -1;
}

bool ng_edit_needed(const struct ng_flags *f)
{
	return f->codec_strip.n;
}

bool ng_mask_needed(const struct ng_flags *f)
{
	return f->codec_mask.n;
}

/* What is left of an m-line's codecs when `without` go: the others, in their
 * order, then those that are to go and are wanted nevertheless, in the order
 * asked. */
static unsigned choose(const struct sdp *s, unsigned m,
		       const struct flags_list *without,
		       const struct flags_list *except,
		       const struct flags_list *wanted, uint8_t pt[FORMATS_MAX])
{
	struct {
		uint8_t pt;
		int place;
	} again[FORMATS_MAX];
	unsigned n = 0, more = 0;
	struct sdp_codec c;

	for (unsigned pos = 0;
	     n + more < FORMATS_MAX && sdp_codec_next(s, m, &pos, &c);) {
		bool gone = place(without, &c) >= 0;
		int back = place(wanted, &c);

		if (!gone || place(except, &c) >= 0) {
			pt[n++] = c.pt;
		} else if (back >= 0) {
			again[more].pt = c.pt;
			again[more++].place = back;
		}
	}
	for (unsigned p = 0; p < wanted->n; p++)
		for (unsigned i = 0; i < more; i++)
			if (again[i].place == (int)p)
				pt[n++] = again[i].pt;
	return n;
}

int ng_edit_offer(struct sdp *s, const struct ng_flags *f,
		  struct media_why *why)
{
	uint8_t pt[FORMATS_MAX];
	struct sdp_mline ml;
	unsigned n;
	int err;

	for (unsigned m = 0; m < sdp_media_count(s); m++) {
		sdp_mline(s, m, &ml);
		if (!sdp_view_eq(ml.kind, "audio") &&
		    !sdp_view_eq(ml.kind, "video"))
			continue;
		n = choose(s, m, &f->codec_strip, &f->codec_except,
			   &f->codec_offer, pt);
		/* nothing left: that medium isn't offered */
		err = n ? sdp_formats_set(s, m, pt, n)
			: sdp_mline_set(s, m, 0, NULL);
		if (err) {
			why->status = 500;
			snprintf(why->text, sizeof(why->text),
				 "The codecs of m-line %u can't be changed",
				 m + 1);
			return -1;
		}
	}
	return 0;
}

/* Codecs that carry sound, not digits or redundancy. */
static bool sounds(const struct sdp *s, unsigned m, const uint8_t pt[],
		   unsigned n)
{
	static const struct pl none[] = {PL("telephone-event"), PL("CN"),
					 PL("red")};
	struct sdp_codec c;

	for (unsigned pos = 0; sdp_codec_next(s, m, &pos, &c);) {
		bool kept = false, aside = false;

		for (unsigned i = 0; i < n; i++)
			kept |= pt[i] == c.pt;
		for (size_t i = 0; i < ARRAY_SIZE(none); i++)
			aside |= names(none[i], &c);
		if (kept && !aside)
			return true;
	}
	return false;
}

static int mask(struct sdp *s, const struct ng_flags *f)
{
	struct flags_list wanted = f->codec_offer;
	uint8_t pt[FORMATS_MAX];
	struct sdp_mline ml;
	unsigned n;
	int err = 0;

	for (unsigned i = 0; i < f->codec_transcode.n; i++)
		if (wanted.n < FLAGS_LIST_MAX)
			wanted.v[wanted.n++] = f->codec_transcode.v[i];
	for (unsigned m = 0; !err && m < sdp_media_count(s); m++) {
		sdp_mline(s, m, &ml);
		if (!ml.port || !sdp_view_eq(ml.kind, "audio"))
			continue;
		n = choose(s, m, &f->codec_mask, &f->codec_except, &wanted, pt);
		/* where nothing can be made of them, they are better seen */
		if (sounds(s, m, pt, n))
			err = sdp_formats_set(s, m, pt, n);
	}
	return err;
}

/* The text with what has been done to it. Takes `text`. */
static char *printed(struct sdp *s, int err, char *text)
{
	char *out = s && !err ? sdp_print(s) : NULL;

	sdp_free(s);
	ng_text_free(text);
	return out;
}

char *ng_edit_mask(const struct ng_flags *f, char *text)
{
	struct sdp_error e;
	struct sdp *s = sdp_parse(text, strlen(text), &e);

	return printed(s, s ? mask(s, f) : 0, text);
}

char *ng_edit_own(const struct ng_flags *f, char *text)
{
	struct media_why why;
	struct sdp_error e;
	struct sdp *s = sdp_parse(text, strlen(text), &e);
	int err = 0;

	if (s && ng_edit_needed(f))
		err = ng_edit_offer(s, f, &why);
	if (s && !err && ng_mask_needed(f))
		err = mask(s, f);
	return printed(s, err, text);
}

/* The one that was put in last goes where there is such a one before it. */
static void told_once(struct media_codecs *out)
{
	for (unsigned i = 0; i + 1 < out->n; i++)
		if (out->codec[i].clock == out->codec[out->n - 1].clock &&
		    !strcasecmp(out->codec[i].name,
				out->codec[out->n - 1].name)) {
			out->n--;
			return;
		}
}

/* "opus", "opus/48000/2"; rate: where it names none. */
static void told_by_name(struct media_codecs *out, struct pl spec,
			 uint32_t rate)
{
	const char *slash = spec.l ? memchr(spec.p, '/', spec.l) : NULL;
	struct pl name = {spec.p, slash ? (size_t)(slash - spec.p) : spec.l};
	struct pl clock = {slash, slash ? spec.l - name.l : 0};

	if (!name.l || out->n == MEDIA_TOLD_MAX ||
	    pl_strcpy(&name, out->codec[out->n].name,
		      sizeof(out->codec[out->n].name)) != 0)
		return;
	if (clock.l) {
		pl_advance(&clock, 1);
		slash = memchr(clock.p, '/', clock.l);
		clock.l = slash ? (size_t)(slash - clock.p) : clock.l;
	}
	out->codec[out->n++].clock = clock.l ? pl_u32(&clock) : rate;
	told_once(out);
}

/* Those of one m-line that are left. */
static void told_of_line(struct media_codecs *out, const struct sdp *s,
			 unsigned m, const uint8_t pt[], unsigned n)
{
	struct sdp_codec c;

	for (unsigned i = 0; i < n; i++)
		for (unsigned pos = 0; sdp_codec_next(s, m, &pos, &c);) {
			struct pl name = {c.name.p, c.name.len};

			if (c.pt != pt[i] || !name.l)
				continue;
			told_by_name(out, name, c.clock);
		}
}

bool ng_edit_answer(const struct ng_flags *f, const struct sdp *s,
		    struct media_codecs *out)
{
	struct flags_list without = f->codec_strip;
	uint8_t pt[FORMATS_MAX];
	unsigned n;

	memset(out, 0, sizeof(*out));
	if (!f->codec_strip.n && !f->codec_mask.n && !f->codec_transcode.n)
		return false;
	for (unsigned i = 0; i < f->codec_mask.n; i++)
		if (without.n < FLAGS_LIST_MAX)
			without.v[without.n++] = f->codec_mask.v[i];
	for (unsigned m = 0; m < sdp_media_count(s); m++) {
		n = choose(s, m, &without, &f->codec_except, &f->codec_offer,
			   pt);
		told_of_line(out, s, m, pt, n);
	}
	for (unsigned i = 0; i < f->codec_transcode.n; i++)
		told_by_name(out, f->codec_transcode.v[i], 0);
	return out->n;
}

int ng_edit_source(struct sdp *s, const struct sp_addr *addr)
{
	struct sdp_addr a = {.family = addr->family};

	memcpy(a.addr, addr->addr, sizeof(a.addr));
	return sdp_conn_set(s, &a);
}
