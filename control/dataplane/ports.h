/* SPDX-License-Identifier: Apache-2.0 */
/* control/dataplane/ports.h - which media ports are taken. One pair (even RTP,
 * odd RTCP) is the unit. Pure: the caller brings clock and randomness. */
#pragma once
#include <stdint.h>
#include "dataplane/abi/abi.h"

#define PORTS_QUARANTINE_MS 3000 /* a freed pair rests for so long */

struct media_ports; /* all media addresses */

struct media_ports *media_ports_new(void);
void media_ports_free(struct media_ports *mp);
/** A pair on each of two media addresses (they may be the same) of the
 * greeting, all owned by one worker. rnd: where to begin looking. now: ms.
 * @return 0, ENOSPC, EINVAL (no such address), ENOMEM. */
int media_ports_take(struct media_ports *mp, const struct sp_greeting *g,
		     const uint8_t media[2], uint32_t rnd, uint64_t now,
		     uint16_t port[2]);
/** One more pair, owned by the worker that owns the pair `with` (of any
 * address), but not that one. @return as above. */
int media_ports_take_with(struct media_ports *mp, const struct sp_greeting *g,
			  uint8_t media, uint16_t with, uint32_t rnd,
			  uint64_t now, uint16_t *port);
void media_ports_give(struct media_ports *mp, uint8_t media, uint16_t port,
		      uint64_t now);
void media_ports_keep(struct media_ports *mp, uint8_t media, uint16_t port);
