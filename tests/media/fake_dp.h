/* SPDX-License-Identifier: Apache-2.0 */
/* tests/media/fake_dp.h - a dataplane without packets: the abi's server in a
 * thread, which keeps what it is told in plain arrays and refuses what the
 * real one refuses (unknown ids, taken ports, unequal owners). */
#pragma once
#include <stdbool.h>
#include "dataplane/abi/abi.h"

#define FAKE_MAX 1024

struct fake_dp;

struct fake_options {
	uint16_t workers;	      /* default 2 */
	uint16_t udp_first, udp_last; /* default 20000-29999 */
};

/** Starts to listen on a socket of its own. Media addresses: 0 is 10.1.0.1/24
 * (access), 1 is 10.2.0.1/24 (trunk), 2 is 2001:db8:1::1/64 (access). */
struct fake_dp *fake_start(const struct fake_options *o);
void fake_stop(struct fake_dp *f);
const char *fake_path(const struct fake_dp *f);

/** As if it had been killed and started again: all is gone, a new instance. */
void fake_restart(struct fake_dp *f);
/** The connection goes; what was there stays. */
void fake_hang_up(struct fake_dp *f);
/** Nobody can connect until it is back. */
void fake_away(struct fake_dp *f, bool away);
/** From now on it reads, and never answers. */
void fake_mute(struct fake_dp *f, bool mute);
/** The next request of this type gets this status. */
void fake_refuse(struct fake_dp *f, uint16_t type, uint32_t status);
void fake_event(struct fake_dp *f, const struct sp_event *e);
/** STUN or DTLS of a media port. */
void fake_punt(struct fake_dp *f, const struct sp_datagram *d);
/** The latest that control sent from one. */
struct sp_datagram fake_injected(struct fake_dp *f);
/** What the stream's statistics shall say. */
void fake_stats(struct fake_dp *f, const struct sp_stats *s);

/* What it has now; keys included. */
unsigned fake_transports(struct fake_dp *f, struct sp_transport t[FAKE_MAX]);
unsigned fake_streams(struct fake_dp *f, struct sp_stream s[FAKE_MAX]);
bool fake_transport(struct fake_dp *f, uint64_t id, struct sp_transport *t);
bool fake_stream(struct fake_dp *f, uint64_t id, struct sp_stream *s);
/** Put something there that control doesn't know of. */
void fake_plant(struct fake_dp *f, const struct sp_transport *t);
void fake_plant_stream(struct fake_dp *f, const struct sp_stream *s);
/** Requests of this type since the last call of this. */
unsigned fake_count(struct fake_dp *f, uint16_t type);
