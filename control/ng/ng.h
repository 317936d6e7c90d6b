/* SPDX-License-Identifier: Apache-2.0 */
/* control/ng/ng.h - the ng front door: the control protocol by which Kamailio
 * and OpenSIPS drive a media proxy, over UDP, TCP and HTTP, in bencode or JSON.
 *
 * A proxy handles the SIP, this door the media of its calls, over the same call
 * model as the SIP door. README.md beside this file says what is supported.
 * Control's thread. */
#pragma once
#include <stddef.h>
#include "control/config.h"

struct calls;
struct dp;
struct ng;

struct ng_door_config {
	struct calls *calls;
	struct dp *dp;
	const struct config_ng *ng; /* outlives the door */
};

/** Open the listeners and stand in front of calls; without any address to
 * listen on, *ngp is a door that takes up saved calls and is otherwise closed.
 * err gets a sentence. @return 0 or errno. */
int ng_alloc(struct ng **ngp, const struct ng_door_config *cfg, char *err,
	     size_t errlen);
/** Take no new calls; sessions that were never answered end. */
void ng_stop(struct ng *ng);
/** Calls that are up stay up, for the next start. */
void ng_free(struct ng *ng);
