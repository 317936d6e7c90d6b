/* SPDX-License-Identifier: Apache-2.0 */
/* control/ng/wire.h - a message of the protocol: a cookie, a space, and a
 * dictionary in bencode or JSON. The answer repeats the cookie and is in the
 * same encoding. Pure; any thread. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define WIRE_SIZE_MAX	65536 /* octets of a message */
#define WIRE_COOKIE_MAX 255

enum wire_format { WIRE_BENCODE, WIRE_JSON };

struct wire_message {
	const char *cookie; /* into the input; cookie_len 0: it has none */
	size_t cookie_len;
	enum wire_format format;
	json_t *dict;	  /* NULL: not to be read, text says why */
	const char *text; /* static */
	size_t used;	  /* octets of the input */
};

enum wire_result {
	WIRE_OK,    /* cookie and dictionary are there */
	WIRE_BAD,   /* the cookie is there; the rest gets an error */
	WIRE_JUNK,  /* not even a cookie: no answer */
	WIRE_SHORT, /* of a stream: more must come */
};

/** Read one message. cookie: does one come first? stream: others may follow
 * (used says where). The caller drops m->dict. */
enum wire_result wire_read(const char *p, size_t len, bool cookie, bool stream,
			   struct wire_message *m);

/** Write an answer; cookie_len 0: without one. @return malloc'd, *len octets;
 * NULL: no memory, or text that the format can't hold. Wipe before freeing. */
char *wire_write(const char *cookie, size_t cookie_len, enum wire_format format,
		 const json_t *dict, size_t *len);
