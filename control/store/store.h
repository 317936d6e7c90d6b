/* SPDX-License-Identifier: Apache-2.0 */
/* control/store/store.h - the appliance's state in SQLite (WAL).
 *
 * Users, registrations, calls in progress with their dialogs, call detail
 * records. Read by control's thread; writes of calls and registrations are
 * grouped and committed by a worker thread, in order, so the event loop never
 * waits for the disk; store_flush waits. Strings handed out are copies in the
 * structs given. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "control/calls/media.h"

struct store;

#define STORE_AOR_MAX 272 /* "sip:" user "@" domain, with NUL */

/** Opens or creates; migrates by user_version. err gets a sentence. */
int store_open(struct store **sp, const char *path, char *err, size_t errlen);
void store_close(struct store *s);
void store_flush(struct store *s);

struct store_user {
	char name[65]; /* user part; the domain is configuration's */
	char ha1[33];  /* MD5(name:realm:password), hex: what SIP
				 * digest needs (RFC 3261 section 22.4) */
	char display[128];
	struct media_profile profile;
};

/** @return 0, EEXIST, or EIO. */
int store_user_add(struct store *s, const struct store_user *u);
/** The whole media profile of a user. @return 0, ENOENT, EIO. */
int store_profile_set(struct store *s, const char *name,
		      const struct media_profile *p);
/** @return 0, ENOENT, EIO. */
int store_user_ha1_set(struct store *s, const char *name, const char *ha1);
int store_user_remove(struct store *s, const char *name); /* ENOENT */
int store_user_get(struct store *s, const char *name, struct store_user *out);
int store_user_list(struct store *s,
		    void (*f)(const struct store_user *, void *), void *arg);

#define STORE_PATH_MAX 512 /* octets, with the NUL */

struct store_binding { /* a registration, RFC 3261 section 10 */
	char user[65];
	char contact[512]; /* URI */
	char source[64];   /* address:port it came from */
	char local[64];	   /* our address:port it came to */
	char transport[8]; /* "udp", "tcp", "tls", "ws", "wss" */
	char callid[256];
	char user_agent[128];
	uint32_t cseq;
	int64_t expires;    /* UNIX time, seconds */
	char instance[128]; /* +sip.instance, without brackets; "": none */
	uint32_t reg_id;    /* RFC 5626; 0: no outbound registration */
	char path[STORE_PATH_MAX]; /* RFC 3327: Route values towards it, one a
				    * line, in the order to be used; "": none */
	bool lost; /* the connection it came by has gone; not kept */
};

int store_binding_put(struct store *s, const struct store_binding *b);
int store_binding_remove(struct store *s, const char *user,
			 const char *contact); /* contact NULL: all */
int store_binding_list(struct store *s, const char *user, /* NULL: every */
		       void (*f)(const struct store_binding *, void *),
		       void *arg);
/** Mark those of user that came from source over transport. */
void store_binding_lost(struct store *s, const char *user, const char *source,
			const char *transport);
void store_binding_expire(struct store *s, int64_t now);

/* A call in progress as one JSON document (calls/ writes and reads it). */
int store_call_put(struct store *s, uint64_t id, const char *json);
int store_call_remove(struct store *s, uint64_t id);
int store_call_list(struct store *s,
		    void (*f)(uint64_t id, const char *json, void *arg),
		    void *arg);

/* Call detail records: JSON documents as calls/ writes them. */
#define STORE_CDR_KEEP 100000 /* the oldest beyond these are deleted */
int store_cdr_add(struct store *s, uint64_t id, int64_t start,
		  const char *json);

enum store_cdr_kind {
	CDR_ANY,
	CDR_ANSWERED,
	CDR_UNANSWERED,
	CDR_E2EE,
	CDR_RECORDED
};

struct store_cdr_query {
	const char *text; /* in "from", "to", "reason", "trunk" or "id", ASCII
			   * letters in either case; "": anything */
	int64_t from, until; /* when the call began, UNIX seconds; the second
			      * excluded */
	enum store_cdr_kind kind;
	int64_t before; /* of those with a lower number: the next page */
	unsigned max;
};

/** All that fit, newest first, read by a connection of its own, so any thread
 * may ask while control writes. Waits for what is queued. seq: its number, which
 * grows by time. @return 0 or EIO. */
int store_cdr_find(struct store *s, const struct store_cdr_query *q,
		   void (*f)(int64_t seq, const char *json, void *arg),
		   void *arg);
/** How many fit (max and before aside), of how many that are kept. */
int store_cdr_count(struct store *s, const struct store_cdr_query *q,
		    int64_t *found, int64_t *kept);
