/* SPDX-License-Identifier: Apache-2.0 */
/* control/config.h - the `control` section of the configuration file.
 *
 * Read once at start. Options, limits and defaults stand in the tables of
 * config.c; control/README.md describes them for people. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "control/log.h"

#define CONFIG_ORIGINS_MAX 32

struct config_tls {	   /* of SIP; all may be NULL */
	char *certificate; /* PEM, with its chain; NULL: made at first start */
	char *key;	   /* NULL: in the same file */
	char *ca;      /* PEM: who may have signed others'; NULL: system's */
	char *clients; /* their certificate: "none", "optional", "required" */
};

struct config_guard {	      /* limits of one source, control/sip/guard.h */
	unsigned requests;    /* a second */
	unsigned failures;    /* of authentication, a minute, then a ban */
	unsigned connections; /* at once */
	unsigned half_open;   /* of them, without a message yet */
	unsigned ban;	      /* seconds */
	char **allow;	      /* networks that are never limited */
	unsigned allow_count;
	char *scanners; /* "drop" (silently) or "answer" */
};

struct config_sip {
	char **listen; /* "udp:10.1.0.1:5060", "tls:[2001:db8::1]:5061" */
	unsigned listen_count;
	unsigned ring_timeout;	  /* seconds a phone may ring */
	unsigned min_expires;	  /* seconds a registration lasts, at least */
	unsigned default_expires; /* where the phone doesn't say */
	unsigned max_expires;
	unsigned nonce_lifetime;  /* seconds a digest nonce is good for */
	unsigned session_expires; /* seconds between signs of life in a call */
	unsigned min_se;	  /* the least that a phone may ask for */
	struct config_tls tls;
	char **origins; /* of WebSocket; none: any */
	unsigned origins_count;
	struct config_guard guard;
};

struct config_calls {	   /* what calls can be put through to */
	char *orbits;	   /* "700-719": where calls wait; NULL: none */
	char *conferences; /* "800-809"; NULL: none but merged ones */
	char *music;	   /* file of sallyport-media's music folder, or NULL */
	char *notice;	   /* of recording: "tone", or such a file; or NULL */
	unsigned notice_every; /* seconds; 0: once */
	char *voicemail;       /* where "voicemail" is: a URI or number; NULL */
	unsigned park_timeout; /* seconds until who has parked is rung */
};

#define HTTPS_LISTEN_MAX 8

struct config_https {  /* the control API from afar, and the console */
	char **listen; /* "10.1.0.1:8443"; none: only on the socket */
	unsigned listen_count;
	char *certificate, *key; /* PEM files; NULL: https.crt and https.key
				  * beside the database, made at first start */
	char *console;		 /* folder of its files; NULL: no console */
	unsigned session_idle;	 /* seconds */
};

/* The ng protocol's door; closed where nothing is listened on. */
struct config_ng {
	char **listen; /* "udp:127.0.0.1:2223", "tcp:...", "http:..." */
	unsigned listen_count;
	char **allow; /* networks that may speak to it; none: this machine */
	unsigned allow_count;
	char **interfaces; /* "internal/10.1.0.1": names for `direction` */
	unsigned interfaces_count;
	unsigned calls;	 /* at once, at most */
	bool end_to_end; /* the proxy says who the parties are */
};

struct config_siprec { /* who takes the audio of calls, control/siprec */
	char *server;  /* URI; NULL: nobody */
	char *media;   /* "plain" or "sdes" */
	char **users;  /* whose calls always; "*": everybody's */
	unsigned users_count;
	unsigned keepalive; /* seconds */
};

struct config_hep {	 /* a mirror for a collector (Homer, sngrep) */
	char *collector; /* "10.3.0.9:9060"; NULL: none */
	unsigned id;	 /* who captures */
	char *password;	 /* or NULL; sent as it is */
};

struct config_media {	       /* sallyport-media */
	char *socket;	       /* NULL: there is none */
	unsigned transcodings; /* calls that may be transcoded at a time */
};

/* How people dial here, and what emergency calls say of where we are. */
struct config_pstn {
	char *country;	     /* digits, "49"; NULL: only +E.164 is known */
	char *area;	     /* of local numbers, "30"; NULL: there are none */
	char *international; /* dialled first; NULL: "00" */
	char *national;	     /* NULL: "0"; "-": nothing */
	unsigned internal_digits; /* of an internal number, at most */
	char *location;		  /* URI for Geolocation; NULL: none */
};

struct config {
	char *dataplane; /* socket of sallyport-dataplane */
	char *api;	 /* socket of the control API */
	char *database;
	unsigned audit_size; /* MiB of a file of it */
	char *audit;  /* the audit log; NULL: audit.log beside database */
	char *domain; /* SIP domain and digest realm */
	struct config_sip sip;
	struct config_pstn pstn;
	struct config_calls calls;
	struct config_https https;
	struct config_ng ng;
	struct config_media media;
	struct config_hep hep;
	struct config_siprec siprec;
	unsigned media_timeout; /* seconds */
	char *firmware; /* folder of its service; NULL: that of the image */
	char *syslog;	/* "udp:10.3.0.9:514", "tcp:..."; NULL: none */
	char *log;	/* "error", "warn", "info", "debug" */
};

/** @return NULL, with one sentence in err (CONF_ERROR_MAX octets). */
struct config *config_load(const char *path, char *err);
void config_free(struct config *c);
