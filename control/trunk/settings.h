/* SPDX-License-Identifier: Apache-2.0 */
/* control/trunk/settings.h - what an administrator says of a trunk.
 *
 * One table (settings.c) has every member: its type, its limits, its default,
 * its meaning. The API, the store and sallyctl all go by it. The password isn't
 * in it: it is given and kept apart, and never told. Pure. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include "control/calls/media_profile.h"
#include "control/trunk/number.h"
#include "control/trunk/route.h"

#define TRUNK_TEXT_MAX	   128 /* octets of a member, with the NUL */
#define TRUNK_SOURCES_MAX  512
#define TRUNK_PASSWORD_MAX 129

/* Whom we believe to be the trunk. */
enum trunk_inbound {
	INBOUND_ADDRESS, /* who sends from its addresses */
	INBOUND_DIGEST,	 /* and has its user name and password as well */
	INBOUND_NO,	 /* nobody: it takes calls only */
	INBOUNDS
};

/* What stands in From towards it; the caller's number is in
 * P-Asserted-Identity in any case. */
enum trunk_from { FROM_NUMBER, FROM_ACCOUNT, FROMS };

struct trunk_settings {
	char name[TRUNK_NAME_MAX]; /* not a member of the table: its key */
	char address[TRUNK_TEXT_MAX];
	char sources[TRUNK_SOURCES_MAX];
	char transport[8];
	char local[TRUNK_TEXT_MAX];
	char domain[TRUNK_TEXT_MAX];
	char user[TRUNK_TEXT_MAX];
	char auth_user[TRUNK_TEXT_MAX];
	char caller[TRUNK_TEXT_MAX];
	char suites[TRUNK_SOURCES_MAX];
	char codecs[MEDIA_FORCED_MAX];
	unsigned enabled, registers;			/* 0 or 1 */
	unsigned expires, keepalive, timeout, progress; /* seconds */
	unsigned calls, reserve;
	unsigned format;  /* enum number_format */
	unsigned from;	  /* enum trunk_from */
	unsigned inbound; /* enum trunk_inbound */
	unsigned media;	  /* enum media_security */
};

/** Everything as it is where nothing is said. */
void trunk_settings_default(struct trunk_settings *s, const char *name);
/** Take the members that j, an object, has; the others stay as they are. A
 * number or a switch may be a string, too. skip (NULL-terminated, or NULL) are
 * members that belong to somebody else. @return false: err says why, and *s may
 * be half changed. */
bool trunk_settings_take(struct trunk_settings *s, const json_t *j,
			 const char *const skip[], char *err, size_t errlen);
/** Do they go together? @return false: err says what doesn't. */
bool trunk_settings_check(const struct trunk_settings *s, char *err,
			  size_t errlen);
/** All members; a new reference. */
json_t *trunk_settings_json(const struct trunk_settings *s);
/** As the media layer has it. */
struct media_profile trunk_settings_profile(const struct trunk_settings *s);
/** Is it fit for a trunk's name? */
bool trunk_name_valid(const char *name);
/** Call f with each "ADDRESS" or "ADDRESS/PREFIX" of a list. @return false: one
 * is malformed, or f said so. */
bool trunk_sources_each(const char *list,
			bool (*f)(const char *addr, unsigned prefix, void *arg),
			void *arg);
