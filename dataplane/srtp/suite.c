/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/srtp/suite.h"

const struct srtp_suite *srtp_suite_find(const struct srtp_suite table[],
					 unsigned n, uint16_t id)
{
	for (unsigned i = 0; i < n; i++)
		if (table[i].id == id)
			return &table[i];
	return NULL;
}
