/* SPDX-License-Identifier: Apache-2.0 */
/* control/firmware/firmware.h - updates of the image that this runs in: asked for
 * here, done by sallyport-firmware (firmware/update), which has the privileges;
 * and the end of calls before the machine is started again.
 *
 * One thing at a time: the service works (checks, writes, chooses a slot), then
 * calls are drained, then the machine starts again. While calls are drained, new
 * ones are refused (emergency calls aren't) and those in progress may go on for a
 * time that is named; what is up then is hung up. Control's thread. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#define FIRMWARE_WAIT	  600	/* seconds that calls may go on, unless named */
#define FIRMWARE_WAIT_MAX 86400 /* seconds */
#define FIRMWARE_URL_MAX  1024	/* octets, with the NUL */
#define FIRMWARE_MAX	  (1ull << 30) /* octets of a bundle */
#define FIRMWARE_PART	  ".part" /* ends an upload's name until it is whole */

struct audit;
struct calls;
struct events;
struct firmware;

struct firmware_config {
	const char *folder; /* of the service's socket, and of board.json */
	const char *state;  /* folder of what is kept: uploads */
	struct calls *calls;
	struct audit *audit;
	struct events *events;
};

/** All strings of cfg outlive this. @return 0 or ENOMEM; it is no error where
 * there is no such service. */
int firmware_alloc(struct firmware **fp, const struct firmware_config *cfg);
void firmware_free(struct firmware *f);

/** How all is, for the control API; the caller's. NULL: no memory. */
json_t *firmware_json(struct firmware *f);
/** The board as sallyport-board found it; the caller's. NULL: nobody looked. */
json_t *firmware_board(const struct firmware *f);

/** Does it need somebody's attention: a restart is due, or an update came to
 * nothing? What it is about, and a sentence. @return false: no. */
bool firmware_attention(const struct firmware *f, char *about, size_t n_about,
			char *text, size_t n_text);

struct firmware_why {
	int status;	   /* HTTP's */
	const char *error; /* stable name, static */
	char text[192];	   /* a sentence */
};

/** May a bundle be uploaded now, and where to, once it is whole? @return NULL, with
 * why. */
const char *firmware_upload(struct firmware *f, struct firmware_why *why);

enum firmware_kind {
	FIRMWARE_INSTALL,
	FIRMWARE_ROLLBACK,
	FIRMWARE_RESTART,
	FIRMWARE_RESET /* everything on data is wiped, then as RESTART */
};

struct firmware_wish {
	enum firmware_kind kind;
	const char *source; /* of INSTALL: "upload", or an HTTPS URL */
	bool restart;	    /* INSTALL, ROLLBACK: start again in the end */
	unsigned wait;	    /* seconds that calls may go on; 0: hang up now */
	const char *by;	    /* for the audit log */
};

/** Begin it. @return 0, or -1 with why. How it goes on firmware_json says. */
int firmware_begin(struct firmware *f, const struct firmware_wish *wish,
		   struct firmware_why *why);
/** No restart, as long as calls are waited for; what was installed stays, and a
 * factory reset isn't made. @return 0, or -1 with why: nothing waits. */
int firmware_cancel(struct firmware *f, struct firmware_why *why);
