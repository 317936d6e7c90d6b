/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/source.h - a thread that captures and encodes one kind.
 *
 * Keeps real time for files and test sources; after a file's end it goes on
 * with silence, or the last picture's successor in black, since a call's audio
 * never pauses. Packets are handed out in the source's own thread; everything
 * else is called by the main one. */
#pragma once
#include "control/endpoint/encoder.h"
#include "control/endpoint/input.h"

struct source;

/** @return NULL with error[INPUT_ERROR] filled in. */
struct source *source_start(const char *spec, const struct encoder_config *c,
			    char *error);
/** Waits for the thread: no packet comes after it returned. */
void source_stop(struct source *s);
void source_mute(struct source *s, bool on);
void source_keyframe(struct source *s);
