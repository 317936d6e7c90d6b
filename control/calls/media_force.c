/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs that a profile forces: its peer is to speak these and no others, in
 * this order, whatever that takes.
 *
 * As an offerer it is heard as if it had no others; towards it an offer has no
 * others, and of those that the other leg doesn't have, what sallyport-media can
 * make. Where nothing would be left, nothing is taken. What carries no media of
 * its own (digits, comfort noise) stays. Never where the media is the peers' own
 * affair: end-to-end encrypted, or relayed. */
#include <string.h>
#include <strings.h>
#include "control/calls/media_impl.h"

/* Place of a name in the list; -1: it isn't there. */
static int rank(const char *list, struct sdp_view name)
{
	int k = 0;

	for (; *list; k++) {
		size_t n = strcspn(list, " ");

		if (n == name.len && n && strncasecmp(list, name.p, n) == 0)
			return k;
		list += n;
		list += strspn(list, " ");
	}
	return -1;
}

bool media_forces(const char *list, const char *name)
{
	return !list[0] ||
	       rank(list, (struct sdp_view){name, strlen(name)}) >= 0;
}

bool media_may_force(const struct media *m)
{
	return m->e2ee.state != E2EE_OFFERED && m->e2ee.state != E2EE_ON &&
	       !(m->side[LEG_A].profile.security == MEDIA_PASSTHROUGH &&
		 m->side[LEG_B].profile.security == MEDIA_PASSTHROUGH);
}

static bool auxiliary(struct sdp_view name)
{
	char text[24];

	sdp_view_copy(name, text, sizeof(text));
	return media_codec_auxiliary(text);
}

int media_force(struct sdp *s, unsigned i, const char *list)
{
	uint8_t pt[128];
	int at[128];
	struct sdp_codec c;
	unsigned n = 0, media = 0;

	if (!list[0])
		return 0;
	for (unsigned pos = 0; n < 128 && sdp_codec_next(s, i, &pos, &c);) {
		int here = rank(list, c.name);
		unsigned k = n;

		if (here < 0 && !auxiliary(c.name))
			continue;
		media += !auxiliary(c.name);
		if (auxiliary(c.name))
			here = MEDIA_FORCED_MAX; /* behind all others */
		for (; k > 0 && at[k - 1] > here; k--) {
			pt[k] = pt[k - 1];
			at[k] = at[k - 1];
		}
		pt[k] = c.pt;
		at[k] = here;
		n++;
	}
	return media ? sdp_formats_set(s, i, pt, n) : 0;
}

int media_force_offered(const struct media *m, enum leg from, struct sdp *s)
{
	int err = 0;

	if (!media_may_force(m))
		return 0;
	for (unsigned i = 0; !err && i < sdp_media_count(s); i++) {
		struct sdp_mline ml;

		sdp_mline(s, i, &ml);
		if (sdp_view_eq(ml.kind, "audio"))
			err = media_force(s, i, m->side[from].profile.codecs);
	}
	return err;
}
