/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/session.h - the sources and sinks of the call in progress.
 *
 * Capture and playback have threads of their own; what they make and need
 * passes through one queue to the main thread, which owns the call and all
 * keys. Main thread only, as seen from outside. */
#pragma once
#include "control/endpoint/call.h"
#include "control/endpoint/config.h"
#include "control/endpoint/digits.h"

struct session;

/** @return errno. */
int session_new(struct session **sp, const struct config *conf);
void session_free(struct session *s);

/** Start or stop what the call now wants: call it when the call's media
 * changed. warn is told, in words, of devices that can't be used. */
void session_update(struct session *s, struct call *c,
		    void (*warn)(const char *text));
/** Stop all. */
void session_end(struct session *s);
/** Takes pkt. */
void session_play(struct session *s, struct media_pkt *pkt);
void session_keyframe(struct session *s, enum e2ee_kind kind);
void session_mute(struct session *s, enum e2ee_kind kind, bool on);
bool session_digits(struct session *s, const char *digits);
/** @return the digit that pkt begins, 0: none. */
char session_heard(struct session *s, const struct media_pkt *pkt);
