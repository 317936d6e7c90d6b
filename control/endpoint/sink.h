/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/sink.h - a thread that decodes and plays one kind.
 *
 * A specification is FORMAT:TARGET, FORMAT as FFmpeg names it:
 *   alsa:default   sdl2:window  xv:window     devices (libavdevice)
 *   wav:speech.wav                            audio to a file
 *   mkv:camera.mkv                            video to a file, as it arrived
 * Gaps in audio are filled with silence by their timestamps. Video for a file
 * isn't decoded but for its first key frame. The main thread calls everything
 * here; want_key is called in the sink's own thread. */
#pragma once
#include "control/endpoint/codec.h"
#include "control/endpoint/input.h"

struct sink;

/** @return NULL with error[INPUT_ERROR] filled in. */
struct sink *sink_start(enum e2ee_kind kind, const char *spec,
			void (*want_key)(enum e2ee_kind kind, void *arg),
			void *arg, char *error);
/** Takes pkt, in order; drops it where the thread is far behind. */
void sink_put(struct sink *s, struct media_pkt *pkt);
/** Finishes what was written. */
void sink_stop(struct sink *s);
