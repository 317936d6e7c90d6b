/* SPDX-License-Identifier: Apache-2.0 */
/* control/settings/settings.h - the configuration file as a whole: checked for
 * all programs, compared with what runs, written, and put into effect where
 * that can be done at once.
 *
 * Each program reads its own section at its start. Here the file is a list of
 * options by their names ("control.sip.guard.ban", "dataplane.ports[access0].mtu",
 * a list of words being one value), so that two of them can be compared without
 * knowing what any option means. One table (live.c) has the options that take
 * effect at once; all others take the start of the program whose section they
 * are in.
 *
 * What has been applied may wait for a confirmation: until then the file that
 * was there is kept beside it as FILE.before, whose time of modification is when
 * it comes back, also where control has died of the new one meanwhile.
 *
 * Control's thread, but for settings_check. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SETTINGS_TEXT_MAX 49152 /* octets of a file that comes by the API */
#define SETTINGS_HASH	  65	/* SHA-256 in hex, with the NUL */
#define CONFIRM_MIN	  10	/* seconds */
#define CONFIRM_MAX	  86400

struct audit;
struct config;
struct settings;

/* What has to be told of a change that takes effect at once. */
enum settings_live {
	LIVE_READ, /* nobody: it is read where it is used */
	LIVE_LOG,
	LIVE_CALLS,    /* media_timeout */
	LIVE_DUTIES,   /* transcodings */
	LIVE_GUARD,    /* limits of SIP's sources */
	LIVE_SESSIONS, /* how long they may idle */
	LIVE_HTTPS,    /* listeners and their certificate */
	LIVE_KINDS
};
typedef void settings_live_h(enum settings_live what, void *arg);

struct settings_parts {
	const char *path;      /* of the file; outlives this */
	struct config *config; /* that runs: changed in place */
	struct audit *audit;
	/* when the dataplane and sallyport-media were started, UNIX seconds; 0:
	 * not known. They have read the file then. */
	int64_t (*started)(const char *section, void *arg);
	settings_live_h *live;
	void *arg;
};

/** Put the file that was there before in its place, if its time has come: before
 * the configuration is read. @return true: it was. */
bool settings_recover(const char *path);

/** @return 0 or errno; err gets a sentence. */
int settings_alloc(struct settings **sp, const struct settings_parts *parts,
		   char *err, size_t errlen);
void settings_free(struct settings *s);

/* A file that somebody wants checked. */
struct settings_candidate {
	char *text; /* malloc'd */
	size_t len;
	json_t *options; /* name: value; NULL: it is no YAML */
	json_t *errors;	 /* [{"program", "line", "message"}] */
	struct config *config;
};

/** Each program's own check of its own section: control's here, the others' by
 * the programs themselves, which are started with --check. Takes a while: any
 * thread. Fills in all but text and len. @return false: no memory. */
bool settings_check(struct settings_candidate *c);
void settings_candidate_clear(struct settings_candidate *c);

/** The file as it is now; malloc'd, NULL: errno. */
char *settings_text(const struct settings *s, size_t *len);
void settings_hash(char hash[SETTINGS_HASH], const char *text, size_t len);
const char *settings_path(const struct settings *s);
/** [{"option", "from", "to", "live", "program"}]: what differs from what runs.
 * from, to: null where it isn't there. options NULL: those of the file. Values of
 * what is secret are "***". */
json_t *settings_changes(struct settings *s, const json_t *options);
/** Names of programs that have to be started again for these changes. */
json_t *settings_restarts(const json_t *changes);

/** Write it, and put into effect what can be. confirm: seconds to wait for
 * settings_confirm before all is as it was, or 0. The candidate was checked and
 * is good; its config is changed. @return 0 or errno of the writing. */
int settings_apply(struct settings *s, struct settings_candidate *c,
		   unsigned confirm);
/** Seconds until all is as it was; 0: nothing waits. */
unsigned settings_left(const struct settings *s);
/** It stays. @return false: nothing waits. */
bool settings_confirm(struct settings *s);
/** As it was, now. by: who asks, NULL: nobody has confirmed. @return 0, ENOENT
 * (nothing waits) or errno. */
int settings_revert(struct settings *s, const char *by);
