/* SPDX-License-Identifier: Apache-2.0 */
/* control/duties/duties.h - the client of sallyport-media: what it ought to do
 * for calls, kept, and made so again whenever it was away.
 *
 * A duty is a room, a port or a recording of control/media/protocol.h: its kind,
 * its id, and the JSON of the request that makes it (without seq and do). Ids of
 * ports are stream ids in decimal. Setting one says so to sallyport-media and
 * returns at once; nothing here waits but duty_ask().
 *
 * When sallyport-media is away, new duties are refused and those that are wanted
 * stay so. When it is back, it is told to do what is wanted and nothing else.
 * Recordings can't go on in a file that was closed by a crash: one that isn't
 * there any more is given up and said to have failed, with the error "gone".
 *
 * Control's thread, on libre's event loop. Handlers are called from there and
 * never from within a function of this file. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum duty { DUTY_ROOM, DUTY_PORT, DUTY_RECORDING, DUTY_KINDS };

#define DUTY_ID_MAX 65 /* with the NUL */

struct duties;

/* Why not, for SIP and for people. */
struct duty_why {
	int status;	  /* SIP status: 488, 500, 503 */
	const char *name; /* stable: "media-away", "transcoding-limit" ... */
	char text[160];	  /* one sentence */
};

struct duties_handlers {
	/* Connected, and told everything that is wanted; or away. */
	void (*up)(bool up, void *arg);
	/* It can't do what is wanted any more, which is forgotten. error: a
	 * name of the protocol's, or "gone". */
	void (*failed)(enum duty kind, const char *id, uint64_t call,
		       const char *error, const char *message, void *arg);
	/* What it says by itself: "digit", "recording-closed" ... The object is
	 * the caller's. */
	void (*event)(const char *name, const json_t *event, void *arg);
};

struct duties_config {
	const char *socket;    /* NULL: there is no sallyport-media */
	unsigned transcodings; /* calls that may be transcoded at a time */
};

/** Starts to connect; never blocks. The config's socket must live on.
 * @return 0 or errno. */
int duties_alloc(struct duties **dp, const struct duties_config *cfg);
/** Goes without a word: sallyport-media does on what it was told. NULL is
 * nothing. */
void duties_free(struct duties *d);
void duties_handlers(struct duties *d, const struct duties_handlers *h,
		     void *arg);
/** So many calls may be transcoded at a time from now on; more go on. */
void duties_limit(struct duties *d, unsigned transcodings);
/** What is there is compared with what is wanted only after this: say it when
 * every saved call has been loaded. */
void duties_ready(struct duties *d);

/** Is it there? Else why says so. */
bool duties_up(const struct duties *d, struct duty_why *why);
/** When it was connected last, UNIX seconds; 0: never. */
int64_t duties_since(const struct duties *d);
/** Can it decode and encode this codec? False also when it is away. */
bool duties_codec(const struct duties *d, const char *name);
/** Can it record? Else why says so. */
bool duties_can_record(const struct duties *d, struct duty_why *why);

/* Calls that are transcoded count as long as they hold a place. */
/** Is there a place for one more, and is sallyport-media there? */
bool duties_can_transcode(const struct duties *d, struct duty_why *why);
/** Take a place, whether there is one or not; give it back. */
void duties_transcoding(struct duties *d, bool begins);
unsigned duties_transcodings(const struct duties *d);

/** Set or change a duty. spec: its reference is taken, also on error. call: for
 * the log and for handlers. kept: from a saved call, so that it is wanted even
 * if sallyport-media is away. @return 0, or -1 with why and all as it was. */
int duty_set(struct duties *d, enum duty kind, const char *id, uint64_t call,
	     bool kept, json_t *spec, struct duty_why *why);
/** No longer wanted. What isn't wanted is no error. */
void duty_remove(struct duties *d, enum duty kind, const char *id);
bool duty_wanted(const struct duties *d, enum duty kind, const char *id);
/** A stream's id as a port's. */
const char *duty_port_id(uint64_t stream, char id[DUTY_ID_MAX]);

/** Any other request ("store.list", "port.digits" ...), and its reply, within a
 * second. request: its reference is taken. fd: the descriptor that came with the
 * reply, or -1; NULL: none is expected. @return the reply (the caller's), also
 * if it is an error; NULL with why: it is away, or silent. */
json_t *duty_ask(struct duties *d, json_t *request, int *fd,
		 struct duty_why *why);
