/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/input.h - capture: a device, a file or a test source.
 *
 * A specification is FORMAT:TARGET:
 *   alsa:default  v4l2:/dev/video0  x11grab::0.0   devices (libavdevice)
 *   file:speech.wav                                whatever FFmpeg reads
 *   lavfi:GRAPH                                    a filter graph
 *   tone, tone:440, silence, test, black           shorthands for lavfi
 * Blocks while it reads; one source's thread. Messages name what was tried. */
#pragma once
#include <libavutil/frame.h>
#include <stdbool.h>
#include <stddef.h>

struct input;

#define INPUT_ERROR 256 /* octets of an error's text */

/** @return NULL with error[INPUT_ERROR] filled in. */
struct input *input_open(const char *spec, bool video, char *error);
void input_close(struct input *in);
/** Whether it delivers at its own pace (a device), rather than at once. */
bool input_is_live(const struct input *in);
/** Next decoded frame. The caller unrefs it. @return false: the end. */
bool input_read(struct input *in, AVFrame *frame);
/** Seconds of a frame's presentation time, from the input's start. */
double input_time(const struct input *in, const AVFrame *frame);
