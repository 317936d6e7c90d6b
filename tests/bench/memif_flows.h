/* SPDX-License-Identifier: Apache-2.0 */
/* tests/bench/memif_flows.h - flows of a benchmark in a dataplane that runs: a
 * client of its abi, no more than that takes. One thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "dataplane/abi/abi.h"
#include "dataplane/srtp/srtp.h"

struct memif_flows {
	int fd;
	uint32_t seq;
	struct sp_greeting greeting;
	/* media addresses of each role, by the greeting's order */
	uint8_t media[2][SP_MEDIA_ADDR_MAX];
	unsigned n_media[2];
	uint32_t pairs; /* media ports of an address, RTP only */
	uint8_t mac[2][6];
};

enum { FLOWS_ACCESS, FLOWS_TRUNK };

/** @return false with the reason on stderr; so all. */
bool memif_flows_connect(struct memif_flows *f, const char *path);
void memif_flows_close(struct memif_flows *f);

/** Where stream i arrives on a side: an address of the gateway and a port. */
struct sp_addr memif_flows_local(const struct memif_flows *f, unsigned side,
				 uint32_t i);
/** n streams one way between peers at 10.1.0.100 and 10.2.0.100, whose ports
 * are those of the gateway: to the trunk, sealed, or from there, opened. */
bool memif_flows_add(struct memif_flows *f, uint32_t n, bool to_trunk,
		     struct srtp_master (*key)(void *arg, uint32_t i),
		     void *arg);
bool memif_flows_remove(struct memif_flows *f, uint32_t n);
