/* SPDX-License-Identifier: Apache-2.0 */
/* control/settings/impl.h - shared by the files of settings/, by nobody else. */
#pragma once
#include "control/config.h"
#include "control/libre.h"
#include "control/settings/settings.h"

struct settings {
	struct settings_parts parts;
	json_t *running; /* options as the programs have them */
	struct tmr tmr;	 /* until it is as it was */
	uint64_t until;	 /* ms; 0: nothing waits */
};

/* tree.c */
/** The options of a file by their names. @return NULL: it is no YAML, or has no
 * sense as a configuration; err says why. */
json_t *options_of(const char *text, size_t len, char *err, size_t errlen);

/* live.c */
/** Does this option take effect at once? */
bool option_live(const char *name);
/** Take what can take effect at once over from b into a, whose former values b
 * gets, and tell the kinds concerned. */
void live_take(struct config *a, struct config *b, settings_live_h *h,
	       void *arg);

/* file.c */
/** A whole file. @return malloc'd, with a NUL; NULL: errno. */
char *file_read(const char *path, size_t *len);
/** Written anew beside it, then put in its place: never half. @return 0 or
 * errno. */
int file_replace(const char *path, const char *text, size_t len);
