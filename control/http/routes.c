/* SPDX-License-Identifier: Apache-2.0 */
/* The routes: one table, and the way through it. */
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/http/impl.h"

#define RECORDS_DEFAULT 100
#define RECORDS_MAX	10000

/* A path's {part} stands for one or more octets without a slash. */
static const struct route {
	const char *method, *path;
	http_handler *handler;
	bool takes_body;
} routes[] = {
	{"GET", "/api/v1/version", api_version, false},
	{"GET", "/api/v1/calls", api_calls, false},
	{"GET", "/api/v1/calls/{id}", api_call, false},
	{"DELETE", "/api/v1/calls/{id}", api_call_hangup, false},
	{"POST", "/api/v1/calls/{id}/features/{name}", api_call_feature, false},
	{"GET", "/api/v1/records", api_records, false},
	{"GET", "/api/v1/features", api_features, false},
	{"GET", "/api/v1/flows", api_flows, false},
	{"POST", "/api/v1/bench/flows", api_bench_set, true},
	{"DELETE", "/api/v1/bench/flows", api_bench_clear, false},
	{"GET", "/api/v1/ports", api_ports, false},
	{"GET", "/api/v1/stats", api_stats, false},
	{"GET", "/api/v1/users", api_users, false},
	{"POST", "/api/v1/users", api_user_add, true},
	{"DELETE", "/api/v1/users/{name}", api_user_remove, false},
	{"PUT", "/api/v1/users/{name}/e2ee", api_user_e2ee, true},
	{"PUT", "/api/v1/users/{name}/compliance", api_user_compliance, true},
	{"GET", "/api/v1/users/{name}/policy", api_effective, false},
	{"GET", "/api/v1/users/{name}/policy/{peer}", api_effective_pair,
	 false},
	{"GET", "/api/v1/policies", api_policies, false},
	{"POST", "/api/v1/policies", api_policy_new, true},
	{"GET", "/api/v1/policies/{name}", api_policy, false},
	{"PATCH", "/api/v1/policies/{name}", api_policy_set, true},
	{"DELETE", "/api/v1/policies/{name}", api_policy_remove, false},
	{"POST", "/api/v1/policies/{name}/grants", api_policy_grant, true},
	{"GET", "/api/v1/grants", api_grants, false},
	{"DELETE", "/api/v1/grants/users/{name}", api_revoke_user, false},
	{"DELETE", "/api/v1/grants/groups/{name}", api_revoke_group, false},
	{"GET", "/api/v1/groups", api_groups, false},
	{"POST", "/api/v1/groups", api_group_add, true},
	{"DELETE", "/api/v1/groups/{name}", api_group_remove, false},
	{"GET", "/api/v1/groups/{name}/members", api_members, false},
	{"PUT", "/api/v1/groups/{name}/members/{user}", api_member_add, false},
	{"DELETE", "/api/v1/groups/{name}/members/{user}", api_member_remove,
	 false},
	{"GET", "/api/v1/audit", api_audit, false},
	{"GET", "/api/v1/audit/head", api_audit_head, false},
	{"GET", "/api/v1/registrations", api_registrations, false},
};

void reply_error(struct reply *rp, int status, const char *name,
		 const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	rp->status = status;
	/* the sentence may repeat what a stranger sent, in any encoding */
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
			*p = '?';
	rp->body = json_pack("{s:s, s:s}", "error", name, "message", text);
}

void reply_ok(struct reply *rp, json_t *body)
{
	rp->status = 200;
	rp->body = body;
}

void json_wipe(json_t *j)
{
	const char *key;
	json_t *v;

	json_object_foreach (j, key, v) {
		if (json_is_string(v))
			sodium_memzero((char *)json_string_value(v),
				       json_string_length(v));
	}
}

/* Does the path fit the pattern? What stands for its {parts} goes to arg. */
static bool path_fits(const char *pattern, const char *path,
		      char arg[HTTP_ARGS][HTTP_ARG_MAX])
{
	unsigned n = 0;

	while (*pattern) {
		size_t len;

		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		len = strcspn(path, "/");
		if (len == 0 || len >= HTTP_ARG_MAX || n == HTTP_ARGS)
			return false;
		memcpy(arg[n], path, len);
		arg[n++][len] = '\0';
		path += len;
		pattern = strchr(pattern, '}') + 1;
	}
	return *path == '\0';
}

/* @return the route; else NULL, and *allow names the methods that the path
 * has, "" if there is no such path. */
static const struct route *route_find(const char *method, const char *path,
				      char arg[HTTP_ARGS][HTTP_ARG_MAX],
				      char allow[64])
{
	allow[0] = '\0';
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!path_fits(routes[i].path, path, arg))
			continue;
		if (strcmp(routes[i].method, method) == 0)
			return &routes[i];
		if (allow[0])
			strcat(allow, ", ");
		strcat(allow, routes[i].method);
	}
	return NULL;
}

static bool max_read(const char *text, unsigned *out)
{
	char *end;
	unsigned long n;

	*out = RECORDS_DEFAULT;
	if (!text)
		return true;
	n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || n == 0 || n > RECORDS_MAX)
		return false;
	*out = (unsigned)n;
	return true;
}

/* The body of a route that takes one: a JSON object. */
static json_t *body_parse(const char *body, size_t len, struct reply *rp)
{
	json_error_t e;
	json_t *j = json_loadb(body ? body : "", body ? len : 0,
			       JSON_REJECT_DUPLICATES, &e);

	if (!j) {
		/* jansson's own words might quote a password */
		reply_error(rp, 400, "bad-json",
			    "The body isn't JSON: line %d, column %d", e.line,
			    e.column);
	} else if (!json_is_object(j)) {
		reply_error(rp, 400, "bad-json", "The body isn't an object");
		json_decref(j);
		j = NULL;
	}
	return j;
}

void routes_serve(const struct http_context *ctx, const char *by,
		  const char *method, const char *path, const char *query_max,
		  const char *body, size_t len, struct reply *rp)
{
	static char allow[64]; /* control's thread only; read at once */
	char arg[HTTP_ARGS][HTTP_ARG_MAX] = {"", ""};
	const struct route *r = route_find(method, path, arg, allow);
	struct request rq = {.ctx = ctx};
	json_t *j = NULL;

	if (!r && !allow[0]) {
		reply_error(rp, 404, "no-such-path", "There is nothing at %s",
			    path);
		return;
	}
	if (!r) {
		rp->allow = allow;
		reply_error(rp, 405, "wrong-method",
			    "%s isn't possible here; %s is", method, allow);
		return;
	}
	if (!max_read(query_max, &rq.max)) {
		reply_error(rp, 400, "bad-query",
			    "max is a number from 1 to %d", RECORDS_MAX);
		return;
	}
	snprintf(rq.by, sizeof(rq.by), "%s", by);
	memcpy(rq.arg, arg[0], sizeof(rq.arg));
	memcpy(rq.arg2, arg[1], sizeof(rq.arg2));
	if (r->takes_body) {
		j = body_parse(body, len, rp);
		if (!j)
			return;
		rq.body = j;
	} else if (len) {
		reply_error(rp, 400, "no-body-here", "%s %s takes no body",
			    method, r->path);
		return;
	}
	r->handler(&rq, rp);
	if (j)
		json_wipe(j);
	json_decref(j);
}
