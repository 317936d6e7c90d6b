/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "dataplane/srtp/burst.h"

uint16_t srtp_burst_sort(struct srtp_pkt pkt[], uint16_t n)
{
	struct srtp_pkt bad[SRTP_BURST_MAX];
	uint16_t good = 0, n_bad = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (pkt[i].verdict == SRTP_OK)
			pkt[good++] = pkt[i];
		else
			bad[n_bad++] = pkt[i];
	}
	/* As many as were put there. */
	/* cppcheck-suppress uninitvar */
	memcpy(&pkt[good], bad, n_bad * sizeof(bad[0]));
	return good;
}
