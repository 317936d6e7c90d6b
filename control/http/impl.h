/* SPDX-License-Identifier: Apache-2.0 */
/* control/http/impl.h - shared by the files of http/, by nobody else.
 *
 * server.c speaks HTTP (libmicrohttpd on control's event loop), routes.c finds
 * the handler, api_*.c answer. A handler gets a request that is whole, and
 * fills in a reply; it never blocks for longer than the dataplane's client
 * does. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "control/http/http.h"

#define HTTP_BODY_MAX 65536 /* octets of a request's body */
#define HTTP_ARG_MAX  128   /* of a {part} of a path, with the NUL */
#define HTTP_ARGS     2	    /* {parts} of a path, at most */

struct request {
	const struct http_context *ctx;
	char arg[HTTP_ARG_MAX];	 /* what stood for {id} or {name} */
	char arg2[HTTP_ARG_MAX]; /* and for the second such part */
	const json_t *body; /* an object; NULL where the route takes none */
	unsigned max;	    /* ?max=N, or the default */
	char by[24];	    /* who asks, by the socket: "uid 0" */
};

struct reply {
	int status;
	json_t *body;	   /* the server's to free; NULL is an error 500 */
	const char *allow; /* the Allow header of a 405 */
};

typedef void http_handler(const struct request *rq, struct reply *rp);

/** {"error": name, "message": sentence}. name is stable: lower case, hyphens. */
__attribute__((format(printf, 4, 5))) void reply_error(struct reply *rp,
						       int status,
						       const char *name,
						       const char *fmt, ...);
void reply_ok(struct reply *rp, json_t *body);

/** Find the route and let it answer. body: NULL if there was none. query_max:
 * the value of ?max=, or NULL. */
void routes_serve(const struct http_context *ctx, const char *by,
		  const char *method, const char *path, const char *query_max,
		  const char *body, size_t len, struct reply *rp);
/** Wipe every string in a parsed body: it may hold a password. */
void json_wipe(json_t *j);

/* api_calls.c */
http_handler api_version, api_calls, api_call, api_call_hangup, api_records;
/** The call's id in the path. @return false: it is no number, which has been
 * answered. */
bool call_id_read(const struct request *rq, uint64_t *id, struct reply *rp);
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
http_handler api_audit, api_audit_head;
/** Put a change that has been made on record; more's reference is taken. */
void change_recorded(const struct request *rq, const char *event, json_t *more);
/* api_bench.c */
http_handler api_bench_set, api_bench_clear;
/* api_flows.c */
http_handler api_flows, api_ports, api_stats;
/* api_users.c */
http_handler api_users, api_user_add, api_user_remove, api_registrations;
