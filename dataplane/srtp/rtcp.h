/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/srtp/rtcp.h - SRTCP keys, expanded on use.
 *
 * An expanded key is up to 1 KiB, and RTCP is a packet every few seconds: what
 * a session keeps is 66 octets of session keys. The worker's engine holds the
 * last one expanded while a burst lasts. */
#pragma once
#include <string.h>
#include "dataplane/srtp/engine.h"

/** raw expanded, until the next call or srtcp_wipe. */
static inline const void *srtcp_expand(struct srtp_engine *e,
				       const struct srtp_suite *a,
				       const struct srtp_raw *raw)
{
	if (e->rtcp_raw != raw)
		a->expand(e, a, raw, e->rtcp_key);
	e->rtcp_raw = raw;
	return e->rtcp_key;
}

static inline void srtcp_wipe(struct srtp_engine *e)
{
	explicit_bzero(e->rtcp_key, sizeof(e->rtcp_key));
	e->rtcp_raw = NULL;
}
