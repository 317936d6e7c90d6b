/* SPDX-License-Identifier: Apache-2.0 */
/* See srtp_burst.h. */
#include "dataplane/stage/srtp_burst.h"

static const uint8_t verdict_of[SRTP_VERDICTS] = {
	[SRTP_OK] = V_NONE,
	[SRTP_SHORT] = V_SHORT,
	[SRTP_REPLAY] = V_REPLAY,
	[SRTP_BAD_TAG] = V_BAD_TAG,
	[SRTP_BAD_MKI] = V_BAD_MKI,
	[SRTP_KEY_SPENT] = V_KEY_SPENT,
	[SRTP_INDEX_USED] = V_INDEX_USED,
	[SRTP_SSRC_FULL] = V_SSRC_FULL,
	[SRTP_NO_ROOM] = V_TOO_BIG,
};

unsigned srtp_burst_run(struct worker *w, struct srtp_pkt pkt[], uint16_t n,
			srtp_burst_f *f)
{
	uint16_t k;

	if (n == 0)
		return 0;
	k = f(w->engine, pkt, n);
	for (uint16_t i = 0; i < k; i++)
		pkt_meta(pkt[i].cookie)->rtp_len = pkt[i].len;
	for (uint16_t i = k; i < n; i++)
		pkt_meta(pkt[i].cookie)->verdict = verdict_of[pkt[i].verdict];
	return n - k;
}
