/* SPDX-License-Identifier: Apache-2.0 */
/* What the offerer is told of an answer's codecs, where a front door has a word
 * in it: some of them only, or another of its own. It then sends nothing else,
 * and where the answerer would send what the offerer hasn't heard of,
 * sallyport-media stands between. Never where the media is the peers' own
 * affair: end-to-end encrypted, or relayed. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "control/calls/media_impl.h"

void media_told(struct media *m, const struct media_codecs *codecs)
{
	free(m->told);
	m->told = codecs ? malloc(sizeof(*codecs)) : NULL;
	if (m->told)
		*m->told = *codecs;
}

int media_told_rank(const struct media *m, const struct codec *c)
{
	/* digits at the clock rate of whatever codec they go with */
	bool any = media_codec_auxiliary(c->name);

	for (unsigned k = 0; m->told && k < m->told->n; k++)
		if (strcasecmp(m->told->codec[k].name, c->name) == 0 &&
		    (any || !m->told->codec[k].clock ||
		     m->told->codec[k].clock == c->clock))
			return (int)k;
	return -1;
}

bool media_told_applies(const struct media *m, const struct mline *l)
{
	return m->told && l->leg[LEG_A].keying != KEYING_RELAY &&
	       m->e2ee.state != E2EE_OFFERED && m->e2ee.state != E2EE_ON;
}
