/* SPDX-License-Identifier: Apache-2.0 */
/* tests/duties/fake_media.h - a sallyport-media that remembers what it is asked
 * and does nothing: its side of control/media/protocol.h, in a thread. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

struct fake_media;

/** Listens on a socket of its own, in /tmp. */
struct fake_media *fake_media_new(void);
void fake_media_free(struct fake_media *f);
const char *fake_media_path(const struct fake_media *f);

/** Crash: hang up, forget everything; while away nobody may connect. */
void fake_media_crash(struct fake_media *f, bool away);
/** Listen and answer nothing. */
void fake_media_mute(struct fake_media *f, bool mute);
/** Refuse requests of this name with an error; NULL: none. */
void fake_media_refuse(struct fake_media *f, const char *what,
		       const char *error);
/** Say this as it is, whatever it is. */
void fake_media_say(struct fake_media *f, const char *text);
/** Something that control hasn't asked for. kind: "port", "room", "recording" */
void fake_media_plant(struct fake_media *f, const char *kind, const char *id);
/** What it does: the latest request that made this, or NULL; the caller's. */
json_t *fake_media_get(struct fake_media *f, const char *kind, const char *id);
unsigned fake_media_count(struct fake_media *f, const char *kind);
/** Requests of this name so far. */
unsigned fake_media_asked(struct fake_media *f, const char *what);
