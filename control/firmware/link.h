/* SPDX-License-Identifier: Apache-2.0 */
/* control/firmware/link.h - the connection to sallyport-firmware: a UNIX stream
 * socket, a line of JSON for each message, made again whenever it ends. Control's
 * thread. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

struct firmware_link;

/** message: an object, the link's; NULL: the connection has ended. */
typedef void firmware_link_h(const json_t *message, void *arg);

/** @return NULL: no memory. path outlives it. */
struct firmware_link *firmware_link_new(const char *path, firmware_link_h *h,
					void *arg);
void firmware_link_free(struct firmware_link *l); /* also NULL */
/** Is there such a socket at all? */
bool firmware_link_there(const struct firmware_link *l);
/** @return false: nobody is there, or doesn't read. */
bool firmware_link_send(struct firmware_link *l, const json_t *message);
