/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram as STUN: parsed, verified, and given to an agent of ICE. Nobody
 * here knows its password, so nothing may be answered and nobody nominated. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "control/keying/ice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sp_addr from = {4, 32, 5000, {10, 1, 0, 9}};
	uint8_t reply[STUN_REPLY_MAX], *p = malloc(size ? size : 1);
	struct ice ice;
	struct stun_msg m;
	size_t n;

	/* of its very size, so that a read beyond it is seen */
	memcpy(p, data, size);
	if (stun_parse(p, size, &m) == STUN_OK && m.type == STUN_REQUEST) {
		stun_verify(p, &m, "VOkJxbRl1RmTxUk/WvJxBt");
		n = stun_error(reply, &m, 420, "Unknown Attribute", "x");
		must(n <= sizeof(reply));
		n = stun_success(reply, &m, &from, "x");
		must(n <= sizeof(reply));
	}
	ice_init(&ice);
	/* ours is random: let the name at least be right */
	memcpy(ice.ufrag, "evtj", 5);
	must(ice_recv(&ice, 0, &from, p, size, 1, reply, &n) == ICE_IGNORED);
	must(n == 0 && !ice_peer(&ice, 0, 1) && !ice_valid(&ice, 0, &from));
	free(p);
	return 0;
}
