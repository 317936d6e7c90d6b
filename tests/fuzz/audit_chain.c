/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of an audit log as a stranger might write them: what is taken apart
 * lies within what was given, and nothing but our own key's line verifies. */
#include <stdlib.h>
#include <string.h>
#include "control/audit/chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[CHAIN_PUBLIC] = {1};
	const char *line = (const char *)data;
	struct chain_line l;

	if (chain_read(line, size, &l)) {
		if (l.text < line || l.text + l.len > line + size || !l.seq)
			abort();
		if (chain_signed(&l, key))
			abort();
	}
	if (chain_read_head(line, size, &l)) {
		if (l.text < line || l.text + l.len > line + size || !l.seq)
			abort();
		if (chain_head_signed(&l, key))
			abort();
	}
	return 0;
}
