/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/message.h - requests read field by field, as a stranger's.
 *
 * A reader takes fields out of one JSON object, remembers the first error, and
 * in the end says whether there was any field that nobody asked for. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "control/media/protocol.h"

struct reader {
	const json_t *j;
	const char *error; /* a name of protocol.h; NULL: fine so far */
	const char *field; /* that is wrong */
	char message[160];
	unsigned used; /* fields asked for and found */
};

void reader_init(struct reader *r, const json_t *object);
/** @return false, with the error set: a field is wrong, or nobody asked. */
bool reader_done(struct reader *r);
__attribute__((format(printf, 4, 5))) void reader_fail(struct reader *r,
						       const char *error,
						       const char *field,
						       const char *fmt, ...);
/** The field, NULL if absent or null. Counts it as asked for. */
const json_t *read_any(struct reader *r, const char *field);
bool read_has(struct reader *r, const char *field);
uint64_t read_number(struct reader *r, const char *field, uint64_t min,
		     uint64_t max, bool must, uint64_t absent);
bool read_bool(struct reader *r, const char *field, bool absent);
/** @return "" where absent and allowed to be, or on error. */
const char *read_text(struct reader *r, const char *field, size_t max,
		      bool must);
const char *read_id(struct reader *r, const char *field, bool must);
uint64_t read_stream(struct reader *r, const char *field);
bool id_valid(const char *s);
/** @return false: no decimal number of 64 bits. */
bool stream_parse(const json_t *j, uint64_t *id);

struct port_want;
struct player;
/** port.set's fields, "seq" and "do" included. @return false: r has the error. */
bool read_port(struct reader *r, const struct player *player,
	       struct port_want *w);
/** What list says of a port: the same again. */
json_t *port_json(const struct port_want *w);
