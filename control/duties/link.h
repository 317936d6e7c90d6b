/* SPDX-License-Identifier: Apache-2.0 */
/* control/duties/link.h - the socket to sallyport-media: one JSON object a
 * datagram, each checked as if a stranger had sent it. No event loop in here. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

/** Connect without waiting. @return a descriptor, or -1 with errno. */
int media_link_open(const char *path);
/** @return 1: sent; 0: it doesn't take any more now; -1: broken, or longer than
 * a message may be. */
int media_link_send(int fd, const json_t *message);
/** One message that is there: an object, the caller's; with it, maybe, a
 * descriptor in *passed (else -1), the caller's too. @return 1, 0: none is there,
 * -1: broken, or what came is no object. */
int media_link_receive(int fd, json_t **message, int *passed);

/** A member that is a string of at most max octets; NULL: it isn't. */
const char *json_text(const json_t *object, const char *key, size_t max);
