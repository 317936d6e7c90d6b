/* SPDX-License-Identifier: Apache-2.0 */
/* control/http/impl.h - shared by the files of http/, by nobody else.
 *
 * listen.c holds the listeners (libmicrohttpd on control's event loop),
 * server.c the requests on them, access.c knows who asks, routes.c finds the
 * handler and whether they may, api_*.c answer. A handler gets a request that
 * is whole, and fills in a reply; it never blocks for longer than the
 * dataplane's client does. What takes longer (password hashes) is work for a
 * thread, and the request waits for it (http_later). */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "control/http/access.h"
#include "control/http/http.h"

#define HTTP_BODY_MAX 65536 /* octets of a request's body */
#define HTTP_ARG_MAX  128   /* of a {part} of a path, with the NUL */
#define HTTP_ARGS     2	    /* {parts} of a path, at most */

struct incoming; /* server.c: a request and its connection */

struct request {
	const struct http_context *ctx;
	struct access *access;
	struct incoming *in;
	struct principal who;
	char arg[HTTP_ARG_MAX];	 /* what stood for {id} or {name} */
	char arg2[HTTP_ARG_MAX]; /* and for the second such part */
	const json_t *body;	/* an object; NULL where the route takes none */
	unsigned max;		/* ?max=N, or the default */
	char by[ACCESS_BY_MAX]; /* who asks, for the record: "uid 0" */
};

struct reply {
	int status;
	json_t *body;	   /* the server's to free; NULL is an error 500 */
	const char *allow; /* the Allow header of a 405 */
	char cookie[160];  /* a Set-Cookie header; "": none */
	unsigned retry;	   /* Retry-After, seconds; 0: none */
	/* in the place of a JSON body */
	const char *type; /* its Content-Type, static; NULL: JSON */
	char *text;	  /* malloc'd, the server's to free; or */
	const char *data; /* static, or as long-lived as the server */
	size_t data_len;
	const char *etag;    /* of data, or NULL */
	int fd;		     /* a file from its beginning, closed by the server,
			    * where type is set and nothing of the above */
	struct pages *pages; /* the server's to free */
	bool stream;	     /* events, as they come */
	uint64_t since;	     /* those after this number */
	bool later;	     /* http_later: there is no answer yet */
};

typedef void http_handler(const struct request *rq, struct reply *rp);

/** The value of ?name=; NULL: there is none. */
const char *request_query(const struct request *rq, const char *name);
/** A header's value; NULL: there is none. */
const char *request_header(const struct request *rq, const char *name);
/** Where it comes from, for limits: an IPv4 address, an IPv6 /64, "local". */
void request_source(const struct request *rq, char text[64]);
/** Set the session's cookie; secret NULL: take it away. */
void request_cookie(const struct request *rq, const char *secret,
		    struct reply *rp);
/** The listeners start anew with the files' certificate, in a moment. */
void request_certificate_changed(const struct request *rq);
const char *request_certificate_path(const struct request *rq, bool key);

/* Each kind has a thread of its own, and waits behind its like only. */
enum later_kind {
	LATER_PASSWORD,
	LATER_CONFIG, /* the programs check a configuration */
	LATER_AUDIT,  /* the log's chain is verified */
	LATER_SEARCH, /* call records and the log are searched */
	LATER_FILE,   /* a body is written to a file */
	LATER_KINDS
};

/* Work for a thread while the request waits. Owned by whoever made it until
 * http_later succeeds; then finish frees it, which is called on control's
 * thread, also where the client has gone (rq NULL then). */
struct later {
	struct later *next; /* later.c's, as are the two below */
	struct later *beside;
	bool rest;
	struct incoming *in;
	void (*work)(struct later *l); /* on the thread */
	void (*finish)(struct later *l, const struct request *rq,
		       struct reply *rp);
	bool done;
};

/** @return false, with rp filled in: too much is waiting already. */
bool http_later(const struct request *rq, enum later_kind kind, struct later *l,
		struct reply *rp);

/* An answer in pieces, whose length nobody knows before. The fields up to sorry
 * are the maker's, set before http_pages; owned as struct later, and by the server
 * once the first piece is there. */
struct pages {
	struct later later; /* first: it is what the thread is given */
	/* On the thread: write the next piece to f, with the last one set last.
	 * @return 0 or errno: the answer is cut off there. */
	int (*write)(struct pages *p, FILE *f);
	void (*free)(struct pages *p); /* p too */
	bool last;
	const char *type;  /* Content-Type, static */
	const char *sorry; /* of the 500, where there is no first piece */
	enum later_kind kind;
	char *text; /* of the piece that is being sent; malloc'd */
	size_t len, sent;
	int err;
};

/** As http_later. */
bool http_pages(const struct request *rq, enum later_kind kind, struct pages *p,
		struct reply *rp);

/** Of ?name=, a number from 0; left out, *out stays. @return false: it is none. */
bool request_number(const struct request *rq, const char *name, int64_t *out);

/** The file that this request brought is the caller's now, where routes_file()
 * said. @return 0; ENODATA: it was refused before it came; or errno. */
int request_upload(const struct request *rq, uint64_t *octets);

/** {"error": name, "message": sentence}. name is stable: lower case, hyphens. */
__attribute__((format(printf, 4, 5))) void reply_error(struct reply *rp,
						       int status,
						       const char *name,
						       const char *fmt, ...);
void reply_ok(struct reply *rp, json_t *body);

/** Find the route, ask whether they may, and let it answer. The rest of rq has
 * been filled in. body: NULL if there was none. */
void routes_serve(struct request *rq, const char *method, const char *path,
		  const char *body, size_t len, struct reply *rp);
/** Does this route take a file in the place of a JSON body? */
bool routes_takes_file(const char *method, const char *path);
/** Where to, if they may. @return NULL, with rp filled in. */
const char *routes_file(struct request *rq, const char *method,
			const char *path, struct reply *rp);
/** Wipe every string in a parsed body: it may hold a password. */
void json_wipe(json_t *j);

/* static.c: the console's files. */
struct files;
/** All regular files of a folder, in memory. @return NULL: none there. */
struct files *files_load(const char *folder);
void files_free(struct files *f);
/** @return false: no such file. "/" is index.html. */
bool files_serve(const struct files *f, const char *path, const char *etag,
		 struct reply *rp);

/* api_session.c */
http_handler api_session, api_login, api_logout, api_password;
/* api_admins.c */
http_handler api_admins, api_admin_add, api_admin_set, api_admin_remove,
	api_tokens, api_token_add, api_token_remove;
/* api_me.c */
http_handler api_me, api_me_e2ee, api_me_devices;
/* api_certificate.c */
http_handler api_certificate, api_certificate_set;
/* metrics.c */
http_handler api_metrics;
/* api_events.c */
http_handler api_events, api_openapi;
/* api_calls.c */
http_handler api_version, api_calls, api_call, api_call_hangup;
http_handler api_call_record, api_call_record_end;
http_handler api_call_transcribe, api_call_transcribe_end, api_call_caption,
	api_call_caption_end;
/** The call's id in the path. @return false: it is no number, which has been
 * answered. */
bool call_id_read(const struct request *rq, uint64_t *id, struct reply *rp);
/* api_records.c */
http_handler api_records, api_records_count, api_records_csv;
/* api_forward.c */
http_handler api_forward, api_forward_set, api_me_forward, api_me_forward_set;
/* api_control.c */
http_handler api_call_park, api_call_merge, api_call_add, api_call_transfer,
	api_parked, api_conferences;
/* api_features.c */
http_handler api_features, api_call_feature;
/* api_policy.c */
http_handler api_policies, api_policy, api_policy_new, api_policy_set,
	api_policy_remove, api_grants, api_policy_grant, api_revoke_user,
	api_revoke_group, api_effective, api_effective_pair, api_user_e2ee,
	api_user_compliance;
/* api_groups.c */
http_handler api_groups, api_group_add, api_group_remove, api_members,
	api_member_add, api_member_remove;
/** Is there such a user, such a group? Else it has been answered. */
bool user_there(const struct request *rq, const char *name, struct reply *rp);
bool group_there(const struct request *rq, const char *name, struct reply *rp);
/* api_audit.c */
http_handler api_audit, api_audit_head, api_audit_verify;
/** Put a change that has been made on record, by whom; more's reference is taken,
 * NULL: nothing more. */
void change_recorded(const struct request *rq, const char *event, json_t *more);
/* api_firmware.c */
http_handler api_system, api_firmware, api_firmware_bundle,
	api_firmware_install, api_firmware_rollback, api_firmware_restart,
	api_firmware_cancel, api_firmware_reset;
/** Where a bundle goes. @return NULL, with rp filled in. */
const char *firmware_bundle_path(const struct request *rq, struct reply *rp);
/* api_alarms.c */
http_handler api_alarms;
/* api_config.c */
http_handler api_config, api_config_check, api_config_apply, api_config_confirm,
	api_config_revert;
/* api_bans.c */
http_handler api_bans, api_ban_add, api_ban_remove;
/* api_trunks.c */
http_handler api_trunks, api_trunk, api_trunk_add, api_trunk_set,
	api_trunk_remove;
/* api_routes.c */
http_handler api_routes, api_route_add, api_route_remove, api_route_remove_one,
	api_route_test, api_numbers, api_number_add, api_number_remove,
	api_dial, api_dial_set;
/* api_bench.c */
http_handler api_bench_set, api_bench_clear;
/* api_flows.c */
http_handler api_flows, api_ports, api_stats;
/* api_recordings.c */
http_handler api_recordings, api_recording, api_recording_sealed,
	api_recording_remove;
/* api_users.c */
http_handler api_users, api_profile, api_profile_set, api_user_add,
	api_user_remove, api_registrations, api_user_devices;
/* api_passwords.c */
http_handler api_user_password, api_user_ha1;
/** HA1 of a body with "password", or with "ha1" itself: one of both. @return
 * false, with rp filled in. */
bool ha1_take(const json_t *body, const char *name, const char *realm,
	      char ha1[33], struct reply *rp);
/** HA1 of digest authentication, RFC 2617 section 3.2.2.2, in hex: a secret. */
void ha1_make(char ha1[33], const char *name, const char *realm,
	      const char *password);

struct media_profile;
/** A media profile as the API has it; the caller's. */
json_t *profile_json(const struct media_profile *p);
json_t *suites_json(const struct media_profile *p);
/** A list of names, best first; NULL: the defaults. @return false, with rp filled
 * in. */
bool suites_take(const json_t *list, struct media_profile *p, struct reply *rp);
