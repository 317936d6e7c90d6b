/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/engine.h - ports, rooms, and the tick of 10 ms that moves sound
 * between them. protocol.h says what they are.
 *
 * Knows no socket, no ring and no file: packets come in by engine_packet, leave
 * by a handler, and the time is told to it. So tests and benchmarks run it as
 * fast as they like. One thread; nothing here blocks. */
#pragma once
#include <jansson.h>
#include "control/media/input.h"
#include "control/media/output.h"
#include "control/media/pass.h"
#include "control/media/player.h"

struct recording;
struct engine;
struct room;

enum source_kind {
	SOURCE_NONE,
	SOURCE_PORT,
	SOURCE_ROOM,
	SOURCE_FILE,
	SOURCE_TONE,
	SOURCE_SILENCE,
	SOURCE_PASS
};

struct source {
	enum source_kind kind;
	uint64_t port;
	char room[MP_ID_MAX + 1];
	bool speak, hear;
	const struct player_file *file;
	bool loop;
	struct tone tone;
};

/* What port.set says. */
struct port_want {
	uint64_t id;
	uint32_t generation;
	uint16_t worker;
	struct format in[MP_FORMATS_MAX];
	unsigned formats;
	bool has_out;
	struct output_format out;
	bool has_reports;
	uint64_t reports; /* port whose input the reports are about */
	struct source source;
};

struct port {
	struct port *next, *chain; /* all of them; of one hash */
	struct engine *engine;
	struct port_want want;
	struct input in;
	struct output *out; /* NULL: nothing leaves */
	struct output_past past;
	struct pass pass;
	struct room *room;  /* that it is in; or NULL */
	struct port *feed;  /* SOURCE_PORT, found in this tick; or NULL */
	unsigned listeners; /* of what arrives; counted in each tick */
	uint32_t file_at;
	bool file_ended, heard, silent;
	uint64_t error_at; /* us: when the last codec-error was told */
	uint64_t rtcp_at;  /* us: when the next report is due */
	/* In a room: its sound at the room's rate. */
	struct resample *to_room;
	int16_t room_pcm[FRAME_MAX];
	bool speaks;
};

struct room {
	struct room *next;
	char id[MP_ID_MAX + 1];
	unsigned rate, ports;
	int32_t sum[FRAME_MAX];
};

/* Recordings take part in the tick without the engine knowing them. */
struct tap {
	struct tap *next;
	/* Count in port->listeners what it wants to hear in this tick. */
	void (*listen)(void *arg);
	/* 10 ms of every port and room are there. */
	void (*tick)(uint64_t now, void *arg);
	void (*video)(const struct port *p, const struct format *f,
		      const struct rtp *r, void *arg);
	void *arg;
};

struct engine_limits {
	unsigned ports, rooms, transcodings;
};

struct engine_counters {
	uint64_t packets_in, packets_out, unknown_port, stale, late_ticks;
	uint64_t lost, concealed, unexpected, errors,
		malformed; /* of those gone */
};

struct engine_handlers {
	/* A packet of a port is to leave. */
	void (*send)(const struct port *p, bool rtcp, const uint8_t *data,
		     size_t n, void *arg);
	/* Takes the reference. */
	void (*event)(json_t *event, void *arg);
	void *arg;
};

struct engine {
	struct engine_limits limits;
	struct engine_handlers h;
	struct engine_counters counters;
	struct player player;
	struct port *ports, **hash;
	struct room *rooms;
	struct tap *taps;
	unsigned n_ports, n_rooms, n_transcodings, hash_size;
	uint64_t now; /* us, of the packet or tick that is being worked on */
};

enum engine_error {
	ENGINE_OK,
	ENGINE_LIMIT,
	ENGINE_CODEC,
	ENGINE_NOT_FOUND,
	ENGINE_BUSY,
	ENGINE_MEMORY
};

/** @return NULL: no memory. */
struct engine *engine_new(const struct engine_limits *l,
			  const struct engine_handlers *h);
/** Sends BYE where something was sent. */
void engine_free(struct engine *e);

enum {
	PACKET_RTCP = 1 << 0,
	PACKET_COPIED = 1 << 1, /* it has gone on by itself */
};

/** A packet of a port; worker: whose ring it came by; flags: PACKET_*. */
void engine_packet(struct engine *e, uint64_t port, uint32_t generation,
		   uint16_t worker, unsigned flags, const uint8_t *p, size_t n,
		   uint64_t now);
/** 10 ms have passed. Called late, it may be called several times. */
void engine_tick(struct engine *e, uint64_t now);

struct port *port_find(const struct engine *e, uint64_t id);
/** Makes or changes. On an error nothing has changed; why: which field. */
enum engine_error port_set(struct engine *e, const struct port_want *w,
			   const char **field);
enum engine_error port_remove(struct engine *e, uint64_t id);
struct room *room_find(const struct engine *e, const char *id);
enum engine_error room_set(struct engine *e, const char *id, unsigned rate);
enum engine_error room_remove(struct engine *e, const char *id);

void engine_tap(struct engine *e, struct tap *t);
void engine_untap(struct engine *e, struct tap *t);
/** pack: of json_pack, for the fields behind "event". */
void engine_event(struct engine *e, const char *name, const char *pack, ...);
/** Decimal, for JSON. */
#define STREAM_TEXT 24
const char *stream_text(uint64_t id, char text[STREAM_TEXT]);
/** Report, and BYE if asked for. */
void port_report(struct port *p, bool bye, uint64_t now);
/** A notice into what leaves. @return false: nothing does. */
bool port_notice(struct port *p, unsigned hz, unsigned ms);
/** RTCP arrived on a port. */
void port_rtcp(struct port *p, const uint8_t *data, size_t n, uint64_t now);
